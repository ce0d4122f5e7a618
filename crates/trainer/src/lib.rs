//! Training of memory-augmented networks: configs, objective, optimiser, loop, checkpoints and logs.
//!
//! [`train`] turns a [`Config`] into a run folder; [`Run::open`] and [`evaluate`] take it up again.

pub mod adam;
pub mod apply;
pub mod ask;
pub mod batch;
pub mod checkpoint;
pub mod config;
pub mod cut;
pub mod linalg;
pub mod look;
pub mod metrics;
pub mod objective;
pub mod observe;
pub mod order;
pub mod rl;
pub mod run;
pub mod task;
pub mod team;

mod bench;
mod error;
mod evaluate;
mod folder;
mod progress;
mod room;
mod train;
mod trained;

pub use bench::{BenchOutcome, BenchRun, BenchShape, bench};
pub use config::{Config, ConfigError, DataConfig, RlConfig, TrainConfig};
pub use error::TrainError;
pub use evaluate::{ErrorTable, Evaluation, evaluate};
pub use run::{Run, RunFolder, Weights};
pub use train::{BestValid, Ended, Summary, TrainOptions, thread_pool, train, train_observed};
pub use trained::Trained;

/// The example of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
