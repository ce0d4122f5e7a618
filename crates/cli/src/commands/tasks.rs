//! `mnm tasks`: what there is to learn.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use mnm_tasks::babi::Inventory;
use mnm_tasks::{BabiError, BabiOptions, Split};
use mnm_trainer::rl::build_environment;
use mnm_trainer::task::build_task;
use mnm_trainer::{Config, DataConfig};

use crate::failure::at_data;
use crate::numbers::count;
use crate::output::print;

/// Lines of an example that are shown.
const SHOWN: usize = 24;

/// List the tasks, each with an example episode
///
/// Prints one line on each task that comes with the program, and an episode of it. The bAbI questions need the data set
/// for that: name its folder with --data; one of the twenty will do.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  mnm tasks
  mnm tasks stories
  mnm tasks babi --data data/babi --episode 17")]
pub struct Arguments {
    /// Only this one
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(Config::names()))]
    name: Option<String>,

    /// The folder of the bAbI data set, or its archive
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// The example's number among the training episodes
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = count::<u64>, allow_negative_numbers = true)]
    episode: u64,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let chosen = |name: &&str| arguments.name.as_ref().is_none_or(|only| only == name);
    let (mut text, mut failed) = (String::new(), None);
    for name in Config::names().into_iter().filter(chosen) {
        match example(arguments, name).with_context(|| format!("task {name}")) {
            Ok(example) => text += &with_example(name, &example),
            // The tasks that generate their data have their examples all the same.
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    print(&text)?;
    failed.map_or(Ok(()), Err)
}

/// A task's line, and under it an episode.
fn with_example(name: &str, example: &str) -> String {
    let mut text = line(name) + "\n";
    for line in example.lines() {
        let _ = writeln!(text, "    {line}");
    }
    text + "\n"
}

/// An episode in words, or how to get one.
fn example(arguments: &Arguments, name: &str) -> Result<String> {
    let mut config = Config::load(name, &[])?;
    match (&mut config.data, &arguments.data) {
        (DataConfig::Babi(_), None) => {
            return Ok("(for an example, name the data set's folder with --data DIR)".to_owned());
        }
        (data, _) if data.is_environment() => {
            let mut world = build_environment(data, 1, config.seed, Split::Train)?;
            let mut observation = vec![0.0; world.observation_width()];
            world.reset(arguments.episode, &mut observation)?;
            return Ok(world.render(0));
        }
        (DataConfig::Babi(options), Some(folder)) => {
            options.dir.clone_from(folder);
            take_what_is_there(options).map_err(|error| at_data(error.into()))?;
        }
        _ => {}
    }
    let task = build_task(&config.data.for_evaluation(), config.seed, None)?;
    let episode = task.episode(Split::Train, arguments.episode)?;
    let whole = task.render(&episode, None);
    // Plain copy is double copy with one copy: its example goes by the name that was asked for.
    let whole = match whole.strip_prefix(&format!("{}:", config.data.name())) {
        Some(rest) => format!("{name}:{rest}"),
        None => whole,
    };
    let mut lines: Vec<&str> = whole.lines().collect();
    let more = lines.len().saturating_sub(SHOWN);
    if more > 1 {
        lines.truncate(SHOWN);
        return Ok(format!("{}\n... ({more} lines more)", lines.join("\n")));
    }
    Ok(lines.join("\n"))
}

/// Takes the first bAbI task that has training stories, where the folder does not hold all twenty whole.
fn take_what_is_there(options: &mut BabiOptions) -> Result<(), BabiError> {
    let Inventory { files, missing, .. } = Inventory::take(options)?;
    let first = files.iter().find(|file| file.split == Split::Train);
    if let (Some(first), false) = (first, missing.is_empty()) {
        options.tasks = vec![first.task];
    }
    Ok(())
}

/// The configs that come with the program, a line each.
pub fn listed() -> String {
    let lines = Config::names().into_iter().map(|name| line(name) + "\n");
    lines.collect()
}

/// A name and what it is about, in lines of at most 80 columns.
fn line(name: &str) -> String {
    const NAMES: usize = 20;
    const WIDTH: usize = 78 - NAMES;
    let mut lines = vec![String::new()];
    for word in Config::about(name).split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < WIDTH => {
                *line += if line.is_empty() { "" } else { " " };
                *line += word;
            }
            _ => lines.push(word.to_owned()),
        }
    }
    format!("{name:NAMES$}{}", lines.join(&format!("\n{:NAMES$}", "")))
}
