//! What can go wrong with a checkpoint.

use std::path::{Path, PathBuf};

use mnm_files::Refused;
use thiserror::Error;

/// A checkpoint that cannot be written, read or used. Every message names the file or the tensor and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file cannot be written; what stood under its name before is unchanged.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Cut short, damaged, or another kind of file.
    #[error(
        "{path} is not a whole safetensors file ({bytes} bytes; {reason}): it was cut short, is damaged, or is \
         something else. Copy it again, or take another checkpoint of the run",
        path = .path.display()
    )]
    NotWhole {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: usize,
        /// What the safetensors reader says.
        reason: String,
    },
    /// Whole, but not what was written.
    #[error(
        "{path} is not what was written: its checksum is {found}, of what is in it {expected}. It is damaged: copy it again, or take \
         another checkpoint of the run. (A program that changes tensors and saves them with our metadata has to leave out \
         `mnm_checksum`, `format` and `version`)",
        path = .path.display()
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// What the file says, or "missing".
        found: String,
        /// What its content gives.
        expected: String,
    },
    /// A safetensors file, but nothing in it says which model it belongs to.
    #[error(
        "{path} is a safetensors file, but not an mnm checkpoint: its metadata lack the key `config` (keys there: \
         {found}). If the tensors are an mnm model's, save them with metadata={{\"config\": TOML}}, where TOML is what \
         `mnm config NAME` prints",
        path = .path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The metadata's keys.
        found: String,
    },
    /// Written by a later program.
    #[error(
        "{path} has checkpoint version {found}; this program reads versions up to {newest}. Use a newer mnm",
        path = .path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The newest that can be read.
        newest: u32,
    },
    /// An entry of the metadata that says nothing usable.
    #[error("{path}: the metadata's `{key}` cannot be read: {reason}", path = .path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// Which entry.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor of another element type.
    #[error(
        "{path}: tensor `{name}` has element type {found}; expected F32. Convert it before saving (in PyTorch: \
         `.float()`)",
        path = .path.display()
    )]
    ElementType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its element type in safetensors' words.
        found: String,
    },
    /// A tensor with an element that is no number.
    #[error(
        "{path}: tensor `{name}` has elements that are not finite: the training that wrote it had failed, or the file is \
         damaged. Take another checkpoint of the run",
        path = .path.display()
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// The parameters are not those of the model.
    #[error("the parameters do not fit the model: {problems}")]
    Misfit {
        /// Every parameter that is missing, too many, or of another shape.
        problems: String,
    },
}

impl CheckpointError {
    /// What is wrong with the file `path` of so many bytes.
    pub(super) fn refused(path: &Path, bytes: usize, refused: Refused) -> Self {
        let path = path.to_owned();
        match refused {
            Refused::NotWhole(reason) => Self::NotWhole {
                path,
                bytes,
                reason,
            },
            Refused::Version { found, newest } => Self::Version {
                path,
                found,
                newest,
            },
            Refused::Checksum { found, expected } => Self::Checksum {
                path,
                found,
                expected,
            },
        }
    }
}
