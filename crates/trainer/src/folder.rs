//! A run folder: where its files are.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use mnm_tasks::Split;

use crate::error::TrainError;

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

    /// The averaged parameters (`train.average`) after the last step.
    pub fn average(&self) -> PathBuf {
        self.0.join("average.safetensors")
    }

    /// The averaged parameters with the lowest validation error so far.
    pub fn best_average(&self) -> PathBuf {
        self.0.join("best-average.safetensors")
    }

    /// The checkpoint with these parameters.
    ///
    /// # Errors
    /// [`TrainError::NoRun`] or [`TrainError::NoAverage`] if there is none, or a folder that may not be looked into.
    pub fn weights(&self, weights: Weights) -> Result<PathBuf, TrainError> {
        let there = |path: &PathBuf| match path.try_exists() {
            // A file where the folder should be.
            Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(false),
            found => found.map_err(TrainError::file(&self.0, "look into the run folder")),
        };
        let averaged = match weights {
            Weights::Average => Some(self.average()),
            Weights::BestAverage => Some(self.best_average()),
            Weights::Best | Weights::Last => None,
        };
        if let Some(path) = averaged {
            return if there(&path)? {
                Ok(path)
            } else {
                Err(TrainError::NoAverage(self.0.clone()))
            };
        }
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

    /// The same of its last averaged weights, whose figure is the run's where it keeps them.
    pub fn average_evaluation(&self, split: Split) -> PathBuf {
        self.further_evaluation(split, "average")
    }

    /// What it came to on other data than its config's, under the name of those.
    pub fn further_evaluation(&self, split: Split, name: &str) -> PathBuf {
        self.0.join(format!("evaluation-{split}-{name}.json"))
    }

    /// The learning curves.
    pub fn curves(&self) -> PathBuf {
        self.0.join("curves.svg")
    }

    /// The name of a file of a run in the folder, the first by the alphabet; a link that leads nowhere is one. None where there is none, or
    /// no folder.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub(crate) fn first_left(&self) -> Result<Option<String>, TrainError> {
        let ours = [
            self.config(),
            self.checkpoint(),
            self.best(),
            self.average(),
            self.best_average(),
            self.metrics(),
            self.summary(),
            self.curves(),
        ];
        let dir = match std::fs::read_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            dir => dir.map_err(TrainError::file(&self.0, "look into"))?,
        };
        let mut first = None;
        for entry in dir {
            let entry = entry.map_err(TrainError::file(&self.0, "look into"))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_ours = ours.contains(&entry.path()) || is_evaluation(&name);
            if is_ours && first.as_ref().is_none_or(|first| name < *first) {
                first = Some(name);
            }
        }
        Ok(first)
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
    /// The averaged ones after the last step.
    Average,
    /// The averaged ones with the lowest validation error.
    BestAverage,
}

impl Weights {
    /// As a kept evaluation calls them.
    pub fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Last => "last",
            Self::Average => "last-average",
            Self::BestAverage => "best-average",
        }
    }
}
