//! `cargo xtask ci`: what continuous integration runs, stage after stage.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use clap::Args;

use crate::test::Totals;
use crate::{deny, packages, setup, shell, table, test};

/// Options of `cargo xtask ci`.
#[derive(Args, Default)]
pub struct Options {
    /// Make the packages, but do not compile them from their archives
    #[arg(long)]
    pub no_build: bool,
}

/// How one stage went.
struct Outcome {
    name: &'static str,
    result: Result<()>,
    took: Duration,
}

/// Announces a stage, runs it, and says how long it took.
fn stage(name: &'static str, work: impl FnOnce() -> Result<()>) -> Outcome {
    println!("\n== {name}");
    let start = Instant::now();
    let result = work();
    let took = start.elapsed();
    match &result {
        Ok(()) => println!("== {name}: ok, {:.1} s", took.as_secs_f64()),
        Err(error) => println!("== {name}: FAILED, {:.1} s: {error:#}", took.as_secs_f64()),
    }
    Outcome { name, result, took }
}

/// Runs every stage, also after one has failed, so that one run shows all there is to mend.
///
/// # Errors
/// If the set-up or any stage fails.
pub fn run(options: &Options) -> Result<()> {
    setup::run(&setup::Options::default())?;
    let mut totals = Totals::default();
    let mut left_out = None;
    let outcomes = [
        stage("format", || {
            announced(shell::cargo().args(["fmt", "--all", "--check"]))
        }),
        stage("lints", || {
            announced(shell::cargo().args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]))
        }),
        stage("documentation", || {
            announced(
                shell::cargo()
                    .args(["doc", "--workspace", "--no-deps"])
                    .env("RUSTDOCFLAGS", "-D warnings"),
            )
        }),
        stage("tests", || {
            let (sum, outcome) = test::run_tests(&[])?;
            totals = sum;
            outcome
        }),
        stage("browser", || {
            let (sum, outcome) = browser()?;
            totals += sum;
            outcome
        }),
        stage("mpi", || {
            let (sum, outcome) = mpi()?;
            totals += sum;
            outcome
        }),
        stage("packages", || packages::check(!options.no_build)),
        stage("dependencies", || {
            left_out = deny::run()?;
            Ok(())
        }),
    ];
    println!();
    let rows: Vec<Vec<String>> = outcomes
        .iter()
        .map(|outcome| {
            let word = if outcome.result.is_ok() {
                "ok"
            } else {
                "FAILED"
            };
            vec![
                outcome.name.to_owned(),
                word.to_owned(),
                format!("{:.1} s", outcome.took.as_secs_f64()),
            ]
        })
        .collect();
    print!("{}", table::plain(&["stage", "", "time"], &rows));
    if let Some(what) = left_out {
        println!("left out, as said above: {what}");
    }
    let failed: Vec<&str> = outcomes
        .iter()
        .filter(|outcome| outcome.result.is_err())
        .map(|outcome| outcome.name)
        .collect();
    let outcome = if failed.is_empty() {
        Ok(())
    } else {
        Err(anyhow!("failed: {}", failed.join(", ")))
    };
    shell::closing_line(outcome, &totals)
}

/// Runs a command after saying which.
pub fn announced(command: &mut Command) -> Result<()> {
    println!("running `{}`", shell::typed(command));
    shell::pass_through(command)
}

/// The feature `mpi` of `mnm-cli`, where there is an MPI or one can be installed: its lints, and its tests under `mpirun`.
fn mpi() -> Result<(Totals, Result<()>)> {
    let options = setup::Options {
        mpi: true,
        ..setup::Options::default()
    };
    if let Err(error) = setup::run(&options) {
        println!("left out: {error:#}");
        return Ok((Totals::default(), Ok(())));
    }
    // Of the whole workspace, with the features that its crates had before: the program alone is compiled anew.
    let with_mpi = "--workspace --features mnm-cli/mpi";
    let lints = words(&format!("clippy {with_mpi} --all-targets -- -D warnings"));
    announced(shell::cargo().args(lints))?;
    test::run_tests(&words(&format!("{with_mpi} --test mpi")))
}

/// Tests the page of `mnm play` in a browser, where there is one or one can be installed.
fn browser() -> Result<(Totals, Result<()>)> {
    let options = setup::Options {
        browser: true,
        ..setup::Options::default()
    };
    if let Err(error) = setup::run(&options) {
        println!("left out: {error:#}");
        return Ok((Totals::default(), Ok(())));
    }
    // Of the whole workspace, as the other tests: for one package alone its dependencies would be built with other features.
    test::run_tests(&words(
        "--workspace --features mnm-cli/browser-test --test program browser::",
    ))
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
