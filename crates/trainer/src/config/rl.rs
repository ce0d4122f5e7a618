//! What reinforcement learning adds to the settings of the training.

use mnm_controller::ModelConfig;
use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, TrainConfig};

/// How an agent is trained by A2C. `train.batch` is the number of worlds that it plays in at once, `train.steps` the
/// number of segments (an optimiser step each), `train.meta_weight` the weight of the meta loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RlConfig {
    /// Steps of a segment: played, then learned from with backpropagation through all of them, the memory carried on
    /// into the next; 0 takes whole episodes.
    pub segment: usize,
    /// Discount of a reward for every step that it is away, at first.
    pub gamma: f64,
    /// How many times as far as at first the agent looks ahead at `train.steps`: its horizon, 1 / (1 - gamma), goes there in a
    /// straight line.
    pub horizon_to: f64,
    /// Decay of generalised advantages: 1 gives n-step returns, 0 one-step advantages.
    pub lambda: f64,
    /// Weight of the value loss.
    pub value_weight: f64,
    /// Weight of the bonus for the entropy of the policy, at first.
    pub entropy_weight: f64,
    /// The fraction of that weight that is left at `train.steps`; it goes down in a straight line.
    pub entropy_to: f64,
    /// What rewards are multiplied by before they are learned from; figures are in the environment's own rewards.
    pub reward_scale: f64,
    /// Stop once the mean reward of an episode in a validation is at least this; unset, the training goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_reward: Option<f64>,
}

impl Default for RlConfig {
    fn default() -> Self {
        Self {
            segment: 0,
            gamma: 0.95,
            horizon_to: 1.0,
            lambda: 1.0,
            value_weight: 0.5,
            entropy_weight: 0.01,
            entropy_to: 1.0,
            reward_scale: 1.0,
            stop_reward: None,
        }
    }
}

impl RlConfig {
    /// Checks every value's range.
    ///
    /// # Errors
    /// [`ConfigError::Range`] naming the first key out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let fractions = [
            ("rl.gamma", self.gamma),
            ("rl.lambda", self.lambda),
            ("rl.entropy_to", self.entropy_to),
        ];
        if let Some((key, value)) = fractions.iter().find(|(_, v)| !(0.0..=1.0).contains(v)) {
            return Err(ConfigError::range(key, value, "a number from 0 to 1"));
        }
        let weights = [
            ("rl.value_weight", self.value_weight),
            ("rl.entropy_weight", self.entropy_weight),
        ];
        if let Some((key, value)) = weights.iter().find(|(_, v)| !(*v >= 0.0 && v.is_finite())) {
            return Err(ConfigError::range(
                key,
                value,
                "a finite number, 0 or above",
            ));
        }
        let factors = [
            ("rl.reward_scale", self.reward_scale),
            ("rl.horizon_to", self.horizon_to),
        ];
        if let Some((key, value)) = factors.iter().find(|(_, v)| !(*v > 0.0 && v.is_finite())) {
            return Err(ConfigError::range(key, value, "a finite number above 0"));
        }
        if let Some(reward) = self.stop_reward.filter(|reward| !reward.is_finite()) {
            return Err(ConfigError::range(
                "rl.stop_reward",
                reward,
                "a finite number",
            ));
        }
        if self.horizon_to < 1.0 - self.gamma {
            return Err(ConfigError::range(
                "rl.horizon_to",
                self.horizon_to,
                "at least 1 - rl.gamma, which leaves a horizon of one step",
            ));
        }
        Ok(())
    }

    /// The steps of a segment in an environment whose episodes have `episode` steps.
    pub fn segment_of(&self, episode: usize) -> usize {
        match self.segment {
            0 => episode,
            n => n.min(episode),
        }
    }

    /// The settings at step `step` of `steps`, counted from 0: those that change in the course of a training as they are then.
    #[must_use]
    pub fn at(&self, step: u64, steps: u64) -> Self {
        let way = (step as f64 / steps.max(1) as f64).min(1.0);
        let between = |to: f64| 1.0 + (to - 1.0) * way;
        Self {
            gamma: 1.0 - (1.0 - self.gamma) / between(self.horizon_to),
            entropy_weight: self.entropy_weight * between(self.entropy_to),
            ..self.clone()
        }
    }
}

/// Refuses settings that would be passed over in silence.
pub(super) fn refuse_unused(model: &ModelConfig, train: &TrainConfig) -> Result<(), ConfigError> {
    let zeros = [
        (
            "train.truncate",
            train.truncate as f64,
            "0 where data.task is an environment; rl.segment says where backpropagation is cut",
        ),
        (
            "train.stop_error",
            train.stop_error,
            "0 where data.task is an environment: an agent has rewards, no errors; rl.stop_reward ends its training",
        ),
        (
            "model.dropout_hidden",
            model.dropout_hidden,
            "0 where data.task is an environment: an agent learns from what it did itself",
        ),
        (
            "model.dropout_input",
            model.dropout_input,
            "0 where data.task is an environment: an agent learns from what it did itself",
        ),
        (
            "model.dropout_word",
            model.dropout_word,
            "0 where data.task is an environment: an agent learns from what it did itself",
        ),
    ];
    match zeros.iter().find(|(_, value, _)| *value != 0.0) {
        Some((key, value, allowed)) => Err(ConfigError::range(key, value, allowed)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_named() {
        let default = RlConfig::default;
        let wrong = [
            (
                RlConfig {
                    gamma: 1.1,
                    ..default()
                },
                "rl.gamma",
            ),
            (
                RlConfig {
                    lambda: f64::NAN,
                    ..default()
                },
                "rl.lambda",
            ),
            (
                RlConfig {
                    value_weight: -0.5,
                    ..default()
                },
                "rl.value_weight",
            ),
            (
                RlConfig {
                    reward_scale: 0.0,
                    ..default()
                },
                "rl.reward_scale",
            ),
            (
                RlConfig {
                    horizon_to: f64::INFINITY,
                    ..default()
                },
                "rl.horizon_to",
            ),
            (
                RlConfig {
                    gamma: 0.8,
                    horizon_to: 0.1,
                    ..default()
                },
                "at least 1 - rl.gamma",
            ),
        ];
        for (config, key) in wrong {
            let message = config.validate().expect_err(key).to_string();
            assert!(message.contains(key), "{message}");
        }
        let train = TrainConfig {
            truncate: 5,
            ..TrainConfig::default()
        };
        let message = refuse_unused(&ModelConfig::default(), &train).expect_err("truncate");
        assert!(message.to_string().contains("rl.segment"), "{message}");
    }

    #[test]
    fn entropy_and_horizon_change_in_straight_lines() {
        let rl = RlConfig {
            gamma: 0.75,
            horizon_to: 5.0,
            entropy_weight: 0.2,
            entropy_to: 0.5,
            ..RlConfig::default()
        };
        // Horizons of 4, 12 and 20 steps.
        for (step, gamma, entropy) in [
            (0, 0.75, 0.2),
            (50, 1.0 - 1.0 / 12.0, 0.15),
            (100, 0.95, 0.1),
            (300, 0.95, 0.1),
        ] {
            let at = rl.at(step, 100);
            assert!(
                (at.gamma - gamma).abs() < 1e-12 && (at.entropy_weight - entropy).abs() < 1e-12
            );
        }
        // What does not change keeps its bits.
        let same = RlConfig::default();
        assert_eq!(same.at(17, 100), same);
    }
}
