//! `cargo xtask fuzz`: the fuzz targets, one after the other. What they hold to be true stands in `hostile-input`, whose plain tests run with
//! all others.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::setup::managers;
use crate::{nightly, shell, table, workspace};

/// Where the targets are, from the root of the workspace.
const FOLDER: &str = "fuzz";

/// Options of `cargo xtask fuzz`.
#[derive(Args)]
pub struct Options {
    /// Targets, as `babi`; without any, all of them
    pub targets: Vec<String>,

    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: u64,

    /// End a target after so many executions, should they come first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub executions: Option<u64>,

    /// Instrument for `address` too, which finds what unsafe code does wrong, and takes long to build and twice the time to run
    #[arg(long, value_name = "NAME", default_value = "none", value_parser = ["address", "none"])]
    pub sanitizer: String,

    /// Do not let libFuzzer see the operands of comparisons: many more executions a second, and fewer paths found by each
    #[arg(long)]
    pub no_trace_compares: bool,
}

/// Runs the targets. The inputs that it finds are kept in `fuzz/corpus`, and those that break a property in `fuzz/artifacts`.
///
/// # Errors
/// If cargo-fuzz or a nightly compiler is missing, a target is not there, or a property does not hold.
pub fn run(options: &Options) -> Result<()> {
    nightly::require(&[])?;
    if !managers::exists("cargo-fuzz") {
        bail!("cargo-fuzz is missing. Install it with `cargo install cargo-fuzz --locked`");
    }
    let all = targets()?;
    if let Some(unknown) = options.targets.iter().find(|name| !all.contains(name)) {
        bail!(
            "there is no target {unknown:?}; there are: {}",
            all.join(", ")
        );
    }
    let chosen = match options.targets.is_empty() {
        true => &all,
        false => &options.targets,
    };
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for target in chosen {
        let (row, outcome) = fuzz(target, options)?;
        rows.push(row);
        if let Err(error) = outcome {
            eprintln!("error: {error:#}");
            broken.push(target.as_str());
        }
    }
    println!();
    let head = ["target", "executions", "seconds", "inputs kept", ""];
    print!("{}", table::plain(&head, &rows));
    if !broken.is_empty() {
        bail!(
            "a property does not hold in {} (see above; the input is in {FOLDER}/artifacts)",
            broken.join(", ")
        );
    }
    Ok(())
}

/// The names of the targets.
fn targets() -> Result<Vec<String>> {
    let path = workspace::root().join(FOLDER).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let manifest: toml::Table =
        toml::from_str(&text).with_context(|| path.display().to_string())?;
    let bins = manifest.get("bin").and_then(toml::Value::as_array);
    let name = |bin: &toml::Value| bin.get("name")?.as_str().map(str::to_owned);
    Ok(bins.into_iter().flatten().filter_map(name).collect())
}

/// Runs a target; a row of the table, and whether all went well.
fn fuzz(target: &str, options: &Options) -> Result<(Vec<String>, Result<()>)> {
    let corpus = format!("{FOLDER}/corpus/{target}");
    let path = workspace::root().join(&corpus);
    std::fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
    let mut command = command();
    command
        .args(["fuzz", "run", "--fuzz-dir", FOLDER, "--sanitizer"])
        .arg(&options.sanitizer)
        .args(options.no_trace_compares.then_some("--no-trace-compares"))
        .args([target, corpus.as_str()])
        .args([&format!("{FOLDER}/seeds/{target}"), "--"])
        .args(["-max_len=4096", "-timeout=25", "-print_final_stats=1"])
        // What weighs inputs by how rare their features are takes longer than most executions.
        .arg("-entropic=0")
        .arg(format!("-max_total_time={}", options.seconds))
        .args(options.executions.map(|most| format!("-runs={most}")));
    // Some targets write files; those are not to wear out a disk.
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() {
        command.env("TMPDIR", memory);
    }
    println!("running `{}`", shell::typed(&command));
    let start = Instant::now();
    let mut figures = Figures::default();
    let outcome = shell::watched(&mut command, |line| {
        figures.take(line);
        let shown = ["#", "INFO", "\tNEW", "stat::"];
        if !shown.iter().any(|begin| line.starts_with(begin)) || line.contains("pulse") {
            println!("{line}");
        }
    });
    let word = match outcome {
        Ok(()) => "ok",
        Err(_) => "BROKEN",
    };
    let seconds = figures.seconds.unwrap_or(start.elapsed().as_secs());
    let row = vec![
        target.to_owned(),
        figures.executions.to_string(),
        seconds.to_string(),
        figures.kept.to_string(),
        word.to_owned(),
    ];
    Ok((row, outcome))
}

/// Cargo with the nightly compiler, giving way to everything else where the system can.
fn command() -> Command {
    let mut command = match managers::exists("nice") {
        true => {
            let mut command = Command::new("nice");
            command.args(["-n", "10", "cargo"]);
            command
        }
        false => Command::new("cargo"),
    };
    nightly::of(&mut command);
    command
}

/// What libFuzzer says at the end.
#[derive(Debug, Default, PartialEq)]
struct Figures {
    executions: u64,
    seconds: Option<u64>,
    kept: u64,
}

impl Figures {
    fn take(&mut self, line: &str) {
        // "stat::number_of_executed_units: 1234"
        if let Some((name, value)) = line.strip_prefix("stat::").and_then(|l| l.split_once(':')) {
            let value = value.trim().parse().unwrap_or(0);
            match name {
                "number_of_executed_units" => self.executions = value,
                "new_units_added" => self.kept = value,
                _ => {}
            }
        }
        // "Done 1234 runs in 5 second(s)"
        let done = line
            .strip_prefix("Done ")
            .and_then(|l| l.split_once(" in "));
        if let Some((_, rest)) = done {
            self.seconds = rest.split(' ').next().and_then(|n| n.parse().ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_those_that_libfuzzer_prints() {
        let mut figures = Figures::default();
        for line in [
            "#4096\tpulse  cov: 812 ft: 1500 corp: 90/4096b exec/s: 2048 rss: 60Mb",
            "Done 123456 runs in 61 second(s)",
            "stat::number_of_executed_units: 123456",
            "stat::average_exec_per_sec:     2023",
            "stat::new_units_added:          321",
        ] {
            figures.take(line);
        }
        let expected = Figures {
            executions: 123_456,
            seconds: Some(61),
            kept: 321,
        };
        assert_eq!(figures, expected);
    }

    #[test]
    fn every_target_has_seeds() {
        let targets = targets().expect("a manifest");
        assert!(targets.len() > 5, "{targets:?}");
        for target in targets {
            let folder = workspace::root().join(FOLDER).join("seeds").join(&target);
            let seeds = std::fs::read_dir(&folder).map(Iterator::count);
            assert!(seeds.is_ok_and(|count| count > 1), "{target}");
        }
    }
}
