//! Figures of many elements: means, variance, norms, the logarithm of a sum of powers; and the normalisations of layers.

use crate::ops::extrema::Mask;
use crate::ops::{Outcome, check_axis};
use crate::{Float, Tensor, TensorError};

fn extent(op: &'static str, shape: &[usize], axis: usize) -> Outcome<usize> {
    check_axis(op, shape, axis)?;
    match shape[axis] {
        0 => Err(TensorError::shape(
            op,
            &[shape],
            format!("axis {axis} with at least one element"),
        )),
        extent => Ok(extent),
    }
}

/// The last axis of a tensor that has one.
fn last<F: Float>(op: &'static str, x: &Tensor<F>) -> Outcome<usize> {
    x.shape()
        .len()
        .checked_sub(1)
        .ok_or_else(|| TensorError::shape(op, &[x.shape()], "at least one axis"))
}

impl<F: Float> Tensor<F> {
    /// The mean of all elements, of no dimensions.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there are none.
    pub fn mean_all(&self) -> Outcome<Tensor<F>> {
        match self.value().len() {
            0 => Err(TensorError::shape(
                "mean_all",
                &[self.shape()],
                "at least one element",
            )),
            count => self.sum_all()?.scale(1.0 / count as f64),
        }
    }

    /// The sum over several axes, which go away.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if one of them does not exist or is named twice.
    pub fn sum_axes(&self, axes: &[usize]) -> Outcome<Tensor<F>> {
        let mut kept = self.shape().to_vec();
        for (i, &axis) in axes.iter().enumerate() {
            check_axis("sum_axes", self.shape(), axis)?;
            if axes[..i].contains(&axis) {
                return Err(TensorError::shape(
                    "sum_axes",
                    &[self.shape()],
                    format!("each axis once; {axis} is named twice"),
                ));
            }
            kept[axis] = 1;
        }
        let left = (0..kept.len()).filter(|axis| !axes.contains(axis));
        let shape: Vec<usize> = left.map(|axis| self.shape()[axis]).collect();
        self.sum_to(&kept)?.reshape(&shape)
    }

    /// The variance along `axis`, which goes away: the sum of squared distances from the mean, over `n - less` (0 for that of a
    /// population, 1 for the unbiased estimate from a sample).
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis or it has not more than `less` elements.
    pub fn var(&self, axis: usize, less: usize) -> Outcome<Tensor<F>> {
        let count = extent("var", self.shape(), axis)?;
        if count <= less {
            return Err(TensorError::shape(
                "var",
                &[self.shape()],
                format!("axis {axis} with more than {less} elements"),
            ));
        }
        let mean = self.sum_keep(axis)?.scale(1.0 / count as f64)?;
        let distance = self.sub(&mean)?;
        distance
            .square()?
            .sum(axis)?
            .scale(1.0 / (count - less) as f64)
    }

    /// `ln(sum e^x)` along `axis`, which goes away, without overflow.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis or it is empty.
    pub fn logsumexp(&self, axis: usize) -> Outcome<Tensor<F>> {
        extent("logsumexp", self.shape(), axis)?;
        // A constant: the result does not depend on it. Infinities are not subtracted from each other.
        let finite = |x: F| if x.is_finite() { x } else { F::zero() };
        let largest = self.detach().max_keep(axis)?.value().mapv(finite);
        let largest = Tensor::shared(largest.into_shared());
        let powers = self.sub(&largest)?.exp()?.sum_keep(axis)?;
        powers.ln()?.add(&largest)?.squeeze(axis)
    }

    /// The Euclidean norm along `axis`, which keeps extent 1. The derivative at zero is zero, as in PyTorch; so is the second one, which
    /// is NaN there.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis.
    pub fn norm_keep(&self, axis: usize) -> Outcome<Tensor<F>> {
        let squares = self.square()?.sum_keep(axis)?;
        // The root of zero has no derivative; where it is taken, that of one stands in for it, and a zero is chosen.
        let zero: Mask = squares.value().mapv(|s| s == F::zero()).into_shared();
        let one = Tensor::scalar(F::one());
        let root = one.choose(&zero, &squares)?.sqrt()?;
        Tensor::scalar(F::zero()).choose(&zero, &root)
    }

    /// The Euclidean norm along `axis`, which goes away; see [`norm_keep`](Self::norm_keep).
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis.
    pub fn norm(&self, axis: usize) -> Outcome<Tensor<F>> {
        self.norm_keep(axis)?.squeeze(axis)
    }

    /// `(x - mean) / sqrt(variance + epsilon)` along the last axis (layer normalisation, without gain and bias).
    ///
    /// # Errors
    /// [`TensorError::Shape`] for a tensor of no axes or an empty last one.
    pub fn layer_norm(&self, epsilon: f64) -> Outcome<Tensor<F>> {
        let axis = last("layer_norm", self)?;
        let count = extent("layer_norm", self.shape(), axis)? as f64;
        let distance = self.sub(&self.sum_keep(axis)?.scale(1.0 / count)?)?;
        distance.rms_norm(epsilon)
    }

    /// `x / sqrt(mean x^2 + epsilon)` along the last axis (RMS normalisation, without gain).
    ///
    /// # Errors
    /// [`TensorError::Shape`] for a tensor of no axes or an empty last one.
    pub fn rms_norm(&self, epsilon: f64) -> Outcome<Tensor<F>> {
        let axis = last("rms_norm", self)?;
        let count = extent("rms_norm", self.shape(), axis)? as f64;
        let square = self.square()?.sum_keep(axis)?;
        self.div(&square.affine(1.0 / count, epsilon)?.sqrt()?)
    }
}
