//! What the trained runs do on other data than they were first evaluated on, such as longer episodes.

use anyhow::Result;
use serde_json::{Value, json};

use super::job::Job;
use super::results::{self, Figure};
use super::suite::Suite;
use crate::table;

/// One model under one further evaluation.
#[derive(Debug, PartialEq)]
pub struct Cell {
    /// Index into the suite's experiments.
    experiment: usize,
    /// Index into the suite's models.
    model: usize,
    /// Index into the experiment's further evaluations.
    further: usize,
    /// The seeds' figures, in the order of the seeds.
    values: Vec<f64>,
}

/// Gathers the further evaluations that there are.
///
/// # Errors
/// If one cannot be read, or lacks the figure that the suite asks for.
pub fn gather(suite: &Suite, jobs: &[Job]) -> Result<Vec<Cell>> {
    let mut cells: Vec<Cell> = Vec::new();
    for job in jobs {
        let (experiment, model) = (job.run.experiment, job.run.model);
        for (further, asked) in job.further.iter().enumerate() {
            let path = job.folder.further(&asked.name);
            if !path.is_file() {
                continue;
            }
            let value = results::value(&path, &suite.experiments[experiment].measure)?;
            let key = (experiment, model, further);
            match cells.iter_mut().find(|cell| cell.key() == key) {
                Some(cell) => cell.values.push(value),
                None => cells.push(Cell {
                    experiment,
                    model,
                    further,
                    values: vec![value],
                }),
            }
        }
    }
    cells.sort_by_key(Cell::key);
    Ok(cells)
}

impl Cell {
    fn key(&self) -> (usize, usize, usize) {
        (self.experiment, self.model, self.further)
    }

    fn figure(&self) -> Option<Figure> {
        Figure::of(&self.values)
    }
}

/// A table for each experiment that has further evaluations: a row a model, a column an evaluation.
pub fn tables(suite: &Suite, cells: &[Cell]) -> String {
    let mut text = String::new();
    for (e, experiment) in suite.experiments.iter().enumerate() {
        let of_model = |m: usize| {
            let cells: Vec<_> = cells
                .iter()
                .filter(|c| (c.experiment, c.model) == (e, m))
                .collect();
            (!cells.is_empty()).then_some((m, cells))
        };
        let rows: Vec<Vec<String>> = (0..suite.models.len())
            .filter_map(of_model)
            .map(|(m, cells)| {
                let figure = |further: usize| {
                    let cell = cells.iter().find(|cell| cell.further == further);
                    cell.and_then(|cell| cell.figure())
                        .map_or("-".to_owned(), |figure| figure.to_string())
                };
                let title = suite.models[m].title.clone();
                std::iter::once(title)
                    .chain((0..experiment.further.len()).map(figure))
                    .collect()
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        let titles = experiment
            .further
            .iter()
            .map(|further| further.name.as_str());
        let head: Vec<&str> = std::iter::once("model").chain(titles).collect();
        text += &format!(
            "{}, further: {}, {} split\n",
            experiment.title, experiment.measure.title, experiment.split
        );
        text += &table::plain(&head, &rows);
        text.push('\n');
    }
    text
}

/// The same figures for programs, with every seed's value.
pub fn to_json(suite: &Suite, cells: &[Cell]) -> Value {
    let entry = |cell: &Cell| {
        let experiment = &suite.experiments[cell.experiment];
        let figure = cell.figure();
        json!({
            "experiment": experiment.name,
            "model": suite.models[cell.model].name,
            "further": experiment.further[cell.further].name,
            "values": cell.values,
            "mean": figure.map(|figure| figure.mean),
            "sd": figure.and_then(|figure| figure.sd),
        })
    };
    cells.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE: &str = r#"
        title = "T"
        about = "A"
        takes = "no time"
        [[experiment]]
        name = "copy"
        title = "Copy"
        config = "copy"
        measure = { path = "/error/mean", title = "wrong bits, %" }
        further = [
            { name = "length-20", set = { data.length = 20 } },
            { name = "length-40", set = { data.length = 40 } },
        ]
        [[model]]
        name = "mnm-p"
        title = "MNM-p"
        [[model]]
        name = "ntm"
        title = "NTM"
    "#;

    #[test]
    fn a_row_a_model_and_a_column_an_evaluation_and_a_dash_where_none_was_made() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let suite: Suite = toml::from_str(SUITE).expect("a good suite");
        let jobs = Job::all(&suite, 2, folder.path());
        for (place, job) in jobs.iter().enumerate() {
            job.folder.prepare(&job.run, "1").expect("writable");
            let names = if job.run.model == 0 {
                &["length-20", "length-40"][..]
            } else {
                &["length-40"]
            };
            for name in names {
                let text = json!({"error": {"mean": place}}).to_string();
                std::fs::write(job.folder.further(name), text).expect("writable");
            }
        }
        let cells = gather(&suite, &jobs).expect("good evaluations");
        let text = tables(&suite, &cells);
        let row = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let line = line.unwrap_or_else(|| panic!("{name} in\n{text}"));
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect::<Vec<_>>()
        };
        assert_eq!(row("model"), ["model", "length-20", "length-40"]);
        assert_eq!(row("MNM-p"), ["MNM-p", "1.00 ± 1.41", "1.00 ± 1.41"]);
        assert_eq!(row("NTM"), ["NTM", "-", "2.00 ± 1.41"]);
        let value = to_json(&suite, &cells);
        assert_eq!(value[2]["values"], json!([1.0, 3.0]));
        assert_eq!(value[2]["further"], "length-40");
    }
}
