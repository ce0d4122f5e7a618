//! What training minimises: task loss + lambda * meta loss, and its gradient, block by block.

use std::ops::Range;

use mnm_controller::encoder::{Input, Tokens, Word};
use mnm_controller::{Masks, Model};
use mnm_tasks::{Errors, Task};
use mnm_tensor::kernels::{Kernels, vectorised};
use mnm_tensor::{Float, Order, Parameters, SharedArray, Tape, Tensor, gradient};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::batch::{Answers, Block};
use crate::error::TrainError;
use crate::team::Arrays;

/// What the sums over a block are divided by: the whole batch's counts, so that blocks simply add up.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Questions, or answer bits, of the batch.
    pub targets: f64,
    /// Steps of all sequences of the batch.
    pub steps: f64,
    /// Weight lambda of the meta loss.
    pub meta_weight: f64,
    /// Steps after which backpropagation is cut; 0 never cuts.
    pub truncate: usize,
}

/// A block's share of the losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// Cross-entropy, mean over the batch's questions or bits, in nats.
    pub task: f64,
    /// Meta loss, mean over the batch's steps.
    pub meta: f64,
}

impl std::ops::AddAssign for Losses {
    fn add_assign(&mut self, other: Self) {
        self.task += other.task;
        self.meta += other.meta;
    }
}

/// A block's share of a training step.
#[derive(Debug)]
pub struct BlockGradient<F: Float> {
    /// The losses.
    pub losses: Losses,
    /// Wrong answers and all answers.
    pub errors: Errors,
    /// The gradient of `task + lambda * meta` with respect to every trained parameter.
    pub gradient: Parameters<SharedArray<F>>,
}

impl<F: Float> BlockGradient<F> {
    /// The share of this block and another together.
    pub fn plus(mut self, other: Self) -> Self {
        self.losses += other.losses;
        self.errors += other.errors;
        for (name, sum) in self.gradient.iter_mut() {
            if let Some(part) = other.gradient.find(name) {
                match (sum.as_slice_mut(), part.as_slice()) {
                    (Some(sum), Some(part)) => vectorised(|| {
                        sum.iter_mut().zip(part).for_each(|(sum, &x)| *sum += x);
                    }),
                    _ => sum.zip_mut_with(part, |sum, &x| *sum += x),
                }
            }
        }
        self
    }
}

/// As ranks send it to each other, to the bit.
impl Serialize for BlockGradient<f32> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.losses, self.errors, Arrays::of(&self.gradient)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for BlockGradient<f32> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (losses, errors, gradient) = <(Losses, Errors, Arrays)>::deserialize(deserializer)?;
        Ok(Self {
            losses,
            errors,
            gradient: gradient.open().map_err(D::Error::custom)?,
        })
    }
}

