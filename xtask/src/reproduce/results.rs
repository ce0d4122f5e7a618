//! From evaluations to the table of our figures beside the published ones.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::job::Job;
use super::players::Player;
use super::suite::{Measure, Suite};
use crate::table;

/// Mean and spread of one figure over seeds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Figure {
    /// How many seeds.
    pub seeds: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation (the sample's, with n - 1); `None` for a single seed.
    pub sd: Option<f64>,
}

impl Figure {
    /// `None` without values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let sd = (n > 1).then(|| {
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            (squares / (n - 1) as f64).sqrt()
        });
        Some(Self { seeds: n, mean, sd })
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
    /// The seeds' figures by their last averaged weights, in the order of the seeds; empty if they keep none.
    average: Vec<f64>,
    /// The seeds' figures by the weights of their best validation.
    best: Vec<f64>,
    /// Trainable parameters, as the run's summary says.
    parameters: Option<u64>,
    /// The commits of the programs that trained the runs.
    commits: Vec<String>,
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
                average: Vec::new(),
                best: Vec::new(),
                parameters: None,
                commits: Vec::new(),
            });
            cells.len() - 1
        });
        let cell = &mut cells[place];
        if job.folder.evaluation.is_file() {
            let measure = &suite.experiments[experiment].measure;
            let own = value(&job.folder.evaluation, measure)?;
            if job.run.averages() {
                cell.average.push(own);
                cell.best.push(value(&job.folder.raw(), measure)?);
            } else {
                cell.best.push(own);
            }
            for commit in job.folder.commits() {
                if !cell.commits.contains(&commit) {
                    cell.commits.push(commit);
                }
            }
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

impl Cell {
    /// The figures that count: docs/protocol.md.
    fn values(&self) -> &[f64] {
        if self.average.is_empty() {
            &self.best
        } else {
            &self.average
        }
    }
}

/// The name of figures by the weights of the best validation.
fn best_of_run(measure: &Measure) -> &'static str {
    if measure.larger_is_better {
        "highest of the run"
    } else {
        "lowest of the run"
    }
}

