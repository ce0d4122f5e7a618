//! Location addressing: from a content weighting to the weighting that is used (NTM, section 3.3.2).

use mnm_tensor::{Float, Tensor};

use crate::ControllerError;

/// Keeps the logarithm in [`sharpen`] finite at a weight of zero; its smallest gradient is then exactly zero.
const WEIGHT_EPSILON: f64 = 1e-16;

/// Interpolation (equation 7) of `content` and `previous` weightings `[B, H, N]` by `gate` `[B, H, 1]`.
///
/// ```text
/// w^g = g w^c + (1 - g) w_{t-1}
/// ```
///
/// # Errors
/// A shape that does not fit.
pub fn interpolate<F: Float>(
    content: &Tensor<F>,
    previous: &Tensor<F>,
    gate: &Tensor<F>,
) -> Result<Tensor<F>, ControllerError> {
    Ok(previous.add(&content.sub(previous)?.mul(gate)?)?)
}

/// Circular convolution (equation 8) of `weighting` `[B, H, N]` with a distribution `shifts` `[B, H, 3]` over the
/// shifts -1, 0 and 1: a shift of 1 moves the focus from row i to row i + 1, from the last to the first.
///
/// ```text
/// w~(i) = s(-1) w^g(i + 1) + s(0) w^g(i) + s(1) w^g(i - 1), row numbers modulo N
/// ```
///
/// # Errors
/// A shape that does not fit.
pub fn shift<F: Float>(
    weighting: &Tensor<F>,
    shifts: &Tensor<F>,
) -> Result<Tensor<F>, ControllerError> {
    let slots = weighting.shape().last().copied().unwrap_or(0);
    let (first, last) = (
        weighting.slice(2, 0, 1)?,
        weighting.slice(2, slots.saturating_sub(1), 1)?,
    );
    // [w(N-1), w(0), .., w(N-1), w(0)]: the three shifted weightings are windows of it.
    let around = Tensor::concat(&[&last, weighting, &first], 2)?;
    let term = |window: usize, s: usize| -> Result<Tensor<F>, ControllerError> {
        Ok(around
            .slice(2, window, slots)?
            .mul(&shifts.slice(2, s, 1)?)?)
    };
    Ok(term(2, 0)?.add(&term(1, 1)?)?.add(&term(0, 2)?)?)
}

/// Sharpening (equation 9) of `weighting` `[B, H, N]` by `sharpness` `[B, H, 1]`, at least 1.
///
/// ```text
/// w(i) = w~(i)^gamma / sum over j of w~(j)^gamma
/// ```
///
/// # Errors
/// A shape that does not fit.
pub fn sharpen<F: Float>(
    weighting: &Tensor<F>,
    sharpness: &Tensor<F>,
) -> Result<Tensor<F>, ControllerError> {
    // The softmax of gamma ln w~: the same, and no power of a small weight underflows on the way.
    Ok(weighting
        .shift(WEIGHT_EPSILON)?
        .ln()?
        .mul(sharpness)?
        .softmax()?)
}
