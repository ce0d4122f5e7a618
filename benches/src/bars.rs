//! The comparison as bars: a picture for each shape of the time of a step, and one of the peak memory.

use std::path::{Path, PathBuf};

use mnm_report::plot::{Axis, Bar, BarPlot};
use serde_json::Value;

/// What `cargo xtask bench --peers` calls ours.
const OURS: &str = "mnm";

/// One program's measurement on one shape with one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The shape's letter.
    pub shape: String,
    /// The write rule.
    pub rule: String,
    /// The program.
    pub program: String,
    /// The time of a step, in seconds: the median of each round.
    pub rounds_s: Vec<f64>,
    /// The peak of memory, in MiB; None where it was not measured.
    pub rss_mib: Option<f64>,
}

/// The rows of a `summary.json` of `cargo xtask bench --peers`.
///
/// # Errors
/// If the text is not such a file; the message says what is missing.
pub fn rows(text: &str) -> Result<Vec<Row>, String> {
    let summary: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let rows = summary["rows"]
        .as_array()
        .ok_or("it has no list \"rows\"")?;
    let row = |row: &Value| {
        let text = |key: &str| {
            let text = row[key].as_str().map(str::to_owned);
            text.ok_or_else(|| format!("a row has no text {key:?}: {row}"))
        };
        let rounds = row["rounds_step_s"].as_array();
        let rounds: Vec<f64> = rounds
            .into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .collect();
        if rounds.is_empty() {
            return Err(format!("a row has no numbers \"rounds_step_s\": {row}"));
        }
        Ok(Row {
            shape: text("shape")?,
            rule: text("rule")?,
            program: text("program")?,
            rounds_s: rounds,
            rss_mib: row["rss_mib"].as_f64(),
        })
    };
    rows.iter().map(row).collect()
}

/// Writes `time-SHAPE.svg` and, where it was measured, `memory-SHAPE.svg` into `folder`, which is created if missing; gives
/// their paths.
///
/// # Errors
/// If there are no rows, or a picture cannot be drawn or written.
pub fn draw(rows: &[Row], folder: &Path) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    if rows.is_empty() {
        return Err("there are no rows to draw".into());
    }
    std::fs::create_dir_all(folder)?;
    let mut shapes: Vec<&str> = rows.iter().map(|row| row.shape.as_str()).collect();
    shapes.dedup();
    let mut files = Vec::new();
    for shape in shapes {
        let own = || rows.iter().filter(|row| row.shape == shape);
        let time = own().map(|row| {
            let ms: Vec<f64> = row.rounds_s.iter().map(|s| s * 1e3).collect();
            let value = ms.iter().sum::<f64>() / ms.len() as f64;
            let figures: Vec<String> = ms.iter().map(|ms| figure(*ms)).collect();
            bar(row, value, figures.join(", "))
        });
        let memory = own().filter_map(|row| {
            let mib = row.rss_mib?;
            Some(bar(row, mib, figure(mib)))
        });
        let plots = [
            (
                "time",
                "A training step",
                Axis::new("time", "ms"),
                time.collect(),
            ),
            (
                "memory",
                "Peak memory of a training",
                Axis::new("memory", "MiB"),
                memory.collect(),
            ),
        ];
        for (name, title, value, bars) in plots {
            let bars: Vec<Bar> = bars;
            if bars.is_empty() {
                continue;
            }
            let plot = BarPlot {
                title: format!("{title} at shape {shape}: less is better"),
                value,
                bars,
                ..BarPlot::default()
            };
            let file = folder.join(format!("{name}-{shape}.svg"));
            mnm_files::write_file(&file, plot.svg()?.as_bytes())?;
            files.push(file);
        }
    }
    Ok(files)
}

/// Ours has its model's colour; what it is compared with is grey.
fn bar(row: &Row, value: f64, figure: String) -> Bar {
    let ours = row.program == OURS;
    let program = if ours { "ours" } else { &row.program };
    Bar {
        label: format!("{}, {program}", row.rule),
        value,
        error: None,
        figure,
        family: if ours { &row.rule } else { "other libraries" }.to_owned(),
        reference: !ours,
    }
}

fn figure(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.1}").trim_end_matches(".0").to_owned()
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str = r#"{"rows": [
        {"shape": "S", "rule": "mnm-p", "program": "mnm", "rounds_step_s": [0.01, 0.012], "rss_mib": 1.0},
        {"shape": "S", "rule": "mnm-p", "program": "JAX", "rounds_step_s": [0.2], "rss_mib": 20.0},
        {"shape": "S", "rule": "mnm-p", "program": "PyTorch, eager", "rounds_step_s": [0.1], "rss_mib": 90.0},
        {"shape": "L", "rule": "mnm-g", "program": "mnm", "rounds_step_s": [0.3]},
        {"shape": "L", "rule": "mnm-g", "program": "JAX", "rounds_step_s": [1.5]}
    ]}"#;

    #[test]
    fn every_shape_has_a_picture_of_what_was_measured() {
        let rows = rows(SUMMARY).expect("good");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = draw(&rows, folder.path()).expect("drawn");
        let names: Vec<_> = files.iter().filter_map(|file| file.file_name()).collect();
        assert_eq!(names, ["time-S.svg", "memory-S.svg", "time-L.svg"]);
        let text = std::fs::read_to_string(&files[0]).expect("written");
        for part in [
            "<title>mnm-p, ours: 10, 12 ms</title>",
            "mnm-p, PyTorch, eager: 100 ms",
            "other libraries",
            "prefers-color-scheme",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(draw(&[], folder.path()).is_err());
    }

    #[test]
    fn a_row_that_lacks_something_is_an_error_that_names_it() {
        for key in ["shape", "rule", "program", "rounds_step_s"] {
            let error = rows(&SUMMARY.replace(key, "other")).expect_err(key);
            assert!(error.contains(key), "{error}");
        }
        assert!(rows("{}").is_err() && rows("nonsense").is_err());
    }
}
