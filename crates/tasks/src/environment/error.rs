//! What can go wrong in an environment.

use crate::OptionError;

/// Why an environment could not be set up, stepped, or restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// An option is out of range.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// A slice of the wrong length.
    #[error("{environment}: `{slice}` has {found} entries: expected {expected}")]
    Length {
        /// The environment.
        environment: &'static str,
        /// The argument.
        slice: &'static str,
        /// Its length.
        found: usize,
        /// The length that it should have.
        expected: usize,
    },
    /// An action that there is not.
    #[error("{environment}: action {action} in world {sample}: expected 0 to {}", .actions - 1)]
    Action {
        /// The environment.
        environment: &'static str,
        /// The world.
        sample: usize,
        /// What was asked for.
        action: u32,
        /// The number of actions.
        actions: usize,
    },
    /// No episode is under way.
    #[error("{environment}: the episodes are {}: call `reset` first", if *.begun { "over" } else { "not begun" })]
    NotRunning {
        /// The environment.
        environment: &'static str,
        /// Whether there was an episode before.
        begun: bool,
    },
    /// Bytes that are no state of this environment.
    #[error("{environment}: the saved state does not fit: {problem}")]
    State {
        /// The environment.
        environment: &'static str,
        /// What does not fit.
        problem: String,
    },
}
