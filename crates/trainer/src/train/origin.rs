//! Where a training begins: at first values drawn anew, at the parameters of another run, or where it stopped.

use std::collections::BTreeSet;
use std::path::Path;

use mnm_controller::Model;
use mnm_tasks::Interface;

use super::resume;
use crate::TrainError;
use crate::checkpoint::{Checkpoint, check_parameters};
use crate::config::Config;
use crate::run::{RunFolder, Weights};
use crate::task::{build_task, vocabulary_of};

/// How many unknown words a message names.
const NAMED: usize = 8;

/// What a training begins with.
pub(crate) enum Origin {
    /// Nothing: first values are drawn.
    Fresh,
    /// The parameters that `train.from` names, with counters at 0 and an optimiser that has seen nothing.
    Parameters(Checkpoint),
    /// The run's own checkpoint.
    Saved(Checkpoint),
}

impl Origin {
    /// The run in `folder` if it is to `resume`, else what `train.from` names, else nothing.
    ///
    /// # Errors
    /// A folder that holds a run that is not to go on or was started with other settings; a `train.from` that cannot be read.
    pub(crate) fn find(
        folder: &RunFolder,
        config: &Config,
        resume: bool,
    ) -> Result<Self, TrainError> {
        if let Some(saved) = resume::find(folder, config, resume)? {
            return Ok(Self::Saved(saved));
        }
        Ok(match &config.train.from {
            Some(from) => {
                Self::Parameters(read(from).map_err(|error| refused(config, error.to_string()))?)
            }
            None => Self::Fresh,
        })
    }

    /// The checkpoint, if there is one.
    pub(crate) fn checkpoint(&self) -> Option<&Checkpoint> {
        match self {
            Self::Fresh => None,
            Self::Parameters(checkpoint) | Self::Saved(checkpoint) => Some(checkpoint),
        }
    }

    /// Refuses a `train.from` of another model.
    ///
    /// # Errors
    /// [`TrainError::From`], naming the parameters that do not fit.
    pub(crate) fn check_model(
        &self,
        config: &Config,
        model: &Model<f32>,
    ) -> Result<(), TrainError> {
        match self {
            Self::Parameters(start) => check_parameters(&model.parameters(), &start.parameters)
                .map_err(|misfit| {
                    refused(
                        config,
                        format!("{misfit}. Give this run the model of that one (its config.toml), and a task as wide"),
                    )
                }),
            Self::Fresh | Self::Saved(_) => Ok(()),
        }
    }

    /// Refuses a `train.from` that lacks words or answers of the task that is now to be learned, or in which they have other numbers than
    /// in `interface`, the task's with the checkpoint's vocabulary.
    ///
    /// # Errors
    /// [`TrainError::From`], naming some of them; what is wrong with the data.
    pub(crate) fn check_words(
        &self,
        config: &Config,
        interface: &Interface,
    ) -> Result<(), TrainError> {
        let Self::Parameters(start) = self else {
            return Ok(());
        };
        let task = build_task(&config.data, config.seed, None)?;
        let unknown = unknown_words(start, task.interface());
        if unknown.is_empty() {
            // A generated task numbers its words by itself, whatever the checkpoint says.
            return if vocabulary_of(interface) == start.vocabulary {
                Ok(())
            } else {
                Err(refused(
                    config,
                    "its words have other numbers than these data give them. Take the data.* settings of that run".to_owned(),
                ))
            };
        }
        let named: Vec<&str> = unknown.iter().map(String::as_str).take(NAMED).collect();
        let more = unknown.len() - named.len();
        let rest = if more == 0 {
            String::new()
        } else {
            format!(" and {more} more")
        };
        Err(refused(
            config,
            format!(
                "{} of the words and answers of these data are unknown to it: {}{rest}. Train on data with its words, or \
                 without train.from",
                unknown.len(),
                named.join(", ")
            ),
        ))
    }
}

/// The parameters in a run folder (the best ones), or in a file.
fn read(from: &Path) -> Result<Checkpoint, TrainError> {
    let path = if from.is_dir() {
        RunFolder::new(from).weights(Weights::Best)?
    } else {
        from.to_owned()
    };
    Ok(Checkpoint::read(&path)?)
}

/// The words and answers of the task that the checkpoint lacks, where the task has any.
fn unknown_words(start: &Checkpoint, interface: &Interface) -> BTreeSet<String> {
    let Some(asked) = vocabulary_of(interface) else {
        return BTreeSet::new();
    };
    let lacking = |asked: Vec<String>, known: Option<&Vec<String>>| {
        let known: BTreeSet<_> = known.into_iter().flatten().cloned().collect();
        asked.into_iter().filter(move |word| !known.contains(word))
    };
    let known = start.vocabulary.as_ref();
    lacking(asked.words, known.map(|v| &v.words))
        .chain(lacking(asked.answers, known.map(|v| &v.answers)))
        .collect()
}

fn refused(config: &Config, reason: String) -> TrainError {
    TrainError::From {
        from: config.train.from.clone().unwrap_or_default(),
        reason,
    }
}
