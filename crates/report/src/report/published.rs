//! Figures of others.

use serde::{Deserialize, Serialize};

/// A published figure that ours are set beside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The task (`data.task`) that it belongs to; None for every task.
    #[serde(default)]
    pub task: Option<String>,
    /// Name of the model.
    pub name: String,
    /// Its mean error, in percent.
    pub error: f64,
    /// Standard deviation over runs, if it was published.
    #[serde(default)]
    pub deviation: Option<f64>,
    /// As it is to be printed, for example "about 27"; empty for the numbers above.
    #[serde(default)]
    pub figure: String,
    /// Where it is from and how sure it is, for example "as cited".
    #[serde(default)]
    pub note: String,
    /// Whether ours were made in the same way, with nothing that it was not given: then it is a line in the curves too.
    #[serde(default)]
    pub like_for_like: bool,
}

impl Published {
    /// A figure for every task.
    pub fn new(
        name: impl Into<String>,
        error: f64,
        deviation: Option<f64>,
        note: impl Into<String>,
    ) -> Self {
        Self {
            task: None,
            name: name.into(),
            error,
            deviation,
            figure: String::new(),
            note: note.into(),
            like_for_like: false,
        }
    }

    pub(super) fn belongs_to(&self, task: &str) -> bool {
        self.task.as_deref().is_none_or(|own| own == task)
    }

    pub(super) fn text(&self) -> String {
        match self.deviation {
            _ if !self.figure.is_empty() => self.figure.clone(),
            Some(deviation) => format!("{} ± {}", self.error, deviation),
            None => self.error.to_string(),
        }
    }
}
