//! Which runs belong together: those that differ in nothing but the seed.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Report;
use super::error::ReportError;
use super::run::RunData;

/// Keys that do not make a run another experiment: the seed, where things lie, and how often they are written.
const IGNORED: [&str; 6] = [
    "seed",
    "threads",
    "data.dir",
    "train.log_every",
    "train.checkpoint_every",
    "train.valid_every",
];

/// The runs of one task.
pub(super) struct Section<'a> {
    /// `data.task`; empty if the configs do not say.
    pub task: String,
    /// The task, and the settings that tell an environment from others of its kind.
    pub title: String,
    pub groups: Vec<RunGroup<'a>>,
}

/// The seeds of one model.
pub(super) struct RunGroup<'a> {
    /// The model, and the settings that tell it from others of its kind.
    pub label: String,
    pub runs: Vec<&'a RunData>,
}

/// A config as keys with dots and values as text.
type Settings = BTreeMap<String, String>;

/// The runs by heading or task, then by model and settings; all in the order in which they first appear.
pub(super) fn sections(report: &Report) -> Result<Vec<Section<'_>>, ReportError> {
    if report.runs.is_empty() {
        return Err(ReportError::NoRuns);
    }
    let together = gather(report.runs.iter(), |run| {
        let heading = report
            .headings
            .iter()
            .filter(|heading| run.name.starts_with(&heading.prefix))
            .max_by_key(|heading| heading.prefix.len());
        (heading.map(|heading| heading.title.as_str()), run.task())
    });
    let mut sections = Vec::new();
    for ((heading, task), runs) in together {
        // Rewards of a large maze say nothing beside those of a small one: each environment has its own section.
        let environments = gather(runs.into_iter(), environment);
        let differing = differing_keys(environments.iter().map(|(settings, _)| settings));
        for (settings, runs) in environments {
            sections.push(Section {
                title: label(heading.unwrap_or(task), &settings, &differing),
                task: task.to_owned(),
                groups: groups(runs)?,
            });
        }
    }
    Ok(sections)
}

/// An agent's settings under `data`; none of other runs, whose errors are in percent whatever their data.
fn environment(run: &RunData) -> Settings {
    let mut settings = Settings::new();
    if run.is_agent() {
        flatten("", &run.config, &mut settings);
        settings.retain(|key, _| key.starts_with("data."));
    }
    settings
}

fn groups(runs: Vec<&RunData>) -> Result<Vec<RunGroup<'_>>, ReportError> {
    let mut groups = Vec::new();
    for (model, runs) in gather(runs.into_iter(), |run| run.model().to_owned()) {
        let variants = gather(runs.into_iter(), settings);
        let differing = differing_keys(variants.iter().map(|(settings, _)| settings));
        for (settings, runs) in variants {
            refuse_same_seed(&runs)?;
            groups.push(RunGroup {
                label: label(&model, &settings, &differing),
                runs,
            });
        }
    }
    Ok(groups)
}

/// Items under their keys, both in the order in which they first appear.
fn gather<'a, K: PartialEq>(
    runs: impl Iterator<Item = &'a RunData>,
    key: impl Fn(&'a RunData) -> K,
) -> Vec<(K, Vec<&'a RunData>)> {
    let mut gathered: Vec<(K, Vec<&RunData>)> = Vec::new();
    for run in runs {
        let key = key(run);
        match gathered.iter_mut().find(|(known, _)| *known == key) {
            Some((_, runs)) => runs.push(run),
            None => gathered.push((key, vec![run])),
        }
    }
    gathered
}

fn settings(run: &RunData) -> Settings {
    let mut settings = Settings::new();
    flatten("", &run.config, &mut settings);
    settings.retain(|key, _| !IGNORED.contains(&key.as_str()));
    settings
}

fn flatten(prefix: &str, table: &Table, into: &mut Settings) {
    for (key, value) in table {
        let key = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            Value::Table(inner) => flatten(&key, inner, into),
            Value::String(text) => drop(into.insert(key, text.clone())),
            other => drop(into.insert(key, other.to_string())),
        }
    }
}

