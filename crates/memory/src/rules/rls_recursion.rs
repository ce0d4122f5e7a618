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
    /// g = s P a with s = beta / (lambda + beta a^T P a);   W <- W + (v - W a) g^T;   P <- (P - s P a a^T P) / lambda
    /// ```
    ///
    /// P is to stay symmetric to the bit: what of it is not would grow by 1 / lambda with every pair. So it loses the product of a
    /// row with itself, and not that of g with the row, in which the two sides are rounded differently.
    pub fn with(
        self,
        a: &Tensor<F>,
        v: &Tensor<F>,
        rate: &Tensor<F>,
        lambda: &Tensor<F>,
    ) -> Result<Self, TensorError> {
        let seen = a.matmul(&self.inverse)?; // a^T P
        let told = seen.matmul(&a.transpose()?)?.mul(rate)?;
        let share = rate.div(&told.add(lambda)?)?; // s
        let gain = seen.mul(&share)?; // g^T
        let miss = v.sub(&a.matmul(&self.weight.transpose()?)?)?;
        let known = seen.transpose()?.matmul(&seen)?.mul(&share)?;
        Ok(Self {
            weight: self.weight.add(&miss.transpose()?.matmul(&gain)?)?,
            inverse: self.inverse.sub(&known)?.div(lambda)?,
        })
    }
}
