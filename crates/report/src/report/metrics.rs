//! The lines of `metrics.jsonl`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::error::ReportError;

/// A step of training. A figure that was not finite is None (JSON has no NaN; it is written as null).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct TrainLine {
    /// Optimiser steps done.
    pub step: u64,
    /// Sequences seen.
    #[serde(default)]
    pub sequences: Option<u64>,
    /// Task loss + lambda * meta loss.
    #[serde(default)]
    pub loss: Option<f64>,
    /// The task's own loss.
    #[serde(default)]
    pub task_loss: Option<f64>,
    /// Wrong answers, in percent.
    #[serde(default)]
    pub error: Option<f64>,
    /// An agent's mean reward of the episodes that ended.
    #[serde(default)]
    pub reward: Option<f64>,
    /// How badly writes took.
    #[serde(default)]
    pub meta_loss: Option<f64>,
    /// Norm of the gradient before clipping.
    #[serde(default)]
    pub grad_norm: Option<f64>,
    /// Step size of the optimiser.
    #[serde(default)]
    pub learning_rate: Option<f64>,
}

/// An evaluation on the validation split.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ValidLine {
    /// Optimiser steps done.
    pub step: u64,
    /// Sequences seen.
    #[serde(default)]
    pub sequences: Option<u64>,
    /// Loss on the validation split.
    #[serde(default)]
    pub loss: Option<f64>,
    /// An agent's mean reward of an episode.
    #[serde(default)]
    pub reward: Option<f64>,
    /// Mean error, in percent.
    #[serde(default)]
    pub error: Option<f64>,
    /// Error of each task, in percent, where a data set has several.
    #[serde(default)]
    pub per_task: BTreeMap<String, Option<f64>>,
    /// The same of averaged weights, where the run keeps them.
    #[serde(default)]
    pub average: Option<AverageLine>,
    /// An agent's mean reward of an episode with them.
    #[serde(default)]
    pub average_reward: Option<f64>,
}

/// What an evaluation of averaged weights came to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct AverageLine {
    /// Mean error, in percent.
    #[serde(default)]
    pub error: Option<f64>,
}

impl ValidLine {
    /// The error that counts: of averaged weights, where the run keeps them.
    pub(super) fn figure(&self) -> Option<f64> {
        let average = self.average.as_ref();
        average.map_or(self.error, |average| average.error)
    }
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line {
    Train(TrainLine),
    Valid(ValidLine),
    /// Kinds that a report has no use for.
    #[serde(other)]
    Other,
}

/// The train and the valid lines of `text`; `path` is what errors call it.
///
/// A last line without its line break is left out: the run is writing it, or was stopped while it did.
///
/// # Errors
/// [`ReportError::Line`] for a line that is no record.
pub fn parse(path: &Path, text: &str) -> Result<(Vec<TrainLine>, Vec<ValidLine>), ReportError> {
    let (mut train, mut valid) = (Vec::new(), Vec::new());
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let Some(line) = line.strip_suffix('\n') else {
            break;
        };
        if line.trim().is_empty() {
            continue;
        }
        let parsed = serde_json::from_str(line).map_err(|error| ReportError::Line {
            path: path.to_owned(),
            line: index + 1,
            message: error.to_string(),
        })?;
        match parsed {
            Line::Train(line) => train.push(line),
            Line::Valid(line) => valid.push(line),
            Line::Other => {}
        }
    }
    Ok((train, valid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Result<(Vec<TrainLine>, Vec<ValidLine>), ReportError> {
        parse(Path::new("run/metrics.jsonl"), text)
    }

    #[test]
    fn kinds_are_told_apart_and_null_is_no_number() {
        let (train, valid) = lines(concat!(
            "{\"step\": 1, \"kind\": \"train\", \"loss\": 2.5, \"sequences\": 32, \"new\": [1]}\n",
            "\n",
            "{\"kind\": \"valid\", \"step\": 1, \"error\": null, \"per_task\": {\"1\": 3.0, \"2\": null}}\n",
            "{\"kind\": \"note\", \"text\": \"resumed\"}\n",
        ))
        .unwrap();
        assert_eq!(
            train,
            [TrainLine {
                step: 1,
                sequences: Some(32),
                loss: Some(2.5),
                ..TrainLine::default()
            }]
        );
        let per_task = BTreeMap::from([("1".to_owned(), Some(3.0)), ("2".to_owned(), None)]);
        assert_eq!(
            valid,
            [ValidLine {
                step: 1,
                per_task,
                ..ValidLine::default()
            }]
        );
    }

    #[test]
    fn a_line_still_being_written_is_left_out() {
        let (train, _) = lines("{\"step\": 1, \"kind\": \"train\"}\n{\"step\": 2, \"ki").unwrap();
        assert_eq!(train.len(), 1);
    }

    #[test]
    fn errors_name_the_line() {
        let error = lines("{\"step\": 1, \"kind\": \"train\"}\n{\"kind\": \"train\"}\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("run/metrics.jsonl:2: missing field `step`"),
            "{error}"
        );
        let error = lines("{\"step\": 1}\n").unwrap_err().to_string();
        assert!(
            error.contains(":1: missing field `kind`") && error.contains("expected an object"),
            "{error}"
        );
        let error = lines("nonsense\n").unwrap_err();
        assert!(
            matches!(error, ReportError::Line { line: 1, .. }),
            "{error}"
        );
    }
}
