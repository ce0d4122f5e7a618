//! Temporal linkage: in which order rows were written, and reading along it (DNC, methods).

mod update;

use mnm_tensor::{Float, Tensor, apply};

use crate::ControllerError;

use update::Links;

/// The precedence `[B, N]` after a write: how much each row was the last one written.
///
/// ```text
/// p_t = (1 - sum over i of w_t^w(i)) p_{t-1} + w_t^w
/// ```
///
/// # Errors
/// A shape that does not fit.
pub fn precedence<F: Float>(
    precedence: &Tensor<F>,
    write: &Tensor<F>,
) -> Result<Tensor<F>, ControllerError> {
    let left = write.sum_keep(1)?.affine(-1.0, 1.0)?;
    Ok(precedence.mul(&left)?.add(write)?)
}

/// The temporal links `[B, N, N]` after a write with weighting `write` `[B, N]`, from those before and the
/// `precedence` `[B, N]` before: `L[i, j]` near 1 says that row i was written right after row j.
///
/// ```text
/// L_t[i, j] = (1 - w_t^w(i) - w_t^w(j)) L_{t-1}[i, j] + w_t^w(i) p_{t-1}(j);  L_t[i, i] = 0
/// ```
///
/// # Errors
/// A shape that does not fit.
pub fn links<F: Float>(
    links: &Tensor<F>,
    precedence: &Tensor<F>,
    write: &Tensor<F>,
) -> Result<Tensor<F>, ControllerError> {
    Ok(apply(Links, &[links, precedence, write])?)
}

/// The read weightings `[B, R, N]` from those before, the `links` `[B, N, N]`, the `content` weightings `[B, R, N]` and
/// the read modes `[B, R, 3]`.
///
/// ```text
/// f_t = L_t w_{t-1}^r (on to what was written next);  b_t = L_t^T w_{t-1}^r (back to what was written before)
/// w_t^r = pi[1] b_t + pi[2] c_t^r + pi[3] f_t
/// ```
///
/// # Errors
/// A shape that does not fit.
pub fn read_weightings<F: Float>(
    previous: &Tensor<F>,
    links: &Tensor<F>,
    content: &Tensor<F>,
    modes: &Tensor<F>,
) -> Result<Tensor<F>, ControllerError> {
    let backward = previous.matmul(links)?;
    let forward = previous.matmul(&links.transpose()?)?;
    let term = |weighting: &Tensor<F>, mode: usize| -> Result<Tensor<F>, ControllerError> {
        Ok(weighting.mul(&modes.slice(2, mode, 1)?)?)
    };
    Ok(term(&backward, 0)?
        .add(&term(content, 1)?)?
        .add(&term(&forward, 2)?)?)
}
