//! The figures of a report, for the tables and for other programs.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use mnm_trainer::checkpoint::{LARGEST_RECORDS, read_text};
use serde::{Deserialize, Serialize};

use super::Report;
use super::agents::AgentsSummary;
use super::error::ReportError;
use super::figure::Figure;
use super::groups::{RunGroup, sections};
use super::published::Published;
use super::run::{RunData, RunSummary, SplitErrors, finite_error};

/// All figures of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The report's title.
    pub title: String,
    /// The command that makes it again.
    pub command: String,
    /// One for each task.
    pub sections: Vec<SectionSummary>,
}

/// The figures of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SectionSummary {
    /// `data.task`; empty if the configs do not say.
    pub task: String,
    /// The task, and the settings that tell an environment from others of its kind.
    pub title: String,
    /// One for each model.
    pub groups: Vec<GroupSummary>,
    /// Figures of others.
    pub published: Vec<Published>,
    /// What agents earned, where the task is an environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<AgentsSummary>,
}

/// The figures of one model over its seeds. Errors are in percent and taken over the runs that have finished with a
/// finite error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// The model, and the settings that tell it from others of its kind.
    pub label: String,
    /// All runs, also those that are in none of the figures.
    pub runs: Vec<RunFigures>,
    /// How many of them have finished.
    pub finished: usize,
    /// How many have finished without a finite error, and so are in none of the figures.
    pub diverged: usize,
    /// Trainable parameters; None if no run has finished.
    pub parameters: Option<u64>,
    /// Optimiser steps of the longest run.
    pub steps: u64,
    /// Error of the best evaluation on the validation split.
    pub valid: Option<Figure>,
    /// Error of the last averaged weights on the validation split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_average: Option<Figure>,
    /// Error on the test split, of the weights of the best evaluation.
    pub test: Option<Figure>,
    /// Error of the last averaged weights on the test split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_average: Option<Figure>,
    /// Error of each task: on the test split if that was evaluated, of the last averaged weights if they are kept.
    pub per_task: BTreeMap<String, Figure>,
    /// Error on other data than the config's, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub further: BTreeMap<String, Figure>,
}

/// The figures of one run. Errors are in percent; None if the run has not finished or the error was not finite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    /// Name of its folder.
    pub name: String,
    /// The seed of its config.
    pub seed: Option<i64>,
    /// Whether it came to its end.
    pub finished: bool,
    /// Error of the best evaluation on the validation split.
    pub valid: Option<f64>,
    /// Error of the last averaged weights on the validation split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_average: Option<f64>,
    /// Error on the test split, of the weights of the best evaluation.
    pub test: Option<f64>,
    /// Error of the last averaged weights on the test split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_average: Option<f64>,
    /// Errors on other data than the config's, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub further: BTreeMap<String, f64>,
    /// The curve that the pictures show: sequences seen and error on the validation split of each evaluation, of the averaged weights
    /// where they are kept.
    pub curve: Vec<(u64, f64)>,
}

impl Summary {
    pub(super) fn of(report: &Report) -> Result<Self, ReportError> {
        let sections = sections(report)?.into_iter().map(|section| SectionSummary {
            agents: AgentsSummary::of(&section),
            groups: section.groups.iter().map(GroupSummary::of).collect(),
            published: report
                .published
                .iter()
                .filter(|one| one.belongs_to(&section.task))
                .cloned()
                .collect(),
            task: section.task,
            title: section.title,
        });
        let sections = sections.collect();
        Ok(Self {
            title: report.title.clone(),
            command: report.command.clone(),
            sections,
        })
    }

    /// The figures of an earlier report, from its `summary.json`.
    ///
    /// # Errors
    /// If there is no such file, or it holds something else.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let text = read_text(path, LARGEST_RECORDS).map_err(|error| ReportError::Figures {
            path: path.to_owned(),
            message: match error.kind() {
                ErrorKind::NotFound => "there is no such file".to_owned(),
                _ => error.to_string(),
            },
        })?;
        serde_json::from_str(&text).map_err(|error| ReportError::Figures {
            path: path.to_owned(),
            message: error.to_string(),
        })
    }

    /// Draws the pictures that the figures alone give (all but those of training) as SVG files into `folder`, which is created if
    /// missing; gives their paths.
    ///
    /// # Errors
    /// If a picture cannot be drawn or written.
    pub fn write_pictures(&self, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
        super::pictures::write(&super::pictures::of_summary(self)?, folder)
    }

    /// As JSON, indented, with a line break at the end.
    ///
    /// # Errors
    /// If the JSON writer fails, which nothing in these figures makes it do.
    pub fn to_json(&self) -> Result<String, ReportError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// A split and the weights that were evaluated on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    ValidAverage,
    Valid,
    TestAverage,
    Test,
}

impl Reading {
    /// In the order of a table's columns.
    pub(super) const ALL: [Self; 4] = [
        Self::ValidAverage,
        Self::Valid,
        Self::TestAverage,
        Self::Test,
    ];

