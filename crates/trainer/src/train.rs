//! The training loop.

mod allocator;
pub(crate) mod claim;
pub(crate) mod origin;
mod resume;
pub(crate) mod state;
pub(crate) mod step;
pub(crate) mod tree;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mnm_controller::Model;
use mnm_tasks::{Episode, Split, Task};
use serde::{Deserialize, Serialize};

use crate::checkpoint::write_file;
use crate::config::{Config, check_threads};
use crate::evaluate::{Evaluation, evaluate};
use crate::metrics::{Metrics, Record, history};
use crate::order::Order;
use crate::progress::Progress;
use crate::run::{RunFolder, positions};
use crate::task::{build_model, build_task, checked_episode, vocabulary_of};
use crate::tensorboard::EventWriter;
use crate::{TrainError, plot_run, rl};

use claim::Claim;
use origin::Origin;
use state::State;

/// How a training is run, beside its config.
#[derive(Clone, Debug, Default)]
pub struct TrainOptions {
    /// Go on with the run in the folder, if there is one.
    pub resume: bool,
    /// Set from outside to stop after the step at hand, with a checkpoint to resume from.
    pub stop: Arc<AtomicBool>,
    /// Show nothing.
    pub quiet: bool,
}

/// Why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// All steps were done.
    Steps,
    /// The validation error came down to `train.stop_error`.
    Error,
    /// No better validation in `train.patience`.
    Patience,
    /// It was interrupted, and can be resumed.
    Interrupted,
}

/// The best validation of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestValid {
    /// Mean error over the groups, in percent.
    pub error: f64,
    /// Cross-entropy, in nats.
    pub loss: f64,
    /// After how many steps.
    pub step: u64,
    /// Each group's error, in percent.
    pub per_task: std::collections::BTreeMap<String, f64>,
}

/// What `summary.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Whether the training came to its end.
    pub finished: bool,
    /// Why it ended.
    pub ended: Ended,
    /// The task.
    pub task: String,
    /// Optimiser steps done.
    pub steps: u64,
    /// Sequences seen.
    pub sequences: u64,
    /// Trained numbers.
    pub parameters: usize,
    /// The best validation.
    pub valid: Option<BestValid>,
    /// Wall-clock seconds of the last sitting.
    pub seconds: f64,
    /// Training steps per second of the last sitting, validations included.
    pub steps_per_second: f64,
    /// What there is to say of an agent; `sequences` are then its episodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<rl::AgentSummary>,
}

/// Trains the model of `config` and leaves everything in the folder `out`.
///
/// # Errors
/// [`TrainError`]: a config or data that do not hold, a folder that cannot be written or holds a run already, or a
/// training that ran into numbers that are not finite.
pub fn train(config: &Config, out: &Path, options: &TrainOptions) -> Result<Summary, TrainError> {
    config.validate()?;
    let pool = thread_pool(config.threads)?;
    pool.install(|| match &config.rl {
        Some(settings) => rl::train(config, settings, out, options),
        None => Training::prepare(config, out, options)?.run(options),
    })
}

/// A pool of `threads` threads; 0 takes all cores.
///
/// # Errors
/// More than 1024 threads, or [`TrainError::Threads`] if the system refuses.
pub fn thread_pool(threads: usize) -> Result<rayon::ThreadPool, TrainError> {
    check_threads(threads)?;
    allocator::keep_freed_memory();
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| TrainError::Threads {
            threads,
            reason: e.to_string(),
        })
}

/// Training steps by themselves, without a folder: what the bench times.
pub(crate) struct Stepper(State);

impl Stepper {
    pub(crate) fn new(model: &Model<f32>, config: &Config) -> Result<Self, TrainError> {
        Ok(Self(State::start(model, config)?))
    }

    /// One whole step on `episodes`; the loss before it.
    pub(crate) fn step(
        &mut self,
        model: &Model<f32>,
        task: &dyn Task,
        episodes: Vec<Episode>,
        config: &Config,
    ) -> Result<f64, TrainError> {
        let step = self.0.counters.step;
        let outcome = step::compute(model, &self.0.parameters, task, episodes, config, step)?;
        self.0.apply(&outcome, &config.train);
        Ok(outcome.losses.task + config.train.meta_weight * outcome.losses.meta)
    }
}