/// The closing tables, one an experiment, with the sources of the published figures under them. A column that no row has anything
/// in is left out.
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
        let measure = &experiment.measure;
        let dash = || "-".to_owned();
        let figure =
            |values: &[f64]| Figure::of(values).map_or_else(dash, |figure| figure.to_string());
        let head = [
            "model",
            "last average",
            best_of_run(measure),
            "seeds",
            "parameters",
            "published",
        ];
        let mut rows: Vec<Vec<String>> = Vec::new();
        for cell in cells.iter().filter(|cell| cell.experiment == e) {
            let model = &suite.models[cell.model];
            let best = match cell.values() {
                [] => "no result".to_owned(),
                _ => figure(&cell.best),
            };
            rows.push(vec![
                model.title.clone(),
                figure(&cell.average),
                best,
                cell.values().len().to_string(),
                cell.parameters.map_or_else(dash, |count| count.to_string()),
                cite(&model.name),
            ]);
        }
        for player in players.iter().filter(|player| player.experiment == e) {
            // They learn nothing, so that either column could have them: the first that there is.
            let averages = cells
                .iter()
                .any(|c| c.experiment == e && !c.average.is_empty());
            let (own, none) = (figure(&player.values), dash());
            let [average, best] = if averages { [own, none] } else { [none, own] };
            let seeds = player.values.len().to_string();
            rows.push(vec![
                format!("({})", player.name),
                average,
                best,
                seeds,
                dash(),
                dash(),
            ]);
        }
        let ours = |name: &str| suite.models.iter().any(|model| model.name == name);
        for figure in published.iter().filter(|figure| !ours(&figure.model)) {
            let mut row = vec![dash(); head.len()];
            row[0].clone_from(&figure.model);
            row[head.len() - 1] = cite(&figure.model);
            rows.push(row);
        }
        let _ = writeln!(
            text,
            "{}: {}, {} split",
            experiment.title, measure.title, experiment.split
        );
        let told: Vec<usize> = (0..head.len())
            .filter(|&column| rows.iter().any(|row| row[column] != "-"))
            .collect();
        let pick = |row: &[String]| told.iter().map(|&column| row[column].clone()).collect();
        let rows: Vec<Vec<String>> = rows.iter().map(|row| pick(row)).collect();
        let head: Vec<&str> = told.iter().map(|&column| head[column]).collect();
        text += &table::plain(&head, &rows);
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
        let figure = Figure::of(cell.values());
        let published = suite.published.iter().find(|published| {
            published.experiment == experiment.name
                && published.model == suite.models[cell.model].name
        });
        json!({
            "experiment": experiment.name,
            "model": suite.models[cell.model].name,
            "measure": experiment.measure.title,
            "split": experiment.split,
            "weights": if cell.average.is_empty() { best_of_run(&experiment.measure) } else { "last average" },
            "values": cell.values(),
            "best_of_run": cell.best,
            "mean": figure.map(|figure| figure.mean),
            "sd": figure.and_then(|figure| figure.sd),
            "parameters": cell.parameters,
            "commits": cell.commits,
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
            job.folder.prepare(&job.run, "1").expect("writable");
            std::fs::create_dir_all(&job.folder.path).expect("writable");
            let summary = r#"{"finished": true, "steps": 5, "parameters": 1234}"#;
            std::fs::write(job.folder.path.join("summary.json"), summary).expect("writable");
            let text = json!({"task": "babi", "error": {"mean": error}}).to_string();
            std::fs::write(&job.folder.evaluation, text).expect("writable");
        }
        (folder, suite, jobs)
    }

    #[test]
    fn mean_and_spread_are_those_of_the_seeds() {
        let figure = Figure::of(&[1.0, 2.0, 6.0]).expect("three values");
        assert_eq!((figure.seeds, figure.mean), (3, 3.0));
        assert!((figure.sd.expect("three values") - 7f64.sqrt()).abs() < 1e-12);
        assert_eq!(Figure::of(&[1.0]).expect("one value").sd, None);
        assert_eq!(Figure::of(&[]), None);
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
        for part in ["1.00 ± 0.50", "3", "1234", "0.55 ± 0.74 [1]"] {
            assert!(row("MNM-p").contains(part), "{part} in\n{text}");
        }
        assert!(row("model").contains("lowest of the run"), "{text}");
        assert!(!text.contains("last average"), "nobody keeps one: {text}");
        assert!(row("LSTM").contains("no result"), "{text}");
        assert!(row("DNC").contains("12.8 ± 4.7 [1]"), "{text}");
        assert_eq!(text.matches("as cited").count(), 1, "{text}");
    }

    #[test]
    fn a_run_with_averaged_weights_has_their_figure_and_that_of_the_best_ones_beside_it() {
        let (_folder, mut suite, mut jobs) = fixture(&[0.5, 1.5]);
        suite.published.clear();
        for (job, best) in jobs
            .iter_mut()
            .filter(|job| job.run.model == 0)
            .zip([0.25, 0.75])
        {
            job.run.set.push("train.average.decay=0.99".to_owned());
            let text = json!({"error": {"mean": best}}).to_string();
            std::fs::write(job.folder.raw(), text).expect("writable");
        }
        let cells = gather(&suite, &jobs).expect("good evaluations");
        let text = tables(&suite, &cells, &[]);
        let row = text.lines().find(|line| line.starts_with("MNM-p"));
        let row = row.expect("a row").split("  ").map(str::trim);
        let row: Vec<&str> = row.filter(|cell| !cell.is_empty()).collect();
        assert_eq!(row, ["MNM-p", "1.00 ± 0.71", "0.50 ± 0.35", "2", "1234"]);
        assert!(!text.contains("published"), "{text}");
        let value = to_json(&suite, &cells);
        assert_eq!(
            value.pointer("/results/0/weights"),
            Some(&json!("last average"))
        );
        assert_eq!(value.pointer("/results/0/mean"), Some(&json!(1.0)));
        assert_eq!(value.pointer("/results/0/commits"), Some(&json!(["1"])));
        assert_eq!(
            value.pointer("/results/0/best_of_run"),
            Some(&json!([0.25, 0.75]))
        );
        assert_eq!(
            jobs[0].evaluations().len(),
            2,
            "of the average, and of the best"
        );
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
