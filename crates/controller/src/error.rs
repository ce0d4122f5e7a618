//! What can go wrong with a model.

use std::borrow::Cow;

use mnm_memory::MemoryError;
use mnm_tensor::{Float, Parameters, Tensor, TensorError};
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
        allowed: Cow<'static, str>,
    },
    /// A part of a state is missing.
    #[error("the state has no `{name}`; it comes from another kind of model")]
    MissingState {
        /// The part's name.
        name: String,
    },
    /// A parameter has another shape than the model asks for.
    #[error("parameter `{name}` has shape {found:?}, the model asks for {expected:?}")]
    Parameter {
        /// Its name.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that fits.
        expected: Vec<usize>,
    },
    /// A part of a state does not fit the model or the input.
    #[error("state: `{name}` of shape {found:?}, expected {expected:?}")]
    State {
        /// The part's name.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that fits.
        expected: Vec<usize>,
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

/// The parameter called `name`, of exactly `shape`: one that has as many elements, or more of them, is a mistake too.
pub(crate) fn parameter<'a, F: Float>(
    parameters: &'a Parameters<Tensor<F>>,
    name: &str,
    shape: &[usize],
) -> Result<&'a Tensor<F>, ControllerError> {
    let parameter = parameters.get(name)?;
    if parameter.shape() != shape {
        return Err(ControllerError::Parameter {
            name: name.to_owned(),
            found: parameter.shape().to_vec(),
            expected: shape.to_vec(),
        });
    }
    Ok(parameter)
}
