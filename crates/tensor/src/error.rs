//! What can go wrong when an op is recorded or a gradient is asked for.

use thiserror::Error;

/// An error of the tensor core; it names the op and the shapes that did not fit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TensorError {
    /// The operands' shapes do not fit the op.
    #[error("{op}: shapes {shapes:?} do not fit: {expected}")]
    Shape {
        /// The primitive's name.
        op: &'static str,
        /// The operands' shapes, in order.
        shapes: Vec<Vec<usize>>,
        /// What the op takes.
        expected: String,
    },
    /// Operands that hang on two different tapes.
    #[error("{op}: the operands hang on different tapes; record one computation on one tape")]
    DifferentTapes {
        /// The primitive's name.
        op: &'static str,
    },
    /// A gradient was asked for with respect to a tensor that hangs on no tape.
    #[error(
        "gradient: argument {argument} hangs on no tape; make it with Tape::variable before computing with it"
    )]
    NotRecorded {
        /// The position in the list of arguments.
        argument: usize,
    },
    /// A derivative of the derivative was asked of an op that has none.
    #[error("{op}: no second derivative; use the reference ops where a gradient is differentiated")]
    NoSecondDerivative {
        /// The primitive's name.
        op: &'static str,
    },
    /// A named array is missing.
    #[error("no parameter named `{name}`; there are: {known}")]
    UnknownParameter {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// An op outside the core failed for a reason of its own.
    #[error("{op}: {reason}")]
    Op {
        /// The op's name.
        op: &'static str,
        /// What went wrong.
        reason: String,
    },
}

impl TensorError {
    /// A shape error of `op`.
    pub fn shape(op: &'static str, shapes: &[&[usize]], expected: impl Into<String>) -> Self {
        Self::Shape {
            op,
            shapes: shapes.iter().map(|s| s.to_vec()).collect(),
            expected: expected.into(),
        }
    }
}
