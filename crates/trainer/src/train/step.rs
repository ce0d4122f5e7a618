//! The gradient of one batch: blocks in parallel, summed in order.

use std::path::Path;

use mnm_controller::Model;
use mnm_tasks::{Episode, Errors, Task, stream};
use mnm_tensor::{Array, Parameters};
use rayon::prelude::*;

use crate::TrainError;
use crate::adam::global_norm;
use crate::batch::{Block, collate};
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::objective::{BlockGradient, Losses, Scale, block_gradient};

/// What one batch says.
#[derive(Debug)]
pub(crate) struct StepOutcome {
    pub(crate) losses: Losses,
    pub(crate) errors: Errors,
    pub(crate) gradient: Parameters<Array<f32>>,
    pub(crate) norm: f64,
    pub(crate) sequences: usize,
}

pub(crate) fn compute(
    model: &Model<f32>,
    parameters: &Parameters<Array<f32>>,
    task: &dyn Task,
    episodes: Vec<Episode>,
    config: &Config,
    step: u64,
) -> Result<StepOutcome, TrainError> {
    let batch = collate(episodes);
    let scale = Scale {
        targets: batch.targets.max(1.0),
        steps: batch.steps,
        meta_weight: config.train.meta_weight,
        truncate: config.train.truncate,
    };
    let parts = batch
        .blocks
        .into_par_iter()
        .enumerate()
        .map(|(number, episodes)| {
            let block = Block::new(episodes, model.outputs())?;
            // A stream a block and step: what is dropped does not hang on who computes it.
            let mut generator = stream(config.seed, &format!("dropout/{number}"), step);
            let masks = model.masks(block.steps, block.batch(), &mut generator);
            block_gradient(model, parameters, &block, task, &masks, scale)
        })
        .collect::<Result<Vec<_>, TrainError>>()?;
    StepOutcome::sum(parts, batch.sequences)
}

impl StepOutcome {
    /// The sum of the blocks' shares, in their order.
    pub(crate) fn sum(
        parts: Vec<BlockGradient<f32>>,
        sequences: usize,
    ) -> Result<Self, TrainError> {
        let mut parts = parts.into_iter();
        let Some(first) = parts.next() else {
            return Err(TrainError::Batch("a batch without blocks".to_owned()));
        };
        let mut outcome = Self {
            losses: first.losses,
            errors: first.errors,
            gradient: first.gradient,
            norm: 0.0,
            sequences,
        };
        for part in parts {
            outcome.losses += part.losses;
            outcome.errors += part.errors;
            for (name, sum) in outcome.gradient.iter_mut() {
                if let Some(g) = part.gradient.find(name) {
                    sum.zip_mut_with(g, |a, &b| *a += b);
                }
            }
        }
        outcome.norm = global_norm(&outcome.gradient);
        Ok(outcome)
    }

    /// The first loss or gradient that is not finite, by name.
    pub(crate) fn not_finite(&self) -> Option<String> {
        if !self.losses.task.is_finite() {
            return Some("the task loss".to_owned());
        }
        if !self.losses.meta.is_finite() {
            return Some("the meta loss".to_owned());
        }
        if self.norm.is_finite() {
            return None;
        }
        self.gradient
            .iter()
            .find(|(_, g)| g.iter().any(|x| !x.is_finite()))
            .map(|(name, _)| format!("the gradient of `{name}`"))
            .or_else(|| Some("the norm of the gradient".to_owned()))
    }

    /// Writes the parameters and, under `gradient.NAME`, the gradients.
    pub(crate) fn dump(
        &self,
        path: &Path,
        parameters: &Parameters<Array<f32>>,
        config: &Config,
    ) -> Result<(), TrainError> {
        let mut arrays = parameters.clone();
        for (name, g) in self.gradient.iter() {
            arrays.insert(format!("gradient.{name}"), g.clone());
        }
        let dump = Checkpoint {
            parameters: arrays,
            optimizer: Parameters::new(),
            config: config.for_checkpoint().to_toml(),
            vocabulary: None,
            progress: serde_json::Value::Null,
        };
        Ok(dump.write(path)?)
    }
}
