//! The subcommands, one file each: its arguments, its help and what it does.

mod apply;
mod ask;
mod bench;
mod completions;
mod config;
mod data;
mod eval;
mod eval_agent;
mod inspect;
mod play;
mod report;
mod run;
mod tasks;
mod train;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Command {
    Train(train::Arguments),
    Eval(eval::Arguments),
    Apply(apply::Arguments),
    Inspect(inspect::Arguments),
    Ask(ask::Arguments),
    Play(play::Arguments),
    Config(config::Arguments),
    Tasks(tasks::Arguments),
    Data(data::Arguments),
    Report(report::Arguments),
    Bench(bench::Arguments),
    Completions(completions::Arguments),
}

impl Command {
    pub fn run(self) -> Result<ExitCode> {
        match self {
            Self::Train(arguments) => return train::run(&arguments),
            Self::Eval(arguments) => eval::run(&arguments),
            Self::Apply(arguments) => apply::run(&arguments),
            Self::Inspect(arguments) => inspect::run(&arguments),
            Self::Ask(arguments) => ask::run(&arguments),
            Self::Play(arguments) => play::run(&arguments),
            Self::Config(arguments) => config::run(&arguments),
            Self::Tasks(arguments) => tasks::run(&arguments),
            Self::Data(arguments) => data::run(&arguments),
            Self::Report(arguments) => report::run(&arguments),
            Self::Bench(arguments) => bench::run(&arguments),
            Self::Completions(arguments) => completions::run(&arguments),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}
