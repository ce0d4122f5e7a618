//! A suite as data: which configs, which models, which published figures. One TOML file each, in `xtask/suites`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace;

/// A file of `xtask/suites`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Heading of the report and the table.
    pub title: String,
    /// What the suite shows, in a sentence or two, printed when it starts.
    pub about: String,
    /// How long it takes, as somebody would say it.
    pub takes: String,
    /// How many seeds, unless `--seeds` says otherwise: 1, 2, ...
    #[serde(default = "one")]
    pub seeds: u64,
    /// Where the data come from, in words for who has not given `--data`; absent if the suite does without.
    #[serde(default)]
    pub needs_data: Option<String>,
    /// What `mnm data` calls those data, if it can check them.
    #[serde(default)]
    pub data_set: Option<String>,
    /// The tasks.
    #[serde(rename = "experiment")]
    pub experiments: Vec<Experiment>,
    /// What is trained on each of them.
    #[serde(rename = "model")]
    pub models: Vec<Model>,
    /// What others have reported.
    #[serde(default, rename = "published")]
    pub published: Vec<Published>,
}

/// One task of a suite.
#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Short, for folders.
    pub name: String,
    /// For people.
    pub title: String,
    /// A config that `mnm train` knows by name.
    pub config: String,
    /// The split that is evaluated.
    #[serde(default = "test_split")]
    pub split: String,
    /// How many episodes are evaluated of a task that generates them; absent for as many as the config validates on.
    #[serde(default)]
    pub episodes: Option<u64>,
    /// What is read from the evaluation.
    pub measure: Measure,
    /// The trained runs evaluated once more on other data, such as longer episodes than they have seen.
    #[serde(default)]
    pub further: Vec<Further>,
    /// Runs only where `--data` is given, in a suite that does without as well.
    #[serde(default)]
    pub with_data: bool,
    /// Overrides of the config, for every model.
    #[serde(default)]
    pub set: toml::Table,
    /// Further overrides under `--quick`.
    #[serde(default)]
    pub quick: toml::Table,
    /// The models that run here, by name; empty for all.
    #[serde(default)]
    pub models: Vec<String>,
    /// Further overrides for single models, by name.
    #[serde(default)]
    pub model_set: std::collections::BTreeMap<String, toml::Table>,
    /// Makes as many experiments of this one as it has values.
    #[serde(default)]
    pub vary: Option<Vary>,
}

/// A setting that an experiment goes through.
#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Vary {
    /// The key of the config, as `train.learning_rate`.
    pub key: String,
    /// For people; stands in the experiments' titles, before the value.
    pub title: String,
    /// As one would type them; stand in the experiments' names.
    pub values: Vec<String>,
}

impl Experiment {
    /// An experiment for each value of the setting that it varies, or itself.
    fn varied(mut self) -> Result<Vec<Experiment>> {
        let Some(vary) = self.vary.take() else {
            return Ok(vec![self]);
        };
        if vary.values.is_empty() {
            bail!(
                "experiment {:?} varies {:?} over no values",
                self.name,
                vary.key
            );
        }
        let with = |value: &String| {
            let mut one = self.clone();
            one.name = format!("{}-{value}", self.name);
            one.title = format!("{}, {} {value}", self.title, vary.title);
            one.set
                .insert(vary.key.clone(), toml::Value::String(value.clone()));
            one
        };
        Ok(vary.values.iter().map(with).collect())
    }
}

/// The figure that an evaluation is reduced to.
#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// JSON pointer into what `mnm eval --json` prints, as `/error/mean`.
    pub path: String,
    /// What it is, with its unit.
    pub title: String,
    /// Is a larger figure a better one?
    #[serde(default)]
    pub larger_is_better: bool,
}

/// A further evaluation of an experiment's runs.
#[derive(Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Further {
    /// Head of a column and part of a file's name, such as `length-40`; of its own within the experiment.
    pub name: String,
    /// Overrides of the data, as `mnm eval --set` takes them.
    pub set: toml::Table,
}

/// One model of a suite.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Short, for folders.
    pub name: String,
    /// For people.
    pub title: String,
    /// Overrides of the config.
    #[serde(default)]
    pub set: toml::Table,
}

/// A figure from the literature.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The experiment that it belongs to.
    pub experiment: String,
    /// The model of this suite that it belongs to, or the name of one that only the literature has.
    pub model: String,
    /// As it is to be printed, with the spread where one was given.
    pub figure: String,
    /// Where it stands.
    pub source: String,
    /// What `mnm report` is to show beside ours, as its `--published` takes it; absent if the report shows nothing.
    #[serde(default)]
    pub report: Option<String>,
}

fn one() -> u64 {
    1
}

fn test_split() -> String {
    "test".to_owned()
}

fn folder() -> PathBuf {
    workspace::root().join("xtask/suites")
}

/// Names of the suites that are there.
pub fn names() -> Vec<String> {
    let files = std::fs::read_dir(folder()).into_iter().flatten().flatten();
    let mut names: Vec<String> = files
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()
                .and_then(|name| name.strip_suffix(".toml"))
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}

