//! `cargo xtask bench --tensor`: a training step of a small net on `mnm-tensor`, in PyTorch, on candle and on burn, without and with a
//! penalty on a gradient, whose slope is a derivative of a gradient.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::measurements::median;
use super::programs;
use crate::ci::announced;
use crate::{files, shell, table, workspace};

/// Batch, inputs, hidden units and outputs: a net that costs little but its ops, and one that mostly multiplies.
const SHAPES: &[&str] = &["16,8,32,1", "128,784,256,10"];

/// How far losses from the same numbers may be apart, relative to ours.
const TOLERANCE: f64 = 1e-4;

/// Takes part with the command that it begins with.
struct Library {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    /// What it can do of `plain` and `penalty`.
    cases: &'static [&'static str],
}

/// What a program prints.
#[derive(Deserialize, Clone, Copy)]
struct Answer {
    /// The median time of a step, in seconds.
    step_s: f64,
    /// The losses of the first step and of the last before the clock starts.
    losses: [f64; 2],
}

/// One line of the table: every library's answers, one a round.
struct Row {
    shape: &'static str,
    case: &'static str,
    answers: Vec<(&'static str, Vec<Answer>)>,
}

/// Measures all libraries in turns, so that a slow minute of the machine falls on all of them alike.
///
/// # Errors
/// If a build, an installation or a measurement fails, or the libraries do not compute the same losses.
pub fn compare(rounds: u32, steps: u32, threads: usize) -> Result<()> {
    let target = workspace::target_dir()?;
    let libraries = libraries(&target)?;
    let case = |shape, case| Row {
        shape,
        case,
        answers: libraries
            .iter()
            .filter(|library| library.cases.contains(&case))
            .map(|library| (library.name, Vec::new()))
            .collect(),
    };
    let mut rows: Vec<Row> = SHAPES
        .iter()
        .flat_map(|shape| [case(shape, "plain"), case(shape, "penalty")])
        .collect();
    for round in 1..=rounds {
        for row in &mut rows {
            for (name, answers) in &mut row.answers {
                let library = libraries.iter().find(|library| library.name == *name);
                let library = library.context("it is one of them")?;
                let answer = library.answer(row.case, row.shape, steps, threads)?;
                println!(
                    "round {round} of {rounds}, {} {} {name}: {:.3} ms a step",
                    row.shape,
                    row.case,
                    answer.step_s * 1e3
                );
                answers.push(answer);
            }
            row.agree()?;
        }
    }
    let path = target.join("peers/tensor.json");
    let raw = json!({"steps": steps, "threads": threads, "rows": rows.iter().map(Row::to_json).collect::<Vec<_>>()});
    files::write(&path, &format!("{raw:#}\n"))?;
    let names: Vec<_> = libraries.iter().map(|library| library.name).collect();
    println!("\n{}", shown(&rows, &names));
    println!(
        "milliseconds a step, medians over {rounds} rounds of {steps} steps, {threads} threads; in brackets that over ours; a dash \
         where a library has first derivatives only; all losses agree to {TOLERANCE:.0e}\nraw figures: {}",
        path.display()
    );
    Ok(())
}

/// All of them, ours first; the Rust ones are one program, which is built here.
fn libraries(target: &Path) -> Result<Vec<Library>> {
    let own = target.join("peers-rust");
    let mut build = shell::cargo();
    // There, for the compiler's options in its `.cargo/config.toml`.
    build.current_dir(programs::folder().join("rust"));
    build.args(["build", "--release", "--locked", "--target-dir"]);
    announced(build.arg(&own))?;
    let program = own
        .join("release")
        .join(format!("mnm-peers{}", std::env::consts::EXE_SUFFIX));
    let rust = |name, library: &str, cases| Library {
        name,
        program: program.clone(),
        arguments: vec!["--library".into(), library.into()],
        cases,
    };
    let script = programs::folder().join("mlp.py");
    Ok(vec![
        rust("mnm-tensor", "mnm-tensor", &["plain", "penalty"]),
        Library {
            name: "PyTorch, eager",
            program: programs::python(target)?,
            arguments: vec![script.to_string_lossy().into_owned()],
            cases: &["plain", "penalty"],
        },
        rust("candle", "candle", &["plain", "penalty"]),
        rust("burn (Flex)", "burn", &["plain"]),
    ])
}

impl Library {
    /// One measurement in a process of its own.
    fn answer(&self, case: &str, shape: &str, steps: u32, threads: usize) -> Result<Answer> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command.args(["--case", case, "--shape", shape]);
        command.args(["--steps", &steps.to_string()]);
        for name in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS"] {
            command.env(name, threads.to_string());
        }
        if case == "penalty" {
            // Without it candle's way back is not recorded; with it a plain step would record for nothing.
            command.env("CANDLE_GRAD_DO_NOT_DETACH", "1");
        }
        let text = shell::capture(&mut command)?;
        let answer = programs::last_object(&text).and_then(|line| {
            serde_json::from_str(line).context("its JSON lacks step_s or the two losses")
        });
        answer.with_context(|| format!("`{}`", shell::typed(&command)))
    }
}

