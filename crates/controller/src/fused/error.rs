//! What can be wrong with the arguments of the fused cell.

use thiserror::Error;

/// A slice does not have the length of its shape.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name} {shape:?}: expected {expected} numbers, found {found}")]
pub struct LengthError {
    /// Which argument.
    pub name: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The product of the shape.
    pub expected: usize,
    /// How many numbers there are.
    pub found: usize,
}

/// Checks that `data` fills `shape`.
pub(super) fn fits<F>(name: &'static str, shape: &[usize], data: &[F]) -> Result<(), LengthError> {
    let expected = shape.iter().product();
    if data.len() == expected {
        return Ok(());
    }
    Err(LengthError {
        name,
        shape: shape.to_vec(),
        expected,
        found: data.len(),
    })
}

/// The same where an empty slice stands for zeros.
pub(super) fn fits_or_empty<F>(
    name: &'static str,
    shape: &[usize],
    data: &[F],
) -> Result<(), LengthError> {
    if data.is_empty() {
        Ok(())
    } else {
        fits(name, shape, data)
    }
}
