//! Learning from tasks with questions and answers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use mnm_controller::Model;
use mnm_tasks::{Errors, Split, Task, Vocabulary};
use mnm_tensor::{Parameters, SharedArray};
use serde::{Deserialize, Serialize};

use super::learner::Learner;
use super::learning::{Counters, Dated, Learning, Means, Saved, check, overflow};
use super::origin::Origin;
use super::step::{self, StepOutcome};
use super::summary::{BestValid, Ended, Summary};
use crate::batch::deal;
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::error::TrainError;
use crate::evaluate::{evaluate_over, is_zero};
use crate::folder::RunFolder;
use crate::metrics::{AverageValid, Record};
use crate::order::Order;
use crate::room;
use crate::run::positions;
use crate::task::{build_model, build_task, vocabulary_of};
use crate::team::Team;

/// Batches of a task's episodes, in their order.
pub(super) struct Answers {
    config: Config,
    team: Arc<dyn Team>,
    task: Box<dyn Task>,
    order: Order,
    window: Window,
}

/// What a validation finds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Validation {
    /// Mean over the groups, in percent.
    error: f64,
    loss: f64,
    per_task: BTreeMap<String, f64>,
    /// Questions whose answer training never showed.
    #[serde(default, skip_serializing_if = "is_zero")]
    unknown_answers: u64,
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

/// Counters, as the checkpoint's metadata holds them.
#[derive(Serialize, Deserialize)]
struct Progress {
    step: u64,
    sequences: u64,
    best: Option<BestValid>,
    validations_without_better: u64,
    window: Window,
}

impl Answers {
    /// Loss and error (percent) since the last line of metrics.
    fn window_means(&self) -> (f64, f64) {
        let w = &self.window;
        let steps = w.steps.max(1) as f64;
        let loss = (w.task_loss + self.config.train.meta_weight * w.meta_loss) / steps;
        (loss, 100.0 * w.wrong / w.asked.max(1.0))
    }
}

impl Learning for Answers {
    type Found = Validation;
    type Noted = Errors;
    type Record = Record;

    fn prepare(
        config: &Config,
        folder: &RunFolder,
        origin: &Origin,
        team: &Arc<dyn Team>,
    ) -> Result<(Self, Model<f32>), TrainError> {
        let vocabulary = origin.checkpoint().and_then(|c| c.vocabulary.clone());
        let task = build_task(&config.data, config.seed, vocabulary)?;
        origin.check_words(folder, config, task.interface())?;
        for split in [Split::Train, Split::Valid] {
            if task.len(split) == Some(0) {
                return Err(TrainError::EmptySplit {
                    task: task.name().to_owned(),
                    split,
                });
            }
        }
        let positions = origin.checkpoint().and_then(positions);
        let model = build_model(&config.model, task.interface(), positions)?;
        let load = room::Load::of_task(config, task.as_ref(), team.size());
        check(config, origin, &model, &load)?;
        let learning = Self {
            config: config.clone(),
            team: Arc::clone(team),
            task,
            order: Order::new(config.seed, config.train.batch, config.train.bucket),
            window: Window::default(),
        };
        Ok((learning, model))
    }

    fn resume(
        &mut self,
        _model: &Model<f32>,
        checkpoint: &Checkpoint,
        path: &Path,
    ) -> Result<Counters<Validation>, TrainError> {
        let progress: Progress =
            serde_json::from_value(checkpoint.progress.clone()).map_err(|error| {
                TrainError::damaged(
                    path,
                    &format!("the counters of the training cannot be read: {error}"),
                )
            })?;
        self.window = progress.window;
        let best = progress.best.map(|best| {
            let found = Validation {
                error: best.error,
                loss: best.loss,
                per_task: best.per_task,
                unknown_answers: best.unknown_answers,
            };
            (found, best.step)
        });
        Ok(Counters {
            step: progress.step,
            sequences: progress.sequences,
            best,
        })
    }

    fn save(&self, counters: &Counters<Validation>) -> Result<Saved, TrainError> {
        let every = self.config.train.valid_every;
        let progress = Progress {
            step: counters.step,
            sequences: counters.sequences,
            best: counters.best.as_ref().map(best_valid),
            validations_without_better: counters.validations_without_better(every),
            window: self.window.clone(),
        };
        Ok(Saved {
            progress: serde_json::to_value(progress).unwrap_or_default(),
            carried: Parameters::new(),
        })
    }

    /// Of how many episodes a data set has, and how long they are; what they say is for the user to see to.
    fn digest(&self) -> u32 {
        let lengths = [Split::Train, Split::Valid].into_iter().flat_map(|split| {
            let episodes = self.task.len(split).unwrap_or(0);
            let steps = (0..episodes).map(move |index| self.task.steps(split, index) as u64);
            std::iter::once(episodes).chain(steps)
        });
        lengths.fold(0, |sum, length| {
            crc32c::crc32c_append(sum, &length.to_le_bytes())
        })
    }

    fn task(&self) -> &str {
        self.task.name()
    }

    fn notes(&self) -> Vec<String> {
        self.task.notes()
    }

