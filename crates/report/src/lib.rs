//! Looks at runs: learning curves, reports, episodes drawn, TensorBoard files. It reads run folders and records, and trains
//! nothing; the trainer knows nothing of it.

pub mod inspect;
pub mod plot;
pub mod report;
pub mod tensorboard;

mod curves;
mod observer;
mod page;

/// The style sheet of every page: reports, episodes, and what `mnm play` serves.
pub const STYLE: &str = include_str!("style.css");

pub use curves::{CurvesError, draw_curves};
pub use observer::CurvesAndEvents;

/// The example of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
