//! Whether the best parameters in a run folder, and the best averaged ones, are those that its checkpoint knows of.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Value, json};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::error::TrainError;
use crate::folder::RunFolder;

const STEP: &str = "step";

/// What a run that goes on finds in the place of its best parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// What should be there.
    AsItShould,
    /// Not yet those of the checkpoint, which are the best: the run was killed between the two files.
    Behind,
}

/// What a file of parameters says of itself: after how many steps they were the model's.
pub(super) fn progress(step: u64) -> Value {
    json!({ STEP: step })
}

/// Compares the file `path` of the best parameters, which messages call `what`, with a checkpoint after `step` steps, whose best
/// validation of them was after `best` steps.
///
/// # Errors
/// [`TrainError::Damaged`] if the file is gone, or of another step; a file that cannot be read.
pub(super) fn find(
    folder: &RunFolder,
    (path, what): (&Path, &str),
    step: u64,
    best: Option<u64>,
) -> Result<Found, TrainError> {
    let there = match read(path)? {
        // Of an earlier version, or another program: it says nothing of itself.
        Some(checkpoint) if checkpoint.progress.get(STEP).is_none() => {
            return Ok(Found::AsItShould);
        }
        Some(checkpoint) => checkpoint.progress[STEP].as_u64(),
        None => None,
    };
    let refused = |found: String, expected: String| {
        let reason = format!(
            "{found}, though {expected}. Restore the file of this run; or start another run from its last parameters, with \
             `--set train.from={}`",
            folder.checkpoint().display()
        );
        Err(TrainError::Damaged {
            path: path.to_owned(),
            reason,
        })
    };
    match (there, best) {
        (Some(there), Some(best)) if there == best => Ok(Found::AsItShould),
        // A sitting that ended before its first validation was due left its last parameters there.
        (Some(there), None) if there <= step => Ok(Found::AsItShould),
        (None, None) => Ok(Found::AsItShould),
        (_, Some(best)) if best == step => Ok(Found::Behind),
        (there, best) => refused(
            there.map_or(format!("{what} of the run are gone"), |step| {
                format!("it holds parameters after step {step}")
            }),
            best.map_or("the run had no validation yet".to_owned(), |step| {
                format!("the best validation of the run was after step {step}")
            }),
        ),
    }
}

fn read(path: &Path) -> Result<Option<Checkpoint>, TrainError> {
    match Checkpoint::read(path) {
        Ok(checkpoint) => Ok(Some(checkpoint)),
        Err(CheckpointError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
