//! Learning of an agent that plays, by A2C: a step plays a segment in every world and learns from it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use mnm_controller::Model;
use mnm_tasks::Split;
use mnm_tensor::{Parameters, SharedArray};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::learner::Learner;
use super::learning::{Counters, Dated, Learning, Means, Saved, check, overflow};
use super::origin::Origin;
use super::step::{StepOutcome, not_finite};
use super::summary::{Ended, Summary};
use super::tree::sum_over;
use crate::batch::BLOCK;
use crate::checkpoint::Checkpoint;
use crate::config::{Config, RlConfig};
use crate::error::TrainError;
use crate::folder::RunFolder;
use crate::objective::BlockGradient;
use crate::rl::worlds::{Outcome, Worlds};
use crate::rl::{
    AgentLosses, AgentRecord, AgentSummary, LossWeights, Segment, build_agent, build_environment,
    play_split, segment_gradient,
};
use crate::room;
use crate::team::{Arrays, Team, collect, part, share};

/// Worlds in which the agent plays.
pub(super) struct Agents {
    config: Config,
    team: Arc<dyn Team>,
    settings: RlConfig,
    environment: String,
    /// Blocks of worlds of all ranks.
    blocks: usize,
    /// Those of this rank, block after block.
    worlds: Vec<Worlds>,
    /// Steps of all worlds.
    environment_steps: u64,
    window: Window,
    /// In nats, of the last segment.
    entropy: f64,
    begun: Instant,
    /// Environment steps done before this sitting.
    steps_before: u64,
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

/// Counters, as the checkpoint's metadata holds them.
#[derive(Serialize, Deserialize)]
struct SavedCounters {
    step: u64,
    episodes: u64,
    environment_steps: u64,
    /// The best validation: mean reward, and after how many segments.
    best: Option<(f64, u64)>,
    window: Window,
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
    counters: SavedCounters,
    worlds: Vec<SavedWorlds>,
}

/// In front of the names of what the agent carries, among a checkpoint's tensors: block, then part.
fn carried_prefix(block: usize) -> String {
    format!("carried.{block}.")
}

impl Agents {
    /// The mean reward of the episodes that ended since the last line of metrics; `None` if none did.
    fn reward(&self) -> Option<f64> {
        let window = &self.window;
        (window.episodes > 0).then(|| window.earned / window.episodes as f64)
    }

    /// Environment steps per second of this sitting.
    fn speed(&self) -> f64 {
        let done = self.environment_steps - self.steps_before;
        done as f64 / self.begun.elapsed().as_secs_f64().max(1e-9)
    }
}

impl Learning for Agents {
    /// The mean reward of an episode.
    type Found = f64;
    type Noted = (AgentLosses, Outcome);
    type Record = AgentRecord;

    fn may_stop(config: &Config) -> bool {
        config
            .rl
            .as_ref()
            .is_some_and(|rl| rl.stop_reward.is_some())
    }

