//! An agent's episode: what it did before training and after, and what it wrote to its memory.

use mnm_controller::encoder::Input;
use mnm_controller::{Kernel, Masks, ModelConfig};
use mnm_tasks::Split;
use mnm_tensor::{Parameters, Tensor};

use super::check_length;
use super::memory::{self, MemoryLook};
use crate::error::TrainError;
use crate::rl::{Agent, Recording, build_agent, build_environment};

/// The same episode, played by the agent as it was drawn and as it was trained.
#[derive(Clone, Debug)]
pub struct AgentLook {
    /// The name of the environment.
    pub environment: String,
    /// As the agent with random initial weights plays it.
    pub before: Recording,
    /// As the trained agent plays it.
    pub after: Recording,
    /// What the trained agent wrote on its way, if its memory is a network.
    pub memory: Option<MemoryLook>,
}

/// Plays episode `index` of a split twice: with random initial weights, which are those before the training unless that began with
/// the parameters of another run (`train.from`), and with the trained parameters.
///
/// # Errors
/// [`TrainError`]: a setting out of range, or numbers that are not finite.
pub fn look_at_agent(agent: &Agent, split: Split, index: u64) -> Result<AgentLook, TrainError> {
    let one = build_environment(&agent.config.data, 1, agent.config.seed, split)?;
    check_length(one.episode_steps())?;
    let after = agent.record(&agent.parameters, split, index)?;
    Ok(AgentLook {
        environment: one.name().to_owned(),
        before: agent.record(&agent.untrained()?, split, index)?,
        memory: written(agent, &after)?,
        after,
    })
}

/// What the trained agent wrote on its way; nothing of a model without a memory network.
fn written(agent: &Agent, play: &Recording) -> Result<Option<MemoryLook>, TrainError> {
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
    let unrolled = model.run(&parameters, &input, &start, &Masks::default())?;
    memory::of(&unrolled, &start, model_config.layers)
}
