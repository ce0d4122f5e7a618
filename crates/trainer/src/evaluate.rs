//! How well a model does on a split.

use std::collections::BTreeMap;
use std::f64::consts::LN_2;

use mnm_controller::Model;
use mnm_tasks::{Errors, OutputKind, Split, Task};
use mnm_tensor::{Array, Parameters};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::batch::{BLOCK, Block};
use crate::error::TrainError;
use crate::objective::{Losses, Scale, block_errors, block_forward};
use crate::task::checked_episode;

/// Errors in percent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorTable {
    /// The mean over the groups.
    pub mean: f64,
    /// The groups whose error is above what the task calls failed (5 % for bAbI).
    pub failed_tasks: usize,
    /// Each group's error.
    pub per_task: BTreeMap<String, f64>,
}

/// The outcome of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The task's name.
    pub task: String,
    /// The split.
    pub split: String,
    /// Cross-entropy, mean over questions or bits, in nats.
    pub loss: f64,
    /// Where the answers are bits: what those of a sequence cost, mean over sequences, in bits. The Neural Turing Machine's
    /// authors plot it as "cost per sequence (bits)".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits_per_sequence: Option<f64>,
    /// Meta loss, mean over steps.
    pub meta_loss: f64,
    /// Errors in percent.
    pub error: ErrorTable,
    /// Questions, or answer bits.
    pub questions: u64,
}

/// Evaluates `parameters` on a split: all of a data set, the first `generated` episodes of a task without end. Blocks
/// run in parallel in the current rayon pool, and are summed in order.
///
/// The train split is read as the task shows it in its first epoch: a [`Run`](crate::run::Run)'s task, which is built for evaluation,
/// shows the training data as they stand.
///
/// # Errors
/// [`TrainError::EmptySplit`], or a shape that does not fit.
pub fn evaluate(
    task: &dyn Task,
    model: &Model<f32>,
    parameters: &Parameters<Array<f32>>,
    split: Split,
    generated: u64,
) -> Result<Evaluation, TrainError> {
    let count = task.len(split).unwrap_or(generated);
    if count == 0 {
        return Err(TrainError::EmptySplit {
            task: task.name().to_owned(),
            split,
        });
    }
    // Blocks of like length; the longest first, so that no thread starts on one when the others are done.
    let mut indices: Vec<u64> = (0..count).collect();
    indices.sort_by_key(|&index| std::cmp::Reverse(task.steps(split, index)));
    let once = Scale {
        targets: 1.0,
        steps: 1.0,
        meta_weight: 1.0,
        truncate: 0,
    };
    let parts = indices
        .par_chunks(BLOCK)
        .map(|chunk| {
            let episodes = chunk
                .iter()
                .map(|&index| checked_episode(task, split, index))
                .collect::<Result<Vec<_>, _>>()?;
            let block = Block::<f32>::new(episodes, model.outputs())?;
            let constants = parameters.constants();
            let (losses, logits) = block_forward(model, &constants, &block, once)?;
            let errors: Vec<(String, Errors)> = block_errors(&block, task, logits.value())
                .map(|(group, errors)| (group.to_owned(), errors))
                .collect();
            let steps: usize = block.episodes.iter().map(|e| e.steps()).sum();
            Ok((losses, errors, steps))
        })
        .collect::<Result<Vec<_>, TrainError>>()?;
    let (mut losses, mut steps) = (Losses::default(), 0);
    let mut groups: BTreeMap<String, Errors> = BTreeMap::new();
    for (part, errors, part_steps) in parts {
        losses += part;
        steps += part_steps;
        for (group, e) in errors {
            *groups.entry(group).or_default() += e;
        }
    }
    let questions: f64 = groups.values().map(|e| e.total).sum();
    let per_task: BTreeMap<String, f64> = groups
        .into_iter()
        .map(|(group, e)| (group, e.percent()))
        .collect();
    Ok(Evaluation {
        task: task.name().to_owned(),
        split: split.to_string(),
        loss: losses.task / questions.max(1.0),
        bits_per_sequence: matches!(task.interface().outputs, OutputKind::Bits { .. })
            .then(|| losses.task / LN_2 / count as f64),
        meta_loss: losses.meta / (steps as f64).max(1.0),
        error: ErrorTable {
            mean: per_task.values().sum::<f64>() / per_task.len().max(1) as f64,
            failed_tasks: per_task
                .values()
                .filter(|e| **e > task.failed_above())
                .count(),
            per_task,
        },
        questions: questions as u64,
    })
}
