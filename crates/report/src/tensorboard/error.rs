//! Failures of the event file.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// The file system refused.
#[derive(Debug, Error)]
#[error("{}: could not {action} the TensorBoard event file: {source}", path.display())]
pub struct TensorboardError {
    /// The file or folder.
    pub path: PathBuf,
    /// What was attempted, as a verb.
    pub action: &'static str,
    /// The operating system's report.
    pub source: io::Error,
}
