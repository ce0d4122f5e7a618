//! Sums over axes, and their adjoint: stretching.

use crate::ops::{Outcome, one, shrink, stretch};
use crate::{Array, Float, Primitive, Tensor, TensorError, apply};

pub(super) const NAMES: &[&str] = &["sum_to", "broadcast_to"];

/// Sums the operand down to a shape that broadcasts to it.
#[derive(Debug)]
struct SumTo(Vec<usize>);

impl<F: Float> Primitive<F> for SumTo {
    fn name(&self) -> &'static str {
        "sum_to"
    }

    fn forward(&self, operands: &[&Array<F>]) -> Outcome<Array<F>> {
        shrink("sum_to", one("sum_to", operands)?, &self.0)
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        g.broadcast_to(operands[0].shape())
    }
}

/// Stretches the operand to a shape.
#[derive(Debug)]
struct BroadcastTo(Vec<usize>);

impl<F: Float> Primitive<F> for BroadcastTo {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }

    fn forward(&self, operands: &[&Array<F>]) -> Outcome<Array<F>> {
        stretch("broadcast_to", one("broadcast_to", operands)?, &self.0)
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        g.sum_to(operands[0].shape())
    }
}

impl<F: Float> Tensor<F> {
    /// The sum over the axes along which `shape` would be stretched to this tensor's; the tensor itself if none.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if `shape` does not broadcast to this tensor's.
    pub fn sum_to(&self, shape: &[usize]) -> Outcome<Tensor<F>> {
        if self.shape() == shape {
            return Ok(self.clone());
        }
        apply(SumTo(shape.to_vec()), &[self])
    }

    /// This tensor stretched to `shape`; the tensor itself if it has that shape.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if this tensor does not broadcast to `shape`.
    pub fn broadcast_to(&self, shape: &[usize]) -> Outcome<Tensor<F>> {
        if self.shape() == shape {
            return Ok(self.clone());
        }
        apply(BroadcastTo(shape.to_vec()), &[self])
    }

    /// The sum of all elements, of no dimensions.
    ///
    /// # Errors
    /// None for a tensor of any shape.
    pub fn sum_all(&self) -> Outcome<Tensor<F>> {
        self.sum_to(&[])
    }

    /// The sum over `axis`, which keeps extent 1.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis.
    pub fn sum_keep(&self, axis: usize) -> Outcome<Tensor<F>> {
        let mut shape = self.shape().to_vec();
        match shape.get_mut(axis) {
            Some(extent) => *extent = 1,
            None => {
                return Err(TensorError::shape(
                    "sum_keep",
                    &[self.shape()],
                    format!("an axis below the rank, not {axis}"),
                ));
            }
        }
        self.sum_to(&shape)
    }

    /// The sum over `axis`, which goes away.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis.
    pub fn sum(&self, axis: usize) -> Outcome<Tensor<F>> {
        let kept = self.sum_keep(axis)?;
        let mut shape = kept.shape().to_vec();
        shape.remove(axis);
        kept.reshape(&shape)
    }

    /// The mean over `axis`, which goes away.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis or its extent is zero.
    pub fn mean(&self, axis: usize) -> Outcome<Tensor<F>> {
        match self.shape().get(axis) {
            Some(&extent) if extent > 0 => self.sum(axis)?.scale(1.0 / extent as f64),
            _ => Err(TensorError::shape(
                "mean",
                &[self.shape()],
                format!("axis {axis} with at least one element"),
            )),
        }
    }
}
