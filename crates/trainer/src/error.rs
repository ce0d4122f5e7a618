//! What can go wrong with a training or an evaluation.

use std::path::{Path, PathBuf};

use mnm_controller::ControllerError;
use mnm_tasks::environment::EnvironmentError;
use mnm_tasks::{BabiError, OptionError, Split, TaskError};
use mnm_tensor::TensorError;
use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::config::ConfigError;
use crate::linalg::LinalgError;

/// Why an observer could not do its work; a training ends with it.
pub type ObserverError = Box<dyn std::error::Error + Send + Sync>;

/// An error of the trainer; its message is fit for a user.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The config is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The bAbI data are missing or malformed.
    #[error(transparent)]
    Babi(#[from] BabiError),
    /// An option of a task is out of range.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// A task has no such episode.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// An environment cannot be set up, stepped or restored.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Episodes with answers were asked of an environment, or an agent of a task.
    #[error("data.task = \"{task}\" is {is}; {instead}")]
    Kind {
        /// The task or environment.
        task: String,
        /// What it is.
        is: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// The model or its input does not fit.
    #[error(transparent)]
    Model(#[from] ControllerError),
    /// An op failed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// LAPACK failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
    /// A checkpoint cannot be read or written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Whoever looks at a training could not.
    #[error(transparent)]
    Observer(ObserverError),
    /// A file of the run folder cannot be read or written.
    #[error("{path}: cannot {action}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The folder holds a run already.
    #[error("{0} holds a run already; continue it with --resume, or choose another folder")]
    Occupied(PathBuf),
    /// The folder holds a run, but not what it could go on from.
    #[error(
        "{dir} holds {found} of a run without its checkpoint.safetensors: the run cannot go on, and would be written over. \
         Choose another folder; `--set train.from={dir}` starts from its best parameters, if best.safetensors is there",
        dir = .dir.display()
    )]
    NoCheckpoint {
        /// The run folder.
        dir: PathBuf,
        /// A file of the run that is there.
        found: String,
    },
    /// Where the run would leave its config, there is a file that no run wrote.
    #[error(
        "{0} was written by somebody, and a run in this folder would put its own config in its place; choose another \
         folder"
    )]
    Foreign(PathBuf),
    /// Another process trains in the folder.
    #[error("{0}: another training is running in this folder; wait for it, or choose another one")]
    InUse(PathBuf),
    /// The folder holds no run.
    #[error("{0} holds no run: there is no {missing}", missing = if .0.exists() { "checkpoint.safetensors in it" } else { "such folder" })]
    NoRun(PathBuf),
    /// The run kept no averaged parameters.
    #[error(
        "{0} holds no averaged parameters: a run keeps them with train.average, such as \
         --set train.average.decay=0.999; a mean over the last steps (train.average.last) begins only there"
    )]
    NoAverage(PathBuf),
    /// A run cannot go on under another config.
    #[error(
        "{path}: the run was started with other settings ({keys}); resume it with its own, or start a new one"
    )]
    OtherConfig {
        /// The run folder.
        path: PathBuf,
        /// The settings that differ.
        keys: String,
    },
    /// A run cannot go on with other data.
    #[error(
        "{path}: of the words and answers of these data, and of those that the run was begun with, {differ}; resume it \
         with data.dir where its own data are, or start a new one",
        path = .path.display()
    )]
    OtherData {
        /// The run folder.
        path: PathBuf,
        /// How many words and answers differ, with some of them.
        differ: String,
    },
    /// A run cannot start from the parameters that it is told to start from.
    #[error("train.from = {from}: {reason}", from = .from.display())]
    From {
        /// The run folder or file.
        from: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The file that a run is told to start from cannot be read, or is damaged.
    #[error("train.from = {from}: {source}", from = .from.display())]
    FromFile {
        /// The run folder or file.
        from: PathBuf,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// A file of the run folder says something that no run writes.
    #[error("{path}: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A split has nothing in it.
    #[error(
        "task {task}: the {split} split is empty: there is no file of it, or it holds no story. `mnm data {task} PATH` \
         counts what there is"
    )]
    EmptySplit {
        /// The task.
        task: String,
        /// The split.
        split: Split,
    },
    /// A training that does not fit into the machine.
    #[error(
        "{key} = {value}: this takes about {need}, and there are {left}. Choose a smaller {key}"
    )]
    Room {
        /// The setting of which a smaller value helps most.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it takes, for people.
        need: String,
        /// What there is, and what sets the bound.
        left: String,
    },
    /// A loss or gradient is not a number.
    #[error(
        "step {step}: {what} is not finite; a dump of parameters and gradients is at {dump}. {} helps, in another run folder; \
         nothing of this step has been saved",
        remedy(*.step, .what)
    )]
    NotFinite {
        /// The step, counted from 1.
        step: u64,
        /// The loss or the name of the tensor.
        what: String,
        /// Where the dump is.
        dump: PathBuf,
    },
    /// The answers of a model with finite parameters are none.
    #[error(
        "{what} on the {split} split is not finite: the model's numbers overflow there. A smaller learning rate or \
         train.clip usually helps"
    )]
    Overflow {
        /// The loss, or the logits.
        what: &'static str,
        /// The split.
        split: Split,
    },
    /// Data give the words of a trained model other numbers.
    #[error(
        "{path}: with these settings of the data its words have other numbers than in its training; take the settings \
         that it was trained with",
        path = .0.display()
    )]
    OtherWords(PathBuf),
    /// Every step is compared with every other, and all states are kept.
    #[error(
        "an episode of {steps} steps is too long to look into: {most} at most; `mnm eval` takes any length"
    )]
    TooLong {
        /// The steps of the episode.
        steps: usize,
        /// The most that an episode may have.
        most: usize,
    },
    /// Another rank of the training ran into an error, and says it.
    #[error("rank {rank}: {message}")]
    Elsewhere {
        /// Which one.
        rank: usize,
        /// Its error.
        message: String,
    },
    /// Another rank of the training does not answer.
    #[error("rank {rank} is gone: {reason}; --resume goes on from the last checkpoint")]
    Gone {
        /// Which one.
        rank: usize,
        /// How that is known.
        reason: String,
    },
    /// A rank has not what the others have.
    #[error(
        "rank {rank} does not have the {what} of rank 0: all ranks need the same program, the same data and the same kind of \
         machine"
    )]
    Apart {
        /// Which one.
        rank: usize,
        /// What differs.
        what: &'static str,
    },
    /// Ranks do not understand each other.
    #[error("a message from rank to rank cannot be read: {0}. Do all ranks run the same program?")]
    Message(String),
    /// Episodes do not go together in a batch.
    #[error("batch: {0}")]
    Batch(String),
    /// The threads cannot be started.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// How many.
        threads: usize,
        /// Why not.
        reason: String,
    },
}

