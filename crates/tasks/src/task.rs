//! What a task is: episodes, the shape of their inputs and outputs, and how answers are judged.

use ndarray::{Array2, ArrayView2};

use crate::loss::{self, Loss, LossError};
use crate::scoring::{self, Errors};
use crate::{Split, TaskError};

/// The class of an answer that was never seen in training. No model can give it: such a target is always an error, and
/// it carries no loss.
pub const UNKNOWN_CLASS: u32 = u32::MAX;

/// The input sequence of one episode, T steps long.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// One vector a step, `[T, X]`.
    Dense(Array2<f32>),
    /// The words of each of T steps: indices into the interface's vocabulary, not padded.
    Tokens(Vec<Vec<u32>>),
}

impl Input {
    /// The number of steps, T.
    pub fn steps(&self) -> usize {
        match self {
            Input::Dense(array) => array.nrows(),
            Input::Tokens(steps) => steps.len(),
        }
    }
}

/// The right answers of one episode, one a target.
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// One class a target, below the number of classes, or [`UNKNOWN_CLASS`].
    Classes(Vec<u32>),
    /// One row of zeros and ones a target, `[targets, K]`.
    Bits(Array2<f32>),
}

impl Labels {
    /// The number of targets.
    pub fn targets(&self) -> usize {
        match self {
            Labels::Classes(classes) => classes.len(),
            Labels::Bits(bits) => bits.nrows(),
        }
    }
}

/// One sequence with its questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// What the episode counts under in a report: `qa1`, `copy`, ...
    pub group: String,
    /// The input sequence.
    pub input: Input,
    /// The steps with which a line of a story begins, ascending; empty for a task without lines.
    pub line_starts: Vec<usize>,
    /// The step at which each target is asked, ascending; as many as `labels` holds.
    pub target_steps: Vec<usize>,
    /// The right answers.
    pub labels: Labels,
    /// What a human reader wants to know and the input does not show, such as the hidden dictionary.
    pub text: Option<String>,
}

impl Episode {
    /// The number of steps, T.
    pub fn steps(&self) -> usize {
        self.input.steps()
    }

    /// The number of targets.
    pub fn targets(&self) -> usize {
        self.target_steps.len()
    }
}

/// What the steps of a task's inputs hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputKind {
    /// Vectors.
    Dense {
        /// Their width, X.
        width: usize,
    },
    /// Words.
    Tokens {
        /// All words, by index.
        vocabulary: Vec<String>,
        /// The most words that a step holds.
        words_per_step: usize,
    },
}

/// What a model has to say at a target. It settles the loss: see [`loss`](mod@crate::loss).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputKind {
    /// One of K classes: K logits, softmax cross-entropy in nats.
    Classes {
        /// Their names, by index.
        names: Vec<String>,
    },
    /// A vector of bits: a logit a bit, Bernoulli cross-entropy in bits.
    Bits {
        /// The number of bits, K.
        width: usize,
    },
}

impl OutputKind {
    /// The number of logits a target, K.
    pub fn width(&self) -> usize {
        match self {
            OutputKind::Classes { names } => names.len(),
            OutputKind::Bits { width } => *width,
        }
    }
}

/// The inputs and outputs that a model for a task must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// What goes in, every step.
    pub input: InputKind,
    /// What comes out, at the targets.
    pub outputs: OutputKind,
}

/// A task: a source of episodes that knows how its answers are judged.
pub trait Task: Send + Sync {
    /// A short name: `babi`, `double-copy`, ...
    fn name(&self) -> &str;

    /// The inputs and outputs that a model must have.
    fn interface(&self) -> &Interface;

    /// The number of episodes of a split; `None` where they are generated without end.
    fn len(&self, split: Split) -> Option<u64>;

    /// The number of steps T of an episode, found without building it (for batches of like lengths); 0 for an index
    /// beyond the end of the split.
    fn steps(&self, split: Split, index: u64) -> usize;

    /// The episode of a split with this index: a pure function of (seed, split, index).
    ///
    /// The training episodes of a data set go on beyond its `len`: index i + e·len is episode i as epoch e shows it. What
    /// a task adds to its data is drawn anew for each.
    ///
    /// # Errors
    /// Where the split has no episode of this index.
    fn episode(&self, split: Split, index: u64) -> Result<Episode, TaskError>;

    /// How many answers (or answer bits) of an episode are wrong, given `logits` `[targets, K]`. Logits of another
    /// shape, or not a number, count as wrong.
    fn errors(&self, episode: &Episode, logits: ArrayView2<f32>) -> Errors {
        scoring::count(&episode.labels, logits)
    }

    /// The loss of `logits` `[targets, K]`, summed over the targets, and its gradient.
    ///
    /// # Errors
    /// Where the logits do not have the shape that the labels ask for.
    fn loss(&self, episode: &Episode, logits: ArrayView2<f64>) -> Result<Loss, LossError> {
        loss::of_labels(&episode.labels, logits)
    }

    /// The episode for a human reader, with the model's answers beside the right ones if `logits` `[targets, K]` are
    /// given.
    fn render(&self, episode: &Episode, logits: Option<ArrayView2<f32>>) -> String;

    /// The percentage of errors above which a group counts as failed (5 for bAbI, by the convention of its authors).
    fn failed_above(&self) -> f64 {
        5.0
    }
}
