//! What the training of an agent carries from segment to segment, and how it is saved and brought back.

use std::path::Path;

use mnm_controller::Model;
use mnm_tasks::Split;
use mnm_tensor::{Array, Parameters};
use serde::{Deserialize, Serialize};

use super::environment::build_environment;
use super::loss::AgentLosses;
use super::record::AgentRecord;
use super::worlds::{Outcome, Worlds};
use crate::TrainError;
use crate::adam::{Adam, clip_factor};
use crate::batch::BLOCK;
use crate::checkpoint::{Checkpoint, check_parameters};
use crate::config::Config;
use crate::task::draw_parameters;
use crate::train::state::trained_names;
use crate::train::step::{StepOutcome, not_finite};

/// Counters, as the checkpoint's metadata holds them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counters {
    pub(super) step: u64,
    pub(super) episodes: u64,
    pub(super) environment_steps: u64,
    /// The best validation: mean reward, and after how many segments.
    pub(super) best: Option<(f64, u64)>,
    window: Window,
}

/// Sums since the last line of `metrics.jsonl`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Window {
    segments: u64,
    losses: AgentLosses,
    loss: f64,
    grad_norm: f64,
    episodes: u64,
    earned: f64,
}

/// A block of worlds, as the checkpoint's metadata holds it; the agent's state is among the tensors.
#[derive(Serialize, Deserialize)]
struct SavedWorlds {
    first: u64,
    step: usize,
    earned: Vec<f64>,
    /// Bytes, two hexadecimal digits each.
    environment: String,
}

#[derive(Serialize, Deserialize)]
struct Progress {
    counters: Counters,
    worlds: Vec<SavedWorlds>,
}

pub(super) struct AgentState {
    pub(super) parameters: Parameters<Array<f32>>,
    pub(super) counters: Counters,
    /// Block after block.
    pub(super) worlds: Vec<Worlds>,
    adam: Adam<f32>,
}

/// In front of the names of what the agent carries, among a checkpoint's tensors: block, then part.
fn carried_prefix(block: usize) -> String {
    format!("carried.{block}.")
}

impl AgentState {
    pub(super) fn start(model: &Model<f32>, config: &Config) -> Result<Self, TrainError> {
        let parameters = draw_parameters(&model.parameters(), config.model.init, config.seed)?;
        Self::with_parameters(model, config, parameters)
    }

    pub(super) fn with_parameters(
        model: &Model<f32>,
        config: &Config,
        parameters: Parameters<Array<f32>>,
    ) -> Result<Self, TrainError> {
        let names = trained_names(model);
        let adam = Adam::new(&parameters, names.iter().map(String::as_str));
        let worlds = (0..config.train.batch)
            .step_by(BLOCK)
            .map(|first| {
                let batch = BLOCK.min(config.train.batch - first);
                let environment =
                    build_environment(&config.data, batch, config.seed, Split::Train)?;
                Worlds::begin(environment, first as u64)
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            parameters,
            counters: Counters::default(),
            worlds,
            adam,
        })
    }

    pub(super) fn restore(
        model: &Model<f32>,
        config: &Config,
        checkpoint: &Checkpoint,
        path: &Path,
    ) -> Result<Self, TrainError> {
        let damaged = |reason: String| TrainError::Damaged {
            path: path.to_owned(),
            reason,
        };
        check_parameters(&model.parameters(), &checkpoint.parameters)
            .map_err(TrainError::misfit(path))?;
        let mut state = Self::with_parameters(model, config, checkpoint.parameters.clone())?;
        if !state.adam.restore(&checkpoint.optimizer) {
            return Err(damaged(
                "the optimiser's moments are missing or do not fit; training cannot go on from it"
                    .to_owned(),
            ));
        }
        let progress: Progress = serde_json::from_value(checkpoint.progress.clone())
            .map_err(|e| damaged(format!("the state of the training cannot be read: {e}")))?;
        if progress.worlds.len() != state.worlds.len() {
            return Err(damaged(format!(
                "it holds {} blocks of worlds, expected {}",
                progress.worlds.len(),
                state.worlds.len()
            )));
        }
        state.counters = progress.counters;
        for (block, (worlds, saved)) in state.worlds.iter_mut().zip(progress.worlds).enumerate() {
            let bytes = from_hex(&saved.environment).ok_or_else(|| {
                damaged(format!(
                    "the environment of block {block} is not hexadecimal"
                ))
            })?;
            if saved.earned.len() != worlds.batch() {
                return Err(damaged(format!(
                    "block {block} has earnings of {} worlds, expected {}",
                    saved.earned.len(),
                    worlds.batch()
                )));
            }
            worlds.load(&bytes)?;
            worlds.first = saved.first;
            worlds.step = saved.step;
            worlds.earned = saved.earned;
            worlds.carried = (saved.step > 0)
                .then(|| carried(model, checkpoint, block, worlds.batch()).map_err(damaged))
                .transpose()?;
        }
        Ok(state)
    }

    /// The first parameter, moment or part of what agents carry that is not finite, by name.
    pub(super) fn not_finite(&self) -> Option<String> {
        let carried = self
            .worlds
            .iter()
            .filter_map(|block| block.carried.as_ref());
        not_finite(self.parameters.iter())
            .or_else(|| not_finite(self.adam.moments()))
            .or_else(|| not_finite(carried.flat_map(Parameters::iter)))
    }

