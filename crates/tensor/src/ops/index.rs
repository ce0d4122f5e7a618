//! Rows by their numbers: gather, and its adjoint scatter.

use std::rc::Rc;

use ndarray::{ArrayD, Axis, IxDyn};

use crate::ops::{Outcome, check_axis, one};
use crate::{Array, Float, Primitive, Tensor, TensorError, apply};

pub(super) const NAMES: &[&str] = &["gather", "scatter"];

/// Entries of the first axis, by number.
#[derive(Clone, Debug)]
struct Gather(Rc<[usize]>);

/// Adds entry `i` of the operand to entry `rows[i]` of zeros.
#[derive(Clone, Debug)]
struct Scatter {
    rows: Rc<[usize]>,
    extent: usize,
}

fn check_rows(op: &'static str, shape: &[usize], rows: &[usize], extent: usize) -> Outcome<()> {
    match rows.iter().find(|&&row| row >= extent) {
        Some(row) => Err(TensorError::shape(
            op,
            &[shape],
            format!("rows below {extent}, not {row}"),
        )),
        None => Ok(()),
    }
}

impl<F: Float> Primitive<F> for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn forward(&self, operands: &[&Array<F>]) -> Outcome<Array<F>> {
        let x = one("gather", operands)?;
        check_axis("gather", x.shape(), 0)?;
        check_rows("gather", x.shape(), &self.0, x.shape()[0])?;
        Ok(x.select(Axis(0), &self.0).into_shared())
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        let extent = operands[0].shape()[0];
        apply(
            Scatter {
                rows: Rc::clone(&self.0),
                extent,
            },
            &[g],
        )
    }
}

impl<F: Float> Primitive<F> for Scatter {
    fn name(&self) -> &'static str {
        "scatter"
    }

    fn forward(&self, operands: &[&Array<F>]) -> Outcome<Array<F>> {
        let x = one("scatter", operands)?;
        check_axis("scatter", x.shape(), 0)?;
        check_rows("scatter", x.shape(), &self.rows, self.extent)?;
        if x.shape()[0] != self.rows.len() {
            return Err(TensorError::shape(
                "scatter",
                &[x.shape()],
                format!("{} entries, one a row number", self.rows.len()),
            ));
        }
        let mut shape = x.shape().to_vec();
        shape[0] = self.extent;
        let mut out = ArrayD::<F>::zeros(IxDyn(&shape));
        for (entry, &row) in x.outer_iter().zip(self.rows.iter()) {
            out.index_axis_mut(Axis(0), row)
                .zip_mut_with(&entry, |sum, &e| *sum += e);
        }
        Ok(out.into_shared())
    }

    fn vjp(&self, _: usize, _: &[Tensor<F>], _: &Tensor<F>, g: &Tensor<F>) -> Outcome<Tensor<F>> {
        apply(Gather(Rc::clone(&self.rows)), &[g])
    }
}

impl<F: Float> Tensor<F> {
    /// The entries `rows` of the first axis, in that order; an entry may be taken more than once.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no axis or no such entry.
    pub fn gather(&self, rows: &[usize]) -> Outcome<Tensor<F>> {
        apply(Gather(rows.into()), &[self])
    }

    /// Zeros of `extent` entries with entry `i` of this tensor added to entry `rows[i]`: the adjoint of
    /// [`gather`](Self::gather).
    ///
    /// # Errors
    /// [`TensorError::Shape`] if a row is not below `extent`, or there are more or fewer rows than entries.
    pub fn scatter(&self, rows: &[usize], extent: usize) -> Outcome<Tensor<F>> {
        apply(
            Scatter {
                rows: rows.into(),
                extent,
            },
            &[self],
        )
    }
}
