//! The settings of the training.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::{Average, ConfigError};

/// The most sequences of a batch, batches of a bucket, or episodes of an evaluation.
pub const MOST_AT_ONCE: u64 = 1_000_000;

/// The slowest that one of Adam's means may forget: closer to 1 nothing is left of a step.
const MOST_DECAY: f64 = 0.999_999_999;

/// How the learning rate goes down after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Not at all.
    Constant,
    /// In a straight line.
    Linear,
    /// Along half a cosine.
    Cosine,
}

/// How a model is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// A run folder whose best parameters this run starts with, or a file of parameters; unset, first values are drawn.
    /// The optimiser and the learning rate start anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
    /// Optimiser steps at most.
    pub steps: u64,
    /// Sequences a step.
    pub batch: usize,
    /// Sequences, or worlds, of a block at most, where the sizes allow more: smaller blocks are more, for more threads and ranks. Unset, the
    /// sizes alone say. It changes the order of sums, and so the last bits of a result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<usize>,
    /// Adam's step size, after warm-up and before decay.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises from 0.
    pub warmup: u64,
    /// "constant", "linear" or "cosine".
    pub decay: Decay,
    /// The fraction of the learning rate that is left at the end, where a step after the last one would be.
    pub decay_to: f64,
    /// Adam's decay of the first moment.
    pub beta1: f64,
    /// Adam's decay of the second moment.
    pub beta2: f64,
    /// Adam's epsilon.
    pub epsilon: f64,
    /// Decoupled weight decay (AdamW), as a fraction of the learning rate.
    pub weight_decay: f64,
    /// The largest norm of the whole gradient; 0 does not clip.
    pub clip: f64,
    /// Weight lambda of the meta loss.
    pub meta_weight: f64,
    /// Steps after which backpropagation through time is cut, the state carried on; 0 never cuts.
    pub truncate: usize,
    /// Batches among which sequences are sorted by length before they are cut into batches.
    pub bucket: usize,
    /// Steps between lines of `metrics.jsonl`.
    pub log_every: u64,
    /// Steps between evaluations on the validation split.
    pub valid_every: u64,
    /// Episodes of a validation on a generated task (a data set is taken whole).
    pub valid_episodes: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Stop once the validation error, in percent, is at most this; 0 stops when nothing is wrong any more.
    pub stop_error: f64,
    /// Stop after this many validations without a better one; 0 goes on.
    pub patience: u64,
    /// A mean of the parameters that is kept beside them: `{ decay = 0.999 }`, an exponential moving average, or
    /// `{ last = 5000 }`, the mean over the last so many steps. Unset, there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average: Option<Average>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            from: None,
            steps: 10_000,
            batch: 32,
            block: None,
            learning_rate: 1e-3,
            warmup: 0,
            decay: Decay::Constant,
            decay_to: 0.1,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            clip: 10.0,
            meta_weight: 1.0,
            truncate: 0,
            bucket: 4,
            log_every: 50,
            valid_every: 500,
            valid_episodes: 512,
            checkpoint_every: 500,
            stop_error: 0.0,
            patience: 0,
            average: None,
        }
    }
}

