//! What the tasks of bit vectors share.

use ndarray::Array2;
use rand::{Rng, RngExt};

use crate::{InputKind, Interface, OptionError, OutputKind};

/// Checks the number of bits of a vector.
pub(crate) fn check(task: &'static str, bits: usize) -> Result<(), OptionError> {
    OptionError::within(task, "bits", bits, 1..=1024)
}

/// Vectors of `bits` bits and two entries more go in, vectors of `bits` bits come out.
pub(crate) fn interface(bits: usize) -> Interface {
    Interface {
        input: InputKind::Dense { width: bits + 2 },
        outputs: OutputKind::Bits { width: bits },
    }
}

/// A `[rows, columns]` array of fair random bits, 0 or 1.
pub(crate) fn random(rows: usize, columns: usize, generator: &mut impl Rng) -> Array2<f32> {
    Array2::from_shape_simple_fn(
        (rows, columns),
        || if generator.random() { 1.0 } else { 0.0 },
    )
}
