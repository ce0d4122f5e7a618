//! Where a training begins: at first values drawn anew, at the parameters of another run, or where it stopped.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use mnm_controller::Model;
use mnm_tasks::{Interface, Vocabulary};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::resume;
use crate::checkpoint::{Checkpoint, CheckpointError, Container, check_parameters};
use crate::config::Config;
use crate::error::TrainError;
use crate::folder::{RunFolder, Weights};
use crate::run::file_of;
use crate::task::{build_task, vocabulary_of};
use crate::team::{Team, lead};

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

/// The same on its way to other ranks, checkpoints as the bytes of their files.
#[derive(Serialize, Deserialize)]
enum Sent {
    Fresh,
    Parameters(ByteBuf),
    Saved(ByteBuf),
}

impl Origin {
    /// What [`Origin::find`] finds on rank 0, for all ranks.
    ///
    /// # Errors
    /// Its errors.
    pub(crate) fn shared(
        team: &dyn Team,
        folder: &RunFolder,
        config: &Config,
        resume: bool,
    ) -> Result<Self, TrainError> {
        if team.size() == 1 {
            return Self::find(folder, config, resume);
        }
        let mut own = None;
        let sent = lead(team, || {
            let found = own.insert(Self::find(folder, config, resume)?);
            let bytes = |checkpoint: &Checkpoint| ByteBuf::from(checkpoint.bytes());
            Ok(match found {
                Self::Fresh => Sent::Fresh,
                Self::Parameters(checkpoint) => Sent::Parameters(bytes(checkpoint)),
                Self::Saved(checkpoint) => Sent::Saved(bytes(checkpoint)),
            })
        })?;
        if let Some(own) = own {
            return Ok(own);
        }
        let path = folder.checkpoint();
        let read = |bytes: ByteBuf| Checkpoint::of(&path, Container::from_bytes(&path, &bytes)?);
        Ok(match sent {
            Sent::Fresh => Self::Fresh,
            Sent::Parameters(bytes) => Self::Parameters(read(bytes)?),
            Sent::Saved(bytes) => Self::Saved(read(bytes)?),
        })
    }

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
            Some(from) => Self::Parameters(read(from).map_err(|error| match error {
                // Another path is asked for.
                TrainError::Checkpoint(CheckpointError::Read { ref source, .. })
                    if names_no_file(source.kind()) =>
                {
                    refused(config, error.to_string())
                }
                TrainError::Checkpoint(source) => TrainError::FromFile {
                    from: from.clone(),
                    source,
                },
                error => refused(config, error.to_string()),
            })?),
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
    /// in `interface`, the task's with the checkpoint's vocabulary. Refuses to let a run go on with data of other words than its own: those
    /// in `data.dir` may have been moved, and others may lie there now.
    ///
    /// # Errors
    /// [`TrainError::From`] or [`TrainError::OtherData`], naming some of them; what is wrong with the data.
    pub(crate) fn check_words(
        &self,
        folder: &RunFolder,
        config: &Config,
        interface: &Interface,
    ) -> Result<(), TrainError> {
        let Some(start) = self.checkpoint() else {
            return Ok(());
        };
        let task = build_task(&config.data, config.seed, None)?;
        let asked = vocabulary_of(task.interface());
        let unknown = lacking(start.vocabulary.as_ref(), asked.as_ref());
        if let Self::Saved(saved) = self {
            return same_words(folder, config, saved, asked.as_ref(), &unknown);
        }
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
        Err(refused(
            config,
            format!(
                "{} of the words and answers of these data are unknown to it: {}. Train on data with its words, or \
                 without train.from",
                unknown.len(),
                named(&unknown)
            ),
        ))
    }
}

/// The parameters in a run folder (the best ones), or in a file.
fn read(from: &Path) -> Result<Checkpoint, TrainError> {
    let path = if from.is_dir() {
        file_of(from, Weights::Best)?
    } else {
        from.to_owned()
    };
    Ok(Checkpoint::read(&path)?)
}

/// Whether it is the path that is wrong, and not what lies there.
fn names_no_file(kind: ErrorKind) -> bool {
    use ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound};
    matches!(kind, NotFound | NotADirectory | IsADirectory | InvalidInput)
}

/// Refuses data whose words and answers are not those of the run's own, some of them `unknown` to it. A run that began with the parameters
/// of another may know more than its data have.
fn same_words(
    folder: &RunFolder,
    config: &Config,
    saved: &Checkpoint,
    asked: Option<&Vocabulary>,
    unknown: &BTreeSet<String>,
) -> Result<(), TrainError> {
    // What another program saved need not have words.
    let missing = match &saved.vocabulary {
        None => return Ok(()),
        Some(_) if config.train.from.is_some() => BTreeSet::new(),
        known => lacking(asked, known.as_ref()),
    };
    let counted = |words: &BTreeSet<String>, are: &str| {
        let text = format!("{} {are} ({})", words.len(), named(words));
        (!words.is_empty()).then_some(text)
    };
    let differ: Vec<String> = [
        counted(unknown, "unknown to it"),
        counted(&missing, "missing"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if differ.is_empty() {
        return Ok(());
    }
    Err(TrainError::OtherData {
        path: folder.dir().to_owned(),
        differ: differ.join(", "),
    })
}

/// The words and answers of `asked` that are not in `known`.
fn lacking(known: Option<&Vocabulary>, asked: Option<&Vocabulary>) -> BTreeSet<String> {
    let lists: [fn(&Vocabulary) -> &Vec<String>; 2] = [|v| &v.words, |v| &v.answers];
    let lacking = |list: &fn(&Vocabulary) -> &Vec<String>| {
        let known: BTreeSet<&String> = known.into_iter().flat_map(list).collect();
        let asked = asked.into_iter().flat_map(list);
        let lacking = asked.filter(|word| !known.contains(word)).cloned();
        lacking.collect::<BTreeSet<String>>()
    };
    lists.iter().flat_map(lacking).collect()
}

/// Some of the words, and how many more there are.
fn named(words: &BTreeSet<String>) -> String {
    let named: Vec<&str> = words.iter().map(String::as_str).take(NAMED).collect();
    match words.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn refused(config: &Config, reason: String) -> TrainError {
    TrainError::From {
        from: config.train.from.clone().unwrap_or_default(),
        reason,
    }
}