impl TrainConfig {
    /// Checks every value's range.
    ///
    /// # Errors
    /// [`ConfigError::Range`] naming the first key out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        // What is held in memory at once is bounded lower.
        let held = [
            ("train.batch", self.batch as u64),
            ("train.block", self.block.unwrap_or(1) as u64),
            ("train.bucket", self.bucket as u64),
            ("train.valid_episodes", self.valid_episodes),
        ];
        if let Some((key, value)) = held.iter().find(|(_, v)| *v == 0 || *v > MOST_AT_ONCE) {
            return Err(ConfigError::range(
                key,
                value,
                "a whole number from 1 to 1000000",
            ));
        }
        let counts = [
            ("train.steps", self.steps),
            ("train.log_every", self.log_every),
            ("train.valid_every", self.valid_every),
            ("train.checkpoint_every", self.checkpoint_every),
        ];
        if let Some((key, value)) = counts.iter().find(|(_, v)| *v == 0 || *v > 1_000_000_000) {
            return Err(ConfigError::range(
                key,
                value,
                "a whole number from 1 to 1000000000",
            ));
        }
        if let Some(average) = self.average {
            average.validate()?;
        }
        let fractions = [("train.beta1", self.beta1), ("train.beta2", self.beta2)];
        for (key, value) in fractions {
            if !(0.0..=MOST_DECAY).contains(&value) {
                return Err(ConfigError::range(
                    key,
                    value,
                    "a fraction from 0 to 0.999999999",
                ));
            }
        }
        if !(0.0..=1.0).contains(&self.decay_to) {
            return Err(ConfigError::range(
                "train.decay_to",
                self.decay_to,
                "a fraction from 0 to 1",
            ));
        }
        let positive = [
            ("train.learning_rate", self.learning_rate),
            ("train.epsilon", self.epsilon),
        ];
        if let Some((key, value)) = positive.iter().find(|(_, v)| !(*v > 0.0 && v.is_finite())) {
            return Err(ConfigError::range(key, value, "a finite number above 0"));
        }
        let not_negative = [
            ("train.weight_decay", self.weight_decay),
            ("train.clip", self.clip),
            ("train.meta_weight", self.meta_weight),
            ("train.stop_error", self.stop_error),
        ];
        if let Some((key, value)) = not_negative
            .iter()
            .find(|(_, v)| !(*v >= 0.0 && v.is_finite()))
        {
            return Err(ConfigError::range(
                key,
                value,
                "a finite number, 0 or above",
            ));
        }
        Ok(())
    }

    /// How many sequences a block may have of which the sizes allow `most`.
    pub(crate) fn block_of(&self, most: usize) -> usize {
        self.block.map_or(most, |block| block.min(most))
    }

    /// The learning rate of step `step`, counted from 0.
    pub fn learning_rate_at(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.learning_rate * (step + 1) as f64 / self.warmup as f64;
        }
        let length = self.steps.saturating_sub(self.warmup).max(1) as f64;
        let way = ((step - self.warmup) as f64 / length).min(1.0);
        let left = match self.decay {
            Decay::Constant => return self.learning_rate,
            Decay::Linear => 1.0 - way,
            Decay::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * way).cos()),
        };
        self.learning_rate * (self.decay_to + (1.0 - self.decay_to) * left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_and_falls() {
        let mut train = TrainConfig {
            steps: 110,
            warmup: 10,
            learning_rate: 1.0,
            decay: Decay::Linear,
            decay_to: 0.2,
            ..TrainConfig::default()
        };
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(close(train.learning_rate_at(0), 0.1) && close(train.learning_rate_at(9), 1.0));
        assert!(close(train.learning_rate_at(60), 0.6) && close(train.learning_rate_at(110), 0.2));
        train.decay = Decay::Cosine;
        assert!(close(train.learning_rate_at(60), 0.6) && close(train.learning_rate_at(200), 0.2));
        train.decay = Decay::Constant;
        assert!(close(train.learning_rate_at(60), 1.0));
    }

    #[test]
    fn the_bound_of_a_moment_is_said_and_taken() {
        let with = |beta2| TrainConfig {
            beta2,
            ..TrainConfig::default()
        };
        let message = with(0.999_999_999_9).validate().expect_err("beyond it");
        let message = message.to_string();
        let (_, bound) = message.rsplit_once(" to ").expect("a bound");
        let bound = bound.parse().expect("a number");
        with(bound).validate().expect("as it is said");
    }

    #[test]
    fn values_out_of_range_are_named() {
        let wrong = [
            TrainConfig {
                batch: 0,
                ..TrainConfig::default()
            },
            TrainConfig {
                learning_rate: f64::NAN,
                ..TrainConfig::default()
            },
            TrainConfig {
                beta1: 1.0,
                ..TrainConfig::default()
            },
            TrainConfig {
                block: Some(0),
                ..TrainConfig::default()
            },
            TrainConfig {
                clip: -1.0,
                ..TrainConfig::default()
            },
        ];
        for (config, key) in
            wrong
                .iter()
                .zip(["batch", "learning_rate", "beta1", "train.block", "clip"])
        {
            let message = config.validate().expect_err(key).to_string();
            assert!(message.contains(key), "{message}");
        }
    }
}
