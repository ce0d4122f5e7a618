//! Random bit vectors.

use ndarray::Array2;
use rand::{Rng, RngExt};

/// A `[rows, columns]` array of fair random bits, 0 or 1.
pub(crate) fn random(rows: usize, columns: usize, generator: &mut impl Rng) -> Array2<f32> {
    Array2::from_shape_simple_fn(
        (rows, columns),
        || if generator.random() { 1.0 } else { 0.0 },
    )
}
