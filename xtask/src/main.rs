//! Project automation, run as `cargo xtask COMMAND`.
//!
//! One module a command. Nothing here depends on a crate of the workspace or on anything that links a system library,
//! so that the first command works on a machine that has only Rust and a C compiler.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod ci;
mod files;
#[cfg(test)]
mod guides;
mod packages;
mod reproduce;
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
    /// Run what continuous integration runs: format, lints, documentation, tests, packages
    Ci(ci::Options),
    /// Train and evaluate a suite of experiments and set the figures beside the published ones
    Reproduce(reproduce::Options),
    /// Run the benches, with --peers the same training step in PyTorch and JAX, with --build the compiler
    Bench(bench::Options),
}

fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Setup(options) => setup::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Ci(options) => ci::run(&options),
        Command::Reproduce(options) => reproduce::run(&options),
        Command::Bench(options) => bench::run(&options),
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