    /// Takes an optimiser step.
    pub(super) fn apply(
        &mut self,
        outcome: &StepOutcome,
        losses: AgentLosses,
        played: Outcome,
        config: &Config,
    ) {
        let (step, settings) = (self.counters.step, &config.train);
        self.adam.step(
            &mut self.parameters,
            &outcome.gradient,
            clip_factor(outcome.norm, settings.clip),
            settings,
            settings.learning_rate_at(step),
            step + 1,
        );
        let counters = &mut self.counters;
        counters.step += 1;
        counters.episodes += played.episodes as u64;
        counters.environment_steps += played.steps as u64;
        let window = &mut counters.window;
        window.segments += 1;
        window.losses += losses;
        window.loss += outcome.losses.task + settings.meta_weight * outcome.losses.meta;
        window.grad_norm += outcome.norm;
        window.episodes += played.episodes as u64;
        window.earned += played.earned;
    }

    /// The mean reward of the episodes that ended since the last line of metrics; `None` if none did.
    pub(super) fn reward(&self) -> Option<f64> {
        let window = &self.counters.window;
        (window.episodes > 0).then(|| window.earned / window.episodes as f64)
    }

    /// The means since the last line of metrics, which begin anew.
    pub(super) fn take_record(&mut self, config: &Config) -> AgentRecord {
        let (reward, settings) = (self.reward(), &config.train);
        let counters = &mut self.counters;
        let window = std::mem::take(&mut counters.window);
        let segments = window.segments.max(1) as f64;
        let loss = window.loss / segments;
        let meta_loss = window.losses.meta / segments;
        AgentRecord::Train {
            step: counters.step,
            sequences: counters.episodes,
            environment_steps: counters.environment_steps,
            reward,
            loss,
            task_loss: loss - settings.meta_weight * meta_loss,
            policy_loss: window.losses.policy / segments,
            value_loss: window.losses.value / segments,
            entropy: window.losses.entropy / segments,
            meta_loss,
            grad_norm: window.grad_norm / segments,
            learning_rate: settings.learning_rate_at(counters.step.saturating_sub(1)),
        }
    }

    /// Everything that is needed to go on, also in the middle of an episode.
    pub(super) fn checkpoint(&self, config: &Config) -> Checkpoint {
        let mut optimizer = self.adam.to_arrays();
        for (block, worlds) in self.worlds.iter().enumerate() {
            for (name, part) in worlds.carried.iter().flat_map(Parameters::iter) {
                optimizer.insert(format!("{}{name}", carried_prefix(block)), part.clone());
            }
        }
        let worlds = self.worlds.iter().map(|worlds| SavedWorlds {
            first: worlds.first,
            step: worlds.step,
            earned: worlds.earned.clone(),
            environment: to_hex(&worlds.save()),
        });
        let progress = Progress {
            counters: self.counters.clone(),
            worlds: worlds.collect(),
        };
        Checkpoint {
            optimizer,
            progress: serde_json::to_value(progress).unwrap_or_default(),
            ..self.best_checkpoint(config)
        }
    }

    /// Everything that is needed to use the agent.
    pub(super) fn best_checkpoint(&self, config: &Config) -> Checkpoint {
        Checkpoint {
            parameters: self.parameters.clone(),
            optimizer: Parameters::new(),
            config: config.for_checkpoint().to_toml(),
            vocabulary: None,
            progress: serde_json::Value::Null,
        }
    }
}

/// What the agent carries in a block, if it fits the model; else what does not.
fn carried(
    model: &Model<f32>,
    checkpoint: &Checkpoint,
    block: usize,
    batch: usize,
) -> Result<Parameters<Array<f32>>, String> {
    let prefix = carried_prefix(block);
    let found: Parameters<Array<f32>> = checkpoint
        .optimizer
        .iter()
        .filter_map(|(name, part)| Some((name.strip_prefix(&prefix)?.to_owned(), part.clone())))
        .collect();
    let constants = checkpoint
        .parameters
        .map(|_, value| mnm_tensor::Tensor::shared(value.clone()));
    let initial = model
        .initial_state(&constants, batch)
        .map_err(|e| e.to_string())?;
    for (name, part) in initial.iter() {
        if !found
            .find(name)
            .is_some_and(|found| may_become(part.shape(), found.shape(), batch))
        {
            return Err(format!(
                "the agent's `{name}` in block {block} is missing or not of {batch} worlds and the model's extents"
            ));
        }
    }
    Ok(found)
}

/// Whether a part of `shape` at the start of an episode may have the shape `now` later: what all worlds share at first has
/// 1 in place of their number, and what grows has an extent of 0.
fn may_become(shape: &[usize], now: &[usize], batch: usize) -> bool {
    now.first() == Some(&batch)
        && now.len() == shape.len()
        && shape
            .iter()
            .zip(now)
            .skip(1)
            .all(|(first, now)| *first == 0 || first == now)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |d: u8| char::from(d).to_digit(16);
    digits
        .chunks_exact(2)
        .map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carried_parts_have_the_worlds_and_the_extents_of_the_model() {
        assert!(may_become(&[1, 4, 5], &[2, 4, 5], 2), "shared at first");
        assert!(may_become(&[2, 0, 5], &[2, 7, 5], 2), "a table grows");
        for now in [&[2, 4, 1][..], &[3, 4, 5], &[2, 4], &[]] {
            assert!(!may_become(&[1, 4, 5], now, 2), "{now:?}");
        }
    }

    #[test]
    fn bytes_survive_as_text() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
        assert_eq!((from_hex("0"), from_hex("0g")), (None, None));
    }
}
