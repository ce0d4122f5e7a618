//! What a training came to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::evaluate::is_zero;
use crate::rl::AgentSummary;

/// Why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// All steps were done.
    Steps,
    /// The validation error came down to `train.stop_error`.
    Error,
    /// The validation reward came up to `rl.stop_reward`.
    Reward,
    /// No better validation in `train.patience`.
    Patience,
    /// It was interrupted, and can be resumed.
    Interrupted,
}

/// A validation of a run: the best one, or the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestValid {
    /// Mean error over the groups, in percent.
    pub error: f64,
    /// Cross-entropy, in nats.
    pub loss: f64,
    /// After how many steps.
    pub step: u64,
    /// Each group's error, in percent.
    pub per_task: BTreeMap<String, f64>,
    /// Questions whose answer training never showed: always wrong, and without a loss.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknown_answers: u64,
}

/// What `summary.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Whether the training came to its end.
    pub finished: bool,
    /// Why it ended.
    pub ended: Ended,
    /// The task.
    pub task: String,
    /// Optimiser steps done.
    pub steps: u64,
    /// Sequences seen.
    pub sequences: u64,
    /// Trainable parameters.
    pub parameters: usize,
    /// The best validation.
    pub valid: Option<BestValid>,
    /// What the averaged parameters came to after the last step, where `train.average` keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<BestValid>,
    /// Their best validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_average: Option<BestValid>,
    /// Wall-clock seconds of the last sitting.
    pub seconds: f64,
    /// Training steps per second of the last sitting, validations included.
    pub steps_per_second: f64,
    /// What there is to say of an agent; `sequences` are then its episodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentSummary>,
}
