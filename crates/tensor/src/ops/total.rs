//! Sums of many elements that do not drift, and room for many elements that may not be had.
//!
//! A running sum in single precision loses what is small beside it: the mean of 10^7 elements of 0.1 comes out as 0.0961. So no more
//! than [`SPAN`] elements are added up in their own precision; of more, parts of [`PART`] are, and the sums of the parts in `f64`.

use crate::ops::Outcome;
use crate::{Float, TensorError};

/// As many elements as are added up in their own precision in one go.
pub(super) const SPAN: usize = 4096;

/// The parts of a longer sum: within one, 256 additions err by some 1e-6, at worst 1.5e-5.
pub(super) const PART: usize = 256;

/// The sum of `x`, of which `sum` adds up a span.
pub(super) fn total<F: Float>(x: &[F], sum: impl Fn(&[F]) -> F) -> F {
    if x.len() <= SPAN {
        return sum(x);
    }
    F::of(x.chunks(PART).map(|part| sum(part).as_f64()).sum())
}

/// An empty vector with room for the elements of `shape`, and their number.
///
/// # Errors
/// [`TensorError::Shape`] if there are more than can be counted or than memory has room for.
pub(crate) fn room<F>(op: &'static str, shape: &[usize]) -> Outcome<(Vec<F>, usize)> {
    let size = size_of::<F>().max(1);
    let counted = shape
        .iter()
        // ndarray counts the extents that are not zero, also where one is.
        .try_fold(1_usize, |n, &extent| n.checked_mul(extent.max(1)))
        .filter(|n| {
            n.checked_mul(size)
                .is_some_and(|n| n <= isize::MAX as usize)
        });
    let mut elements = Vec::new();
    let count = if shape.contains(&0) {
        0
    } else {
        counted.unwrap_or(0)
    };
    if counted.is_none() || elements.try_reserve_exact(count).is_err() {
        return Err(TensorError::shape(
            op,
            &[shape],
            "a result that memory has room for",
        ));
    }
    Ok((elements, count))
}
