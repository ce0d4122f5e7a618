//! `metrics.jsonl`: what happened, one object a line. No wall-clock time, so that two runs of one config are the same
//! bytes.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checkpoint::{LARGEST_RECORDS, read_file, write_file};
use crate::error::TrainError;
use crate::evaluate::is_zero;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Record {
    /// Means over the training steps since the last such line.
    Train {
        /// Steps done.
        step: u64,
        /// Sequences seen.
        sequences: u64,
        /// `task_loss + lambda * meta_loss`.
        loss: f64,
        /// Cross-entropy, in nats.
        task_loss: f64,
        /// Meta loss.
        meta_loss: f64,
        /// Wrong answers, in percent of all questions or bits.
        error: f64,
        /// Norm of the gradient before clipping.
        grad_norm: f64,
        /// Learning rate of the last of these steps.
        learning_rate: f64,
    },
    /// A validation.
    Valid {
        /// Steps done.
        step: u64,
        /// Sequences seen in training.
        sequences: u64,
        /// Cross-entropy, in nats.
        loss: f64,
        /// Mean error over the groups, in percent.
        error: f64,
        /// Each group's error, in percent.
        per_task: BTreeMap<String, f64>,
        /// Questions whose answer training never showed: always wrong, and without a loss.
        #[serde(default, skip_serializing_if = "is_zero")]
        unknown_answers: u64,
        /// The same of averaged parameters, where `train.average` keeps them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        average: Option<AverageValid>,
    },
}

/// What averaged parameters came to in a validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AverageValid {
    /// Cross-entropy, in nats.
    pub loss: f64,
    /// Mean error over the groups, in percent.
    pub error: f64,
    /// Each group's error, in percent.
    pub per_task: BTreeMap<String, f64>,
}

/// What every line of every kind of run has.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "kind")]
    _kind: String,
    step: u64,
}

/// What a checkpoint knows of the lines before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    bytes: u64,
    crc32c: u32,
}

impl Mark {
    /// Of these lines.
    pub fn of(text: &str) -> Self {
        Self {
            bytes: text.len() as u64,
            crc32c: crc32c::crc32c(text.as_bytes()),
        }
    }

    /// Whether there were lines.
    pub(crate) fn has_lines(&self) -> bool {
        self.bytes > 0
    }
}

/// The file, open for more lines.
#[derive(Debug)]
pub struct Metrics {
    path: PathBuf,
    file: File,
    /// What the file holds, if nobody else wrote it.
    text: String,
}

impl Metrics {
    /// Opens the file for more lines behind its `history`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn open(path: &Path, history: &str) -> Result<Self, TrainError> {
        Ok(Self {
            path: path.to_owned(),
            file: opened(path, history)?,
            text: history.to_owned(),
        })
    }

    /// Appends a line: a [`Record`], or another object with a `kind` and a `step`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn push(&mut self, record: &impl Serialize) -> Result<(), TrainError> {
        let mut line = serde_json::to_string(record).map_err(|e| TrainError::Damaged {
            path: self.path.clone(),
            reason: format!("a record that JSON cannot hold: {e}"),
        })?;
        line.push('\n');
        self.text.push_str(&line);
        self.file
            .write_all(line.as_bytes())
            .map_err(TrainError::file(&self.path, "write the metrics"))
    }

    /// Waits until the lines so far are on the disk: a checkpoint must not outlive them. Where somebody moved another file over
    /// this one, or cut it, all lines are written anew. Whether that was so.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn sync(&mut self) -> Result<bool, TrainError> {
        let most = self.text.len() as u64;
        let foreign = read_file(&self.path, most).ok().as_deref() != Some(self.text.as_bytes());
        if foreign {
            self.file = opened(&self.path, &self.text)?;
        }
        self.file
            .sync_data()
            .map_err(TrainError::file(&self.path, "write the metrics"))?;
        Ok(foreign)
    }

    /// The lines so far, as a checkpoint knows them.
    pub(crate) fn mark(&self) -> Mark {
        Mark::of(&self.text)
    }
}

/// A file with this text, open for more.
fn opened(path: &Path, text: &str) -> Result<File, TrainError> {
    write_file(path, text.as_bytes())
        .and_then(|()| OpenOptions::new().append(true).open(path))
        .map_err(TrainError::file(path, "write the metrics"))
}

/// What the file `path` says of the first `step` steps of a run that writes a line `every` so many steps.
///
/// # Errors
/// If the file cannot be read or is gone, and those of [`until`].
pub(crate) fn history(
    path: &Path,
    step: u64,
    every: u64,
    mark: Option<&Mark>,
) -> Result<String, TrainError> {
    if step == 0 {
        return Ok(String::new());
    }
    match read_file(path, LARGEST_RECORDS) {
        Ok(bytes) => until(path, &bytes, step, every, mark),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(damaged(path, step, "the metrics of the run are gone"))
        }
        Err(error) => Err(TrainError::file(path, "read the metrics")(error)),
    }
}

fn damaged(path: &Path, step: u64, reason: &str) -> TrainError {
    TrainError::Damaged {
        path: path.to_owned(),
        reason: format!(
            "{reason}. Restore the file; to go on without what was measured before step {step}, put an empty one in its place"
        ),
    }
}

/// What the `bytes` of a file, which messages call `path`, say of the first `step` steps of a run that writes a line `every` so many steps.
/// What was written after them, by a run that was killed later than its last checkpoint, is left out. A file that somebody emptied says
/// nothing.
///
/// # Errors
/// If it lacks lines at its end, a line of it is no record, or they are not those that the checkpoint has the `mark` of.
pub fn until(
    path: &Path,
    bytes: &[u8],
    step: u64,
    every: u64,
    mark: Option<&Mark>,
) -> Result<String, TrainError> {
    let damaged = |reason: String| damaged(path, step, &reason);
    let (mut kept, mut last) = (String::new(), None);
    for (number, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let record = std::str::from_utf8(line)
            .map_err(|_| "not UTF-8 text".to_owned())
            .and_then(|text| match serde_json::from_str::<Line>(text) {
                Ok(record) => Ok((text, record.step)),
                Err(error) => Err(format!("no record of a run: {error}")),
            });
        match record {
            Ok((text, at)) if at <= step => {
                kept.push_str(text.trim_end());
                kept.push('\n');
                last = Some(at);
            }
            Ok(_) => break,
            // The half line that a killed run leaves.
            Err(_) if !line.ends_with(b"\n") => break,
            Err(reason) => return Err(damaged(format!("line {}: {reason}", number + 1))),
        }
    }
    let due = step - step % every.max(1);
    match last {
        Some(last) if last < due => Err(damaged(format!(
            "it ends with step {last}, though the checkpoint is of step {step}"
        ))),
        _ if !bytes.is_empty() && mark.is_some_and(|mark| *mark != Mark::of(&kept)) => {
            Err(damaged(format!(
                "its lines up to step {step} are not those that the run had written when it left its checkpoint"
            )))
        }
        _ => Ok(kept),
    }
}
