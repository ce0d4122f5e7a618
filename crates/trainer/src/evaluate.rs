//! How well a model does on a split.

use std::collections::BTreeMap;
use std::f64::consts::LN_2;

use mnm_controller::Model;
use mnm_tasks::{Errors, OutputKind, Split, Task};
use mnm_tensor::{Parameters, SharedArray};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::batch::{BLOCK, Block};
use crate::error::TrainError;
use crate::objective::{Losses, Scale, block_errors, block_forward};
use crate::task::checked_episode;
use crate::team::{Alone, Team, part, share};

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
    /// Cross-entropy, mean over the questions or bits that carry one, in nats.
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
    /// Those of them whose answer training never showed: always wrong, and without a loss.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknown_answers: u64,
}

/// Whether a number need not be written.
pub(crate) fn is_zero(number: &u64) -> bool {
    *number == 0
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
    parameters: &Parameters<SharedArray<f32>>,
    split: Split,
    generated: u64,
) -> Result<Evaluation, TrainError> {
    evaluate_over(&Alone, task, model, parameters, split, generated)
}

/// [`evaluate`] with its blocks spread over ranks, each of which gets the whole.
///
/// # Errors
/// As [`evaluate`], on whichever rank.
pub(crate) fn evaluate_over(
    team: &dyn Team,
    task: &dyn Task,
    model: &Model<f32>,
    parameters: &Parameters<SharedArray<f32>>,
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
    let chunks: Vec<&[u64]> = indices.chunks(BLOCK).collect();
    let parts = chunks[part(team, chunks.len())]
        .par_iter()
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
            let unknown: usize = block.episodes.iter().map(|e| e.labels.unknown()).sum();
            Ok((losses, errors, steps, unknown))
        })
        .collect::<Result<Vec<_>, TrainError>>();
    let parts = share(team, parts)?;
    let (mut losses, mut steps, mut unknown) = (Losses::default(), 0, 0);
    let mut groups: BTreeMap<String, Errors> = BTreeMap::new();
    for (part, errors, part_steps, part_unknown) in parts {
        losses += part;
        steps += part_steps;
        unknown += part_unknown;
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
        loss: losses.task / (questions - unknown as f64).max(1.0),
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
        unknown_answers: unknown as u64,
    })
}

#[cfg(test)]
mod tests {
    use mnm_controller::ModelConfig;
    use mnm_tasks::{
        Episode, Interface, Labels, Lengths, Mqar, MqarOptions, TaskError, UNKNOWN_CLASS,
    };
    use ndarray::ArrayView2;

    use super::*;
    use crate::batch::collate;
    use crate::objective::{BlockGradient, block_gradient};
    use crate::task::{build_model, draw_parameters};

    /// What becomes of every other question of an episode.
    #[derive(Clone, Copy)]
    enum Others {
        /// Its answer is one that training never showed.
        Unknown,
        /// It is not asked.
        Unasked,
    }

    /// Recall of which every other question is not to count.
    struct Halved(Mqar, Others);

    impl Task for Halved {
        fn name(&self) -> &str {
            "halved"
        }

        fn interface(&self) -> &Interface {
            self.0.interface()
        }

        fn len(&self, _split: Split) -> Option<u64> {
            None
        }

        fn steps(&self, split: Split, index: u64) -> usize {
            self.0.steps(split, index)
        }

        fn episode(&self, split: Split, index: u64) -> Result<Episode, TaskError> {
            let mut episode = self.0.episode(split, index)?;
            let Labels::Classes(classes) = &mut episode.labels else {
                panic!("classes")
            };
            match self.1 {
                Others::Unknown => {
                    let others = classes.iter_mut().step_by(2);
                    others.for_each(|class| *class = UNKNOWN_CLASS);
                }
                Others::Unasked => {
                    *classes = classes.iter().copied().skip(1).step_by(2).collect();
                    let asked = episode.target_steps.iter().copied();
                    episode.target_steps = asked.skip(1).step_by(2).collect();
                }
            }
            Ok(episode)
        }

        fn render(&self, episode: &Episode, logits: Option<ArrayView2<f32>>) -> String {
            self.0.render(episode, logits)
        }
    }

    fn task(others: Others) -> Halved {
        let options = MqarOptions {
            vocabulary: 16,
            pairs: Lengths::new(4, 4),
            length: Lengths::new(16, 20),
            ..MqarOptions::default()
        };
        Halved(Mqar::new(options, 1).expect("options"), others)
    }

    fn model(task: &Halved) -> (Model<f32>, Parameters<SharedArray<f32>>) {
        let config = ModelConfig {
            controller: 7,
            value: 4,
            hidden: 5,
            embedding: 6,
            ..ModelConfig::default()
        };
        let model = build_model(&config, task.interface(), None).expect("a model");
        let parameters = draw_parameters(&model.parameters(), config.init, 1).expect("parameters");
        (model, parameters)
    }

    #[test]
    fn an_answer_that_training_never_showed_is_an_error_and_no_part_of_the_mean_loss() {
        let [unknown, unasked] = [Others::Unknown, Others::Unasked].map(task);
        let (model, parameters) = model(&unknown);
        let [unknown, unasked] = [&unknown, &unasked]
            .map(|task| evaluate(task, &model, &parameters, Split::Valid, 40).expect("figures"));
        assert!(unasked.loss > 1.0, "{}", unasked.loss);
        assert!(
            (unknown.loss / unasked.loss - 1.0).abs() < 1e-6,
            "{} and {}",
            unknown.loss,
            unasked.loss
        );
        assert_eq!((unknown.questions, unknown.unknown_answers), (160, 80));
        assert_eq!((unasked.questions, unasked.unknown_answers), (80, 0));
        assert!(unknown.error.mean >= 50.0, "those are wrong all the same");
    }

    #[test]
    fn nor_is_it_of_the_loss_that_is_trained_on() {
        let [unknown, unasked] = [Others::Unknown, Others::Unasked].map(task);
        let (model, parameters) = model(&unknown);
        let [unknown, unasked] = [&unknown, &unasked].map(|task| {
            let episodes = (0..6).map(|index| task.episode(Split::Train, index).expect("one"));
            let batch = collate(episodes.collect(), |_| BLOCK, model.block_cost());
            let scale = Scale {
                targets: batch.targets,
                steps: batch.steps,
                meta_weight: 1.0,
                truncate: 0,
            };
            let blocks = batch.blocks.into_iter().map(|episodes| {
                let block = Block::new(episodes, model.outputs()).expect("a block");
                let masks = mnm_controller::Masks::default();
                block_gradient(&model, &parameters, &block, task, &masks, scale).expect("a step")
            });
            blocks.reduce(BlockGradient::plus).expect("blocks")
        });
        assert!(unasked.losses.task > 1.0);
        assert!((unknown.losses.task / unasked.losses.task - 1.0).abs() < 1e-6);
        for (name, expected) in unasked.gradient.iter() {
            let found = unknown.gradient.find(name).expect(name);
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() < 1e-6, "{name}: {a} and {b}");
            }
        }
    }
}
