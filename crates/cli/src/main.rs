//! The `mnm` program: train, evaluate, apply, inspect and report memory-augmented networks.

mod commands;
mod failure;
mod numbers;
mod output;
mod ranks;

use std::process::ExitCode;

use clap::Parser;
use commands::Command;

/// Train, evaluate and look into networks whose memory is itself a network (Metalearned Neural Memory).
///
/// A config is a TOML file or one of the names that `mnm config` lists; training it makes a run folder, and the other
/// commands take that folder.
#[derive(Parser)]
#[command(
    name = "mnm",
    version,
    arg_required_else_help = true,
    max_term_width = 78
)]
#[command(after_long_help = "\
First steps:
  mnm tasks                    what there is to learn
  mnm train stories --out RUN  train; Ctrl-C stops, --resume goes on
  mnm eval RUN --split test    how it does on episodes that it never saw
  mnm inspect RUN              one episode drawn: what it wrote and read
  mnm play RUN                 a page to tell it stories and ask it questions

Every command explains itself: mnm COMMAND --help. Errors exit with 2 for a
wrong command line or config, else 1.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    // Before anything else: it may begin the program anew.
    mnm_openblas::without_its_threads();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            output::say_parsed(&error);
            return ExitCode::from(2);
        }
        // Help and the version, which were asked for.
        Err(error) => error.exit(),
    };
    arguments
        .command
        .run()
        .unwrap_or_else(|error| failure::report(&error))
}
