//! What can go wrong with a model.

use mnm_memory::MemoryError;
use mnm_tensor::TensorError;
use thiserror::Error;

/// An error of the controller crate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ControllerError {
    /// A setting of the model is out of range.
    #[error("model.{key} = {value}: {allowed}")]
    Config {
        /// The key below `model`.
        key: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A part of a state is missing.
    #[error("the state has no `{name}`; it comes from another kind of model")]
    MissingState {
        /// The part's name.
        name: String,
    },
    /// The input does not fit the model.
    #[error("input: {found}; the model takes {expected}")]
    Input {
        /// What was given.
        found: String,
        /// What the model takes.
        expected: String,
    },
    /// An op failed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// The memory failed.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}
