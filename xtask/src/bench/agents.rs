//! `cargo xtask bench --agents`: environment steps per second of training, here and in PyTorch.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::measurements::median;
use super::programs;
use crate::{files, shell, table, workspace};

/// The config whose agent, environment and settings `a2c_step.py` has too.
const CONFIG: &str = "maze9";

/// The models by the peer's names, and what makes them of the config: the LSTM has as many trainable parameters as MNM-p.
const MODELS: &[(&str, &[&str])] = &[
    ("mnm-p", &["model.kind=mnm", "model.rule=mnm-p"]),
    ("mnm-g", &["model.kind=mnm", "model.rule=mnm-g"]),
    ("lstm", &["model.kind=lstm", "model.controller=92"]),
];

/// One model's environment steps per second, a figure a round.
struct Row {
    model: &'static str,
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

/// Trains each model here and there in turns, so that a slow minute of the machine falls on both alike.
///
/// # Errors
/// If a build, an installation or a measurement fails.
pub fn compare(rounds: u32, steps: u32, threads: usize) -> Result<()> {
    let target = workspace::target_dir()?;
    let mnm = workspace::build_mnm()?;
    let python = programs::python(&target)?;
    let mut rows: Vec<Row> = MODELS
        .iter()
        .map(|(model, _)| Row {
            model,
            ours: Vec::new(),
            theirs: Vec::new(),
        })
        .collect();
    for round in 1..=rounds {
        for (row, (model, set)) in rows.iter_mut().zip(MODELS) {
            row.ours.push(ours(&mnm, set, steps, threads)?);
            row.theirs.push(theirs(&python, model, steps, threads)?);
            let last = |figures: &[f64]| figures.last().copied().unwrap_or_default();
            println!(
                "round {round} of {rounds}, {model}: mnm {:.0}, PyTorch {:.0} environment steps a second",
                last(&row.ours),
                last(&row.theirs)
            );
        }
    }
    let path = target.join("peers/agents.json");
    let text = to_json(&rows, steps, threads);
    files::write(&path, &format!("{text:#}\n"))?;
    println!("\n{}", shown(&rows));
    println!(
        "environment steps a second, medians over {rounds} rounds of {steps} optimiser steps, {threads} threads\nraw figures: {}",
        path.display()
    );
    Ok(())
}

/// A short training into a folder that is thrown away.
fn ours(mnm: &Path, set: &[&str], steps: u32, threads: usize) -> Result<f64> {
    let folder = files::Scratch::new()?;
    let mut command = Command::new(mnm);
    command.args(["train", CONFIG, "--quiet"]);
    let steps = format!("train.steps={steps}");
    let threads = format!("threads={threads}");
    // Nothing but training falls into the time.
    let quiet = [
        "train.valid_every=1000000",
        "train.checkpoint_every=1000000",
    ];
    for set in set
        .iter()
        .chain(&quiet)
        .copied()
        .chain([steps.as_str(), threads.as_str()])
    {
        command.args(["--set", set]);
    }
    command.arg("--out").arg(folder.path());
    command.env("OPENBLAS_NUM_THREADS", "1");
    shell::capture(&mut command)?;
    let path = folder.path().join("summary.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    speed(&text, "/agent/environment_steps_per_second")
        .with_context(|| format!("`{}`", shell::typed(&command)))
}

fn theirs(python: &Path, model: &str, steps: u32, threads: usize) -> Result<f64> {
    let mut command = Command::new(python);
    command
        .arg(programs::folder().join("a2c_step.py"))
        .args(["--model", model, "--json"])
        .args([
            "--steps",
            &steps.to_string(),
            "--threads",
            &threads.to_string(),
        ]);
    let text = shell::capture(&mut command)?;
    let line = text.lines().rev().find(|line| line.starts_with('{'));
    speed(line.unwrap_or_default(), "/environment_steps_per_second")
        .with_context(|| format!("`{}`", shell::typed(&command)))
}

fn speed(text: &str, pointer: &str) -> Result<f64> {
    let value: Value = serde_json::from_str(text.trim()).context("it left no JSON")?;
    match value.pointer(pointer).and_then(Value::as_f64) {
        Some(speed) if speed > 0.0 => Ok(speed),
        other => bail!("its {pointer} is {other:?}, expected a number above 0"),
    }
}

fn shown(rows: &[Row]) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let (ours, theirs) = (median(row.ours.clone()), median(row.theirs.clone()));
            vec![
                row.model.to_owned(),
                format!("{ours:.0}"),
                format!("{theirs:.0}"),
                format!("{:.1}", ours / theirs),
            ]
        })
        .collect();
    table::plain(&["model", "mnm", "PyTorch, eager", "times as fast"], &cells)
}

fn to_json(rows: &[Row], steps: u32, threads: usize) -> Value {
    let entry = |row: &Row| json!({"model": row.model, "mnm": row.ours, "pytorch": row.theirs});
    json!({
        "config": CONFIG,
        "unit": "environment steps per second",
        "steps": steps,
        "threads": threads,
        "rows": rows.iter().map(entry).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_medians_and_their_ratio() {
        let row = Row {
            model: "mnm-p",
            ours: vec![500.0, 700.0, 100.0],
            theirs: vec![150.0, 250.0],
        };
        let text = shown(std::slice::from_ref(&row));
        assert!(
            text.contains("PyTorch, eager"),
            "that is how it runs: {text}"
        );
        let row_cells: Vec<&str> = text
            .lines()
            .last()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        assert_eq!(row_cells, ["mnm-p", "500", "200", "2.5"], "{text}");
        assert_eq!(to_json(&[row], 3, 1)["rows"][0]["pytorch"][1], 250.0);
    }

    #[test]
    fn a_speed_that_is_none_is_an_error() {
        assert!((speed("{\"a\": {\"b\": 2.5}}\n", "/a/b").expect("a number") - 2.5).abs() < 1e-12);
        for text in ["", "{}", "{\"a\": 0}", "{\"a\": \"fast\"}"] {
            assert!(speed(text, "/a").is_err(), "{text}");
        }
    }
}