/// Reads a suite by name.
///
/// # Errors
/// If there is no such file, or it is not a suite that can be run.
pub fn load(name: &str) -> Result<Suite> {
    let path = folder().join(name).with_extension("toml");
    if !path.is_file() {
        bail!(
            "there is no suite {name:?}; there are: {}",
            names().join(", ")
        );
    }
    read(&path)
}

fn read(path: &Path) -> Result<Suite> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Suite::parse(&text).with_context(|| path.display().to_string())
}

impl Suite {
    /// Whether an experiment reads what `--data` gives.
    pub fn reads_data(&self, experiment: &Experiment) -> bool {
        self.needs_data.is_some() || experiment.with_data
    }

    /// A suite whose experiments vary nothing any more.
    pub fn parse(text: &str) -> Result<Suite> {
        let mut suite: Suite = toml::from_str(text)?;
        let experiments = std::mem::take(&mut suite.experiments);
        for experiment in experiments {
            suite.experiments.extend(experiment.varied()?);
        }
        suite.check()?;
        Ok(suite)
    }

    /// Names that occur twice or refer to nothing.
    fn check(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for name in self
            .experiments
            .iter()
            .map(|experiment| &experiment.name)
            .chain(self.models.iter().map(|model| &model.name))
        {
            if !seen.insert(name) {
                bail!("the name {name:?} occurs twice");
            }
        }
        let is_model = |name: &String| self.models.iter().any(|model| model.name == *name);
        for experiment in &self.experiments {
            if let Some(name) = experiment
                .models
                .iter()
                .chain(experiment.model_set.keys())
                .find(|name| !is_model(name))
            {
                bail!(
                    "experiment {:?} names the model {name:?}, which the suite does not have",
                    experiment.name
                );
            }
            let mut names = BTreeSet::new();
            if let Some(twice) = experiment
                .further
                .iter()
                .find(|further| !names.insert(&further.name))
            {
                bail!(
                    "experiment {:?} has two further evaluations of the name {:?}",
                    experiment.name,
                    twice.name
                );
            }
        }
        let is_experiment = |name: &String| {
            self.experiments
                .iter()
                .any(|experiment| experiment.name == *name)
        };
        if let Some(figure) = self
            .published
            .iter()
            .find(|figure| !is_experiment(&figure.experiment))
        {
            bail!(
                "a published figure names the experiment {:?}, which the suite does not have",
                figure.experiment
            );
        }
        Ok(())
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub const SUITE: &str = r#"
        title = "T"
        about = "A"
        takes = "no time"
        seeds = 2
        [[experiment]]
        name = "copy"
        title = "Copy"
        config = "double-copy"
        measure = { path = "/error/mean", title = "bit error, %" }
        set = { train.steps = 100, data.tasks = [1, 2] }
        quick = { train.steps = 5 }
        model_set.b = { train.lr = 0.5 }
        further = [
            { name = "length-20", set = { data.lengths.test = { min = 20, max = 20 } } },
            { name = "length-40", set = { data.lengths.test = { min = 40, max = 40 } } },
        ]
        [[experiment]]
        name = "sort"
        title = "Sort"
        config = "priority-sort"
        measure = { path = "/error/mean", title = "bit error, %" }
        models = ["b"]
        [[model]]
        name = "a"
        title = "A"
        set = { model.kind = "mnm", model.rule = "mnm-p" }
        [[model]]
        name = "b"
        title = "B"
        set = { model.kind = "lstm" }
        [[published]]
        experiment = "copy"
        model = "a"
        figure = "0.1"
        source = "somewhere, as cited"
    "#;

    #[test]
    fn names_that_refer_to_nothing_are_errors() {
        for (right, wrong) in [
            ("models = [\"b\"]", "models = [\"z\"]"),
            ("experiment = \"copy\"", "experiment = \"z\""),
            ("model_set.b", "model_set.z"),
        ] {
            let error = Suite::parse(&SUITE.replace(right, wrong))
                .expect_err(wrong)
                .to_string();
            assert!(error.contains("\"z\""), "{error}");
        }
        assert!(Suite::parse(&SUITE.replace("name = \"sort\"", "name = \"copy\"")).is_err());
        assert!(Suite::parse(&SUITE.replace("length-40", "length-20")).is_err());
        assert!(Suite::parse(&SUITE.replace("seeds = 2", "sedes = 2")).is_err());
    }

    #[test]
    fn every_suite_of_the_project_can_be_run() {
        assert!(names().contains(&"quick".to_owned()), "{:?}", names());
        for name in names() {
            let suite = load(&name).unwrap_or_else(|error| panic!("{error:#}"));
            assert!(
                !suite.runs(suite.seeds, true, None).is_empty(),
                "{name} has no runs"
            );
        }
        let error = load("nonsense").expect_err("there is none").to_string();
        assert!(
            error.contains("quick"),
            "the message lists what there is: {error}"
        );
    }
}
