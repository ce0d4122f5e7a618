//! What a training of an agent writes of itself.

use serde::{Deserialize, Serialize};

/// A line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum AgentRecord {
    /// Means over the segments since the last such line.
    Train {
        step: u64,
        /// Episodes begun and ended.
        sequences: u64,
        /// Steps of all worlds.
        environment_steps: u64,
        /// Mean reward of the episodes that ended since the last such line; null if none did.
        reward: Option<f64>,
        loss: f64,
        /// All but the meta loss.
        task_loss: f64,
        policy_loss: f64,
        value_loss: f64,
        /// In nats.
        entropy: f64,
        meta_loss: f64,
        /// Before clipping.
        grad_norm: f64,
        learning_rate: f64,
    },
    /// Fresh episodes of the validation split.
    Valid {
        step: u64,
        sequences: u64,
        environment_steps: u64,
        /// Mean reward of an episode.
        reward: f64,
        /// The same of averaged parameters, where `train.average` keeps them.
        #[serde(skip_serializing_if = "Option::is_none")]
        average_reward: Option<f64>,
    },
}

/// What `summary.json` says of an agent beside what it says of every run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentSummary {
    /// The best mean reward of an episode on the validation split; `None` without a validation.
    pub reward: Option<f64>,
    /// After how many segments that was.
    pub step: Option<u64>,
    /// The mean reward of averaged parameters after the last step, where `train.average` keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_reward: Option<f64>,
    /// Their best mean reward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_average_reward: Option<f64>,
    /// After how many segments that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_average_step: Option<u64>,
    /// Steps played in training, of all worlds.
    pub environment_steps: u64,
    /// Steps played and learned from per second of the last sitting, of all worlds, validations included.
    pub environment_steps_per_second: f64,
}
