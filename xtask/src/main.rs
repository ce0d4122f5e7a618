//! Project automation, run as `cargo xtask COMMAND`.
//!
//! One module a command. Nothing here depends on a crate of the workspace or on anything that links a system library,
//! so that the first command works on a machine that has only Rust and a C compiler.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod ci;
mod damage;
mod deny;
mod files;
mod fuzz;
#[cfg(test)]
mod guides;
mod nightly;
mod packages;
mod reproduce;
mod sanitize;
mod setup;
mod shell;
mod table;
mod test;
mod workspace;

/// Builds, tests and measures the workspace, and reproduces the paper's results.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find out whether OpenBLAS can be linked; install it where that is allowed
    Setup(setup::Options),
    /// Run every test of the workspace; the last line is `N passed, N failed`
    Test(test::Options),
    /// Run what continuous integration runs: format, lints, documentation, tests, packages, dependencies
    Ci(ci::Options),
    /// Train and evaluate a suite of experiments and set the figures beside the published ones
    Reproduce(reproduce::Options),
    /// Run the benches, with --peers the same training step in PyTorch and JAX, with --build the compiler
    Bench(bench::Options),
    /// Feed the readers of files with damaged input (needs cargo-fuzz and a nightly compiler)
    Fuzz(fuzz::Options),
    /// Run unsafe code under Miri and threads under ThreadSanitizer (needs a nightly compiler)
    Sanitize(sanitize::Options),
    /// Kill trainings, flip bits in their files, and look whether they end as if nothing had happened
    Damage(damage::Options),
}

fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Setup(options) => setup::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Ci(options) => ci::run(&options),
        Command::Reproduce(options) => reproduce::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Sanitize(options) => sanitize::run(&options),
        Command::Damage(options) => damage::run(&options),
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is::<shell::Said>() {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
