//! Checkpoints: everything that a run needs to go on, or a model to be used, in one safetensors file.
//!
//! The tensors carry the names of a PyTorch state dict (`torch.nn.LSTMCell` and `nn.Linear` layouts, gates i, f, g, o);
//! the optimiser's moments stand beside them under `optimizer.`. The metadata, all strings, are `config` (TOML, every key),
//! where there is one `vocabulary` and `progress` (JSON), and the seal of every file of ours: `format` ("mnm"), `version` and
//! `mnm_checksum`. Only `config` must be there, so that a file saved elsewhere can be read:
//!
//! ```python
//! safetensors.torch.save_file(state_dict, "model.safetensors", metadata={"config": config_toml})
//! ```
//!
//! Equal content gives equal bytes: names are sorted, and no time or path is in the file.

mod container;
mod error;
mod parameters;
mod vocabulary;

use std::collections::BTreeMap;
use std::path::Path;

use mnm_tasks::Vocabulary;
use mnm_tensor::{Parameters, SharedArray};

pub use container::Container;
pub use error::CheckpointError;
pub use mnm_files::{LARGEST_CONFIG, LARGEST_RECORDS, read_file, read_text, write_file};
pub use parameters::{check_parameters, is_encoder};

/// In front of the names of the optimiser's tensors in the file.
const OPTIMIZER: &str = "optimizer.";

/// A model with its config and, if it is to be trained further, the state of its training.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The model's parameters, named as in a PyTorch state dict.
    pub parameters: Parameters<SharedArray<f32>>,
    /// The optimiser's state, `m.NAME` and `v.NAME` for a parameter NAME; empty where training is not to go on.
    pub optimizer: Parameters<SharedArray<f32>>,
    /// The whole config as TOML.
    pub config: String,
    /// The words and answers that the model knows; `None` for a model without words.
    pub vocabulary: Option<Vocabulary>,
    /// The counters of the training loop, whose meaning is the loop's own. Where training is not to go on, `{"step": N}` says after
    /// how many steps the parameters were these, or it is null.
    pub progress: serde_json::Value,
}

impl Checkpoint {
    /// Writes the checkpoint to `path`, whole or not at all: to a temporary name in the same folder, then renamed.
    ///
    /// # Errors
    /// [`CheckpointError::Write`] if the folder is missing or read-only, or the disk full.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        self.to_container().write(path)
    }

    /// After how many optimiser steps the parameters were these; None where nobody wrote it down.
    pub fn step(&self) -> Option<u64> {
        self.progress.get("step")?.as_u64()
    }

    /// The bytes of its file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        // Texts under texts: JSON has them all.
        self.to_container().to_bytes().unwrap_or_default()
    }

    /// What stands in its file.
    pub fn to_container(&self) -> Container {
        let mut metadata = BTreeMap::from([("config".to_owned(), self.config.clone())]);
        if let Some(words) = &self.vocabulary {
            metadata.insert("vocabulary".to_owned(), vocabulary::to_json(words));
        }
        if !self.progress.is_null() {
            metadata.insert("progress".to_owned(), self.progress.to_string());
        }
        let mut tensors = self.parameters.clone();
        for (name, moment) in self.optimizer.iter() {
            tensors.insert(format!("{OPTIMIZER}{name}"), moment.clone());
        }
        Container {
            metadata,
            tensors,
            ..Container::default()
        }
    }

    /// Reads a checkpoint, ours or one saved by PyTorch with a `config` in its metadata.
    ///
    /// # Errors
    /// [`CheckpointError`], its message naming the file: not to be read, not safetensors or cut short, damaged, without a config,
    /// of a later version, or with a tensor that is not of 32-bit floats, or not of finite ones.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        Self::of(path, Container::read(path)?)
    }

    /// The checkpoint in a file, which messages call `path`.
    ///
    /// # Errors
    /// As [`Checkpoint::read`].
    pub fn of(path: &Path, container: Container) -> Result<Self, CheckpointError> {
        container.refuse_others(path, None)?;
        let Container {
            mut metadata,
            tensors,
            ..
        } = container;
        let Some(config) = metadata.remove("config") else {
            return Err(CheckpointError::Foreign {
                path: path.to_owned(),
                found: listed(metadata.keys()),
            });
        };
        let damaged = |key: &'static str, reason: String| CheckpointError::Metadata {
            path: path.to_owned(),
            key,
            reason,
        };
        let vocabulary = metadata
            .get("vocabulary")
            .map(|text| vocabulary::from_json(text))
            .transpose()
            .map_err(|error| damaged("vocabulary", error.to_string()))?;
        let progress = metadata
            .get("progress")
            .map_or(Ok(serde_json::Value::Null), |text| {
                serde_json::from_str(text)
            })
            .map_err(|error| damaged("progress", error.to_string()))?;
        if let Some((name, _)) = tensors
            .iter()
            .find(|(_, tensor)| tensor.iter().any(|x| !x.is_finite()))
        {
            return Err(CheckpointError::NotFinite {
                path: path.to_owned(),
                name: name.to_owned(),
            });
        }
        let (mut parameters, mut optimizer) = (Parameters::new(), Parameters::new());
        for (name, tensor) in tensors {
            match name.strip_prefix(OPTIMIZER) {
                Some(rest) => optimizer.insert(rest, tensor),
                None => parameters.insert(name, tensor),
            };
        }
        Ok(Self {
            parameters,
            optimizer,
            config,
            vocabulary,
            progress,
        })
    }
}

/// Names for a message: `a`, `b`; or "none".
fn listed<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if quoted.is_empty() {
        "none".to_owned()
    } else {
        quoted.join(", ")
    }
}
