//! An agent's episode, drawn: what it did before training and after, and what it wrote to its memory.

mod scenes;

use maud::html;
use mnm_tasks::Split;
use mnm_trainer::look::{AgentLook, look_at_agent};
use mnm_trainer::rl::{Agent, Recording};

use super::page::{again, parameters, shown};
use super::pictures::{Mark, of_memory};
use super::{InspectError, Inspection, Picture};
use crate::page::document;

/// Draws episode `index` of a split as the agent plays it before its training (with random initial weights if that began with
/// the parameters of another run) and after. `command` is what makes the page again, to be printed on it; empty if there is none.
///
/// # Errors
/// [`InspectError`]: a setting out of range, or numbers that are not finite.
pub fn inspect_agent(
    agent: &Agent,
    split: Split,
    index: u64,
    command: &str,
) -> Result<Inspection, InspectError> {
    let look = look_at_agent(agent, split, index)?;
    // What `train.from` named may have changed since, or be gone: such a run is shown beside an agent that has learned nothing.
    let untrained = match agent.config.train.from {
        None => "before training",
        Some(_) => "with random initial weights",
    };
    let mut pictures = scenes::pictures(&look, untrained)?;
    pictures.extend(written(&look)?);
    let title = format!(
        "{} in the environment {}, {split} episode {index}",
        agent.config.model.label(),
        look.environment
    );
    let html = document(
        &title,
        &html! {
            p.small {
                (look.after.rewards.len()) " steps, which count from 1. Earned " (untrained) ": "
                (total(&look.before)) "; after training: " (total(&look.after)) ". One episode says little: "
                code { "mnm eval" } " plays many. " (parameters(agent.config.seed, agent.step))
            }
            (again(command))
            (shown(&pictures))
        },
    );
    Ok(Inspection { html, pictures })
}

/// What an episode earned, in words.
fn total(play: &Recording) -> String {
    let sum: f64 = play.rewards.iter().map(|&reward| f64::from(reward)).sum();
    format!("{:.1}", sum).trim_end_matches(".0").to_owned()
}

/// What the trained agent wrote on its way; nothing of a model without a memory network.
fn written(look: &AgentLook) -> Result<Vec<Picture>, InspectError> {
    let Some(memory) = &look.memory else {
        return Ok(Vec::new());
    };
    // A step's reward is seen at the next one, and can be written only there.
    let rewards = &look.after.rewards;
    let paid = std::iter::once(&0.0).chain(rewards);
    let steps: Vec<Mark<'_>> = paid
        .take(rewards.len())
        .map(|&reward| ("", reward > 0.0))
        .collect();
    of_memory(memory, &steps, "write rate where a reward is seen")
}
