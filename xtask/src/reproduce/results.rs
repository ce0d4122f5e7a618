//! From evaluations to the table of our figures beside the published ones.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::job::Job;
use super::players::Player;
use super::suite::{Measure, Suite};
use crate::table;

/// Mean, spread and best of one figure over seeds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Figure {
    /// How many seeds.
    pub seeds: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation (the sample's, with n - 1); `None` for a single seed.
    pub sd: Option<f64>,
    /// The best of them.
    pub best: f64,
}

impl Figure {
    /// `None` without values.
    pub fn of(values: &[f64], larger_is_better: bool) -> Option<Self> {
        let n = values.len();
        let pick = if larger_is_better { f64::max } else { f64::min };
        let best = values.iter().copied().reduce(pick)?;
        let mean = values.iter().sum::<f64>() / n as f64;
        let sd = (n > 1).then(|| {
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            (squares / (n - 1) as f64).sqrt()
        });
        Some(Self {
            seeds: n,
            mean,
            sd,
            best,
        })
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.sd {
            Some(sd) => write!(formatter, "{:.2} ± {sd:.2}", self.mean),
            None => write!(formatter, "{:.2}", self.mean),
        }
    }
}

/// One model on one experiment.
pub struct Cell {
    /// Index into the suite's experiments.
    experiment: usize,
    /// Index into the suite's models.
    model: usize,
    /// The seeds' figures, in the order of the seeds.
    values: Vec<f64>,
    /// Trained parameters, as the run's summary says.
    parameters: Option<u64>,
}

/// Gathers what the evaluated jobs say. A job without an evaluation (failed, stopped) counts for nothing.
///
/// # Errors
/// If an evaluation lacks the figure that the suite asks for.
pub fn gather(suite: &Suite, jobs: &[Job]) -> Result<Vec<Cell>> {
    let mut cells: Vec<Cell> = Vec::new();
    for job in jobs {
        let (experiment, model) = (job.run.experiment, job.run.model);
        let place = cells
            .iter()
            .position(|cell| (cell.experiment, cell.model) == (experiment, model));
        let place = place.unwrap_or_else(|| {
            cells.push(Cell {
                experiment,
                model,
                values: Vec::new(),
                parameters: None,
            });
            cells.len() - 1
        });
        let cell = &mut cells[place];
        if job.folder.evaluation.is_file() {
            cell.values.push(value(
                &job.folder.evaluation,
                &suite.experiments[experiment].measure,
            )?);
            cell.parameters = job
                .folder
                .summary()
                .and_then(|summary| summary["parameters"].as_u64())
                .or(cell.parameters);
        }
    }
    cells.sort_by_key(|cell| (cell.experiment, cell.model));
    Ok(cells)
}

/// The figure that an evaluation is reduced to.
pub fn value(path: &Path, measure: &Measure) -> Result<f64> {
    evaluation(path)?
        .pointer(&measure.path)
        .and_then(Value::as_f64)
        .with_context(|| format!("{} holds no number at {}", path.display(), measure.path))
}

