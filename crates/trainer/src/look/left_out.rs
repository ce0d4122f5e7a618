//! What a model reads its answers from, found by leaving writes out: it goes on from a line as if the write rate had been 0 in it.
//!
//! A key's cosine says what a read resembles; what an answer hangs on is seen only when that write is not there.

use std::ops::Range;

use mnm_controller::encoder::{Input, Tokens, Word};
use mnm_controller::{Masks, Model, State};
use mnm_tasks::Episode;
use mnm_tensor::{Parameters, Tensor};
use ndarray::Array2;

use crate::error::TrainError;

/// The most steps of an episode whose lines are left out one by one: the work grows with their square.
const MOST_STEPS: usize = 200;

/// The parameter that a write rate of zero takes: `beta = sigmoid(W_b b + c_b)`.
const RATE_BIAS: &str = "rate.bias";

/// A bias at which the rate is exactly 0 in f32: `|W_b b|` stays below `|W_b|_1`, since b is a tanh.
const SHUT: f32 = -1e6;

/// The logits of a target without what one line writes; `None` where the line does not end before the target.
pub(crate) type LogitsWithout = Option<Vec<f32>>;

/// The lines of an episode of T steps, each the steps that belong together; where the task has no lines, each step is one.
pub(super) fn lines(episode: &Episode) -> Vec<Range<usize>> {
    let steps = episode.steps();
    let mut starts = episode.line_starts.clone();
    if starts.is_empty() {
        return (0..steps).map(|step| step..step + 1).collect();
    }
    if starts[0] != 0 {
        starts.insert(0, 0);
    }
    let ends = starts.iter().skip(1).copied().chain([steps]);
    starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(a, b)| a..b)
        .collect()
}

/// The logits of what is asked at `targets` (steps, ascending) without the writes of each of `lines`, one sequence of input:
/// `[line][target]`, `None` where the line does not end before the target. `None` altogether for a model whose writes have no
/// rate, or an episode too long for it.
///
/// # Errors
/// What [`Model::run`] refuses.
pub(crate) fn logits_without(
    model: &Model<f32>,
    parameters: &Parameters<Tensor<f32>>,
    input: &Input<f32>,
    lines: &[Range<usize>],
    targets: &[usize],
) -> Result<Option<Vec<Vec<LogitsWithout>>>, TrainError> {
    let steps = lines.last().map_or(0, |line| line.end);
    if parameters.find(RATE_BIAS).is_none() || steps > MOST_STEPS {
        return Ok(None);
    }
    let mut shut = parameters.clone();
    shut.insert(RATE_BIAS, Tensor::full(&[1], SHUT));
    let run = |parameters, steps: Range<usize>, state: &State<f32>| {
        model.run(parameters, &part(input, steps)?, state, &Masks::default())
    };
    let mut state = model.initial_state(parameters, 1)?;
    let mut all = Vec::with_capacity(lines.len());
    for line in lines {
        let later: Vec<usize> = targets.iter().copied().filter(|t| *t >= line.end).collect();
        let mut found = vec![None; targets.len() - later.len()];
        if let Some(last) = later.last() {
            let without = run(&shut, line.clone(), &state)?.state;
            let rest = run(parameters, line.end..last + 1, &without)?;
            let rows: Vec<usize> = later.iter().map(|target| target - line.end).collect();
            let logits = model.logits(parameters, &rest.outputs, &rows)?;
            let rows = logits.value().outer_iter();
            found.extend(rows.map(|row| Some(row.iter().copied().collect())));
        }
        all.push(found);
        state = run(parameters, line.clone(), &state)?.state;
    }
    Ok(Some(all))
}

/// The probability of the answer that `logits` `[targets, K]` give, without each line: `[targets, lines]`, NaN where the line does
/// not end before the target.
pub(super) fn probabilities(logits: &Array2<f32>, without: &[Vec<LogitsWithout>]) -> Array2<f64> {
    let given: Vec<usize> = logits
        .rows()
        .into_iter()
        .map(|row| likeliest(&row.to_vec()))
        .collect();
    Array2::from_shape_fn((given.len(), without.len()), |(target, line)| {
        without[line][target]
            .as_ref()
            .map_or(f64::NAN, |logits| softmax(logits, given[target]))
    })
}

/// The index of the largest, the first of equals.
pub(crate) fn likeliest(logits: &[f32]) -> usize {
    let mut best = 0;
    for (class, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = class;
        }
    }
    best
}

/// The softmax probability of a class.
pub(crate) fn softmax(logits: &[f32], class: usize) -> f64 {
    let at = f64::from(logits[class]);
    let sum: f64 = logits.iter().map(|&o| (f64::from(o) - at).exp()).sum();
    1.0 / sum
}