/// A training between two steps.
struct Training<'a> {
    config: &'a Config,
    folder: RunFolder,
    task: Box<dyn Task>,
    model: Model<f32>,
    order: Order,
    state: State,
    metrics: Metrics,
    events: EventWriter,
    progress: Progress,
    begun: Instant,
    /// Given up last, when everything is written.
    _claim: Claim,
}

impl<'a> Training<'a> {
    fn prepare(config: &'a Config, out: &Path, options: &TrainOptions) -> Result<Self, TrainError> {
        let claim = Claim::on(out)?;
        let folder = claim.folder().clone();
        // Everything that can be wrong with config and data is found before anything is written.
        let origin = Origin::find(&folder, config, options.resume)?;
        let vocabulary = origin.checkpoint().and_then(|c| c.vocabulary.clone());
        let task = build_task(&config.data, config.seed, vocabulary)?;
        origin.check_words(&folder, config, task.interface())?;
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
        origin.check_model(config, &model)?;
        let state = match &origin {
            Origin::Saved(checkpoint) => State::restore(&model, checkpoint, &folder.checkpoint())?,
            Origin::Parameters(start) => State::with_parameters(&model, start.parameters.clone()),
            Origin::Fresh => State::start(&model, config)?,
        };
        let history = history(
            &folder.metrics(),
            state.counters.step,
            config.train.log_every,
        )?;
        claim.begin(config)?;
        Ok(Self {
            config,
            _claim: claim,
            order: Order::new(config.seed, config.train.batch, config.train.bucket),
            metrics: Metrics::open(&folder.metrics(), &history)?,
            events: EventWriter::append(out)?,
            progress: Progress::new(config.train.steps, state.counters.step, options.quiet),
            begun: Instant::now(),
            folder,
            task,
            model,
            state,
        })
    }

    fn run(mut self, options: &TrainOptions) -> Result<Summary, TrainError> {
        let first = self.state.counters.step;
        let trained: usize = self
            .model
            .parameters()
            .iter()
            .filter(|spec| spec.trained)
            .map(|spec| spec.len())
            .sum();
        self.progress.say(&format!(
            "{}: {} of {} trained numbers, {} threads, from step {first}",
            self.task.name(),
            self.config.model.label(),
            trained,
            rayon::current_num_threads(),
        ));
        for note in self.task.notes() {
            self.progress.say(&format!("note: {note}"));
        }
        let settings = &self.config.train;
        let ended = loop {
            if let Some(ended) = self.state.ended(settings) {
                break ended;
            }
            if options.stop.load(Ordering::Relaxed) {
                break Ended::Interrupted;
            }
            if self.state.counters.step == first {
                self.folder.remove_findings()?;
            }
            self.step()?;
            let step = self.state.counters.step;
            if step.is_multiple_of(settings.log_every) {
                self.log()?;
            }
            if step.is_multiple_of(settings.valid_every) {
                self.validate()?;
            }
            if step.is_multiple_of(settings.checkpoint_every) {
                self.save()?;
            }
        };
        self.save()?;
        if ended == Ended::Steps && self.state.counters.best.is_none() {
            self.validate_short_run()?;
        }
        let done = self.state.counters.step;
        let summary = Summary {
            finished: ended != Ended::Interrupted,
            ended,
            task: self.task.name().to_owned(),
            steps: done,
            sequences: self.state.counters.sequences,
            parameters: trained,
            valid: self.state.counters.best.clone(),
            seconds: self.begun.elapsed().as_secs_f64(),
            steps_per_second: self.progress.steps_per_second(done),
            agent: None,
        };
        let text = serde_json::to_string_pretty(&summary).unwrap_or_default() + "\n";
        write_file(&self.folder.summary(), text.as_bytes())
            .map_err(TrainError::file(self.folder.summary(), "write the summary"))?;
        plot_run::curves(&self.folder)?;
        Ok(summary)
    }

