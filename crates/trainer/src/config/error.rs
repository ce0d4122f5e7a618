//! What can be wrong with a config.

use std::path::{Path, PathBuf};

use mnm_controller::ControllerError;
use mnm_tasks::OptionError;
use thiserror::Error;

/// An error of a config; it names the file or the key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No such experiment and no such file.
    #[error("no config named `{name}` and no such file{likely}; there are: {known}")]
    UnknownName {
        /// What was asked for.
        name: String,
        /// The names that exist.
        known: String,
        /// What was probably meant, as a question; empty if nothing is near.
        likely: String,
    },
    /// A folder where a file was to be.
    #[error("{path} is a folder, not a config; {what}", path = .0.display(), what = in_its_place(.0))]
    Folder(PathBuf),
    /// There is no such file.
    #[error(
        "{path}: there is no such file; expected a config as TOML, or a name that `mnm config` lists{likely}",
        path = .path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// What was probably meant, or what there is instead; empty if there is nothing.
        likely: String,
    },
    /// A file of parameters where a config was to be.
    #[error(
        "{path} holds parameters, not a config; `mnm train NAME --set train.from={path}` starts from them, NAME being a config of \
         the same model",
        path = .0.display()
    )]
    Parameters(PathBuf),
    /// The file cannot be read.
    #[error("{path}: cannot read the config: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is no TOML.
    #[error("{origin}: not valid TOML: {message}")]
    Toml {
        /// The file or name.
        origin: String,
        /// The parser's words, with line and column.
        message: String,
    },
    /// A key is unknown, missing or of the wrong type.
    #[error("{origin}: {key}: {message}; `mnm config NAME` prints every key")]
    Key {
        /// The file or name.
        origin: String,
        /// The key's path.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// A value is out of range.
    #[error("{key} = {value}: expected {allowed}")]
    Range {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// No such write rule.
    #[error("model.rule = \"{name}\": there is no such rule; did you mean \"{likely}\"?")]
    Rule {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        likely: String,
    },
    /// An option of the task is out of range.
    #[error("data.{option} = {value}: {task} takes {expected}", option = .0.option, value = .0.value, task = .0.task, expected = .0.expected)]
    Data(OptionError),
    /// A setting is not `key=value`.
    #[error("--set {set}: {expected}")]
    Override {
        /// What was given.
        set: String,
        /// What is expected.
        expected: String,
    },
    /// A setting of the model is out of range.
    #[error(transparent)]
    Model(#[from] ControllerError),
}

/// What to take where a config was to be and a folder was given.
fn in_its_place(folder: &Path) -> String {
    let config = folder.join("config.toml");
    if config.is_file() {
        return format!("of this run, take {}", config.display());
    }
    "expected a config as TOML, or a name that `mnm config` lists".to_owned()
}

impl ConfigError {
    pub(crate) fn range(key: &'static str, value: impl ToString, allowed: &'static str) -> Self {
        Self::Range {
            key,
            value: value.to_string(),
            allowed,
        }
    }
}