    fn prepare(
        config: &Config,
        _folder: &RunFolder,
        origin: &Origin,
        team: &Arc<dyn Team>,
    ) -> Result<(Self, Model<f32>), TrainError> {
        let one = build_environment(&config.data, 1, config.seed, Split::Train)?;
        let model = build_agent(&config.model, one.as_ref())?;
        let settings = config.rl.clone().unwrap_or_default();
        let load = room::Load::of_worlds(config, &settings, team.size());
        check(config, origin, &model, &load)?;
        let size = config.train.block_of(BLOCK);
        let blocks = config.train.batch.div_ceil(size);
        let worlds = part(team.as_ref(), blocks)
            .map(|block| {
                let first = block * size;
                let batch = size.min(config.train.batch - first);
                let environment =
                    build_environment(&config.data, batch, config.seed, Split::Train)?;
                Worlds::begin(environment, first as u64)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let learning = Self {
            config: config.clone(),
            team: Arc::clone(team),
            settings,
            environment: one.name().to_owned(),
            blocks,
            worlds,
            environment_steps: 0,
            window: Window::default(),
            entropy: 0.0,
            begun: Instant::now(),
            steps_before: 0,
        };
        Ok((learning, model))
    }

    fn block(&self, _: &Model<f32>) -> usize {
        self.config.train.block_of(BLOCK)
    }

    fn resume(
        &mut self,
        model: &Model<f32>,
        checkpoint: &Checkpoint,
        path: &Path,
    ) -> Result<Counters<f64>, TrainError> {
        let damaged = |reason: String| TrainError::damaged(path, &reason);
        let Progress {
            counters,
            worlds: saved,
        } = serde_json::from_value(checkpoint.progress.clone())
            .map_err(|e| damaged(format!("the state of the training cannot be read: {e}")))?;
        if saved.len() != self.blocks {
            return Err(damaged(format!(
                "it holds {} blocks of worlds, expected {}",
                saved.len(),
                self.blocks
            )));
        }
        let own = part(self.team.as_ref(), self.blocks);
        let saved = saved.into_iter().enumerate().skip(own.start);
        for (worlds, (block, saved)) in self.worlds.iter_mut().zip(saved) {
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
        self.environment_steps = counters.environment_steps;
        self.steps_before = counters.environment_steps;
        self.window = counters.window;
        Ok(Counters {
            step: counters.step,
            sequences: counters.episodes,
            best: counters.best,
        })
    }

    /// Also in the middle of an episode.
    fn save(&self, counters: &Counters<f64>) -> Result<Saved, TrainError> {
        let own = self.worlds.iter().map(|worlds| {
            let saved = SavedWorlds {
                first: worlds.first,
                step: worlds.step,
                earned: worlds.earned.clone(),
                environment: to_hex(&worlds.save()),
            };
            (saved, worlds.carried.as_ref().map(Arrays::of))
        });
        let (mut worlds, mut parts) = (Vec::new(), Parameters::new());
        let all = collect(self.team.as_ref(), own.collect())?;
        for (block, (saved, carried)) in all.into_iter().enumerate() {
            worlds.push(saved);
            let carried = carried.map(Arrays::open).transpose();
            for (name, part) in carried.map_err(TrainError::Message)?.into_iter().flatten() {
                parts.insert(format!("{}{name}", carried_prefix(block)), part);
            }
        }
        let progress = Progress {
            counters: SavedCounters {
                step: counters.step,
                episodes: counters.sequences,
                environment_steps: self.environment_steps,
                best: counters.best,
                window: self.window.clone(),
            },
            worlds,
        };
        Ok(Saved {
            progress: serde_json::to_value(progress).unwrap_or_default(),
            carried: parts,
        })
    }

    fn task(&self) -> &str {
        &self.environment
    }

    fn gradient(
        &mut self,
        learner: &Learner,
        step: u64,
    ) -> Result<(StepOutcome, Self::Noted), TrainError> {
        let (config, team) = (&self.config, self.team.as_ref());
        let (model, parameters) = (&learner.model, &learner.parameters);
        let settings = &self.settings.at(step, config.train.steps);
        let batch = config.train.batch as u64;
        let segments = self
            .worlds
            .par_iter_mut()
            .map(|block| block.play(model, parameters, settings, config.seed, batch))
            .collect::<Result<Vec<_>, TrainError>>();
        let (segments, outcomes) = match segments {
            Ok(segments) => {
                let (segments, outcomes): (Vec<Segment<f32>>, _) = segments.into_iter().unzip();
                (segments, Ok(outcomes))
            }
            Err(error) => (Vec::new(), Err(error)),
        };
        let mut played = Outcome::default();
        for outcome in share(team, outcomes)? {
            played += outcome;
        }
        let weights = LossWeights {
            steps: played.steps as f64,
            value: settings.value_weight,
            entropy: settings.entropy_weight,
            meta: config.train.meta_weight,
        };
        let one = |_, segment: Segment<f32>| segment_gradient(model, parameters, &segment, weights);
        let sum = sum_over(team, self.blocks, segments, &one, &together)?;
        let (sum, losses) = sum.unzip();
        let (outcome, _) = StepOutcome::of(sum, played.episodes)?;
        Ok((outcome, (losses.unwrap_or_default(), played)))
    }

    fn note(&mut self, outcome: &StepOutcome, (losses, played): Self::Noted) {
        self.environment_steps += played.steps as u64;
        self.entropy = losses.entropy;
        let window = &mut self.window;
        window.segments += 1;
        window.losses += losses;
        window.loss += outcome.losses.task + self.config.train.meta_weight * outcome.losses.meta;
        window.grad_norm += outcome.norm;
        window.episodes += played.episodes as u64;
        window.earned += played.earned;
    }

    /// What agents carry.
    fn not_finite(&self) -> Result<Option<String>, TrainError> {
        let worlds = self.worlds.iter();
        let carried = worlds.filter_map(|block| block.carried.as_ref());
        let found = not_finite(carried.flat_map(Parameters::iter));
        let all = share(self.team.as_ref(), Ok(Vec::from_iter(found)))?;
        Ok(all.into_iter().next())
    }

    fn message(&self) -> String {
        let reward = self.reward();
        format!(
            "reward {}  entropy {:.3}  {:.0} environment steps/s",
            reward.map_or("-".to_owned(), |reward| format!("{reward:.2}")),
            self.entropy,
            self.speed()
        )
    }

    fn training_record(&mut self, counters: &Counters<f64>) -> AgentRecord {
        let (reward, settings) = (self.reward(), &self.config.train);
        let window = std::mem::take(&mut self.window);
        let segments = window.segments.max(1) as f64;
        let loss = window.loss / segments;
        let meta_loss = window.losses.meta / segments;
        AgentRecord::Train {
            step: counters.step,
            sequences: counters.sequences,
            environment_steps: self.environment_steps,
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

    fn validation_record(
        &self,
        counters: &Counters<f64>,
        reward: &f64,
        average: Option<&f64>,
    ) -> AgentRecord {
        AgentRecord::Valid {
            step: counters.step,
            sequences: counters.sequences,
            environment_steps: self.environment_steps,
            reward: *reward,
            average_reward: average.copied(),
        }
    }

    fn scalars(&self, record: &AgentRecord) -> Vec<(&'static str, f64)> {
        match *record {
            AgentRecord::Train {
                reward,
                policy_loss,
                value_loss,
                entropy,
                meta_loss,
                grad_norm,
                ..
            } => {
                let mut scalars = vec![
                    ("train/policy_loss", policy_loss),
                    ("train/value_loss", value_loss),
                    ("train/entropy", entropy),
                    ("train/meta_loss", meta_loss),
                    ("train/grad_norm", grad_norm),
                    ("train/environment_steps_per_second", self.speed()),
                ];
                scalars.extend(reward.map(|reward| ("train/reward", reward)));
                scalars
            }
            AgentRecord::Valid {
                reward,
                average_reward,
                ..
            } => {
                let average = average_reward.map(|reward| ("valid/average_reward", reward));
                std::iter::once(("valid/reward", reward))
                    .chain(average)
                    .collect()
            }
        }
    }

    /// Plays fresh episodes.
    fn validate(
        &self,
        model: &Model<f32>,
        parameters: &Parameters<SharedArray<f32>>,
    ) -> Result<f64, TrainError> {
        let episodes = self.config.train.valid_episodes;
        let team = self.team.as_ref();
        let figures = play_split(
            team,
            &self.config,
            model,
            parameters,
            Split::Valid,
            episodes,
        )?;
        let reward = figures.reward.mean;
        if reward.is_finite() {
            Ok(reward)
        } else {
            Err(overflow("the reward"))
        }
    }

    fn is_better(found: &f64, best: &f64) -> bool {
        found > best
    }

    fn is_enough(&self, best: &f64) -> Option<Ended> {
        let enough = self.settings.stop_reward?;
        (*best >= enough).then_some(Ended::Reward)
    }

    fn words(reward: &f64) -> String {
        format!("reward {reward:.3}")
    }

    fn summarise(&self, best: Option<&Dated<f64>>, means: Means<'_, f64>, summary: &mut Summary) {
        summary.agent = Some(AgentSummary {
            reward: best.map(|(reward, _)| *reward),
            step: best.map(|(_, step)| *step),
            average_reward: means.last.map(|(reward, _)| *reward),
            best_average_reward: means.best.map(|(reward, _)| *reward),
            best_average_step: means.best.map(|(_, step)| *step),
            environment_steps: self.environment_steps,
            environment_steps_per_second: self.speed(),
        });
    }
}

/// The shares of two blocks of worlds.
fn together(
    (left, mut losses): (BlockGradient<f32>, AgentLosses),
    (right, more): (BlockGradient<f32>, AgentLosses),
) -> (BlockGradient<f32>, AgentLosses) {
    losses += more;
    (left.plus(right), losses)
}

/// What the agent carries in a block, if it fits the model; else what does not.
fn carried(
    model: &Model<f32>,
    checkpoint: &Checkpoint,
    block: usize,
    batch: usize,
) -> Result<Parameters<SharedArray<f32>>, String> {
    let prefix = carried_prefix(block);
    let found: Parameters<SharedArray<f32>> = checkpoint
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