    fn block(&self, model: &Model<f32>) -> usize {
        // Of the shortest sequences, which come in the largest blocks.
        self.config.train.block_of(model.block(1))
    }

    fn vocabulary(&self) -> Option<Vocabulary> {
        vocabulary_of(self.task.interface())
    }

    fn gradient(
        &mut self,
        learner: &Learner,
        step: u64,
    ) -> Result<(StepOutcome, Errors), TrainError> {
        let Learner {
            model, parameters, ..
        } = learner;
        let task = self.task.as_ref();
        let team = self.team.as_ref();
        let indices = self.order.indices(task, step);
        let most = |steps| self.config.train.block_of(model.block(steps));
        let batch = deal(team, task, indices, most, model.block_cost())?;
        step::compute(team, model, parameters, task, batch, &self.config, step)
    }

    fn note(&mut self, outcome: &StepOutcome, errors: Errors) {
        let window = &mut self.window;
        window.steps += 1;
        window.task_loss += outcome.losses.task;
        window.meta_loss += outcome.losses.meta;
        window.wrong += errors.wrong;
        window.asked += errors.total;
        window.grad_norm += outcome.norm;
    }

    fn message(&self) -> String {
        let (loss, error) = self.window_means();
        format!("loss {loss:.4}  error {error:.2} %")
    }

    fn training_record(&mut self, counters: &Counters<Validation>) -> Record {
        let (loss, error) = self.window_means();
        let w = std::mem::take(&mut self.window);
        let steps = w.steps.max(1) as f64;
        let last = counters.step.saturating_sub(1);
        Record::Train {
            step: counters.step,
            sequences: counters.sequences,
            loss,
            task_loss: w.task_loss / steps,
            meta_loss: w.meta_loss / steps,
            error,
            grad_norm: w.grad_norm / steps,
            learning_rate: self.config.train.learning_rate_at(last),
        }
    }

    fn validation_record(
        &self,
        counters: &Counters<Validation>,
        found: &Validation,
        average: Option<&Validation>,
    ) -> Record {
        Record::Valid {
            step: counters.step,
            sequences: counters.sequences,
            loss: found.loss,
            error: found.error,
            per_task: found.per_task.clone(),
            unknown_answers: found.unknown_answers,
            average: average.map(|found| AverageValid {
                loss: found.loss,
                error: found.error,
                per_task: found.per_task.clone(),
            }),
        }
    }

    fn scalars(&self, record: &Record) -> Vec<(&'static str, f64)> {
        match record {
            Record::Train {
                loss,
                task_loss,
                meta_loss,
                error,
                grad_norm,
                learning_rate,
                ..
            } => vec![
                ("train/loss", *loss),
                ("train/task_loss", *task_loss),
                ("train/meta_loss", *meta_loss),
                ("train/error", *error),
                ("train/grad_norm", *grad_norm),
                ("train/learning_rate", *learning_rate),
            ],
            Record::Valid {
                loss,
                error,
                average,
                ..
            } => {
                let mut scalars = vec![("valid/loss", *loss), ("valid/error", *error)];
                scalars.extend(average.iter().flat_map(|found| {
                    [
                        ("valid/average_loss", found.loss),
                        ("valid/average_error", found.error),
                    ]
                }));
                scalars
            }
        }
    }

    fn validate(
        &self,
        model: &Model<f32>,
        parameters: &Parameters<SharedArray<f32>>,
    ) -> Result<Validation, TrainError> {
        let episodes = self.config.train.valid_episodes;
        let task = self.task.as_ref();
        let outcome = evaluate_over(
            self.team.as_ref(),
            task,
            model,
            parameters,
            Split::Valid,
            episodes,
        )?;
        if !outcome.loss.is_finite() {
            return Err(overflow("the loss"));
        }
        Ok(Validation {
            error: outcome.error.mean,
            loss: outcome.loss,
            per_task: outcome.error.per_task,
            unknown_answers: outcome.unknown_answers,
        })
    }

    /// Of two like errors the lower loss is better.
    fn is_better(found: &Validation, best: &Validation) -> bool {
        (found.error, found.loss) < (best.error, best.loss)
    }

    fn is_enough(&self, best: &Validation) -> Option<Ended> {
        (best.error <= self.config.train.stop_error).then_some(Ended::Error)
    }

    fn words(found: &Validation) -> String {
        let figures = format!("error {:.2} %  loss {:.4}", found.error, found.loss);
        match found.unknown_answers {
            0 => figures,
            1 => format!("{figures}  1 answer never seen in training"),
            many => format!("{figures}  {many} answers never seen in training"),
        }
    }

    fn summarise(
        &self,
        best: Option<&Dated<Validation>>,
        means: Means<'_, Validation>,
        summary: &mut Summary,
    ) {
        summary.valid = best.map(best_valid);
        summary.average = means.last.map(best_valid);
        summary.best_average = means.best.map(best_valid);
    }
}

fn best_valid((found, step): &Dated<Validation>) -> BestValid {
    BestValid {
        error: found.error,
        loss: found.loss,
        step: *step,
        per_task: found.per_task.clone(),
        unknown_answers: found.unknown_answers,
    }
}