    /// One optimiser step.
    fn step(&mut self) -> Result<(), TrainError> {
        let step = self.state.counters.step;
        let episodes = self
            .order
            .indices(self.task.as_ref(), step)
            .into_iter()
            .map(|index| checked_episode(self.task.as_ref(), Split::Train, index))
            .collect::<Result<Vec<_>, _>>()?;
        let outcome = step::compute(
            &self.model,
            &self.state.parameters,
            self.task.as_ref(),
            episodes,
            self.config,
            step,
        )?;
        let refuse = |what, parameters: &_| {
            outcome.refuse(what, &self.folder, parameters, self.config, step)
        };
        if let Some(what) = outcome.not_finite() {
            return Err(refuse(what, &self.state.parameters));
        }
        self.state.apply(&outcome, &self.config.train);
        if let Some(what) = self.state.not_finite() {
            return Err(refuse(what, &self.state.parameters));
        }
        let (loss, error) = self.state.window_means(&self.config.train);
        self.progress.step(step + 1, loss, error);
        Ok(())
    }

    fn log(&mut self) -> Result<(), TrainError> {
        let record = self.state.train_record(&self.config.train);
        self.metrics.push(&record)?;
        if let Record::Train {
            step,
            loss,
            task_loss,
            meta_loss,
            error,
            grad_norm,
            learning_rate,
            ..
        } = record
        {
            let scalars = [
                ("train/loss", loss),
                ("train/task_loss", task_loss),
                ("train/meta_loss", meta_loss),
                ("train/error", error),
                ("train/grad_norm", grad_norm),
                ("train/learning_rate", learning_rate),
                (
                    "train/steps_per_second",
                    self.progress.steps_per_second(step),
                ),
            ];
            self.tensorboard(step, &scalars)?;
        }
        self.state.clear_window();
        Ok(())
    }

    fn validate(&mut self) -> Result<(), TrainError> {
        let outcome = self.evaluate()?;
        let counters = &self.state.counters;
        let step = counters.step;
        self.metrics.push(&Record::Valid {
            step,
            sequences: counters.sequences,
            loss: outcome.loss,
            error: outcome.error.mean,
            per_task: outcome.error.per_task.clone(),
        })?;
        let scalars = [
            ("valid/loss", outcome.loss),
            ("valid/error", outcome.error.mean),
        ];
        self.tensorboard(step, &scalars)?;
        self.judge(&outcome)
    }

    /// Validates a run that ended before its first validation was due, for its summary and its best parameters. Neither
    /// the metrics nor the checkpoint know of it: a run that goes on from here with more steps is then, byte for byte, one
    /// that never stopped (where its rate does not decay towards its last step).
    fn validate_short_run(&mut self) -> Result<(), TrainError> {
        let outcome = self.evaluate()?;
        self.judge(&outcome)
    }

    fn evaluate(&self) -> Result<Evaluation, TrainError> {
        let split = Split::Valid;
        let outcome = evaluate(
            self.task.as_ref(),
            &self.model,
            &self.state.parameters,
            split,
            self.config.train.valid_episodes,
        )?;
        if outcome.loss.is_finite() {
            Ok(outcome)
        } else {
            let what = "the loss";
            Err(TrainError::Overflow { what, split })
        }
    }

    /// Keeps the parameters if no validation was better.
    fn judge(&mut self, outcome: &Evaluation) -> Result<(), TrainError> {
        let better = self.state.validated(outcome);
        self.progress.say(&format!(
            "step {}  validation error {:.2} %  loss {:.4}{}",
            self.state.counters.step,
            outcome.error.mean,
            outcome.loss,
            if better { "  (best)" } else { "" }
        ));
        if better {
            self.state
                .best_checkpoint(self.config, vocabulary_of(self.task.interface()))
                .write(&self.folder.best())?;
        }
        Ok(())
    }

    fn save(&mut self) -> Result<(), TrainError> {
        self.events.flush()?;
        self.metrics.sync()?;
        self.state
            .checkpoint(self.config, vocabulary_of(self.task.interface()))
            .write(&self.folder.checkpoint())?;
        Ok(())
    }

    fn tensorboard(&mut self, step: u64, scalars: &[(&str, f64)]) -> Result<(), TrainError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |d| d.as_secs_f64());
        for (tag, value) in scalars {
            self.events.scalar(tag, step, *value, now)?;
        }
        Ok(())
    }
}
