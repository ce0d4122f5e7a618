//! An agent's episode: what it did before training and after, and what it wrote to its memory.

mod scenes;

use maud::html;
use mnm_controller::{Kernel, Masks, ModelConfig, encoder::Input};
use mnm_tasks::Split;
use mnm_tensor::{Parameters, Tensor};

use super::page::{document, shown};
use super::pictures::{Mark, of_memory};
use super::{InspectError, Inspection, Picture, check_length, look};
use crate::TrainError;
use crate::rl::{Agent, Recording, build_agent, build_environment};

/// The same episode, played by the agent as it was drawn and as it was trained.
struct Plays {
    before: Recording,
    /// What the agent as it was drawn is called.
    untrained: &'static str,
    after: Recording,
}

/// Draws episode `index` of a split as the agent plays it before its training (with random first values if that began with
/// the parameters of another run) and after.
///
/// # Errors
/// [`InspectError`]: a setting out of range, or numbers that are not finite.
pub fn inspect_agent(agent: &Agent, split: Split, index: u64) -> Result<Inspection, InspectError> {
    let one = build_environment(&agent.config.data, 1, agent.config.seed, split)?;
    check_length(one.episode_steps())?;
    let plays = Plays {
        before: agent.record(&agent.untrained()?, split, index)?,
        // What `train.from` named may have changed since, or be gone: such a run is shown beside an agent that has learned nothing.
        untrained: match agent.config.train.from {
            None => "before training",
            Some(_) => "with random first values",
        },
        after: agent.record(&agent.parameters, split, index)?,
    };
    let mut pictures = scenes::pictures(&plays)?;
    pictures.extend(written(agent, &plays.after)?);
    let title = format!(
        "{} in the environment {}, {split} episode {index}",
        agent.config.model.label(),
        one.name()
    );
    let html = document(
        &title,
        &html! {
            p.facts {
                (plays.after.rewards.len()) " steps, which count from 1. Earned " (plays.untrained) ": "
                (total(&plays.before)) "; after training: " (total(&plays.after)) ". One episode says little: "
                code { "mnm eval" } " plays many."
            }
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
fn written(agent: &Agent, play: &Recording) -> Result<Vec<Picture>, InspectError> {
    let config = &agent.config;
    // The reference keeps every trace; a fused kernel need not.
    let model_config = ModelConfig {
        kernel: Kernel::Reference,
        ..config.model.clone()
    };
    let one = build_environment(&config.data, 1, config.seed, Split::Test)?;
    let model = build_agent::<f32>(&model_config, one.as_ref())?;
    let parameters: Parameters<Tensor<f32>> = agent.parameters.constants();
    let shape = [play.actions.len(), 1, model.input_width()];
    let input = Input::Dense(Tensor::from_vec(&shape, play.observations.clone())?);
    let start = model.initial_state(&parameters, 1)?;
    let unrolled = model
        .run(&parameters, &input, &start, &Masks::default())
        .map_err(TrainError::from)?;
    let Some(memory) = look::memory(&unrolled, &start, model_config.layers)? else {
        return Ok(Vec::new());
    };
    // A step's reward is seen at the next one, and can be written only there.
    let paid = std::iter::once(&0.0).chain(&play.rewards);
    let steps: Vec<Mark<'_>> = paid
        .take(play.rewards.len())
        .map(|&reward| ("", reward > 0.0))
        .collect();
    of_memory(&memory, &steps, "write rate where a reward is seen")
}
