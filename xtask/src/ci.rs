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
    /// What of it could not be done here, which is no failure but is said once more at the end.
    result: Result<Option<String>>,
    took: Duration,
}

/// Announces a stage, runs it, and says how long it took.
fn stage(name: &'static str, work: impl FnOnce() -> Result<Option<String>>) -> Outcome {
    println!("\n== {name}");
    let start = Instant::now();
    let result = work();
    let took = start.elapsed();
    match &result {
        Ok(_) => println!("== {name}: {}, {:.1} s", word(&result), took.as_secs_f64()),
        Err(error) => println!("== {name}: FAILED, {:.1} s: {error:#}", took.as_secs_f64()),
    }
    Outcome { name, result, took }
}

/// A stage in a word.
fn word(result: &Result<Option<String>>) -> &'static str {
    match result {
        Ok(None) => "ok",
        Ok(Some(_)) => "in part",
        Err(_) => "FAILED",
    }
}

/// Runs every stage, also after one has failed, so that one run shows all there is to mend.
///
/// # Errors
/// If the set-up or any stage fails.
pub fn run(options: &Options) -> Result<()> {
    setup::run(&setup::Options::default())?;
    let mut totals = Totals::default();
    let outcomes = [
        stage("format", || {
            whole(announced(shell::cargo().args(["fmt", "--all", "--check"])))
        }),
        stage("lints", || {
            whole(announced(shell::cargo().args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ])))
        }),
        stage("documentation", || {
            whole(announced(
                shell::cargo()
                    .args(["doc", "--workspace", "--no-deps"])
                    .env("RUSTDOCFLAGS", "-D warnings"),
            ))
        }),
        stage("tests", || {
            let (sum, outcome) = test::run_tests(&[])?;
            totals = sum;
            whole(outcome)
        }),
        stage("browser", || browser(&mut totals)),
        stage("mpi", || mpi(&mut totals)),
        stage("packages", || whole(packages::check(!options.no_build))),
        stage("dependencies", deny::run),
    ];
    println!();
    let rows: Vec<Vec<String>> = outcomes
        .iter()
        .map(|outcome| {
            vec![
                outcome.name.to_owned(),
                word(&outcome.result).to_owned(),
                format!("{:.1} s", outcome.took.as_secs_f64()),
            ]
        })
        .collect();
    print!("{}", table::plain(&["stage", "", "time"], &rows));
    for outcome in &outcomes {
        if let Ok(Some(what)) = &outcome.result {
            println!("left out, as said above: {}: {what}", outcome.name);
        }
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
fn mpi(totals: &mut Totals) -> Result<Option<String>> {
    let options = setup::Options {
        mpi: true,
        ..setup::Options::default()
    };
    if let Err(error) = setup::run(&options) {
        println!("LEFT OUT: {error:#}");
        return Ok(Some("the tests of a job of several processes".to_owned()));
    }
    // Of the whole workspace, with the features that its crates had before: the program alone is compiled anew.
    let with_mpi = "--workspace --features mnm-cli/mpi";
    let lints = words(&format!("clippy {with_mpi} --all-targets -- -D warnings"));
    announced(shell::cargo().args(lints))?;
    added(totals, &words(&format!("{with_mpi} --test mpi")))
}

/// Tests the page of `mnm play` in a browser, where there is one or one can be installed.
fn browser(totals: &mut Totals) -> Result<Option<String>> {
    let options = setup::Options {
        browser: true,
        ..setup::Options::default()
    };
    if let Err(error) = setup::run(&options) {
        println!("LEFT OUT: {error:#}");
        return Ok(Some("the tests in a browser".to_owned()));
    }
    // Of the whole workspace, as the other tests: for one package alone its dependencies would be built with other features.
    let tests = "--workspace --features mnm-cli/browser-test --test program browser::";
    added(totals, &words(tests))
}

/// Runs tests, and adds them to the others.
fn added(totals: &mut Totals, arguments: &[String]) -> Result<Option<String>> {
    let (sum, outcome) = test::run_tests(arguments)?;
    *totals += sum;
    whole(outcome)
}

/// Of a stage that leaves nothing out.
fn whole(result: Result<()>) -> Result<Option<String>> {
    result.map(|()| None)
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
