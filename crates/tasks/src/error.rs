//! What can go wrong in this crate.

use std::ops::RangeInclusive;

use crate::{BabiError, Split};

/// An option of a task that is out of range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{task}: option `{option}` is {value}: expected {expected}")]
pub struct OptionError {
    /// The task, as in [`Task::name`](crate::Task::name).
    pub task: &'static str,
    /// The option, as the field of the task's options struct is called.
    pub option: &'static str,
    /// What was given.
    pub value: String,
    /// What is allowed.
    pub expected: String,
}

impl OptionError {
    /// Fails with an `OptionError` unless `value` lies in `allowed`.
    ///
    /// # Errors
    /// It does not.
    pub fn within<T: PartialOrd + std::fmt::Debug>(
        task: &'static str,
        option: &'static str,
        value: T,
        allowed: RangeInclusive<T>,
    ) -> Result<(), Self> {
        let expected = format!("{:?} to {:?}", allowed.start(), allowed.end());
        Self::unless(allowed.contains(&value), task, option, value, expected)
    }

    /// Fails with an `OptionError` unless `holds`.
    ///
    /// # Errors
    /// It does not.
    pub fn unless(
        holds: bool,
        task: &'static str,
        option: &'static str,
        value: impl std::fmt::Debug,
        expected: impl Into<String>,
    ) -> Result<(), Self> {
        if holds {
            return Ok(());
        }
        Err(OptionError {
            task,
            option,
            value: format!("{value:?}"),
            expected: expected.into(),
        })
    }
}

/// Why a task could not be set up or an episode not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// An option is out of range.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// The bAbI files cannot be used.
    #[error(transparent)]
    Babi(#[from] BabiError),
    /// An index beyond the end of a split.
    #[error("{task}: there is no episode {index} in the {split} split, which holds {len}")]
    IndexOutOfRange {
        /// The task.
        task: String,
        /// The split.
        split: Split,
        /// The index asked for.
        index: u64,
        /// The number of episodes in the split.
        len: u64,
    },
    /// An episode that does not agree with the task's interface: a mistake of the task.
    #[error("{task}: episode {index} of the {split} split cannot be used: {reason}")]
    Episode {
        /// The task.
        task: String,
        /// The split.
        split: Split,
        /// The episode.
        index: u64,
        /// What [`Episode::check`](crate::Episode::check) says.
        reason: String,
    },
    /// What else stands in the way of a task of your own: a file, a service.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}
