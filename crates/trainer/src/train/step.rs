//! The gradient of one batch: blocks in parallel, summed in order.

use std::path::Path;

use mnm_controller::Model;
use mnm_tasks::{Errors, Task, stream};
use mnm_tensor::kernels::vectorised;
use mnm_tensor::{Parameters, SharedArray, dense};

use super::tree::sum_over;
use crate::adam::global_norm;
use crate::batch::{Batch, Block};
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::error::{AFTER_THE_STEP, TrainError};
use crate::folder::RunFolder;
use crate::objective::{BlockGradient, Losses, Scale, block_gradient};
use crate::team::Team;

/// What one batch says.
#[derive(Debug)]
pub(crate) struct StepOutcome {
    pub(crate) losses: Losses,
    pub(crate) gradient: Parameters<SharedArray<f32>>,
    pub(crate) norm: f64,
    pub(crate) sequences: usize,
}

/// The losses and the gradient of a batch, of which every rank has its own blocks; and the wrong answers.
pub(crate) fn compute(
    team: &dyn Team,
    model: &Model<f32>,
    parameters: &Parameters<SharedArray<f32>>,
    task: &dyn Task,
    batch: Batch,
    config: &Config,
    step: u64,
) -> Result<(StepOutcome, Errors), TrainError> {
    let scale = Scale {
        targets: batch.targets.max(1.0),
        steps: batch.steps,
        meta_weight: config.train.meta_weight,
        truncate: config.train.truncate,
    };
    let one = |number: usize, episodes| {
        let block = Block::new(episodes, model.outputs())?;
        // A stream a block and step: what is dropped does not hang on who computes it.
        let mut generator = stream(config.seed, &format!("dropout/{number}"), step);
        let masks = model.masks(block.steps, block.batch(), &mut generator);
        block_gradient(model, parameters, &block, task, &masks, scale)
    };
    let sum = sum_over(team, batch.count, batch.blocks, &one, &BlockGradient::plus)?;
    StepOutcome::of(sum, batch.sequences)
}

impl StepOutcome {
    /// Of the blocks' sum; and the wrong answers.
    pub(crate) fn of(
        sum: Option<BlockGradient<f32>>,
        sequences: usize,
    ) -> Result<(Self, Errors), TrainError> {
        let sum = sum.ok_or_else(|| TrainError::Batch("a batch without blocks".to_owned()))?;
        let outcome = Self {
            losses: sum.losses,
            norm: global_norm(&sum.gradient),
            gradient: sum.gradient,
            sequences,
        };
        Ok((outcome, sum.errors))
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

    /// The error of the step after `step` others, in which `what` is not finite; parameters and gradients are left in the
    /// run folder.
    pub(crate) fn refuse(
        &self,
        what: String,
        folder: &RunFolder,
        parameters: &Parameters<SharedArray<f32>>,
        config: &Config,
        step: u64,
    ) -> TrainError {
        let step = step + 1;
        let dump = folder.dir().join(format!("not-finite-{step}.safetensors"));
        match self.dump(&dump, parameters, config) {
            Ok(()) => TrainError::NotFinite { step, what, dump },
            Err(error) => error,
        }
    }

    /// Writes the parameters and, under `gradient.NAME`, the gradients.
    fn dump(
        &self,
        path: &Path,
        parameters: &Parameters<SharedArray<f32>>,
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

/// The first array with an element that is not finite, by name: a step that was too large leaves one.
pub(crate) fn not_finite<'a>(
    arrays: impl IntoIterator<Item = (&'a str, &'a SharedArray<f32>)>,
) -> Option<String> {
    let finite = |array: &SharedArray<f32>| {
        let elements = dense(array);
        vectorised(|| elements.iter().fold(true, |all, x| all & x.is_finite()))
    };
    arrays
        .into_iter()
        .find(|(_, array)| !finite(array))
        .map(|(name, _)| format!("`{name}` {AFTER_THE_STEP}"))
}