/// The losses of a block and their gradient.
///
/// # Errors
/// A shape that does not fit.
pub fn block_gradient<F: Kernels>(
    model: &Model<F>,
    parameters: &Parameters<SharedArray<F>>,
    block: &Block<F>,
    task: &dyn Task,
    masks: &Masks<F>,
    scale: Scale,
) -> Result<BlockGradient<F>, TrainError> {
    let specs = model.parameters();
    let trained: Vec<&str> = specs
        .iter()
        .filter(|s| s.trained)
        .map(|s| s.name.as_str())
        .collect();
    let segment = match scale.truncate {
        0 => block.steps,
        n => n,
    };
    let mut total: Option<Parameters<SharedArray<F>>> = None;
    let (mut losses, mut logits) = (Losses::default(), LogitRows::new(block, model.outputs()));
    let mut carried = None;
    for start in (0..block.steps).step_by(segment) {
        let length = segment.min(block.steps - start);
        let tape = Tape::new();
        let bound = parameters.map(|name, value| {
            if trained.contains(&name) {
                tape.shared_variable(value.clone())
            } else {
                Tensor::shared(value.clone())
            }
        });
        let state = match carried.take() {
            Some(state) => state,
            None => model.initial_state(&bound, block.batch())?,
        };
        let part = Segment { start, length };
        let run = model.run(&bound, &part.input(block)?, &state, &part.masks(masks)?)?;
        let (picked, rows) = part.rows(block);
        let mut loss = run
            .meta
            .mul(&Tensor::shared(block.present.clone()).slice(0, start, length)?)?
            .sum_all()?
            .scale(1.0 / scale.steps)?;
        losses.meta += loss.item()?.as_f64();
        loss = loss.scale(scale.meta_weight)?;
        if !rows.is_empty() {
            let answered = model.logits(&bound, &run.outputs, &rows)?;
            let task_loss =
                cross_entropy(&answered, &block.answers, &picked)?.scale(1.0 / scale.targets)?;
            losses.task += task_loss.item()?.as_f64();
            loss = loss.add(&task_loss)?;
            logits.fill(&picked, &answered);
        }
        let wrt: Vec<&Tensor<F>> = trained
            .iter()
            .map(|name| bound.get(name))
            .collect::<Result<_, _>>()?;
        if loss.is_recorded() {
            let found = gradient(&loss, &wrt, Order::First)?;
            accumulate(&mut total, &trained, found);
        }
        carried = Some(run.state.detach());
    }
    let gradient = total.unwrap_or_else(|| {
        trained
            .iter()
            .filter_map(|name| {
                let zeros = SharedArray::zeros(parameters.find(name)?.raw_dim());
                Some(((*name).to_owned(), zeros))
            })
            .collect()
    });
    Ok(BlockGradient {
        losses,
        errors: logits.errors(block, task),
        gradient,
    })
}

/// The losses and the logits of a block, without a tape and without dropout.
///
/// # Errors
/// A shape that does not fit.
pub fn block_forward<F: Kernels>(
    model: &Model<F>,
    parameters: &Parameters<Tensor<F>>,
    block: &Block<F>,
    scale: Scale,
) -> Result<(Losses, Tensor<F>), TrainError> {
    let state = model.initial_state(parameters, block.batch())?;
    let run = model.run(parameters, &block.input, &state, &Masks::default())?;
    let logits = model.logits(parameters, &run.outputs, &block.rows)?;
    let all: Vec<usize> = (0..block.rows.len()).collect();
    let task = cross_entropy(&logits, &block.answers, &all)?
        .item()?
        .as_f64();
    let meta = run
        .meta
        .mul(Tensor::shared(block.present.clone()))?
        .sum_all()?
        .item()?
        .as_f64();
    let losses = Losses {
        task: task / scale.targets,
        meta: meta / scale.steps,
    };
    Ok((losses, logits))
}

/// Counts the wrong answers of a block, episode by episode: group, errors.
pub fn block_errors<'a, F: Float>(
    block: &'a Block<F>,
    task: &'a dyn Task,
    logits: &'a SharedArray<F>,
) -> impl Iterator<Item = (&'a str, Errors)> {
    block.rows_by_episode().map(move |(episode, rows)| {
        let own = logits.slice_axis(ndarray::Axis(0), rows.into());
        let own = own.mapv(|x| x.as_f64() as f32).into_dimensionality();
        let errors = match own {
            Ok(own) => task.errors(episode, own.view()),
            Err(_) => Errors::default(),
        };
        (episode.group.as_str(), errors)
    })
}

/// Cross-entropy of `logits` `[rows, K]` with the answers `picked`, summed: softmax for classes, Bernoulli for bits.
fn cross_entropy<F: Float>(
    logits: &Tensor<F>,
    answers: &Answers<F>,
    picked: &[usize],
) -> Result<Tensor<F>, TrainError> {
    Ok(match answers {
        Answers::Classes(classes) => {
            let right: Vec<Option<usize>> = picked.iter().map(|&row| classes[row]).collect();
            logits.cross_entropy(&right)?
        }
        Answers::Bits(table) => {
            let right = table.select(ndarray::Axis(0), picked).into_shared();
            logits
                .softplus()?
                .sub(&logits.mul(Tensor::shared(right))?)?
                .sum_all()?
        }
    })
}

