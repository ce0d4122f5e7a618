//! What can go wrong with a memory.

use mnm_tensor::{Float, Parameters, Tensor, TensorError};
use thiserror::Error;

/// An error of the memory crate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// A memory needs at least one layer and widths above zero.
    #[error("memory shape: {name} must be at least 1, not 0")]
    EmptyShape {
        /// Which extent is zero.
        name: &'static str,
    },
    /// The weights do not chain.
    #[error("memory weights: layer {layer} has shape {found:?}, expected {expected}")]
    Weights {
        /// The layer, from 0.
        layer: usize,
        /// Its shape.
        found: Vec<usize>,
        /// What would fit.
        expected: String,
    },
    /// An initial weight or a parameter of a rule has another shape than the memory asks for.
    #[error("parameter `{name}` has shape {found:?}, the memory asks for {expected:?}")]
    Parameter {
        /// Its name.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that fits.
        expected: Vec<usize>,
    },
    /// A part of a write does not fit the memory or the other parts.
    #[error("write: {part} of shape {found:?}, expected {expected}")]
    Write {
        /// "keys", "values" or "rate".
        part: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// What would fit.
        expected: String,
    },
    /// Keys to read with do not fit the memory.
    #[error("read: keys of shape {found:?}, expected {expected}")]
    Keys {
        /// Their shape.
        found: Vec<usize>,
        /// What would fit.
        expected: String,
    },
    /// No write rule has this name.
    #[error("no write rule named `{name}`; there are: {known}")]
    UnknownRule {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// An op failed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

/// The parameter called `name`, of exactly `shape`: a shape that would merely stretch is a mistake.
pub(crate) fn parameter<'a, F: Float>(
    parameters: &'a Parameters<Tensor<F>>,
    name: &str,
    shape: &[usize],
) -> Result<&'a Tensor<F>, MemoryError> {
    let parameter = parameters.get(name)?;
    if parameter.shape() != shape {
        return Err(MemoryError::Parameter {
            name: name.to_owned(),
            found: parameter.shape().to_vec(),
            expected: shape.to_vec(),
        });
    }
    Ok(parameter)
}
