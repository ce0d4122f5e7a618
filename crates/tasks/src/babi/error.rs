//! What can be wrong with bAbI data.

use std::path::PathBuf;

use super::LineProblem;
use crate::{OptionError, Split};

/// Why bAbI data cannot be used. Each message names the file (and line) and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BabiError {
    /// An option is out of range.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// There is nothing at the path.
    #[error(
        "there is no bAbI data at {path}: download tasks_1-20_v1-2.tar.gz (The bAbI project, CC BY 3.0, \
         http://www.thespermwhale.com/jaseweston/babi/tasks_1-20_v1-2.tar.gz) and pass the archive, or the folder that \
         you unpacked it to, as the data folder (option `data.dir`)",
        path = .path.display()
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The place exists, but does not hold the files looked for.
    #[error(
        "{path} holds no bAbI files qaN_train.txt in {wanted}; what was found there: {found}. \
         Pass the folder that holds the files, or name another subset (option `data.subset`)",
        path = .path.display()
    )]
    NoSubset {
        /// Where it was looked for.
        path: PathBuf,
        /// The names of the subsets tried.
        wanted: String,
        /// What is there instead.
        found: String,
    },
    /// Two folders of the name that is looked for.
    #[error(
        "both {one} and {other} hold bAbI files: pass the one that is meant as the data folder (option `data.dir`)",
        one = .one.display(),
        other = .other.display()
    )]
    TwoFolders {
        /// One of them.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// A file of a chosen task is not there.
    #[error(
        "{place} has no {split} file of task {task}: expected qa{task}_{split}.txt or qa{task}_NAME_{split}.txt. Add \
         the file, or leave the task out (option `data.tasks`)"
    )]
    MissingTask {
        /// The folder, or archive and folder in it.
        place: String,
        /// The task, 1 to 20.
        task: u8,
        /// The split that lacks a file.
        split: Split,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that should be the archive is not, or not whole.
    #[error(
        "cannot read {path} as an archive: {source}; expected tasks_1-20_v1-2.tar.gz, whole and packed with gzip. Download \
         it again, or unpack it and pass the folder",
        path = .path.display()
    )]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A malformed line.
    #[error("{file}:{line}: malformed bAbI line: {problem}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: LineProblem,
    },
    /// A file without a line.
    #[error("{file} is empty: expected stories in bAbI's format (is the download complete?)")]
    EmptyFile {
        /// The file.
        file: String,
    },
    /// No data for a split that was asked for.
    #[error("the {split} split is empty: {place} has no qaN_{split}.txt files of the chosen tasks")]
    EmptySplit {
        /// The split.
        split: Split,
        /// The folder, or archive and folder in it.
        place: String,
    },
    /// A vocabulary handed in that cannot be used.
    #[error("the vocabulary cannot be used: {0}")]
    Vocabulary(String),
}
