//! `mnm eval`: how well a run does on a split.

use std::fmt::Write;
use std::io::{Write as _, stderr};

use anyhow::{Context, Result};
use clap::Args;
use mnm_tasks::Split;
use mnm_trainer::checkpoint::write_file;
use mnm_trainer::{Evaluation, RunFolder, Trained, Weights, evaluate, rl, thread_pool};

use super::eval_agent;
use super::run::{RunArguments, split};
use crate::failure::Usage;
use crate::numbers::{count, whole};
use crate::output::print;

/// Evaluate a run
///
/// Prints the error in percent on a split, task by task: wrong answers of all questions, or wrong bits of all bits. A
/// data set is evaluated whole; of a task that generates its episodes, the first ones of the split. The train split is read
/// without what helps the training: bAbI's stories once each, without cues and with their own words; no lengths that grow.
///
/// An agent plays fresh episodes instead: mean reward (and regret, for bandits) beside random play, the oracle and the
/// other reference players in the same episodes, and the reward by position in the episode.
#[derive(Args)]
#[command(after_long_help = "\
With --json, one object:
  {\"task\": \"babi\", \"split\": \"valid\", \"weights\": \"best\", \"questions\": 1000,
   \"error\": {\"mean\": 0.5, \"failed_tasks\": 0, \"per_task\": {\"qa1\": 0.5}}}
where weights is best, last, best-average or last-average, mean is over the
tasks, and failed_tasks counts those above the task's limit (5 % for bAbI).
Where the answers are bits, bits_per_sequence is what those of a sequence cost
at the mean, in bits. For an agent:
  {\"task\": \"maze\", \"split\": \"test\", \"episodes\": 128, \"model\": \"mnm-p\",
   \"reward\": {\"mean\": 99.5, \"standard_error\": 2.5},
   \"steps_to_first_find\": 30.5, \"by_position\": [0.1],
   \"players\": [[\"oracle\", {}]]}
with the same keys for every player.

Examples:
  mnm eval runs/stories-seed1
  mnm eval runs/qa1 --data data/babi --split test --json
  mnm eval runs/copy --split test --set 'data.lengths.test={min=40,max=40}'
  mnm eval runs/copy --split test --keep-as length-40 \\
    --set 'data.lengths.test={min=40,max=40}'
  mnm eval runs/maze9-seed1 --split test --episodes 500 --keep
  mnm eval runs/qa1 --split test --average --last --keep")]
pub struct Arguments {
    #[command(flatten)]
    run: RunArguments,

    /// train, valid or test
    #[arg(long, default_value = "valid", value_parser = split)]
    split: Split,

    /// Episodes of a task that generates them without end [default: the config's train.valid_episodes]
    #[arg(long, value_name = "N", value_parser = whole::<u64>(1, 1_000_000), allow_negative_numbers = true)]
    episodes: Option<u64>,

    /// Threads to compute with; 0 takes all cores
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = count::<usize>, allow_negative_numbers = true)]
    threads: usize,

    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,

    /// Leave that object in the run folder too, where `mnm report` finds it: as evaluation-SPLIT.json, with --average --last as
    /// evaluation-SPLIT-average.json
    #[arg(long, conflicts_with = "set")]
    keep: bool,

    /// The same for what was found on other data or with other parameters, as evaluation-SPLIT-NAME.json; a report lists the errors
    /// of these, and leaves out what an agent earned
    #[arg(long, value_name = "NAME", conflicts_with = "keep", value_parser = name)]
    keep_as: Option<String>,
}

/// A name that may stand in a file's.
fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text == "average" {
        return Err("this is the name of what --average --last --keep leaves".to_owned());
    }
    if !text.is_empty() && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("expected letters, digits, `-`, `_` and `.` only, such as length-40".to_owned())
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let weights = arguments.run.weights();
    if arguments.keep && !matches!(weights, Weights::Best | Weights::Average) {
        return Err(Usage(
            "--keep is for the weights with the lowest validation error, or with --average --last for the last averaged ones; \
             give others a name with --keep-as NAME"
                .to_owned(),
        )
        .into());
    }
    let (trained, split) = (arguments.run.open()?, arguments.split);
    let config = match &trained {
        Trained::Answers(run) => &run.config,
        Trained::Agent(agent) => &agent.config,
    };
    if let Trained::Answers(run) = &trained {
        for note in run.task.notes() {
            // Nobody may be left to read it.
            let _ = writeln!(stderr(), "note: {note}");
        }
    }
    let episodes = arguments.episodes.unwrap_or(config.train.valid_episodes);
    let (json, table) = thread_pool(arguments.threads)?.install(|| -> Result<_> {
        Ok(match &trained {
            Trained::Answers(run) => {
                let task = run.task.as_ref();
                let outcome = evaluate(task, &run.model, &run.parameters, split, episodes)?;
                (json(&outcome, weights), table(&outcome))
            }
            Trained::Agent(agent) => {
                let outcome = rl::evaluate(agent, split, episodes)?;
                let json = eval_agent::json(&outcome, weights)?;
                (json, eval_agent::table(&outcome))
            }
        })
    })?;
    finish(arguments, &json, &table)
}