fn accumulate<F: Float>(
    total: &mut Option<Parameters<SharedArray<F>>>,
    names: &[&str],
    found: Vec<Tensor<F>>,
) {
    let found = names.iter().zip(found);
    match total {
        None => {
            *total = Some(
                found
                    .map(|(name, g)| ((*name).to_owned(), g.value().clone()))
                    .collect(),
            );
        }
        Some(sum) => {
            for (name, g) in found {
                if let Some(s) = sum.find_mut(name) {
                    s.zip_mut_with(g.value(), |a, &b| *a += b);
                }
            }
        }
    }
}

/// Steps `start .. start + length` of a block.
#[derive(Clone, Copy)]
struct Segment {
    start: usize,
    length: usize,
}

impl Segment {
    fn input<F: Float>(self, block: &Block<F>) -> Result<Input<F>, TrainError> {
        if self.length == block.steps {
            return Ok(block.input.clone());
        }
        Ok(match &block.input {
            Input::Dense(x) => Input::Dense(x.slice(0, self.start, self.length)?),
            Input::Lines { vectors, starts } => Input::Lines {
                vectors: vectors.slice(0, self.start, self.length)?,
                starts: self.starts(starts, vectors.shape()[1]),
            },
            Input::Tokens(tokens) => {
                let Range {
                    start: from,
                    end: to,
                } = self.span(tokens.batch);
                Input::Tokens(Tokens {
                    steps: self.length,
                    batch: tokens.batch,
                    words: tokens
                        .words
                        .iter()
                        .filter(|w| (from..to).contains(&w.sentence))
                        .map(|w| Word {
                            sentence: w.sentence - from,
                            ..*w
                        })
                        .collect(),
                    starts: self.starts(&tokens.starts, tokens.batch),
                })
            }
        })
    }

    /// The places (`step * B + sequence`) of its sentences in the block.
    fn span(self, batch: usize) -> Range<usize> {
        self.start * batch..(self.start + self.length) * batch
    }

    /// Those of the starts of lines that lie in it, counted from its first sentence.
    fn starts(self, starts: &[usize], batch: usize) -> Vec<usize> {
        let span = self.span(batch);
        let within = starts.iter().filter(|start| span.contains(start));
        within.map(|start| start - span.start).collect()
    }

    fn masks<F: Float>(self, masks: &Masks<F>) -> Result<Masks<F>, TrainError> {
        let cut = |mask: &Option<Tensor<F>>| {
            mask.as_ref()
                .map(|m| m.slice(0, self.start, self.length))
                .transpose()
        };
        Ok(Masks {
            hidden: cut(&masks.hidden)?,
            input: cut(&masks.input)?,
            word: masks.word.clone(),
        })
    }

    /// The answers that fall into the segment, and the rows of its outputs at which they are given.
    fn rows<F: Float>(self, block: &Block<F>) -> (Vec<usize>, Vec<usize>) {
        let batch = block.batch();
        let (from, to) = (self.start * batch, (self.start + self.length) * batch);
        block
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| (from..to).contains(row))
            .map(|(answer, row)| (answer, row - from))
            .unzip()
    }
}

/// The logits of a block `[rows, K]`, gathered segment by segment; NaN where none has been yet.
struct LogitRows<F: Float> {
    shape: [usize; 2],
    gathered: Option<SharedArray<F>>,
}

impl<F: Float> LogitRows<F> {
    fn new(block: &Block<F>, outputs: usize) -> Self {
        Self {
            shape: [block.rows.len(), outputs],
            gathered: None,
        }
    }

    fn fill(&mut self, picked: &[usize], logits: &Tensor<F>) {
        if picked.len() == self.shape[0] {
            // One segment has them all, in their order: its table is shared, not copied.
            self.gathered = Some(logits.value().clone());
            return;
        }
        let gathered = self.gathered();
        for (&row, from) in picked.iter().zip(logits.value().outer_iter()) {
            gathered.index_axis_mut(ndarray::Axis(0), row).assign(&from);
        }
    }

    fn gathered(&mut self) -> &mut SharedArray<F> {
        let shape = ndarray::IxDyn(&self.shape);
        self.gathered
            .get_or_insert_with(|| SharedArray::from_elem(shape, F::nan()))
    }

    fn errors(mut self, block: &Block<F>, task: &dyn Task) -> Errors {
        let logits = self.gathered();
        block_errors(block, task, logits).map(|(_, e)| e).sum()
    }
}
