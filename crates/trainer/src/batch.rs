//! Batches: sequences of like length side by side, cut into blocks that are computed one by one.

use mnm_controller::BlockCost;
use mnm_controller::encoder::{Input, Tokens, Word};
use mnm_tasks::{Episode, Input as Shown, Labels, Split, Task, UNKNOWN_CLASS};
use mnm_tensor::{Float, SharedArray, Tensor};
use ndarray::{Array2, Array3};
use rayon::prelude::*;

use crate::cut::cut;
use crate::error::TrainError;
use crate::task::checked_episode;
use crate::team::{Team, part, share};

/// Sequences of a block where nothing is recorded, or worlds of one. Fixed, because the order of summation (and so every bit of the
/// result) hangs on it: the number of threads must not matter.
pub const BLOCK: usize = 16;

/// Some sequences that are computed together, padded to the longest.
#[derive(Debug)]
pub struct Block<F: Float> {
    /// What the task shows.
    pub input: Input<F>,
    /// Steps T of the longest sequence.
    pub steps: usize,
    /// 1 for the steps of each sequence and 0 for padding, `[T, B]`.
    pub present: SharedArray<F>,
    /// The rows (`step * B + sequence`) at which something is asked, sequence after sequence.
    pub rows: Vec<usize>,
    /// What the right answers are, row by row.
    pub answers: Answers<F>,
    /// The episodes, longest first.
    pub episodes: Vec<Episode>,
}

/// The right answers of a block's rows.
#[derive(Debug)]
pub enum Answers<F: Float> {
    /// One of K classes; none for an answer that no training episode has.
    Classes(Vec<Option<usize>>),
    /// Bits `[rows, K]`.
    Bits(SharedArray<F>),
}

/// A batch, cut into blocks, and what its sums are divided by.
#[derive(Debug)]
pub struct Batch {
    /// How many blocks there are in all.
    pub count: usize,
    /// The episodes of each block, longest first; the blocks are summed in this order. Of several ranks, each has its own blocks
    /// alone. A block is built by the thread that computes it, because tensors belong to one thread.
    pub blocks: Vec<Vec<Episode>>,
    /// Questions, or answer bits, that carry a loss, in all.
    pub targets: f64,
    /// Steps of all sequences in all.
    pub steps: f64,
    /// Sequences.
    pub sequences: usize,
}

/// Cuts episodes into blocks, the longest first; `most` and `cost` are those of [`cut`].
pub fn collate(
    mut episodes: Vec<Episode>,
    most: impl Fn(usize) -> usize,
    cost: BlockCost,
) -> Batch {
    // Stable: episodes of one length keep their order.
    episodes.sort_by_key(|e| std::cmp::Reverse(e.steps()));
    let (targets, sequences) = (counted(&episodes), episodes.len());
    let steps: Vec<usize> = episodes.iter().map(Episode::steps).collect();
    let blocks = blocks(episodes, &steps, most, cost);
    Batch {
        count: blocks.len(),
        targets: targets as f64,
        steps: steps.iter().sum::<usize>() as f64,
        sequences,
        blocks,
    }
}

/// The batch of a task's training episodes with these indices, as [`collate`] cuts it. Each rank makes the episodes of its own
/// blocks, in parallel: where a batch is cut, lengths say.
///
/// # Errors
/// An episode that the task cannot make, on whichever rank.
pub(crate) fn deal(
    team: &dyn Team,
    task: &dyn Task,
    indices: Vec<u64>,
    most: impl Fn(usize) -> usize,
    cost: BlockCost,
) -> Result<Batch, TrainError> {
    let mut drawn: Vec<(usize, u64)> = indices
        .into_iter()
        .map(|index| (task.steps(Split::Train, index), index))
        .collect();
    drawn.sort_by_key(|&(steps, _)| std::cmp::Reverse(steps));
    let sequences = drawn.len();
    let (steps, indices): (Vec<usize>, Vec<u64>) = drawn.into_iter().unzip();
    let blocks = blocks(indices, &steps, most, cost);
    let count = blocks.len();
    let episode =
        |&index: &u64| checked_episode(task, Split::Train, index).map_err(TrainError::from);
    let own = blocks[part(team, count)]
        .par_iter()
        .map(|block| block.iter().map(episode).collect())
        .collect::<Result<Vec<Vec<Episode>>, TrainError>>();
    let (blocks, targets) = match own {
        Ok(own) => {
            let targets = own.iter().map(|block| counted(block)).sum::<usize>();
            (own, Ok(vec![targets]))
        }
        Err(error) => (Vec::new(), Err(error)),
    };
    Ok(Batch {
        count,
        blocks,
        targets: share(team, targets)?.into_iter().sum::<usize>() as f64,
        steps: steps.iter().sum::<usize>() as f64,
        sequences,
    })
}

/// Questions, or answer bits, that carry a loss.
fn counted(episodes: &[Episode]) -> usize {
    episodes.iter().map(|e| e.labels.counted()).sum()
}

/// Items with so many `steps` each, the longest first, in blocks.
fn blocks<T>(
    items: Vec<T>,
    steps: &[usize],
    most: impl Fn(usize) -> usize,
    cost: BlockCost,
) -> Vec<Vec<T>> {
    let mut rest = items.into_iter();
    cut(steps, most, cost)
        .into_iter()
        .map(|size| rest.by_ref().take(size).collect())
        .collect()
}

