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
    /// A rule does not go with a memory of this shape or with this number of heads.
    #[error("the rule `{rule}` does not support {key} = {found}: {allowed}")]
    Unsupported {
        /// The rule.
        rule: String,
        /// "value", "hidden", "layers" or "heads".
        key: &'static str,
        /// What it was to be used with.
        found: usize,
        /// What it supports.
        allowed: String,
    },
    /// An option of a rule is out of range, or the rule does not have it.
    #[error("{key} = {value}: {allowed}")]
    Option {
        /// The option, as configs call it.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A write brings a gate that the rule does not have, or lacks one that it has.
    #[error("write: the gate `{gate}` of the rule `{rule}`: expected {expected}")]
    Gate {
        /// The rule.
        rule: String,
        /// "forget" or "momentum".
        gate: &'static str,
        /// What would fit.
        expected: String,
    },
    /// A part of the state beside the weights has another shape than its rule asks for.
    #[error("memory: the slot `{name}` has shape {found:?}, expected {expected:?}")]
    Slot {
        /// Its name.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that fits.
        expected: Vec<usize>,
    },
    /// The program of a rule does not fit itself or the memory.
    #[error("the program of the rule `{rule}`: {misfit}")]
    Program {
        /// The rule.
        rule: String,
        /// What does not fit.
        misfit: String,
    },
    /// What a rule of one's own failed with.
    #[error("{0}")]
    Rule(String),
    /// An op failed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

/// The parameter called `name`, of exactly `shape`: a shape that would merely stretch is a mistake.
///
/// # Errors
/// A parameter that is missing, or [`MemoryError::Parameter`] for another shape.
pub fn parameter<'a, F: Float>(
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
