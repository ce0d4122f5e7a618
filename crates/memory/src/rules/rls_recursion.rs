//! One step of recursive least squares, in tensor ops.

use mnm_tensor::{Float, Tensor, TensorError};

use crate::{MemoryShape, Slot, SlotStart};

/// P before the first pair, `I / ridge`.
pub(super) fn inverse(shape: &MemoryShape, ridge: f64) -> Slot {
    let width = shape.width(shape.layers() - 1);
    Slot {
        start: SlotStart::Diagonal(1.0 / ridge),
        ..Slot::zeros("inverse", [width, width])
    }
}

/// What is known after some pairs: the weights W `[B, out, in]`, and P `[B, in, in]`, the inverse of the moments of the keys.
pub(super) struct Known<F: Float> {
    pub weight: Tensor<F>,
    pub inverse: Tensor<F>,
}

impl<F: Float> Known<F> {
    /// After one more pair, of a key `a` `[B, 1, in]` and a value `v` `[B, 1, out]` that counts `rate`, while what was known counts
    /// `lambda`, both `[B, 1, 1]`:
    ///
    /// ```text
    /// g = beta P a / (lambda + beta a^T P a);   W <- W + (v - W a) g^T;   P <- (P - g a^T P) / lambda
    /// ```
    pub fn with(
        self,
        a: &Tensor<F>,
        v: &Tensor<F>,
        rate: &Tensor<F>,
        lambda: &Tensor<F>,
    ) -> Result<Self, TensorError> {
        let seen = a.matmul(&self.inverse)?; // a^T P
        let scaled = seen.mul(rate)?;
        let gain = scaled.div(&scaled.matmul(&a.transpose()?)?.add(lambda)?)?; // g^T
        let miss = v.sub(&a.matmul(&self.weight.transpose()?)?)?;
        let known = gain.transpose()?.matmul(&seen)?;
        Ok(Self {
            weight: self.weight.add(&miss.transpose()?.matmul(&gain)?)?,
            inverse: self.inverse.sub(&known)?.div(lambda)?,
        })
    }
}