/// What `mnm eval` said.
pub fn evaluation(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// The closing tables, one an experiment, with the sources of the published figures under them.
pub fn tables(suite: &Suite, cells: &[Cell], players: &[Player]) -> String {
    let mut sources: Vec<&str> = Vec::new();
    let mut text = String::new();
    for (e, experiment) in suite.experiments.iter().enumerate() {
        if cells.iter().all(|cell| cell.experiment != e) {
            continue; // `--only` has left it out
        }
        let published: Vec<_> = suite
            .published
            .iter()
            .filter(|figure| figure.experiment == experiment.name)
            .collect();
        let mut cite = |model: &str| -> String {
            let Some(figure) = published.iter().find(|figure| figure.model == model) else {
                return "-".to_owned();
            };
            let known = sources.iter().position(|source| *source == figure.source);
            let place = known.unwrap_or_else(|| {
                sources.push(&figure.source);
                sources.len() - 1
            });
            format!("{} [{}]", figure.figure, place + 1)
        };
        let mut rows: Vec<Vec<String>> = Vec::new();
        for cell in cells.iter().filter(|cell| cell.experiment == e) {
            let model = &suite.models[cell.model];
            let figure = Figure::of(&cell.values, experiment.measure.larger_is_better);
            let parameters = cell
                .parameters
                .map_or("-".to_owned(), |count| count.to_string());
            rows.push(vec![
                model.title.clone(),
                figure.map_or("no result".to_owned(), |figure| figure.to_string()),
                figure.map_or("-".to_owned(), |figure| format!("{:.2}", figure.best)),
                cell.values.len().to_string(),
                parameters,
                cite(&model.name),
            ]);
        }
        for player in players.iter().filter(|player| player.experiment == e) {
            let figure = Figure::of(&player.values, experiment.measure.larger_is_better);
            let dash = || "-".to_owned();
            rows.push(vec![
                format!("({})", player.name),
                figure.map_or_else(dash, |figure| figure.to_string()),
                figure.map_or_else(dash, |figure| format!("{:.2}", figure.best)),
                player.values.len().to_string(),
                dash(),
                dash(),
            ]);
        }
        let ours = |name: &str| suite.models.iter().any(|model| model.name == name);
        for figure in published.iter().filter(|figure| !ours(&figure.model)) {
            let dash = || "-".to_owned();
            rows.push(vec![
                figure.model.clone(),
                dash(),
                dash(),
                dash(),
                dash(),
                cite(&figure.model),
            ]);
        }
        let _ = writeln!(
            text,
            "{}: {}, {} split",
            experiment.title, experiment.measure.title, experiment.split
        );
        text += &table::plain(
            &["model", "ours", "best", "seeds", "parameters", "published"],
            &rows,
        );
        text.push('\n');
    }
    for (place, source) in sources.iter().enumerate() {
        let _ = writeln!(text, "[{}] {source}", place + 1);
    }
    text
}

/// The same figures for programs, with every seed's value.
pub fn to_json(suite: &Suite, cells: &[Cell]) -> Value {
    let entry = |cell: &Cell| {
        let experiment = &suite.experiments[cell.experiment];
        let figure = Figure::of(&cell.values, experiment.measure.larger_is_better);
        let published = suite.published.iter().find(|published| {
            published.experiment == experiment.name
                && published.model == suite.models[cell.model].name
        });
        json!({
            "experiment": experiment.name,
            "model": suite.models[cell.model].name,
            "measure": experiment.measure.title,
            "split": experiment.split,
            "values": cell.values,
            "mean": figure.map(|figure| figure.mean),
            "sd": figure.and_then(|figure| figure.sd),
            "best": figure.map(|figure| figure.best),
            "parameters": cell.parameters,
            "published": published.map(|published| json!({"figure": published.figure, "source": published.source})),
        })
    };
    json!({"title": suite.title, "results": cells.iter().map(entry).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE: &str = r#"
        title = "T"
        about = "A"
        takes = "no time"
        [[experiment]]
        name = "babi"
        title = "bAbI"
        config = "babi"
        measure = { path = "/error/mean", title = "error, %" }
        [[model]]
        name = "mnm-p"
        title = "MNM-p"
        [[model]]
        name = "lstm"
        title = "LSTM"
        [[published]]
        experiment = "babi"
        model = "mnm-p"
        figure = "0.55 ± 0.74"
        source = "the paper, as cited"
        [[published]]
        experiment = "babi"
        model = "DNC"
        figure = "12.8 ± 4.7"
        source = "the paper, as cited"
    "#;

    /// Three seeds of MNM-p with these errors; the LSTM's only run without an evaluation.
    fn fixture(errors: &[f64]) -> (tempfile::TempDir, Suite, Vec<Job>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let suite: Suite = toml::from_str(SUITE).expect("a good suite");
        let jobs = Job::all(&suite, errors.len() as u64, folder.path());
        for (job, error) in jobs.iter().filter(|job| job.run.model == 0).zip(errors) {
            job.folder.prepare(&job.run).expect("writable");
            std::fs::create_dir_all(&job.folder.path).expect("writable");
            let summary = r#"{"finished": true, "steps": 5, "parameters": 1234}"#;
            std::fs::write(job.folder.path.join("summary.json"), summary).expect("writable");
            let text = json!({"task": "babi", "error": {"mean": error}}).to_string();
            std::fs::write(&job.folder.evaluation, text).expect("writable");
        }
        (folder, suite, jobs)
    }

    #[test]
    fn mean_spread_and_best_are_those_of_the_seeds() {
        let figure = Figure::of(&[1.0, 2.0, 6.0], false).expect("three values");
        assert_eq!((figure.seeds, figure.mean, figure.best), (3, 3.0, 1.0));
        assert!((figure.sd.expect("three values") - 7f64.sqrt()).abs() < 1e-12);
        assert_eq!(Figure::of(&[1.0, 2.0], true).expect("two values").best, 2.0);
        assert_eq!(Figure::of(&[1.0], false).expect("one value").sd, None);
        assert_eq!(Figure::of(&[], false), None);
    }

    #[test]
    fn our_figures_stand_beside_the_published_ones_with_one_footnote_a_source() {
        let (_folder, suite, jobs) = fixture(&[0.5, 1.0, 1.5]);
        let text = tables(
            &suite,
            &gather(&suite, &jobs).expect("good evaluations"),
            &[],
        );
        let row = |name: &str| {
            text.lines()
                .find(|line| line.starts_with(name))
                .unwrap_or_else(|| panic!("{name} in\n{text}"))
        };
        for part in ["1.00 ± 0.50", "0.50", "3", "1234", "0.55 ± 0.74 [1]"] {
            assert!(row("MNM-p").contains(part), "{part} in\n{text}");
        }
        assert!(row("LSTM").contains("no result"), "{text}");
        assert!(row("DNC").contains("12.8 ± 4.7 [1]"), "{text}");
        assert_eq!(text.matches("as cited").count(), 1, "{text}");
    }

    #[test]
    fn every_seed_is_in_the_machine_readable_results() {
        let (_folder, suite, jobs) = fixture(&[0.5, 1.5]);
        let value = to_json(&suite, &gather(&suite, &jobs).expect("good evaluations"));
        assert_eq!(value.pointer("/results/0/values"), Some(&json!([0.5, 1.5])));
        assert_eq!(value.pointer("/results/0/mean"), Some(&json!(1.0)));
        assert_eq!(value.pointer("/results/1/mean"), Some(&Value::Null));
    }

    #[test]
    fn an_evaluation_without_the_figure_is_an_error_that_names_file_and_place() {
        let (_folder, suite, jobs) = fixture(&[0.5]);
        std::fs::write(&jobs[0].folder.evaluation, r#"{"error": {}}"#).expect("writable");
        let error = gather(&suite, &jobs)
            .err()
            .expect("there is no figure")
            .to_string();
        assert!(
            error.contains("/error/mean") && error.contains("babi-mnm-p-seed1"),
            "{error}"
        );
    }
}
