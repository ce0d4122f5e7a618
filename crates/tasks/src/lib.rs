//! Task environments and data sets for memory-augmented networks.
//!
//! A [`Task`] hands out [`Episode`]s: an input sequence, the steps at which something is asked, and what the right
//! answers are. It owns its generator, the mask of what counts, its loss and its error measure, and prints an episode
//! for a human. Every episode is a pure function of (seed, split, index), so that a data loader carries no state.
//!
//! For reinforcement learning there are [`environment`]s, and [`players`] to measure an agent against.
//!
//! The crate knows nothing of models: it deals in plain `ndarray` arrays and token lists.
//!
//! ```
//! use mnm_tasks::{DoubleCopy, DoubleCopyOptions, Split, Task};
//!
//! # fn main() -> Result<(), mnm_tasks::TaskError> {
//! let task = DoubleCopy::new(DoubleCopyOptions::default(), 7)?;
//! let episode = task.episode(Split::Train, 0)?;
//! assert_eq!(episode.steps(), task.steps(Split::Train, 0));
//! println!("{}", task.render(&episode, None));
//! # Ok(())
//! # }
//! ```

mod associative_recall;
pub mod babi;
mod bits;
mod copy;
mod dictionary;
mod distributions;
pub mod environment;
mod error;
pub mod generated;
mod lengths;
pub mod loss;
mod mqar;
pub mod players;
mod priority_sort;
mod render;
mod scoring;
mod split;
pub mod stories;
mod streams;
mod task;

pub use associative_recall::{AssociativeRecall, AssociativeRecallOptions};
pub use babi::{Babi, BabiError, BabiOptions, Encoding, Questions, Rename, Showing, Vocabulary};
pub use copy::{DoubleCopy, DoubleCopyOptions};
pub use dictionary::{Dictionary, DictionaryOptions};
pub use error::{OptionError, TaskError};
pub use generated::{Generated, Generator};
pub use lengths::{Lengths, Span};
pub use loss::{Loss, LossError};
pub use mqar::{Mqar, MqarOptions};
pub use priority_sort::{PrioritySort, PrioritySortOptions};
pub use scoring::Errors;
pub use split::{ParseSplitError, Split};
pub use stories::{Plot, Stories, StoriesOptions};
pub use streams::stream;
pub use task::{Episode, Input, InputKind, Interface, Labels, OutputKind, Task, UNKNOWN_CLASS};

/// Runs the README's example as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
