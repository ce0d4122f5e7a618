//! What the memories with rows (NTM, DNC) share: finding rows by content, reading and writing them.

use mnm_tensor::{Float, Tensor};

use crate::ControllerError;

/// Added to squared norms, so that a row or key of zeros is similar to nothing instead of dividing by zero.
pub const NORM_EPSILON: f64 = 1e-6;

/// The extents of a memory matrix and how many heads read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotMemory {
    /// Rows N.
    pub slots: usize,
    /// Width W of a row.
    pub width: usize,
    /// Read heads R.
    pub read_heads: usize,
}

impl SlotMemory {
    /// The width `R W` of all read vectors of a step.
    pub fn read_width(&self) -> usize {
        self.read_heads * self.width
    }
}

/// `sqrt(|x|^2 + epsilon)` over the last axis, which keeps extent 1.
fn norm<F: Float>(x: &Tensor<F>) -> Result<Tensor<F>, ControllerError> {
    let last = x.shape().len().saturating_sub(1);
    Ok(x.mul(x)?.sum_keep(last)?.shift(NORM_EPSILON)?.sqrt()?)
}

/// Content addressing (NTM, equations 5 and 6; DNC, methods): weightings `[B, H, N]` of the rows of `memory`
/// `[B, N, W]` for `keys` `[B, H, W]` of `strengths` `[B, H, 1]`.
///
/// ```text
/// K[u, v] = u . v / (|u| |v|);  w(i) = exp(beta K[k, M(i)]) / sum over j of exp(beta K[k, M(j)])
/// ```
///
/// # Errors
/// A shape that does not fit.
pub fn content_weighting<F: Float>(
    memory: &Tensor<F>,
    keys: &Tensor<F>,
    strengths: &Tensor<F>,
) -> Result<Tensor<F>, ControllerError> {
    // beta and |k| go into the key, which is smaller than the weighting.
    let keys = keys.mul(&strengths.div(&norm(keys)?)?)?;
    let scores = keys.matmul(&memory.transpose()?)?;
    Ok(scores.div(&norm(memory)?.transpose()?)?.softmax()?)
}

/// Read vectors `[B, R, W]` from `memory` `[B, N, W]` by `weightings` `[B, R, N]`: `r = sum over i of w(i) M(i)`.
///
/// # Errors
/// A shape that does not fit.
pub fn read_rows<F: Float>(
    memory: &Tensor<F>,
    weightings: &Tensor<F>,
) -> Result<Tensor<F>, ControllerError> {
    Ok(weightings.matmul(memory)?)
}

/// Erases and adds (NTM, equations 3 and 4; DNC, methods): `memory` `[B, N, W]` written where `weighting` `[B, N, 1]`
/// says, with `erase` and `add` `[B, 1, W]`.
///
/// ```text
/// M_t(i) = M_{t-1}(i) (1 - w(i) e) + w(i) a
/// ```
///
/// # Errors
/// A shape that does not fit.
pub fn erase_and_add<F: Float>(
    memory: &Tensor<F>,
    weighting: &Tensor<F>,
    erase: &Tensor<F>,
    add: &Tensor<F>,
) -> Result<Tensor<F>, ControllerError> {
    // M + w (a - M e): the same, with an op less over the whole memory.
    let change = add.sub(&memory.mul(erase)?)?;
    Ok(memory.add(&change.mul(weighting)?)?)
}
