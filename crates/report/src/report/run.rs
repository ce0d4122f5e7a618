//! A run folder, read back.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Deserialize;
use toml::{Table, Value};

use super::error::ReportError;
use super::evaluation::{self, Evaluated};
use super::metrics::{self, TrainLine, ValidLine};
use mnm_trainer::checkpoint::{LARGEST_CONFIG, LARGEST_RECORDS, read_text};
use mnm_trainer::rl::{AgentEvaluation, AgentSummary};

/// Errors on one split, in percent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct SplitErrors {
    /// Mean error; None if it was not finite.
    #[serde(default)]
    pub error: Option<f64>,
    /// Error of each task, where a data set has several.
    #[serde(default)]
    pub per_task: BTreeMap<String, Option<f64>>,
}

/// `summary.json`: how a run ended.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct RunSummary {
    /// Whether the training came to its end.
    pub finished: bool,
    /// Optimiser steps done.
    pub steps: u64,
    /// Trainable parameters.
    pub parameters: u64,
    /// Errors of the best evaluation on the validation split; None if there was none.
    #[serde(default)]
    pub valid: Option<SplitErrors>,
    /// Errors of the last averaged weights on the validation split, where the run keeps them.
    #[serde(default)]
    pub average: Option<SplitErrors>,
    /// Errors of the weights of the best evaluation on the test split, if that was evaluated.
    #[serde(default)]
    pub test: Option<SplitErrors>,
    /// The same of the last averaged weights.
    #[serde(skip)]
    pub test_average: Option<SplitErrors>,
    /// What an agent earned, which has rewards instead of errors.
    #[serde(default)]
    pub agent: Option<AgentSummary>,
}

/// What a run folder holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunData {
    /// Name of the folder.
    pub name: String,
    /// `config.toml`, as it stands.
    pub config_text: String,
    /// `config.toml`, parsed.
    pub config: Table,
    /// The steps that were logged.
    pub train: Vec<TrainLine>,
    /// The evaluations that were logged.
    pub valid: Vec<ValidLine>,
    /// How it ended; None while it runs.
    pub summary: Option<RunSummary>,
    /// What an agent earned in fresh episodes of the test split with the weights of its best evaluation, beside the reference
    /// players; None if it was not evaluated.
    pub played: Option<AgentEvaluation>,
    /// The same with its last averaged weights.
    pub played_average: Option<AgentEvaluation>,
    /// Errors in percent on other data than the config's, by the name that they were kept under.
    pub further: BTreeMap<String, f64>,
}

impl RunData {
    /// Reads the run in `folder`. A run that has not ended yet has no `summary.json`, and needs none.
    ///
    /// # Errors
    /// If `config.toml` or `metrics.jsonl` is missing, or if a file does not hold what it must; the error names the
    /// file, the line or key, and what was expected.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self, ReportError> {
        let folder = folder.as_ref();
        let config_path = folder.join("config.toml");
        let config_text = expected(folder, "config.toml", LARGEST_CONFIG)?;
        let config: Table =
            config_text
                .parse()
                .map_err(|error: toml::de::Error| ReportError::Toml {
                    path: config_path.clone(),
                    message: error.to_string().trim_end().to_owned(),
                })?;
        check_model(&config_path, &config)?;
        let metrics_path = folder.join("metrics.jsonl");
        let metrics_text = expected(folder, "metrics.jsonl", LARGEST_RECORDS)?;
        let (train, valid) = metrics::parse(&metrics_path, &metrics_text)?;
        let mut summary = read_summary(&folder.join("summary.json"))?;
        let (played, test) = kept(folder, "evaluation-test.json")?;
        let (played_average, test_average) = kept(folder, "evaluation-test-average.json")?;
        if let Some(summary) = &mut summary {
            summary.test = test.or(summary.test.take());
            summary.test_average = test_average;
        }
        Ok(Self {
            name: name_of(folder),
            config_text,
            config,
            train,
            valid,
            summary,
            played,
            played_average,
            further: evaluation::further(folder)?,
        })
    }

    /// What stands in the config at `path`, a key with dots.
    pub(super) fn value(&self, path: &str) -> Option<&Value> {
        lookup(&self.config, path)
    }

    /// `data.task`; empty if the config does not say.
    pub(super) fn task(&self) -> &str {
        self.value("data.task")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The rule of a memory-augmented model, the kind of any other.
    pub(super) fn model(&self) -> &str {
        let text = |path| self.value(path).and_then(Value::as_str);
        match (text("model.kind"), text("model.rule")) {
            (Some("mnm"), Some(rule)) => rule,
            (Some(kind), _) => kind,
            (None, _) => "model",
        }
    }

    /// Whether this is a run of reinforcement learning: its config has the settings of it.
    pub(super) fn is_agent(&self) -> bool {
        self.config.contains_key("rl")
    }

    /// The mean reward of an episode on the validation split: of the last averaged weights where the run keeps them, else the best.
    pub(super) fn valid_reward(&self) -> Option<f64> {
        let agent = self.ended()?.agent.as_ref()?;
        agent.average_reward.or(agent.reward)
    }

    /// The summary of a run that came to its end.
    pub(super) fn ended(&self) -> Option<&RunSummary> {
        self.summary.as_ref().filter(|summary| summary.finished)
    }

    /// The figure that a run is known by: its error on the test split, else on the validation split, of its last averaged weights
    /// where it keeps them; None if it is missing or not finite.
    pub(super) fn error(&self) -> Option<f64> {
        let summary = self.summary.as_ref()?;
        let known = [
            &summary.test_average,
            &summary.test,
            &summary.average,
            &summary.valid,
        ];
        finite_error(known.into_iter().find_map(Option::as_ref))
    }

    /// The last step that left a trace.
    pub(super) fn last_step(&self) -> u64 {
        let summary = self.summary.iter().map(|summary| summary.steps);
        let train = self.train.iter().map(|line| line.step);
        summary
            .chain(train)
            .chain(self.valid.iter().map(|line| line.step))
            .max()
            .unwrap_or(0)
    }
}

