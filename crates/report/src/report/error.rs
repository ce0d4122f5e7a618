//! Why a report could not be made.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::plot::PlotError;

/// A run folder that cannot be understood, or a page that cannot be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is no run in the folder, or no folder.
    #[error(
        "{} holds no run: there is no {missing}; expected a run folder with config.toml and metrics.jsonl",
        path.display()
    )]
    NoRun {
        /// The folder.
        path: PathBuf,
        /// What is not there.
        missing: &'static str,
    },
    /// A file of a run folder cannot be read.
    #[error("{}: {source}; expected a run folder with config.toml and metrics.jsonl", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's report.
        source: io::Error,
    },
    /// A config is not TOML.
    #[error("{}: not valid TOML: {message}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The parser's words, with the line.
        message: String,
    },
    /// A config lacks what names the run.
    #[error("{}: {key} is {found}; expected {expected}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
    /// A line of metrics.jsonl does not hold what it must.
    #[error("{}:{line}: {message}; expected an object with \"step\" and \"kind\", train or valid", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The parser's words.
        message: String,
    },
    /// A summary.json does not hold what it must.
    #[error(
        "{}: {message}; expected \"finished\", \"steps\", \"parameters\" and \"valid\" with an \"error\"",
        path.display()
    )]
    Summary {
        /// The file.
        path: PathBuf,
        /// The parser's words, with the line.
        message: String,
    },
    /// A file of figures does not hold what it must.
    #[error("{}: {message}; expected the summary.json of a report", path.display())]
    Figures {
        /// The file.
        path: PathBuf,
        /// The parser's words.
        message: String,
    },
    /// A kept evaluation does not hold what it must.
    #[error("{}: {message}; expected what `mnm eval --keep` writes", path.display())]
    Evaluation {
        /// The file.
        path: PathBuf,
        /// The parser's words.
        message: String,
    },
    /// Nothing to report on.
    #[error("no runs were given; expected at least one run folder")]
    NoRuns,
    /// Two runs of the same seed would pass for two seeds.
    #[error("runs {first} and {second} have the same config and seed {seed}; give one of them")]
    SameSeed {
        /// One run.
        first: String,
        /// The other.
        second: String,
        /// Their seed.
        seed: String,
    },
    /// A picture of the page cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The figures cannot be written as JSON.
    #[error("the figures could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A file of the report cannot be written.
    #[error("{}: could not be written: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's report.
        source: io::Error,
    },
}
