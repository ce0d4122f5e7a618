//! `mnm inspect`: one episode drawn.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use mnm_report::inspect::{inspect, inspect_agent};
use mnm_tasks::Split;
use mnm_trainer::Trained;

use super::run::{RunArguments, split};
use crate::numbers::count;
use crate::output::print;

/// Draw one episode: what was written when, and what was read
///
/// Lets the model go through one episode and draws it on a self-contained HTML page: what each answer was read from (how
/// far it falls when a line is not written), the answers, the write rate of each step, how well each write took and lasted,
/// which write each read resembles, and the singular values of the memory before and after. The pictures also go as SVG
/// files into a folder beside the page. Of a model without such a memory, the hidden state is drawn.
///
/// Of an agent, the episode is drawn as it was played before training and after: its way through the maze, the arms it
/// pulled, the states it was in. A run that began with the parameters of another (train.from) is drawn beside random
/// initial weights.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  mnm inspect runs/stories-seed1
  mnm inspect runs/qa1 --split valid --episode 17 --out episode.html
  mnm inspect runs/maze9-seed1 --split test")]
pub struct Arguments {
    #[command(flatten)]
    run: RunArguments,

    /// train, valid or test
    #[arg(long, default_value = "valid", value_parser = split)]
    split: Split,

    /// The episode's number in the split, from 0
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = count::<u64>, allow_negative_numbers = true)]
    episode: u64,

    /// The page to write [default: inspect-SPLIT-N.html in RUN; if RUN is published, without a checkpoint, in a folder of its name below mnm-inspect in the system's temporary folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let (split, episode) = (arguments.split, arguments.episode);
    let command = command_line(std::env::args().skip(1));
    let inspection = match arguments.run.open()? {
        Trained::Agent(agent) => inspect_agent(&agent, split, episode, &command)?,
        Trained::Answers(run) => inspect(&run, split, episode, &command)?,
    };
    let page = match &arguments.out {
        Some(page) => page.clone(),
        None => folder(&arguments.run.run).join(format!("inspect-{split}-{episode}.html")),
    };
    let folder = inspection.write(&page)?;
    print(&format!("{}\n{}\n", page.display(), folder.display()))
}

/// Where the page of a run goes: to the run. What has no checkpoint was published by somebody and stays as it is, and so does the
/// folder that one happens to be in, which may be a clone of the project.
fn folder(run: &Path) -> PathBuf {
    if run.join("checkpoint.safetensors").is_file() {
        return run.to_owned();
    }
    // A run may be named by `.` or `..`.
    let whole = run.canonicalize();
    let run = whole.as_deref().unwrap_or(run);
    let name = run.file_name().unwrap_or("run".as_ref());
    std::env::temp_dir().join("mnm-inspect").join(name)
}

/// The command as it can be typed again.
fn command_line(words: impl Iterator<Item = String>) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_./=:,@%+-".contains(c);
    words.fold("mnm".to_owned(), |line, word| {
        if !word.is_empty() && word.chars().all(plain) {
            format!("{line} {word}")
        } else {
            format!("{line} '{}'", word.replace('\'', "'\\''"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{command_line, folder};

    #[test]
    fn a_command_is_quoted_where_a_shell_would_change_it() {
        let line = |words: [&str; 4]| command_line(words.map(str::to_owned).into_iter());
        assert_eq!(
            line(["inspect", "runs/a b", "--set", "data.tasks=[1]"]),
            "mnm inspect 'runs/a b' --set 'data.tasks=[1]'"
        );
        assert_eq!(
            line(["inspect", "it's", "", "x"]),
            "mnm inspect 'it'\\''s' '' x"
        );
    }

    #[test]
    fn a_page_goes_to_its_run_but_not_to_published_parameters() {
        let run = tempfile::TempDir::new().unwrap();
        let elsewhere = folder(run.path());
        assert!(elsewhere.starts_with(std::env::temp_dir().join("mnm-inspect")));
        assert_eq!(elsewhere.file_name(), run.path().file_name());
        assert_eq!(folder(&run.path().join(".")), elsewhere);
        std::fs::write(run.path().join("checkpoint.safetensors"), "").unwrap();
        assert_eq!(folder(run.path()), run.path());
    }
}
