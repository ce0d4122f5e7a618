//! Training: from a config to a run folder. [`training`] is the loop, [`learning`] what each kind of learning brings to it.

mod agents;
mod allocator;
mod answers;
mod average;
mod best;
mod claim;
mod idle;
mod learner;
mod learning;
mod origin;
mod records;
mod resume;
mod step;
mod summary;
mod training;
mod tree;

use std::path::Path;

use mnm_controller::Model;
use mnm_tasks::{Episode, Task};

use crate::batch::collate;
use crate::config::{Config, check_threads};
use crate::error::TrainError;
use crate::observe::Observer;
use crate::team::Alone;

use agents::Agents;
use answers::Answers;
use learner::Learner;
use training::Training;

pub use summary::{BestValid, Ended, Summary};
pub use training::TrainOptions;

/// Trains the model of `config` and leaves everything in the folder `out`. Of several ranks (`options.team`) all call it, with the
/// same config; rank 0 alone sees the folder.
///
/// # Errors
/// [`TrainError`]: a config or data that do not hold, a folder that cannot be written or holds a run already, or a
/// training that ran into numbers that are not finite.
pub fn train(config: &Config, out: &Path, options: &TrainOptions) -> Result<Summary, TrainError> {
    train_observed(config, out, options, &mut ())
}

/// [`train`], with somebody to look at it.
///
/// # Errors
/// As [`train`], and the observer's.
pub fn train_observed(
    config: &Config,
    out: &Path,
    options: &TrainOptions,
    observer: &mut (dyn Observer + Send),
) -> Result<Summary, TrainError> {
    config.validate()?;
    let pool = thread_pool(config.threads)?;
    pool.install(|| match &config.rl {
        Some(_) => Training::<Agents>::prepare(config, out, options, observer)?.run(options),
        None => Training::<Answers>::prepare(config, out, options, observer)?.run(options),
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
pub(crate) struct Stepper {
    learner: Learner,
    steps: u64,
}

impl Stepper {
    pub(crate) fn new(model: Model<f32>, config: &Config) -> Result<Self, TrainError> {
        Ok(Self {
            learner: Learner::start(model, config)?,
            steps: 0,
        })
    }

    /// One whole step on `episodes`; the loss before it.
    pub(crate) fn step(
        &mut self,
        task: &dyn Task,
        episodes: Vec<Episode>,
        config: &Config,
    ) -> Result<f64, TrainError> {
        let Learner {
            model, parameters, ..
        } = &self.learner;
        let most = |steps| config.train.block_of(model.block(steps));
        let batch = collate(episodes, most, model.block_cost());
        let (outcome, _) =
            step::compute(&Alone, model, parameters, task, batch, config, self.steps)?;
        self.learner.apply(&outcome, &config.train, self.steps);
        self.steps += 1;
        Ok(outcome.losses.task + config.train.meta_weight * outcome.losses.meta)
    }
}
