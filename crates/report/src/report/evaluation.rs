//! `evaluation-test.json`, `evaluation-test-average.json` and `evaluation-test-NAME.json`: what `mnm eval --keep`, the same with
//! `--average --last`, and `--keep-as NAME` left in a run folder.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::error::ReportError;
use super::run::{SplitErrors, read_if_there};
use mnm_trainer::rl::AgentEvaluation;

/// An evaluation on the test split.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Evaluated {
    /// Of a task with questions and answers.
    Answers { error: Errors },
    /// Of an agent.
    Agent(Box<AgentEvaluation>),
}

/// Errors in percent, as `mnm eval` names them. A figure that was not finite is None.
#[derive(Deserialize)]
pub(super) struct Errors {
    mean: Option<f64>,
    #[serde(default)]
    per_task: BTreeMap<String, Option<f64>>,
}

impl From<Errors> for SplitErrors {
    fn from(errors: Errors) -> Self {
        Self {
            error: errors.mean,
            per_task: errors.per_task,
        }
    }
}

/// The errors in percent of the further evaluations in a run folder, by name. Those of agents have none.
pub(super) fn further(folder: &Path) -> Result<BTreeMap<String, f64>, ReportError> {
    let mut errors = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = entry.file_name();
        let name = file
            .to_str()
            .and_then(|file| file.strip_prefix("evaluation-test-"))
            .and_then(|file| file.strip_suffix(".json"))
            // The run's own figure.
            .filter(|name| *name != "average");
        if let Some(name) = name
            && let Some(Evaluated::Answers { error }) = read(&entry.path())?
            && let Some(mean) = error.mean
        {
            errors.insert(name.to_owned(), mean);
        }
    }
    Ok(errors)
}

/// The evaluation in `path`, if there is one.
pub(super) fn read(path: &Path) -> Result<Option<Evaluated>, ReportError> {
    read_if_there(path)?
        .map(|text| {
            serde_json::from_str(&text).map_err(|error| ReportError::Evaluation {
                path: path.to_owned(),
                message: error.to_string(),
            })
        })
        .transpose()
}
