//! The numbers of one episode, step by step: what a model writes to its memory and when, how well the writes take, and what
//! is read. Whoever draws them needs no model.

mod agent;
pub(crate) mod left_out;
pub(crate) mod memory;
mod words;

use std::ops::Range;

use mnm_controller::{Kernel, Masks, ModelConfig};
use mnm_tasks::{Episode, InputKind, Labels, Split};
use mnm_tensor::{Parameters, Tensor};
use ndarray::Array2;

use crate::batch::Block;
use crate::error::TrainError;
use crate::run::{Run, positions};
use crate::task::{build_model, checked_episode};

pub use agent::{AgentLook, look_at_agent};
pub use memory::{MemoryLook, Spectrum};
pub use words::of_line;

/// The most steps of an episode that is looked into.
const MOST_STEPS: usize = 5000;

fn check_length(steps: usize) -> Result<(), TrainError> {
    if steps > MOST_STEPS {
        let most = MOST_STEPS;
        return Err(TrainError::TooLong { steps, most });
    }
    Ok(())
}

/// A model's way through an episode of T steps.
#[derive(Clone, Debug)]
pub struct Look {
    /// The episode.
    pub episode: Episode,
    /// What each step shows, in words.
    pub words: Vec<String>,
    /// Whether something is asked at a step.
    pub asked: Vec<bool>,
    /// The model's answers, `[targets, K]`.
    pub logits: Array2<f32>,
    /// The length of the hidden state after each step.
    pub hidden: Vec<f64>,
    /// The model's memory, if that is a network.
    pub memory: Option<MemoryLook>,
    /// The steps of each line of the episode; where the task has no lines, each step is one.
    pub lines: Vec<Range<usize>>,
    /// The probability of the model's answer to each question when the writes of a line are left out, `[targets, lines]`: the
    /// model runs again with a write rate of 0 in that line. NaN where the line does not end before the question. `None` for answers
    /// in bits, a model whose writes have no rate, or an episode of more than 200 steps.
    pub without: Option<Array2<f64>>,
}

/// An episode of a run's task as it would be typed: a line each, questions with a question mark. `None` for a task without words.
///
/// # Errors
/// [`TrainError`]: no such episode.
pub fn told(run: &Run, split: Split, index: u64) -> Result<Option<Vec<String>>, TrainError> {
    let episode = checked_episode(run.task.as_ref(), split, index)?;
    let interface = run.task.interface();
    if episode.line_starts.is_empty() || !matches!(interface.input, InputKind::Tokens { .. }) {
        return Ok(None);
    }
    let words = words::of_steps(&episode.input, &interface.input);
    let lines = left_out::lines(&episode).into_iter().map(|steps| {
        let asked = steps
            .clone()
            .any(|step| episode.target_steps.contains(&step));
        words::of_line(&words[steps]) + if asked { "?" } else { "" }
    });
    Ok(Some(lines.collect()))
}

/// Lets the run's model go through an episode.
///
/// # Errors
/// [`TrainError`]: no such episode, or numbers that are not finite.
pub fn look(run: &Run, split: Split, index: u64) -> Result<Look, TrainError> {
    let episode = checked_episode(run.task.as_ref(), split, index)?;
    check_length(episode.steps())?;
    let interface = run.task.interface();
    // The reference keeps every trace; a fused kernel need not.
    let config = ModelConfig {
        kernel: Kernel::Reference,
        ..run.config.model.clone()
    };
    let model = build_model::<f32>(&config, interface, positions(&run.checkpoint))?;
    let parameters: Parameters<Tensor<f32>> = run.parameters.constants();
    let block = Block::new(vec![episode.clone()], model.outputs())?;
    let start = model.initial_state(&parameters, 1)?;
    let unrolled = model.run(&parameters, &block.input, &start, &Masks::default())?;
    let logits = model.logits(&parameters, &unrolled.outputs, &block.rows)?;
    let shape = (block.rows.len(), model.outputs());
    let width = model.cell().hidden_width();
    let steps = episode.steps();
    let logits = Array2::from_shape_fn(shape, |(row, k)| logits.value()[[row, k]]);
    let lines = left_out::lines(&episode);
    let without = match episode.labels {
        Labels::Classes(_) => {
            let targets = &episode.target_steps;
            left_out::logits_without(&model, &parameters, &block.input, &lines, targets)?
        }
        Labels::Bits(_) => None,
    };
    Ok(Look {
        without: without.map(|without| left_out::probabilities(&logits, &without)),
        lines,
        words: words::of_steps(&episode.input, &interface.input),
        asked: (0..steps)
            .map(|step| episode.target_steps.binary_search(&step).is_ok())
            .collect(),
        logits,
        hidden: (0..steps)
            .map(|t| memory::norm((0..width).map(|unit| unrolled.outputs.value()[[t, 0, unit]])))
            .collect(),
        memory: memory::of(&unrolled, &start, config.layers)?,
        episode,
    })
}