impl<F: Float> Block<F> {
    /// A block of these episodes.
    ///
    /// # Errors
    /// [`TrainError::Batch`] if they do not go together.
    pub fn new(episodes: Vec<Episode>, outputs: usize) -> Result<Self, TrainError> {
        let batch = episodes.len();
        let steps = episodes.iter().map(Episode::steps).max().unwrap_or(0);
        if steps == 0 {
            return Err(TrainError::Batch("an episode without steps".to_owned()));
        }
        let mut present = Array2::<F>::zeros((steps, batch));
        for (b, episode) in episodes.iter().enumerate() {
            present
                .slice_mut(ndarray::s![..episode.steps(), b])
                .fill(F::one());
        }
        let rows = episodes
            .iter()
            .enumerate()
            .flat_map(|(b, e)| e.target_steps.iter().map(move |t| t * batch + b))
            .collect();
        Ok(Self {
            input: input(&episodes, steps)?,
            steps,
            present: present.into_dyn().into_shared(),
            rows,
            answers: answers(&episodes, outputs)?,
            episodes,
        })
    }

    /// The number of sequences B.
    pub fn batch(&self) -> usize {
        self.episodes.len()
    }

    /// For every episode, the rows of the block's logits that are its answers.
    pub fn rows_by_episode(&self) -> impl Iterator<Item = (&Episode, std::ops::Range<usize>)> {
        self.episodes.iter().scan(0, |start, episode| {
            let from = *start;
            *start += episode.targets();
            Some((episode, from..*start))
        })
    }
}

fn input<F: Float>(episodes: &[Episode], steps: usize) -> Result<Input<F>, TrainError> {
    let batch = episodes.len();
    if let Some(Shown::Dense(first)) = episodes.first().map(|e| &e.input) {
        let width = first.ncols();
        let mut x = Array3::<F>::zeros((steps, batch, width));
        for (b, episode) in episodes.iter().enumerate() {
            let Shown::Dense(shown) = &episode.input else {
                return Err(TrainError::Batch(
                    "vectors and words in one batch".to_owned(),
                ));
            };
            if shown.ncols() != width {
                return Err(TrainError::Batch(format!(
                    "vectors of width {width} and {} in one batch",
                    shown.ncols()
                )));
            }
            for (t, row) in shown.outer_iter().enumerate() {
                for (to, from) in x.slice_mut(ndarray::s![t, b, ..]).iter_mut().zip(row) {
                    *to = F::of(f64::from(*from));
                }
            }
        }
        return Ok(Input::Dense(Tensor::constant(x)));
    }
    let mut words = Vec::new();
    for (b, episode) in episodes.iter().enumerate() {
        let Shown::Tokens(sentences) = &episode.input else {
            return Err(TrainError::Batch(
                "vectors and words in one batch".to_owned(),
            ));
        };
        for (t, sentence) in sentences.iter().enumerate() {
            words.extend(Word::of_sentence(sentence, t * batch + b));
        }
    }
    let starts = episodes
        .iter()
        .enumerate()
        .flat_map(|(b, episode)| episode.line_starts.iter().map(move |t| t * batch + b))
        .collect();
    Ok(Input::Tokens(Tokens {
        steps,
        batch,
        words,
        starts,
    }))
}

/// All answers of a block; those of one task are of one kind.
fn answers<F: Float>(episodes: &[Episode], outputs: usize) -> Result<Answers<F>, TrainError> {
    let bits = |e: &Episode| matches!(e.labels, Labels::Bits(_));
    if episodes.iter().any(bits) {
        Ok(Answers::Bits(bit_table(episodes, outputs)?))
    } else {
        Ok(Answers::Classes(class_numbers(episodes, outputs)?))
    }
}

fn class_numbers(episodes: &[Episode], outputs: usize) -> Result<Vec<Option<usize>>, TrainError> {
    let mut numbers = Vec::with_capacity(episodes.iter().map(Episode::targets).sum());
    for episode in episodes {
        let Labels::Classes(classes) = &episode.labels else {
            continue;
        };
        for &class in classes {
            if class != UNKNOWN_CLASS && class as usize >= outputs {
                return Err(TrainError::Batch(format!("class {class} of {outputs}")));
            }
            numbers.push((class != UNKNOWN_CLASS).then_some(class as usize));
        }
    }
    Ok(numbers)
}

fn bit_table<F: Float>(episodes: &[Episode], outputs: usize) -> Result<SharedArray<F>, TrainError> {
    let rows = episodes.iter().map(Episode::targets).sum();
    let mut table = Array2::<F>::zeros((rows, outputs));
    let mut row = 0;
    for episode in episodes {
        let Labels::Bits(bits) = &episode.labels else {
            return Err(TrainError::Batch(
                "bits and classes in one batch".to_owned(),
            ));
        };
        if bits.ncols() != outputs {
            return Err(TrainError::Batch(format!(
                "{} answer bits where the model has {outputs} outputs",
                bits.ncols()
            )));
        }
        for answer in bits.outer_iter() {
            for (to, from) in table.row_mut(row).iter_mut().zip(answer) {
                *to = F::of(f64::from(*from));
            }
            row += 1;
        }
    }
    Ok(table.into_dyn().into_shared())
}
