//! Ops that move elements without changing them: reshape and permute.

use ndarray::IxDyn;

use crate::engine::{apply_own, own};
use crate::ops::runs::array;
use crate::ops::{Outcome, one};
use crate::{Float, Primitive, SharedArray, Tensor, TensorError, dense};

pub(super) const NAMES: &[&str] = &["reshape", "permute"];

own!(Reshape, Permute);

/// The same elements in row-major order under another shape.
#[derive(Debug)]
struct Reshape(Vec<usize>);

impl<F: Float> Primitive<F> for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let x = one("reshape", operands)?;
        let misfit =
            || TensorError::shape("reshape", &[x.shape(), &self.0], "equally many elements");
        if x.is_standard_layout() {
            return x
                .clone()
                .into_shape_with_order(IxDyn(&self.0))
                .map_err(|_| misfit());
        }
        array("reshape", &self.0, dense(x).into_owned()).map_err(|_| misfit())
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        g.reshape(operands[0].shape())
    }
}

/// The axes in another order.
#[derive(Debug)]
struct Permute(Vec<usize>);

impl<F: Float> Primitive<F> for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let x = one("permute", operands)?;
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..x.ndim()) {
            return Err(TensorError::shape(
                "permute",
                &[x.shape()],
                format!("each axis once, not {:?}", self.0),
            ));
        }
        Ok(x.clone().permuted_axes(IxDyn(&self.0)))
    }

    fn vjp(&self, _: usize, _: &[Tensor<F>], _: &Tensor<F>, g: &Tensor<F>) -> Outcome<Tensor<F>> {
        let mut inverse = vec![0; self.0.len()];
        for (to, &from) in self.0.iter().enumerate() {
            inverse[from] = to;
        }
        g.permute(&inverse)
    }
}

impl<F: Float> Tensor<F> {
    /// The same elements, in row-major order, under `shape`; the tensor itself if it has that shape.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the number of elements differs.
    pub fn reshape(&self, shape: &[usize]) -> Outcome<Tensor<F>> {
        if self.shape() == shape {
            return Ok(self.clone());
        }
        apply_own(Reshape(shape.to_vec()), &[self])
    }

    /// The axes in the order `axes`: axis `i` of the result is axis `axes[i]` of this tensor. Copies nothing.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if `axes` does not name every axis once.
    pub fn permute(&self, axes: &[usize]) -> Outcome<Tensor<F>> {
        apply_own(Permute(axes.to_vec()), &[self])
    }

    /// Without `axis`, whose extent is 1.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis or it has another extent.
    pub fn squeeze(&self, axis: usize) -> Outcome<Tensor<F>> {
        let mut shape = self.shape().to_vec();
        if shape.get(axis) != Some(&1) {
            return Err(TensorError::shape(
                "squeeze",
                &[self.shape()],
                format!("an axis {axis} of extent 1"),
            ));
        }
        shape.remove(axis);
        self.reshape(&shape)
    }

    /// With a new axis of extent 1 at place `axis`.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such place.
    pub fn unsqueeze(&self, axis: usize) -> Outcome<Tensor<F>> {
        let mut shape = self.shape().to_vec();
        if axis > shape.len() {
            return Err(TensorError::shape(
                "unsqueeze",
                &[self.shape()],
                format!("a place among the axes, not {axis}"),
            ));
        }
        shape.insert(axis, 1);
        self.reshape(&shape)
    }

    /// The last two axes exchanged.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there are fewer than two axes.
    pub fn transpose(&self) -> Outcome<Tensor<F>> {
        let rank = self.shape().len();
        if rank < 2 {
            return Err(TensorError::shape(
                "transpose",
                &[self.shape()],
                "at least two axes",
            ));
        }
        let mut axes: Vec<usize> = (0..rank).collect();
        axes.swap(rank - 2, rank - 1);
        self.permute(&axes)
    }
}
