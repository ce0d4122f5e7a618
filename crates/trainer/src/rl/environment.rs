//! From a config to its environment, and from the environment to its agent.

use mnm_controller::{InputSpec, Model, ModelConfig};
use mnm_tasks::Split;
use mnm_tasks::environment::Environment;
use mnm_tensor::kernels::Kernels;

use crate::config::DataConfig;
use crate::error::TrainError;

/// `batch` worlds of the environment that `data` describes, drawn from streams of `seed` and `split`.
///
/// # Errors
/// An option out of range, or `data` that is no environment.
pub fn build_environment(
    data: &DataConfig,
    batch: usize,
    seed: u64,
    split: Split,
) -> Result<Box<dyn Environment>, TrainError> {
    match data.environment(batch, seed, split) {
        Some(environment) => Ok(environment?),
        None => Err(no_environment()),
    }
}

/// What to say of data that no agent can play.
pub(super) fn no_environment() -> TrainError {
    TrainError::Kind {
        task: "of this config".to_owned(),
        is: "a task with questions and answers, not an environment",
        instead: "an agent plays maze, bandit, mdp or cues",
    }
}

/// The model of `config` that plays `environment`: A + 1 outputs, the logits of the A actions and then the value.
///
/// # Errors
/// A setting out of range.
pub fn build_agent<F: Kernels>(
    config: &ModelConfig,
    environment: &dyn Environment,
) -> Result<Model<F>, TrainError> {
    let input = InputSpec::Dense {
        width: environment.observation_width(),
    };
    Ok(Model::new(config, input, environment.actions() + 1)?)
}