/// What helps against numbers that are not finite in a step, counted from 1.
fn remedy(step: u64, what: &str) -> &'static str {
    if step == 1 && !what.ends_with(AFTER_THE_STEP) {
        "No learning rate has had a say yet, and a gradient that is infinite cannot be clipped: a smaller model.memory_gain, or \
         a train.truncate that is on and smaller, usually"
    } else {
        "A smaller train.learning_rate or train.clip, a smaller train.truncate where gradients explode, usually"
    }
}

/// How a message goes on about a parameter that the optimiser changed.
pub(crate) const AFTER_THE_STEP: &str = "after the step";

impl TrainError {
    /// The parameters in the file `path` do not fit.
    pub(crate) fn misfit(path: &Path) -> impl FnOnce(CheckpointError) -> Self {
        let path = path.to_owned();
        move |misfit| Self::Damaged {
            path,
            reason: misfit.to_string(),
        }
    }

    /// Another rank does not answer.
    pub(crate) fn gone(rank: usize, reason: &str) -> Self {
        Self::Gone {
            rank,
            reason: reason.to_owned(),
        }
    }

    /// The file `path` says something that no run writes.
    pub(crate) fn damaged(path: &Path, reason: &str) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.to_owned(),
        }
    }

    pub(crate) fn file(
        path: impl Into<PathBuf>,
        action: &'static str,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            path,
            action,
            source,
        }
    }
}