/// Some steps of one sequence.
fn part(input: &Input<f32>, steps: Range<usize>) -> Result<Input<f32>, mnm_tensor::TensorError> {
    let from = steps.start;
    let within = |starts: &[usize]| -> Vec<usize> {
        let inside = starts.iter().filter(|at| steps.contains(at));
        inside.map(|at| at - from).collect()
    };
    Ok(match input {
        Input::Dense(x) => Input::Dense(x.slice(0, from, steps.len())?),
        Input::Lines { vectors, starts } => Input::Lines {
            vectors: vectors.slice(0, from, steps.len())?,
            starts: within(starts),
        },
        Input::Tokens(tokens) => Input::Tokens(Tokens {
            steps: steps.len(),
            batch: 1,
            words: tokens
                .words
                .iter()
                .filter(|word| steps.contains(&word.sentence))
                .map(|word| Word {
                    sentence: word.sentence - from,
                    ..*word
                })
                .collect(),
            starts: within(&tokens.starts),
        }),
    })
}

#[cfg(test)]
mod tests {
    use mnm_controller::{Kernel, ModelConfig, memory_part};
    use mnm_tasks::{Split, Stories, StoriesOptions, Task};

    use super::*;
    use crate::batch::Block;
    use crate::task::build_model;

    /// A story and a model of random parameters for it.
    struct Case {
        model: Model<f32>,
        parameters: Parameters<Tensor<f32>>,
        block: Block<f32>,
        lines: Vec<Range<usize>>,
    }

    fn case(settings: ModelConfig) -> Case {
        let task = Stories::new(
            StoriesOptions {
                ticks: 2,
                ..StoriesOptions::default()
            },
            3,
        )
        .unwrap();
        let episode = task.episode(Split::Test, 0).unwrap();
        let model = build_model::<f32>(&settings, task.interface(), None).unwrap();
        let mut random = mnm_tasks::stream(7, "left out", 0);
        let drawn = Parameters::draw(model.parameters().iter(), &mut random);
        Case {
            block: Block::new(vec![episode.clone()], model.outputs()).unwrap(),
            lines: lines(&episode),
            parameters: drawn.constants(),
            model,
        }
    }

    fn small(recurrence: mnm_controller::Recurrence) -> ModelConfig {
        ModelConfig {
            kernel: Kernel::Reference,
            controller: 9,
            value: 7,
            hidden: 8,
            embedding: 6,
            memory_gain: 3.0,
            recurrence,
            ..ModelConfig::default()
        }
    }

    #[test]
    fn a_line_left_out_writes_nothing_and_what_comes_before_it_stays() {
        for recurrence in [
            mnm_controller::Recurrence::Line,
            mnm_controller::Recurrence::Always,
        ] {
            let case = case(small(recurrence));
            let targets = &case.block.episodes[0].target_steps;
            let whole = {
                let start = case.model.initial_state(&case.parameters, 1).unwrap();
                let run = case.model.run(
                    &case.parameters,
                    &case.block.input,
                    &start,
                    &Masks::default(),
                );
                case.model
                    .logits(&case.parameters, &run.unwrap().outputs, targets)
                    .unwrap()
            };
            let logits = |parameters| {
                logits_without(
                    &case.model,
                    parameters,
                    &case.block.input,
                    &case.lines,
                    targets,
                )
                .unwrap()
                .unwrap()
            };
            let without = logits(&case.parameters);
            let mut moved = 0;
            for (line, found) in case.lines.iter().zip(&without) {
                for (target, row) in found.iter().enumerate() {
                    assert_eq!(row.is_some(), targets[target] >= line.end);
                    let differs = |found: &Vec<f32>| *found != self::row(&whole, target);
                    moved += usize::from(row.as_ref().is_some_and(differs));
                }
            }
            assert!(moved > 0, "no write made a difference");
            // Where no line writes anything at all, there is nothing to leave out.
            let mut shut = case.parameters.clone();
            shut.insert(RATE_BIAS, Tensor::full(&[1], SHUT));
            let start = case.model.initial_state(&shut, 1).unwrap();
            let run = case
                .model
                .run(&shut, &case.block.input, &start, &Masks::default())
                .unwrap();
            for layer in 0..3 {
                let part = memory_part(layer);
                let (before, after) = (start.get(&part).unwrap(), run.state.get(&part).unwrap());
                assert_eq!(before.value(), after.value(), "a write at rate 0");
            }
            let silent = case.model.logits(&shut, &run.outputs, targets).unwrap();
            for found in logits(&shut) {
                for (target, found) in found.into_iter().enumerate() {
                    assert!(found.is_none_or(|found| found == row(&silent, target)));
                }
            }
        }
    }

    /// A row of `[rows, K]`.
    fn row(logits: &Tensor<f32>, row: usize) -> Vec<f32> {
        let row = logits.value().index_axis(ndarray::Axis(0), row);
        row.iter().copied().collect()
    }

    #[test]
    fn models_without_a_rate_and_long_episodes_are_passed_over() {
        let lstm = ModelConfig {
            kind: mnm_controller::ModelKind::Lstm,
            ..small(mnm_controller::Recurrence::Always)
        };
        let case = case(lstm);
        let found = logits_without(
            &case.model,
            &case.parameters,
            &case.block.input,
            &case.lines,
            &[3],
        );
        assert!(found.unwrap().is_none());
    }
}