impl Row {
    /// The losses of every library so far are those of the first, and a step does something.
    fn agree(&self) -> Result<()> {
        let all = self
            .answers
            .iter()
            .flat_map(|(name, answers)| answers.iter().map(move |answer| (name, answer.losses)));
        let mut expected = None;
        for (name, losses) in all {
            let [first, last] = *expected.get_or_insert(losses);
            let learns = last < 0.99 * first;
            if !learns {
                bail!(
                    "{} {}: {name} goes from a loss of {first} to {last}",
                    self.shape,
                    self.case
                );
            }
            let apart = |ours: f64, theirs: f64| (theirs - ours).abs() / ours;
            let same = apart(first, losses[0]) <= TOLERANCE && apart(last, losses[1]) <= TOLERANCE;
            if !same {
                bail!(
                    "{} {}: {name} computes losses of {losses:?} where {:?} are expected",
                    self.shape,
                    self.case,
                    [first, last]
                );
            }
        }
        Ok(())
    }

    /// The median of a library's rounds, in milliseconds, if it takes part.
    fn median_ms(&self, name: &str) -> Option<f64> {
        let (_, answers) = self.answers.iter().find(|(other, _)| *other == name)?;
        Some(median(answers.iter().map(|answer| answer.step_s).collect()) * 1e3)
    }

    fn to_json(&self) -> Value {
        let of = |(name, answers): &(&str, Vec<Answer>)| {
            let rounds: Vec<f64> = answers.iter().map(|answer| answer.step_s).collect();
            let losses = answers.first().map(|answer| answer.losses);
            json!({"library": name, "rounds_step_s": rounds, "losses": losses})
        };
        json!({"shape": self.shape, "case": self.case, "libraries": self.answers.iter().map(of).collect::<Vec<_>>()})
    }
}

/// The table: a line a shape and case, a column a library.
fn shown(rows: &[Row], names: &[&str]) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let ours = names.first().and_then(|name| row.median_ms(name));
            let cell = |(place, name): (usize, &&str)| match (row.median_ms(name), ours) {
                (Some(time), Some(ours)) if place > 0 => format!("{time:.3} ({:.1}x)", time / ours),
                (Some(time), _) => format!("{time:.3}"),
                (None, _) => "-".to_owned(),
            };
            let head = [row.shape.to_owned(), row.case.to_owned()];
            head.into_iter()
                .chain(names.iter().enumerate().map(cell))
                .collect()
        })
        .collect();
    let head: Vec<&str> = ["B,X,H,K", "step"]
        .into_iter()
        .chain(names.iter().copied())
        .collect();
    table::plain(&head, &cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(step_s: f64, losses: [f64; 2]) -> Answer {
        Answer { step_s, losses }
    }

    fn row(ours: [f64; 2], theirs: [f64; 2]) -> Row {
        Row {
            shape: "1,2,3,4",
            case: "plain",
            answers: vec![
                ("ours", vec![answer(0.001, ours), answer(0.003, ours)]),
                ("theirs", vec![answer(0.003, theirs)]),
            ],
        }
    }

    #[test]
    fn losses_that_are_apart_or_stand_still_are_errors() {
        row([0.5, 0.2], [0.50001, 0.20001])
            .agree()
            .expect("close enough");
        for (ours, theirs) in [
            ([0.5, 0.2], [0.5, 0.2001]),
            ([0.5, 0.2], [0.501, 0.2]),
            ([0.5, 0.2], [0.5, f64::NAN]),
            ([0.5, 0.5], [0.5, 0.5]),
            ([f64::NAN, f64::NAN], [0.5, 0.2]),
        ] {
            assert!(row(ours, theirs).agree().is_err(), "{ours:?} {theirs:?}");
        }
    }

    #[test]
    fn the_table_has_medians_ratios_and_a_dash_for_who_takes_no_part() {
        let text = shown(&[row([0.5, 0.2], [0.5, 0.2])], &["ours", "theirs", "third"]);
        let last: Vec<&str> = text
            .lines()
            .last()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        assert_eq!(
            last,
            ["1,2,3,4", "plain", "2.000", "3.000", "(1.5x)", "-"],
            "{text}"
        );
    }
}