fn differing_keys<'a>(variants: impl Iterator<Item = &'a Settings> + Clone) -> Vec<String> {
    let mut keys: Vec<&String> = variants.clone().flat_map(Settings::keys).collect();
    keys.sort();
    keys.dedup();
    let differs = |key: &&String| {
        let mut values = variants.clone().map(|settings| settings.get(*key));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    keys.into_iter().filter(differs).cloned().collect()
}

/// Characters of a value that a label shows: lists of words would fill the tables.
const SHOWN: usize = 24;

fn label(model: &str, settings: &Settings, differing: &[String]) -> String {
    if differing.is_empty() {
        return model.to_owned();
    }
    let shown = differing.iter().map(|key| match settings.get(key) {
        Some(value) if value.chars().count() > SHOWN => {
            let begin: String = value.chars().take(SHOWN - 2).collect();
            format!("{key}={begin}..")
        }
        Some(value) => format!("{key}={value}"),
        None => format!("no {key}"),
    });
    format!("{model} ({})", shown.collect::<Vec<_>>().join(", "))
}

fn refuse_same_seed(runs: &[&RunData]) -> Result<(), ReportError> {
    for (index, run) in runs.iter().enumerate() {
        let Some(seed) = run.value("seed") else {
            continue;
        };
        if let Some(earlier) = runs
            .iter()
            .take(index)
            .find(|earlier| earlier.value("seed") == Some(seed))
        {
            return Err(ReportError::SameSeed {
                first: earlier.name.clone(),
                second: run.name.clone(),
                seed: seed.to_string(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Heading;

    fn run(name: &str, config: &str) -> RunData {
        RunData {
            name: name.to_owned(),
            config: config.parse().unwrap(),
            ..RunData::default()
        }
    }

    fn report(runs: impl Into<Vec<RunData>>) -> Report {
        Report {
            runs: runs.into(),
            ..Report::default()
        }
    }

    fn labels(runs: &[RunData]) -> Vec<(String, Vec<(String, usize)>)> {
        let count = |group: &RunGroup<'_>| (group.label.clone(), group.runs.len());
        let report = report(runs);
        let sections = sections(&report).unwrap();
        sections
            .into_iter()
            .map(|section| (section.task, section.groups.iter().map(count).collect()))
            .collect()
    }

    #[test]
    fn seeds_are_one_group_and_models_are_several() {
        let runs = [
            run(
                "a",
                "seed = 1\nthreads = 2\nmodel = { kind = 'mnm', rule = 'mnm-p' }",
            ),
            run("b", "seed = 1\nmodel = { kind = 'lstm' }"),
            run("c", "seed = 2\nmodel = { kind = 'mnm', rule = 'mnm-p' }"),
        ];
        let expected = vec![("mnm-p".to_owned(), 2), ("lstm".to_owned(), 1)];
        assert_eq!(labels(&runs), [(String::new(), expected)]);
    }

    #[test]
    fn other_settings_are_other_groups_named_by_what_differs() {
        let config = |seed: u64, more: &str| format!("seed = {seed}\nmodel.kind = 'lstm'\n{more}");
        let runs = [
            run("a", &config(1, "train = { batch = 32, steps = 10 }")),
            run(
                "b",
                &config(1, "train = { batch = 64, steps = 10 }\nmodel.layers = 2"),
            ),
            run("c", &config(2, "train = { batch = 32, steps = 10 }")),
        ];
        let expected = vec![
            ("lstm (no model.layers, train.batch=32)".to_owned(), 2),
            ("lstm (model.layers=2, train.batch=64)".to_owned(), 1),
        ];
        assert_eq!(labels(&runs), [(String::new(), expected)]);
    }

    #[test]
    fn tasks_are_sections() {
        let runs = [("a", "babi"), ("b", "double-copy"), ("c", "babi")]
            .map(|(name, task)| run(name, &format!("model.kind = 'lstm'\ndata.task = '{task}'")));
        let group = |count| vec![("lstm".to_owned(), count)];
        assert_eq!(
            labels(&runs),
            [
                ("babi".to_owned(), group(2)),
                ("double-copy".to_owned(), group(1))
            ]
        );
    }

    #[test]
    fn runs_under_a_heading_stand_apart_from_others_of_their_task() {
        let runs = ["copy-a", "double-copy-a", "copy-b", "other", "copy-long-a"]
            .map(|name| run(name, "seed = 1\ndata.task = 'double-copy'"));
        let headings = [
            ("double-copy-", "Double copy"),
            ("copy-", "Plain copy"),
            ("copy-long-", "Long copy"),
        ];
        let report = Report {
            headings: headings
                .map(|(prefix, title)| Heading {
                    prefix: prefix.to_owned(),
                    title: title.to_owned(),
                })
                .into(),
            runs: runs.into(),
            ..Report::default()
        };
        // One run for each heading and seed: with both plain copies they would be one run counted twice.
        assert!(sections(&report).is_err());
        let report = Report {
            runs: report
                .runs
                .into_iter()
                .filter(|run| run.name != "copy-b")
                .collect(),
            ..report
        };
        let sections = sections(&report).unwrap();
        let told = sections.iter().map(|s| (s.title.as_str(), s.task.as_str()));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("Plain copy", "double-copy"),
                ("Double copy", "double-copy"),
                ("double-copy", "double-copy"),
                ("Long copy", "double-copy")
            ]
        );
    }

    #[test]
    fn every_environment_is_a_section_with_its_settings_in_the_title() {
        let runs = [("a", 9), ("b", 13), ("c", 9)].map(|(name, size)| {
            let config = format!(
                "model.kind = '{name}'\ndata = {{ task = 'maze', size = {size}, steps = 200 }}\nrl.segment = 20"
            );
            run(name, &config)
        });
        let report = report(runs);
        let sections = sections(&report).unwrap();
        let titles: Vec<_> = sections
            .iter()
            .map(|section| section.title.as_str())
            .collect();
        assert_eq!(titles, ["maze (data.size=9)", "maze (data.size=13)"]);
        assert_eq!(sections[0].groups.len(), 2);
        assert_eq!(sections[1].task, "maze");
    }

    #[test]
    fn one_run_twice_is_refused() {
        let runs = [
            run("a", "seed = 7\nmodel.kind = 'lstm'"),
            run("b", "seed = 7\nmodel.kind = 'lstm'"),
        ];
        let error = sections(&report(runs)).err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("runs a and b have the same config and seed 7; give one of them")
        );
        assert!(matches!(sections(&report([])), Err(ReportError::NoRuns)));
    }

    #[test]
    fn a_label_shows_the_beginning_of_a_long_value() {
        let words = r#"["bathroom", "bedroom", "garden"]"#;
        let settings = [("data.rename", words), ("seed", "1")];
        let settings: Settings = settings
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let differing = ["data.rename", "seed"].map(str::to_owned);
        assert_eq!(
            label("mnm-p", &settings, &differing),
            r#"mnm-p (data.rename=["bathroom", "bedroom".., seed=1)"#
        );
    }
}
