//! Cutting along an axis and joining again: slice, its adjoint pad, and concat.

use std::borrow::{Borrow, Cow};

use ndarray::{Axis, Slice as Cut};

use crate::engine::{apply_own, own};
use crate::ops::runs::array;
use crate::ops::total::room;
use crate::ops::{Outcome, check_axis, one};
use crate::{Float, Primitive, SharedArray, Tensor, TensorError, dense};

pub(super) const NAMES: &[&str] = &["slice", "pad", "concat"];

own!(Slice, Pad, Concat);

/// The part of `axis` from `start` on, `length` long.
#[derive(Clone, Debug)]
struct Slice {
    axis: usize,
    start: usize,
    length: usize,
}

/// The operand at `start` of `axis` among zeros, `extent` long in all.
#[derive(Clone, Debug)]
struct Pad {
    axis: usize,
    start: usize,
    extent: usize,
}

impl<F: Float> Primitive<F> for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let x = one("slice", operands)?;
        check_axis("slice", x.shape(), self.axis)?;
        let end = self.start.saturating_add(self.length);
        if end > x.shape()[self.axis] {
            return Err(TensorError::shape(
                "slice",
                &[x.shape()],
                format!("axis {} at least {end} long", self.axis),
            ));
        }
        let mut part = x.clone();
        part.slice_axis_inplace(Axis(self.axis), Cut::from(self.start..end));
        Ok(part)
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        g.pad(self.axis, self.start, operands[0].shape()[self.axis])
    }
}

impl<F: Float> Primitive<F> for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let x = one("pad", operands)?;
        check_axis("pad", x.shape(), self.axis)?;
        let end = self.start.saturating_add(x.shape()[self.axis]);
        if end > self.extent {
            return Err(TensorError::shape(
                "pad",
                &[x.shape()],
                format!("an extent of at least {end}, not {}", self.extent),
            ));
        }
        let mut shape = x.shape().to_vec();
        shape[self.axis] = self.extent;
        let (mut zeros, count) = room("pad", &shape)?;
        zeros.resize(count, F::zero());
        let mut out = array("pad", &shape, zeros)?;
        if x.is_empty() {
            return Ok(out);
        }
        out.slice_axis_mut(Axis(self.axis), Cut::from(self.start..end))
            .assign(x);
        Ok(out)
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        g.slice(self.axis, self.start, operands[0].shape()[self.axis])
    }
}

/// The operands one after the other along an axis.
#[derive(Debug)]
struct Concat {
    axis: usize,
}

impl<F: Float> Primitive<F> for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let misfit = || {
            let shapes: Vec<&[usize]> = operands.iter().map(|x| x.shape()).collect();
            TensorError::shape(
                "concat",
                &shapes,
                format!("equal extents on all axes but axis {}", self.axis),
            )
        };
        let [first, ..] = operands else {
            return Err(misfit());
        };
        check_axis("concat", first.shape(), self.axis)?;
        let mut shape = first.shape().to_vec();
        shape[self.axis] = 0;
        for x in operands {
            let others = |s: &[usize]| {
                s.len() == shape.len() && {
                    let mut axes = s.iter().zip(&shape).enumerate();
                    axes.all(|(axis, (n, m))| axis == self.axis || n == m)
                }
            };
            if !others(x.shape()) {
                return Err(misfit());
            }
            // One that cannot be counted has no room either.
            shape[self.axis] = shape[self.axis].saturating_add(x.shape()[self.axis]);
        }
        // Written out here because ndarray would lay the result with the joined axis outermost, and every op after would
        // pay for it.
        let (mut out, count) = room("concat", &shape)?;
        if count == 0 {
            return array("concat", &shape, out);
        }
        let outer: usize = shape[..self.axis].iter().product();
        let parts: Vec<Cow<'_, [F]>> = operands.iter().map(|x| dense(x)).collect();
        for index in 0..outer {
            for part in &parts {
                let length = part.len() / outer;
                out.extend_from_slice(&part[index * length..][..length]);
            }
        }
        array("concat", &shape, out)
    }

    fn vjp(
        &self,
        argument: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        let extent = |t: &Tensor<F>| t.shape()[self.axis];
        let start = operands[..argument].iter().map(extent).sum();
        g.slice(self.axis, start, extent(&operands[argument]))
    }
}

impl<F: Float> Tensor<F> {
    /// The part of `axis` from `start` on, `length` long. Copies nothing.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such part.
    pub fn slice(&self, axis: usize, start: usize, length: usize) -> Outcome<Tensor<F>> {
        apply_own(
            Slice {
                axis,
                start,
                length,
            },
            &[self],
        )
    }

    /// This tensor at `start` of `axis` among zeros, so that the axis is `extent` long: the adjoint of
    /// [`slice`](Self::slice).
    ///
    /// # Errors
    /// [`TensorError::Shape`] if it does not fit.
    pub fn pad(&self, axis: usize, start: usize, extent: usize) -> Outcome<Tensor<F>> {
        apply_own(
            Pad {
                axis,
                start,
                extent,
            },
            &[self],
        )
    }

    /// Entry `index` of `axis`, which goes away.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such entry.
    pub fn select(&self, axis: usize, index: usize) -> Outcome<Tensor<F>> {
        let part = self.slice(axis, index, 1)?;
        let mut shape = part.shape().to_vec();
        shape.remove(axis);
        part.reshape(&shape)
    }

    /// `parts`, tensors or references to them, one after the other along `axis`: `[.., n, ..]` and `[.., m, ..]` give
    /// `[.., n + m, ..]`.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there are none or the other extents differ.
    pub fn concat(parts: &[impl Borrow<Tensor<F>>], axis: usize) -> Outcome<Tensor<F>> {
        let parts: Vec<&Tensor<F>> = parts.iter().map(Borrow::borrow).collect();
        apply_own(Concat { axis }, &parts)
    }

    /// `parts`, tensors or references to them, of one shape along a new axis in front: n of `[..]` give `[n, ..]`.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there are none or the shapes differ.
    pub fn stack(parts: &[impl Borrow<Tensor<F>>]) -> Outcome<Tensor<F>> {
        let rows: Vec<Tensor<F>> = parts
            .iter()
            .map(|t| t.borrow().unsqueeze(0))
            .collect::<Outcome<_>>()?;
        Self::concat(&rows, 0)
    }
}
