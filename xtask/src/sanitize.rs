//! `cargo xtask sanitize`: the unsafe code under Miri and AddressSanitizer, and readers beside a writer under ThreadSanitizer. All need
//! a nightly compiler.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::ci::announced;
use crate::{nightly, shell, workspace};

/// Options of `cargo xtask sanitize`.
#[derive(Args)]
pub struct Options {
    /// Which checks; without any, all of them
    #[arg(value_enum)]
    pub checks: Vec<Check>,

    /// Operations of the test with eight readers and a writer
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub operations: u64,
}

/// A check.
#[derive(Clone, Copy, ValueEnum)]
pub enum Check {
    /// The kernels' portable path, and readers beside a writer of one memory, interpreted
    Miri,
    /// The kernels' tests on the instructions that this machine has, and those of the fused cell
    Address,
    /// Eight readers and a writer of one memory
    Thread,
}

/// Runs the checks.
///
/// # Errors
/// If something is missing, or a check finds something.
pub fn run(options: &Options) -> Result<()> {
    let checks = match options.checks.is_empty() {
        true => Check::value_variants(),
        false => &options.checks,
    };
    for check in checks {
        let start = Instant::now();
        match check {
            Check::Miri => miri()?,
            Check::Address => address()?,
            Check::Thread => thread(options.operations)?,
        }
        println!("ok, {:.0} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}

/// What Miri runs: package, test program, and the tests in it.
const INTERPRETED: [(&str, &str, &[&str]); 2] = [
    (
        "mnm-tensor",
        "kernels",
        &[
            "every_form",
            "from_rows_elsewhere",
            "a_bias",
            "dot_equals",
            "fused_passes",
            "zero_write",
            "packed_operand",
            "aligned",
            "slices_of_every_length",
            "nothing_times",
        ],
    ),
    (
        "mnm-memory",
        "associative",
        // It has no unsafe code of its own: what matters is what threads share.
        &["threads::"],
    ),
];

/// Miri knows no AVX, so the kernels take their portable path. The tests are those that it gets through in an hour.
fn miri() -> Result<()> {
    nightly::require(&["miri", "rust-src"])?;
    for (package, program, tests) in INTERPRETED {
        let mut command = cargo();
        command
            .args([
                "miri",
                "test",
                "--package",
                package,
                "--test",
                program,
                "--",
            ])
            .args(tests)
            // Tests with files and with a clock.
            .env("MIRIFLAGS", "-Zmiri-disable-isolation")
            .env("MNM_OPERATIONS", "200");
        announced(&mut command)?;
    }
    Ok(())
}

/// What Miri cannot: the wide kernels as they run here.
fn address() -> Result<()> {
    for (package, program) in [("mnm-tensor", "kernels"), ("mnm-controller", "fused")] {
        announced(&mut sanitized("address", package, program)?)?;
    }
    Ok(())
}

fn thread(operations: u64) -> Result<()> {
    let mut command = sanitized("thread", "mnm-memory", "associative")?;
    command
        .args(["--", "eight_threads_read_while_one_writes"])
        .env("MNM_OPERATIONS", operations.to_string());
    announced(&mut command)
}

/// Runs a test program of a package, built with a sanitizer.
fn sanitized(sanitizer: &str, package: &str, program: &str) -> Result<Command> {
    nightly::require(&["rust-src"])?;
    let mut command = cargo();
    command
        .args(["test", "-Zbuild-std", "--target", &host()?])
        .args(["--package", package, "--test", program])
        // A folder of its own: everything is built anew with other flags.
        .arg("--target-dir")
        .arg(workspace::target_dir()?.join(format!("sanitize-{sanitizer}")))
        .env("RUSTFLAGS", format!("-Zsanitizer={sanitizer}"));
    Ok(command)
}

fn cargo() -> Command {
    let mut command = Command::new("cargo");
    nightly::of(&mut command);
    command
}

/// The name of this machine's target.
fn host() -> Result<String> {
    let mut command = Command::new("rustc");
    nightly::of(&mut command);
    let text = shell::capture(command.arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}