    /// From the one that counts most: docs/protocol.md.
    const BY_WORTH: [Self; 4] = [
        Self::TestAverage,
        Self::Test,
        Self::ValidAverage,
        Self::Valid,
    ];

    pub(super) fn of(self, group: &GroupSummary) -> Option<&Figure> {
        match self {
            Self::ValidAverage => group.valid_average.as_ref(),
            Self::Valid => group.valid.as_ref(),
            Self::TestAverage => group.test_average.as_ref(),
            Self::Test => group.test.as_ref(),
        }
    }

    /// A table's head.
    pub(super) fn head(self) -> &'static str {
        match self {
            Self::ValidAverage => "validation, last average, %",
            Self::Valid => "validation, lowest of the run, %",
            Self::TestAverage => "test, last average, %",
            Self::Test => "test, weights of the lowest, %",
        }
    }

    /// A picture's title.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::ValidAverage | Self::Valid => "Validation error",
            Self::TestAverage | Self::Test => "Test error",
        }
    }
}

impl SectionSummary {
    /// What models are compared by: the reading that counts most of those that every model with figures has.
    pub(super) fn reading(&self) -> Reading {
        let any = |group: &&GroupSummary| Reading::ALL.iter().any(|r| r.of(group).is_some());
        let measured: Vec<_> = self.groups.iter().filter(any).collect();
        Reading::BY_WORTH
            .into_iter()
            .find(|reading| measured.iter().all(|group| reading.of(group).is_some()))
            .unwrap_or(Reading::Valid)
    }
}

impl GroupSummary {
    fn of(group: &RunGroup<'_>) -> Self {
        let ended: Vec<&RunSummary> = group.runs.iter().filter_map(|run| run.ended()).collect();
        let runs: Vec<_> = group.runs.iter().map(|run| RunFigures::of(run)).collect();
        let figure = |error: fn(&RunFigures) -> Option<f64>| {
            Figure::of(&runs.iter().filter_map(error).collect::<Vec<_>>())
        };
        let counted = group
            .runs
            .iter()
            .filter(|run| run.ended().is_some() && (run.is_agent() || run.error().is_some()))
            .count();
        Self {
            label: group.label.clone(),
            finished: ended.len(),
            diverged: ended.len() - counted,
            parameters: ended.first().map(|summary| summary.parameters),
            steps: group
                .runs
                .iter()
                .map(|run| run.last_step())
                .max()
                .unwrap_or(0),
            valid: figure(|run| run.valid),
            valid_average: figure(|run| run.valid_average),
            test: figure(|run| run.test),
            test_average: figure(|run| run.test_average),
            per_task: per_task(&ended),
            further: further(&group.runs),
            runs,
        }
    }
}

impl RunFigures {
    fn of(run: &RunData) -> Self {
        let ended = run.ended();
        Self {
            name: run.name.clone(),
            seed: run.value("seed").and_then(toml::Value::as_integer),
            finished: ended.is_some(),
            valid: ended.and_then(|summary| finite_error(summary.valid.as_ref())),
            valid_average: ended.and_then(|summary| finite_error(summary.average.as_ref())),
            test: ended.and_then(|summary| finite_error(summary.test.as_ref())),
            test_average: ended.and_then(|summary| finite_error(summary.test_average.as_ref())),
            further: run.further.clone(),
            curve: run
                .valid
                .iter()
                .filter_map(|line| Some((line.sequences?, line.figure()?)))
                .collect(),
        }
    }
}

fn per_task(ended: &[&RunSummary]) -> BTreeMap<String, Figure> {
    // The same reading for all seeds: a mean over two splits would be neither's.
    let readings: [fn(&RunSummary) -> &Option<SplitErrors>; 4] = [
        |summary| &summary.test_average,
        |summary| &summary.test,
        |summary| &summary.average,
        |summary| &summary.valid,
    ];
    let reading = readings
        .into_iter()
        .find(|of| ended.iter().all(|summary| of(summary).is_some()));
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for summary in ended {
        let split = reading.map_or(&summary.valid, |of| of(summary));
        for (task, error) in split.iter().flat_map(|split| &split.per_task) {
            values
                .entry(task)
                .or_default()
                .extend(error.filter(|error| error.is_finite()));
        }
    }
    figures(values)
}

fn further(runs: &[&RunData]) -> BTreeMap<String, Figure> {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let ended = runs.iter().filter(|run| run.ended().is_some());
    for (name, error) in ended.flat_map(|run| &run.further) {
        values.entry(name).or_default().push(*error);
    }
    figures(values)
}

fn figures(values: BTreeMap<&str, Vec<f64>>) -> BTreeMap<String, Figure> {
    values
        .into_iter()
        .filter_map(|(name, values)| Some((name.to_owned(), Figure::of(&values)?)))
        .collect()
}
