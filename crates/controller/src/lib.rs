//! Recurrent models with a neural memory: controller, interaction heads, cells, encoders and the whole model.
//!
//! Every model is a [`Cell`]: `(parameters, input, state) -> (output, state)`. [`MnmCell`] is Metalearned Neural
//! Memory (arXiv 1907.09720); the models it is compared with are [`LstmCell`], [`LstmSaluCell`] (a soft-attention
//! look-up table), [`ntm::NtmCell`] and [`dnc::DncCell`]. [`Model`] puts an encoder before and an output layer behind
//! one.

pub mod addressing;
pub mod dnc;
pub mod encoder;
pub mod fused;
pub mod heads;
pub mod ntm;

mod cell;
mod config;
mod error;
mod lstm;
mod mnm;
mod model;
mod salu;
mod sequence;
mod size;
mod state;

pub use cell::{BlockCost, Cell, StateMasks, Step, Trace, Unrolled, unroll_by_steps};
pub use config::{
    GateName, GateSetting, InitScheme, InnerLossSetting, Kernel, KeyName, KeySetting, ModelConfig,
    ModelKind, PositionInit, Recurrence,
};
pub use error::ControllerError;
pub use lstm::{LstmCell, lstm_parameters, lstm_step};
pub use mnm::{MnmCell, memory_part, slot_part};
pub use model::{InputSpec, Masks, Model};
pub use salu::{LookUpTable, LstmSaluCell};
pub use size::{ParameterCount, parameter_table};
pub use state::State;

/// The examples of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
