//! What every kind of learning carries from step to step: a model's parameters and the optimiser's moments.

use std::path::Path;

use mnm_controller::Model;
use mnm_tensor::{Parameters, SharedArray};

use super::average::Mean;
use super::origin::Origin;
use super::step::{StepOutcome, not_finite};
use crate::adam::{Adam, clip_factor};
use crate::checkpoint::{Checkpoint, check_parameters};
use crate::config::{Config, TrainConfig};
use crate::error::TrainError;
use crate::task::draw_parameters;

/// A model in training.
pub(super) struct Learner {
    pub(super) model: Model<f32>,
    pub(super) parameters: Parameters<SharedArray<f32>>,
    adam: Adam<f32>,
    /// There where the config asks for it.
    mean: Option<Mean>,
}

impl Learner {
    /// The model where `origin` begins; `path` is where a run's own checkpoint was read.
    pub(super) fn begin(
        model: Model<f32>,
        config: &Config,
        origin: &Origin,
        path: &Path,
    ) -> Result<Self, TrainError> {
        match origin {
            Origin::Fresh => Self::start(model, config),
            Origin::Parameters(start) => Ok(Self::with(model, config, start.parameters.clone())),
            Origin::Saved(checkpoint) => Self::restore(model, config, checkpoint, path),
        }
    }

    /// First values, drawn.
    pub(super) fn start(model: Model<f32>, config: &Config) -> Result<Self, TrainError> {
        let parameters = draw_parameters(&model.parameters(), config.model.init, config.seed)?;
        Ok(Self::with(model, config, parameters))
    }

    /// These parameters, and an optimiser that has seen nothing.
    fn with(model: Model<f32>, config: &Config, parameters: Parameters<SharedArray<f32>>) -> Self {
        let specs = model.parameters().into_iter();
        let names: Vec<String> = specs.filter(|s| s.trained).map(|s| s.name).collect();
        let adam = Adam::new(&parameters, names.iter().map(String::as_str));
        let mean = config.train.average;
        Self {
            mean: mean.map(|kind| Mean::new(kind, &parameters, &names)),
            model,
            parameters,
            adam,
        }
    }

    fn restore(
        model: Model<f32>,
        config: &Config,
        checkpoint: &Checkpoint,
        path: &Path,
    ) -> Result<Self, TrainError> {
        check_parameters(&model.parameters(), &checkpoint.parameters)
            .map_err(TrainError::misfit(path))?;
        let mut learner = Self::with(model, config, checkpoint.parameters.clone());
        if !learner.adam.restore(&checkpoint.optimizer) {
            return Err(TrainError::damaged(
                path,
                "the optimiser's moments are missing or do not fit; training cannot go on from it",
            ));
        }
        Ok(learner)
    }

    /// Takes up a mean over `steps` steps; `false` if the checkpoint does not hold it.
    pub(super) fn restore_mean(&mut self, checkpoint: &Checkpoint, steps: u64) -> bool {
        let mean = self.mean.as_mut();
        mean.is_none_or(|mean| mean.restore(&checkpoint.optimizer, steps))
    }

    /// How many steps are in the mean of the parameters; `None` where none is kept.
    pub(super) fn averaged_steps(&self) -> Option<u64> {
        self.mean.as_ref().map(Mean::steps)
    }

    /// The parameters with the mean of the trained ones in their place, where one is kept and has begun.
    pub(super) fn averaged(&self) -> Option<Parameters<SharedArray<f32>>> {
        self.mean.as_ref()?.parameters(&self.parameters)
    }

    /// The number of trainable parameters.
    pub(super) fn trained(&self) -> usize {
        let specs = self.model.parameters();
        let trained = specs.iter().filter(|spec| spec.trained);
        trained.map(|spec| spec.len()).sum()
    }

    /// Takes the optimiser's step after `step` others.
    pub(super) fn apply(&mut self, outcome: &StepOutcome, settings: &TrainConfig, step: u64) {
        self.adam.step(
            &mut self.parameters,
            &outcome.gradient,
            clip_factor(outcome.norm, settings.clip),
            settings,
            settings.learning_rate_at(step),
            step + 1,
        );
        if let Some(mean) = &mut self.mean {
            mean.take(&self.parameters, step + 1, settings.steps);
        }
    }

    /// The first parameter or moment that is not finite, by name.
    pub(super) fn not_finite(&self) -> Option<String> {
        not_finite(self.parameters.iter()).or_else(|| not_finite(self.adam.moments()))
    }

    /// The optimiser's moments, and the mean of the parameters, by name.
    pub(super) fn carried(&self) -> Parameters<SharedArray<f32>> {
        let mut arrays = self.adam.to_arrays();
        for (name, value) in self.mean.iter().flat_map(Mean::to_arrays) {
            arrays.insert(name, value);
        }
        arrays
    }
}