/// Prints the outcome as asked, and keeps it if asked to.
fn finish(arguments: &Arguments, json: &str, table: &str) -> Result<()> {
    let folder = RunFolder::new(&arguments.run.run);
    let path = match &arguments.keep_as {
        Some(name) => Some(folder.further_evaluation(arguments.split, name)),
        None => arguments.keep.then(|| match arguments.run.weights() {
            Weights::Average => folder.average_evaluation(arguments.split),
            _ => folder.evaluation(arguments.split),
        }),
    };
    if let Some(path) = path {
        write_file(&path, json.as_bytes()).with_context(|| path.display().to_string())?;
    }
    print(if arguments.json { json } else { table })
}

/// The object that others rely on.
fn json(outcome: &Evaluation, weights: Weights) -> String {
    let mut object = serde_json::json!({
        "task": outcome.task,
        "split": outcome.split,
        "weights": weights.name(),
        "error": outcome.error,
        "questions": outcome.questions,
    });
    if outcome.unknown_answers > 0 {
        object["unknown_answers"] = outcome.unknown_answers.into();
    }
    if let Some(bits) = outcome.bits_per_sequence {
        object["bits_per_sequence"] = bits.into();
    }
    format!("{object}\n")
}

fn table(outcome: &Evaluation) -> String {
    let error = &outcome.error;
    let mut text = format!(
        "{}, {} split: {} questions\n",
        outcome.task, outcome.split, outcome.questions
    );
    if !outcome.loss.is_finite() {
        text += "The model's numbers overflow on some of them: an answer that is no number counts as wrong.\n";
    }
    if outcome.unknown_answers > 0 {
        let _ = writeln!(
            text,
            "The answers to {} of them were never seen in training: always wrong, and not in the loss.",
            outcome.unknown_answers
        );
    }
    // Groups such as qa1 .. qa20 in the order of their numbers.
    let mut groups: Vec<_> = error.per_task.iter().collect();
    groups.sort_by_key(|(name, _)| {
        (
            name.trim_end_matches(|c: char| c.is_ascii_digit()),
            name.len(),
            name.as_str(),
        )
    });
    let width = groups
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0)
        .max(4);
    for (name, percent) in groups {
        let _ = writeln!(text, "  {name:width$}  {percent:6.2} %");
    }
    let _ = writeln!(text, "  {:width$}  {:6.2} %", "mean", error.mean);
    let bits = outcome.bits_per_sequence;
    let bits = bits.map_or_else(String::new, |bits| format!(" ({bits:.3} bits a sequence)"));
    let _ = writeln!(
        text,
        "{} failed; loss {:.4}{bits}, meta loss {:.4}",
        match error.failed_tasks {
            1 => "1 task".to_owned(),
            n => format!("{n} tasks"),
        },
        outcome.loss,
        outcome.meta_loss
    );
    text
}

#[cfg(test)]
mod tests {
    use mnm_trainer::ErrorTable;

    use super::*;

    fn outcome() -> Evaluation {
        let per_task = [("qa10", 6.0), ("qa2", 0.0)].map(|(name, e)| (name.to_owned(), e));
        Evaluation {
            task: "babi".to_owned(),
            split: "test".to_owned(),
            loss: 0.25,
            bits_per_sequence: None,
            meta_loss: 0.5,
            error: ErrorTable {
                mean: 3.0,
                failed_tasks: 1,
                per_task: per_task.into(),
            },
            questions: 20,
            unknown_answers: 0,
        }
    }

    #[test]
    fn the_json_is_the_contract() {
        let value: serde_json::Value =
            serde_json::from_str(&json(&outcome(), Weights::Average)).unwrap();
        let expected = serde_json::json!({
            "task": "babi", "split": "test", "weights": "last-average", "questions": 20,
            "error": {"mean": 3.0, "failed_tasks": 1, "per_task": {"qa2": 0.0, "qa10": 6.0}},
        });
        assert_eq!(value, expected);
        let bits = Evaluation {
            bits_per_sequence: Some(2.5),
            ..outcome()
        };
        let value: serde_json::Value = serde_json::from_str(&json(&bits, Weights::Best)).unwrap();
        assert_eq!(value["bits_per_sequence"], 2.5);
        assert!(table(&bits).contains("(2.500 bits a sequence)"));
    }

    #[test]
    fn a_name_that_is_no_file_name_is_refused() {
        assert_eq!(name("length-40").unwrap(), "length-40");
        assert!(name("average").unwrap_err().contains("--keep"));
        for wrong in ["", "../40", "length 40"] {
            assert!(name(wrong).unwrap_err().contains("length-40"), "{wrong}");
        }
    }

    #[test]
    fn the_table_counts_tasks_in_their_order() {
        let text = table(&outcome());
        assert!(
            text.find("qa2 ").unwrap() < text.find("qa10").unwrap(),
            "{text}"
        );
        assert!(
            text.contains("mean    3.00 %") && text.contains("1 task failed"),
            "{text}"
        );
    }
}
