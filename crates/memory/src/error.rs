//! What can go wrong with a memory.

use mnm_tensor::TensorError;
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
