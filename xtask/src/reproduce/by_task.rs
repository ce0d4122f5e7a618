//! Errors task by task, where one experiment is of several: bAbI's twenty.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::job::Job;
use super::results::Figure;
use super::suite::Suite;
use crate::table;

/// Up to this many tasks are named one by one in a line.
const NAMED: usize = 6;

/// Each task's error in percent, `qa2` before `qa10`.
pub fn errors(per_task: &Value) -> Vec<(String, f64)> {
    let mut errors: Vec<(String, f64)> = per_task
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(task, error)| Some((task.clone(), error.as_f64()?)))
        .collect();
    errors.sort_by(|(a, _), (b, _)| order(a).cmp(&order(b)));
    errors
}

/// The name, and the number at its end.
fn order(task: &str) -> (&str, u64) {
    let name = task.trim_end_matches(|c: char| c.is_ascii_digit());
    (name, task[name.len()..].parse().unwrap_or(0))
}

/// All errors in so few characters that twenty fit into a line: `0`, `.4` and `12` per cent.
pub fn short(errors: &[(String, f64)]) -> Option<String> {
    let (Some((first, _)), Some((last, _)), 2..) = (errors.first(), errors.last(), errors.len())
    else {
        return None;
    };
    if errors.len() <= NAMED {
        let named: Vec<String> = errors
            .iter()
            .map(|(task, error)| format!("{task} {}", rounded(*error)))
            .collect();
        return Some(named.join("  "));
    }
    let figures: Vec<String> = errors.iter().map(|(_, error)| rounded(*error)).collect();
    let fives: Vec<String> = figures.chunks(5).map(|five| five.join(" ")).collect();
    Some(format!("{first}-{last}: {}", fives.join("  ")))
}

fn rounded(error: f64) -> String {
    if error > 0.0 && error < 0.95 {
        // Not "0" while anything is wrong.
        format!("{:.1}", error.max(0.1)).replace("0.", ".")
    } else {
        format!("{error:.0}")
    }
}

/// The tables of the experiments that are of several tasks: a row a task, a column a model, mean and spread over seeds.
///
/// # Errors
/// If an evaluation cannot be read.
pub fn tables(suite: &Suite, jobs: &[Job]) -> Result<String> {
    let mut text = String::new();
    for (e, experiment) in suite.experiments.iter().enumerate() {
        // By task and model, the seeds' errors.
        let mut figures: BTreeMap<(String, usize), Vec<f64>> = BTreeMap::new();
        let mut tasks: Vec<String> = Vec::new();
        let done = |job: &&Job| job.run.experiment == e && job.folder.evaluation.is_file();
        for job in jobs.iter().filter(done) {
            let path = &job.folder.evaluation;
            let raw = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            let evaluation: Value =
                serde_json::from_str(&raw).with_context(|| path.display().to_string())?;
            for (task, error) in errors(&evaluation["error"]["per_task"]) {
                let key = (task.clone(), job.run.model);
                figures.entry(key).or_default().push(error);
                if !tasks.contains(&task) {
                    tasks.push(task);
                }
            }
        }
        if tasks.len() < 2 {
            continue;
        }
        tasks.sort_by(|a, b| order(a).cmp(&order(b)));
        let models: Vec<usize> = (0..suite.models.len())
            .filter(|model| figures.keys().any(|(_, of)| of == model))
            .collect();
        let mut head = vec!["task"];
        head.extend(
            models
                .iter()
                .map(|&model| suite.models[model].title.as_str()),
        );
        let rows: Vec<Vec<String>> = tasks
            .iter()
            .map(|task| {
                let cell = |&model: &usize| {
                    let values = figures.get(&(task.clone(), model));
                    values
                        .and_then(|values| Figure::of(values))
                        .map_or("-".to_owned(), |figure| figure.to_string())
                };
                std::iter::once(task.clone())
                    .chain(models.iter().map(cell))
                    .collect()
            })
            .collect();
        text += &format!(
            "{}, task by task: error, %, {} split\n",
            experiment.title, experiment.split
        );
        text += &table::plain(&head, &rows);
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tasks_are_in_the_order_of_their_numbers() {
        let per_task = json!({"qa10": 1.0, "qa2": 2.0, "copy": 3.0, "broken": null});
        let names: Vec<String> = errors(&per_task)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["copy", "qa2", "qa10"]);
        assert!(errors(&Value::Null).is_empty());
    }

    #[test]
    fn few_tasks_are_named_and_twenty_fit_into_a_line() {
        let of = |values: &[f64]| {
            let named = values.iter().enumerate();
            let errors: Vec<_> = named.map(|(i, e)| (format!("qa{}", i + 1), *e)).collect();
            short(&errors)
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3.0]), None, "the mean says it");
        let few = of(&[0.0, 0.04, 0.4, 0.94]).expect("four tasks");
        assert_eq!(few, "qa1 0  qa2 .1  qa3 .4  qa4 .9");
        let many = of(&[0.95, 4.4, 99.9, 1.0, 2.0, 3.0, 100.0]).expect("seven tasks");
        assert_eq!(many, "qa1-qa7: 1 4 100 1 2  3 100");
        let twenty = of(&[43.2; 20]).expect("twenty tasks");
        assert!(twenty.len() < 76, "{twenty}");
    }
}
