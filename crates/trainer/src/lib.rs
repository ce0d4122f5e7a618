//! Training of memory-augmented networks: configs, objective, optimiser, loop, checkpoints, logs, plots and reports.
//!
//! [`train`] turns a [`Config`] into a run folder; [`Run::open`] and [`evaluate`] take it up again.

pub mod adam;
pub mod apply;
pub mod ask;
pub mod batch;
pub mod checkpoint;
pub mod config;
pub mod cut;
pub mod inspect;
pub mod linalg;
pub mod metrics;
pub mod objective;
pub mod order;
pub mod plot;
pub mod report;
pub mod rl;
pub mod run;
pub mod task;
pub mod tensorboard;

mod bench;
mod error;
mod evaluate;
mod plot_run;
mod progress;
mod train;

pub use bench::{BenchOutcome, BenchShape, bench};
pub use config::{Config, ConfigError, DataConfig, RlConfig, TrainConfig};
pub use error::TrainError;
pub use evaluate::{ErrorTable, Evaluation, evaluate};
pub use run::{Run, RunFolder, Weights};
pub use train::{BestValid, Ended, Summary, TrainOptions, thread_pool, train};

/// The example of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
