//! `mnm train`: from a config to a run folder.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use clap::Args;
use mnm_report::CurvesAndEvents;
use mnm_trainer::team::{Team, lead};
use mnm_trainer::{Config, Ended, Summary, TrainError, TrainOptions, train_observed};

use crate::output::print;
use crate::ranks;

/// What a program ends with that was stopped by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Train a model
///
/// Trains the model of a config and leaves everything in a run folder: config.toml (complete, can be trained again),
/// metrics.jsonl, TensorBoard event files, checkpoint.safetensors (the last state), best.safetensors (the lowest
/// validation error), summary.json and the learning curves.
///
/// Ctrl-C stops after the step at hand and leaves a run that --resume continues to the same bytes as if it had never
/// stopped; a second Ctrl-C stops at once, and the run can be resumed from its last checkpoint.
///
/// A program that was built with MPI (cargo's feature `mpi`) trains on several machines: `mpirun -n N mnm train ...` spreads the
/// blocks of every batch over N processes, and comes to the same bytes as one.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  mnm train stories
  mnm train stories --set model.rule=mnm-g --set seed=2 --out runs/stories-g
  mnm train babi --set data.dir=data/babi --set 'data.tasks=[1]' \\
    --out runs/qa1
  mnm train babi --set data.dir=data/babi --set model.kind=lstm
  mnm train maze9 --set model.kind=lstm --out runs/maze9-lstm
  mpirun -n 4 mnm train babi --set data.dir=data/babi --set train.batch=256
  mnm train maze9 --set train.from=docs/results/rl/maze9-mnm-p --out runs/more
  mnm train runs/qa1/config.toml --out runs/qa1 --resume --set train.steps=2e4")]
pub struct Arguments {
    /// A config that comes with the program (`mnm config` lists them), or the path of a TOML file
    config: String,

    /// Set a key of the config, such as train.steps=1000; the value is TOML, or text where it is not TOML
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// The run folder [default: runs/NAME-seedN]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Go on with the run in the folder; start one if there is none
    #[arg(long)]
    resume: bool,

    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let team = ranks::team()?;
    let config = config(team.as_ref(), arguments)?;
    let out = match &arguments.out {
        Some(folder) => folder.clone(),
        None => default_folder(&arguments.config, config.seed),
    };
    let options = TrainOptions {
        resume: arguments.resume,
        stop: stop_on_interrupt()?,
        quiet: arguments.quiet,
        team: Arc::clone(&team),
    };
    let summary = train_observed(&config, &out, &options, &mut CurvesAndEvents::default())?;
    if team.rank() > 0 {
        return Ok(ExitCode::SUCCESS);
    }
    let printed = if arguments.quiet {
        Ok(())
    } else {
        print(&(outcome(&summary, &out) + &next(&out)))
    };
    match summary.ended {
        // However much of it could be said.
        Ended::Interrupted => Ok(ExitCode::from(INTERRUPTED)),
        _ => printed.map(|()| ExitCode::SUCCESS),
    }
}

/// The config, which rank 0 reads for all.
fn config(team: &dyn Team, arguments: &Arguments) -> Result<Config> {
    let mut own = None;
    let text = lead(team, || {
        let config = Config::load(&arguments.config, &arguments.set).map_err(TrainError::from)?;
        Ok(own.insert(config).to_toml())
    })?;
    match own {
        Some(own) => Ok(own),
        None => Ok(Config::parse("the config of rank 0", &text, &[])?),
    }
}

/// `runs/NAME-seedN`, named for the config.
fn default_folder(config: &str, seed: u64) -> PathBuf {
    let name = Path::new(config).file_stem().unwrap_or(config.as_ref());
    Path::new("runs").join(format!("{}-seed{seed}", name.to_string_lossy()))
}

/// A flag that the first Ctrl-C sets; the second ends the program.
fn stop_on_interrupt() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(stop)
}

/// What was reached, in words.
fn outcome(summary: &Summary, out: &Path) -> String {
    let why = match summary.ended {
        Ended::Steps => "all steps done",
        Ended::Error => "the validation error is as low as asked for",
        Ended::Reward => "the validation reward is as high as asked for",
        Ended::Patience => "no better validation for a while",
        Ended::Interrupted => "interrupted; the same command with --resume goes on",
    };
    let best = summary.valid.as_ref().map_or(String::new(), |best| {
        format!(
            "best validation error {:.2} % (loss {:.4}) after step {}\n",
            best.error, best.loss, best.step
        )
    });
    let agent = summary.agent.as_ref().map_or(String::new(), |agent| {
        let best = match (agent.reward, agent.step) {
            (Some(reward), Some(step)) => {
                format!("best validation reward {reward:.3} after step {step}\n")
            }
            _ => String::new(),
        };
        let average = agent.average_reward.map_or(String::new(), |reward| {
            format!("averaged parameters after the last step: validation reward {reward:.3}\n")
        });
        format!(
            "{best}{average}{} environment steps, {:.0} a second\n",
            agent.environment_steps, agent.environment_steps_per_second
        )
    });
    let what = match summary.agent {
        Some(_) => "episodes",
        None => "sequences",
    };
    let average = summary.average.as_ref().map_or(String::new(), |found| {
        format!(
            "averaged parameters after the last step: validation error {:.2} % (loss {:.4})\n",
            found.error, found.loss
        )
    });
    format!(
        "{} steps, {} {what} in {:.0} s: {why}\n{best}{average}{agent}{}\n",
        summary.steps,
        summary.sequences,
        summary.seconds,
        out.display()
    )
}

/// What to do next, for whoever sits at a terminal.
fn next(out: &Path) -> String {
    if !std::io::stdout().is_terminal() {
        return String::new();
    }
    let run = out.display();
    format!("\nNext:\n  mnm eval {run} --split test\n  mnm inspect {run}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_folder_is_named_for_the_config_and_the_seed() {
        let folder = |config| default_folder(config, 7);
        assert_eq!(folder("babi"), Path::new("runs/babi-seed7"));
        assert_eq!(folder("configs/mine.toml"), Path::new("runs/mine-seed7"));
    }
}
