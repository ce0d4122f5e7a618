//! A run folder: where its files are, and how a trained run is opened again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use mnm_controller::Model;
use mnm_tasks::{Interface, Split, Task};
use mnm_tensor::{Array, Parameters};

use crate::TrainError;
use crate::checkpoint::{Checkpoint, check_parameters};
use crate::config::Config;
use crate::task::{build_model, build_task, vocabulary_of};

/// The files of a run.
#[derive(Clone, Debug)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// The run in `dir`.
    pub fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// The config, complete and ready to be run again.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The state after the last step, from which the run goes on.
    pub fn checkpoint(&self) -> PathBuf {
        self.0.join("checkpoint.safetensors")
    }

    /// The parameters with the lowest validation error so far.
    pub fn best(&self) -> PathBuf {
        self.0.join("best.safetensors")
    }

    /// The checkpoint with these parameters.
    ///
    /// # Errors
    /// [`TrainError::NoRun`] if there is none, or a folder that may not be looked into.
    pub fn weights(&self, weights: Weights) -> Result<PathBuf, TrainError> {
        let there = |path: &PathBuf| match path.try_exists() {
            // A file where the folder should be.
            Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(false),
            found => found.map_err(TrainError::file(&self.0, "look into the run folder")),
        };
        let (best, last) = (self.best(), self.checkpoint());
        if weights == Weights::Best && there(&best)? {
            Ok(best)
        } else if there(&last)? {
            Ok(last)
        } else {
            Err(TrainError::NoRun(self.0.clone()))
        }
    }

    /// Losses and errors.
    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
    }

    /// The outcome.
    pub fn summary(&self) -> PathBuf {
        self.0.join("summary.json")
    }

    /// What the run came to on a split, where the evaluation was kept.
    pub fn evaluation(&self, split: Split) -> PathBuf {
        self.0.join(format!("evaluation-{split}.json"))
    }

    /// What it came to on other data than its config's, under the name of those.
    pub fn further_evaluation(&self, split: Split, name: &str) -> PathBuf {
        self.0.join(format!("evaluation-{split}-{name}.json"))
    }

    /// The learning curves.
    pub fn curves(&self) -> PathBuf {
        self.0.join("curves.svg")
    }

    /// Removes what no longer holds once a training takes a step: how the run ended, and the evaluations of the parameters
    /// that are about to change, on whatever split and data.
    ///
    /// # Errors
    /// A folder that cannot be read, or a file that cannot be removed.
    pub(crate) fn remove_findings(&self) -> Result<(), TrainError> {
        let dir = std::fs::read_dir(&self.0).map_err(TrainError::file(&self.0, "look into"))?;
        for entry in dir {
            let entry = entry.map_err(TrainError::file(&self.0, "look into"))?;
            let path = entry.path();
            if path == self.summary() || is_evaluation(&entry.file_name().to_string_lossy()) {
                std::fs::remove_file(&path)
                    .map_err(TrainError::file(&path, "remove what no longer holds"))?;
            }
        }
        Ok(())
    }
}

/// Whether a file is named as [`RunFolder::evaluation`] or [`RunFolder::further_evaluation`] names it.
fn is_evaluation(name: &str) -> bool {
    name.strip_suffix(".json")
        .and_then(|name| name.strip_prefix("evaluation-"))
        .is_some_and(|name| {
            let split = name.split('-').next().unwrap_or_default();
            split.parse::<Split>().is_ok()
        })
}

/// Which parameters of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Those with the lowest validation error; the last ones if there was no validation.
    Best,
    /// Those after the last step.
    Last,
}

/// A trained run, ready to be evaluated.
pub struct Run {
    /// The config that it was trained with.
    pub config: Config,
    /// Its task, as an evaluation reads it ([`DataConfig::for_evaluation`](crate::DataConfig::for_evaluation)).
    pub task: Box<dyn Task>,
    /// Its model.
    pub model: Model<f32>,
    /// The trained parameters.
    pub parameters: Parameters<Array<f32>>,
    /// The checkpoint that they came from.
    pub checkpoint: Checkpoint,
}

impl Run {
    /// Opens the run in `dir`, with `key=value` settings of its data on top (`data.dir=...`, `data.lengths.test.max=40`).
    ///
    /// # Errors
    /// [`TrainError::NoRun`], a setting of anything but the data, data that number the model's words otherwise, or what is wrong with the run's files or data.
    pub fn open(dir: &Path, weights: Weights, data: &[String]) -> Result<Self, TrainError> {
        let (checkpoint, config) = read(dir, weights)?;
        let config = config.with_data(data)?;
        let data = config.data.for_evaluation();
        let task = build_task(&data, config.seed, checkpoint.vocabulary.clone())?;
        if checkpoint.vocabulary.is_some()
            && vocabulary_of(task.interface()) != checkpoint.vocabulary
        {
            return Err(TrainError::OtherWords(dir.to_owned()));
        }
        let model = fit(dir, &config, task.interface(), &checkpoint)?;
        Ok(Self {
            config,
            task,
            model,
            parameters: checkpoint.parameters.clone(),
            checkpoint,
        })
    }
}

/// The checkpoint of the run in `dir`, and the config in it.
pub(crate) fn read(dir: &Path, weights: Weights) -> Result<(Checkpoint, Config), TrainError> {
    let path = RunFolder::new(dir).weights(weights)?;
    let checkpoint = Checkpoint::read(&path)?;
    let config = Config::parse(&path.display().to_string(), &checkpoint.config, &[])?;
    Ok((checkpoint, config))
}

/// The model of a checkpoint of the run in `dir`, which all of its parameters fit, for a task with this interface.
pub(crate) fn fit(
    dir: &Path,
    config: &Config,
    interface: &Interface,
    checkpoint: &Checkpoint,
) -> Result<Model<f32>, TrainError> {
    let model = build_model(&config.model, interface, positions(checkpoint))?;
    check_parameters(&model.parameters(), &checkpoint.parameters)
        .map_err(TrainError::misfit(dir))?;
    Ok(model)
}

/// The words of the longest sentence that a checkpoint's model was made for; a sentence of new data may be longer.
pub(crate) fn positions(checkpoint: &Checkpoint) -> Option<usize> {
    let table = checkpoint.parameters.find("encoder.position.weight")?;
    table.shape().first().copied()
}
