//! What a training carries from step to step, and how it is saved and brought back.

use std::path::Path;

use mnm_controller::Model;
use mnm_tasks::Vocabulary;
use mnm_tensor::{Array, Parameters};
use serde::{Deserialize, Serialize};

use super::step::{StepOutcome, not_finite};
use super::{BestValid, Ended};
use crate::TrainError;
use crate::adam::{Adam, clip_factor};
use crate::checkpoint::{Checkpoint, check_parameters};
use crate::config::{Config, TrainConfig};
use crate::evaluate::Evaluation;
use crate::metrics::Record;
use crate::task::draw_parameters;

/// Counters, as the checkpoint's metadata holds them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counters {
    pub(super) step: u64,
    pub(super) sequences: u64,
    pub(super) best: Option<BestValid>,
    pub(super) validations_without_better: u64,
    window: Window,
}

/// Sums since the last line of `metrics.jsonl`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Window {
    steps: u64,
    task_loss: f64,
    meta_loss: f64,
    wrong: f64,
    asked: f64,
    grad_norm: f64,
}

pub(super) struct State {
    pub(super) parameters: Parameters<Array<f32>>,
    pub(super) counters: Counters,
    adam: Adam<f32>,
}

pub(crate) fn trained_names(model: &Model<f32>) -> Vec<String> {
    let specs = model.parameters().into_iter();
    specs.filter(|s| s.trained).map(|s| s.name).collect()
}

impl State {
    pub(super) fn start(model: &Model<f32>, config: &Config) -> Result<Self, TrainError> {
        let parameters = draw_parameters(&model.parameters(), config.model.init, config.seed)?;
        Ok(Self::with_parameters(model, parameters))
    }

    pub(super) fn with_parameters(model: &Model<f32>, parameters: Parameters<Array<f32>>) -> Self {
        let names = trained_names(model);
        let adam = Adam::new(&parameters, names.iter().map(String::as_str));
        Self {
            parameters,
            counters: Counters::default(),
            adam,
        }
    }

    pub(super) fn restore(
        model: &Model<f32>,
        checkpoint: &Checkpoint,
        path: &Path,
    ) -> Result<Self, TrainError> {
        let damaged = |reason: String| TrainError::Damaged {
            path: path.to_owned(),
            reason,
        };
        check_parameters(&model.parameters(), &checkpoint.parameters)
            .map_err(TrainError::misfit(path))?;
        let mut state = Self::with_parameters(model, checkpoint.parameters.clone());
        if !state.adam.restore(&checkpoint.optimizer) {
            return Err(damaged(
                "the optimiser's moments are missing or do not fit; training cannot go on from it"
                    .to_owned(),
            ));
        }
        state.counters = serde_json::from_value(checkpoint.progress.clone())
            .map_err(|e| damaged(format!("the counters of the training cannot be read: {e}")))?;
        Ok(state)
    }

    /// The first parameter or moment that is not finite, by name.
    pub(super) fn not_finite(&self) -> Option<String> {
        not_finite(self.parameters.iter()).or_else(|| not_finite(self.adam.moments()))
    }

    pub(super) fn ended(&self, settings: &TrainConfig) -> Option<Ended> {
        let counters = &self.counters;
        if counters
            .best
            .as_ref()
            .is_some_and(|b| b.error <= settings.stop_error)
        {
            Some(Ended::Error)
        } else if settings.patience > 0 && counters.validations_without_better >= settings.patience
        {
            Some(Ended::Patience)
        } else if counters.step >= settings.steps {
            Some(Ended::Steps)
        } else {
            None
        }
    }

    pub(super) fn apply(&mut self, outcome: &StepOutcome, settings: &TrainConfig) {
        let step = self.counters.step;
        self.adam.step(
            &mut self.parameters,
            &outcome.gradient,
            clip_factor(outcome.norm, settings.clip),
            settings,
            settings.learning_rate_at(step),
            step + 1,
        );
        self.counters.step += 1;
        self.counters.sequences += outcome.sequences as u64;
        let window = &mut self.counters.window;
        window.steps += 1;
        window.task_loss += outcome.losses.task;
        window.meta_loss += outcome.losses.meta;
        window.wrong += outcome.errors.wrong;
        window.asked += outcome.errors.total;
        window.grad_norm += outcome.norm;
    }

    /// Loss and error (percent) since the last line of metrics.
    pub(super) fn window_means(&self, settings: &TrainConfig) -> (f64, f64) {
        let w = &self.counters.window;
        let steps = w.steps.max(1) as f64;
        let loss = (w.task_loss + settings.meta_weight * w.meta_loss) / steps;
        (loss, 100.0 * w.wrong / w.asked.max(1.0))
    }

    pub(super) fn train_record(&self, settings: &TrainConfig) -> Record {
        let (loss, error) = self.window_means(settings);
        let w = &self.counters.window;
        let steps = w.steps.max(1) as f64;
        Record::Train {
            step: self.counters.step,
            sequences: self.counters.sequences,
            loss,
            task_loss: w.task_loss / steps,
            meta_loss: w.meta_loss / steps,
            error,
            grad_norm: w.grad_norm / steps,
            learning_rate: settings.learning_rate_at(self.counters.step.saturating_sub(1)),
        }
    }

    pub(super) fn clear_window(&mut self) {
        self.counters.window = Window::default();
    }

    /// Takes note of a validation; whether it is the best so far (of two like errors the lower loss).
    pub(super) fn validated(&mut self, outcome: &Evaluation) -> bool {
        let found = (outcome.error.mean, outcome.loss);
        let better = self
            .counters
            .best
            .as_ref()
            .is_none_or(|b| found < (b.error, b.loss));
        if better {
            self.counters.best = Some(BestValid {
                error: outcome.error.mean,
                loss: outcome.loss,
                step: self.counters.step,
                per_task: outcome.error.per_task.clone(),
            });
            self.counters.validations_without_better = 0;
        } else {
            self.counters.validations_without_better += 1;
        }
        better
    }

    /// Everything that is needed to go on.
    pub(super) fn checkpoint(&self, config: &Config, vocabulary: Option<Vocabulary>) -> Checkpoint {
        Checkpoint {
            optimizer: self.adam.to_arrays(),
            progress: serde_json::to_value(&self.counters).unwrap_or_default(),
            ..self.best_checkpoint(config, vocabulary)
        }
    }

    /// Everything that is needed to use the model.
    pub(super) fn best_checkpoint(
        &self,
        config: &Config,
        vocabulary: Option<Vocabulary>,
    ) -> Checkpoint {
        Checkpoint {
            parameters: self.parameters.clone(),
            optimizer: Parameters::new(),
            config: config.for_checkpoint().to_toml(),
            vocabulary,
            progress: serde_json::Value::Null,
        }
    }
}