/// The error of a split that was evaluated, if it is a number.
pub(super) fn finite_error(split: Option<&SplitErrors>) -> Option<f64> {
    split?.error.filter(|error| error.is_finite())
}

/// What an agent earned, or the errors of answers, by an evaluation that was kept; neither if it was not.
fn kept(
    folder: &Path,
    name: &str,
) -> Result<(Option<AgentEvaluation>, Option<SplitErrors>), ReportError> {
    Ok(match evaluation::read(&folder.join(name))? {
        Some(Evaluated::Agent(evaluation)) => (Some(*evaluation), None),
        Some(Evaluated::Answers { error }) => (None, Some(error.into())),
        None => (None, None),
    })
}

/// A file without which a folder holds no run.
fn expected(folder: &Path, name: &'static str, most: u64) -> Result<String, ReportError> {
    let missing = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    match read(&folder.join(name), most) {
        Err(ReportError::Read { source, .. }) if missing.contains(&source.kind()) => {
            Err(ReportError::NoRun {
                path: folder.to_owned(),
                missing: match (folder.is_dir(), name) {
                    (false, _) => "such folder",
                    (true, "config.toml") => "config.toml in it",
                    (true, _) => "metrics.jsonl in it",
                },
            })
        }
        text => text,
    }
}

fn read(path: &Path, most: u64) -> Result<String, ReportError> {
    read_text(path, most).map_err(|source| ReportError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The summary, if there is one.
fn read_summary(path: &Path) -> Result<Option<RunSummary>, ReportError> {
    read_if_there(path)?
        .map(|text| {
            serde_json::from_str(&text).map_err(|error| ReportError::Summary {
                path: path.to_owned(),
                message: error.to_string(),
            })
        })
        .transpose()
}

/// A file that need not be there.
pub(super) fn read_if_there(path: &Path) -> Result<Option<String>, ReportError> {
    match read(path, LARGEST_RECORDS) {
        Err(ReportError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        text => text.map(Some),
    }
}

fn check_model(path: &Path, config: &Table) -> Result<(), ReportError> {
    let text = |key: &'static str, expected| match lookup(config, key) {
        Some(Value::String(text)) => Ok(text.as_str()),
        other => Err(ReportError::Key {
            path: path.to_owned(),
            key,
            found: other.map_or_else(|| "missing".to_owned(), Value::to_string),
            expected,
        }),
    };
    if text("model.kind", "a string, such as \"mnm\" or \"lstm\"")? == "mnm" {
        text("model.rule", "a string, such as \"mnm-p\"")?;
    }
    Ok(())
}

fn lookup<'a>(config: &'a Table, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let value = config.get(first)?;
    if rest.is_empty() {
        Some(value)
    } else {
        lookup(value.as_table()?, rest)
    }
}

/// The folder's own name, also of "." and "runs/..".
fn name_of(folder: &Path) -> String {
    let resolved = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    resolved
        .file_name()
        .unwrap_or(resolved.as_os_str())
        .to_string_lossy()
        .into_owned()
}
