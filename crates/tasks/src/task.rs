//! What a task is: episodes, the shape of their inputs and outputs, and how answers are judged.

use ndarray::{Array2, ArrayView2};

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
    /// How many answers (or answer bits) carry a loss: all but those of [`UNKNOWN_CLASS`].
    pub fn counted(&self) -> usize {
        match self {
            Labels::Classes(classes) => classes.len() - self.unknown(),
            Labels::Bits(bits) => bits.len(),
        }
    }

    /// How many answers were never seen in training.
    pub fn unknown(&self) -> usize {
        match self {
            Labels::Classes(classes) => {
                let unknown = classes.iter().filter(|&&class| class == UNKNOWN_CLASS);
                unknown.count()
            }
            Labels::Bits(_) => 0,
        }
    }

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
    /// An episode without lines and without a note, which asks at these steps.
    pub fn new(
        group: impl Into<String>,
        input: Input,
        target_steps: impl IntoIterator<Item = usize>,
        labels: Labels,
    ) -> Self {
        Episode {
            group: group.into(),
            input,
            line_starts: Vec::new(),
            target_steps: target_steps.into_iter().collect(),
            labels,
            text: None,
        }
    }

    /// One that shows a word a step, and asks for one of several answers at these steps.
    pub fn of_words(
        group: impl Into<String>,
        tokens: Vec<u32>,
        target_steps: impl IntoIterator<Item = usize>,
        answers: Vec<u32>,
    ) -> Self {
        let input = Input::Tokens(tokens.into_iter().map(|token| vec![token]).collect());
        Episode::new(group, input, target_steps, Labels::Classes(answers))
    }

    /// The same with a note for a human reader.
    #[must_use]
    pub fn with_text(self, text: impl Into<String>) -> Self {
        Episode {
            text: Some(text.into()),
            ..self
        }
    }

    /// The number of steps, T.
    pub fn steps(&self) -> usize {
        self.input.steps()
    }

    /// The number of targets.
    pub fn targets(&self) -> usize {
        self.target_steps.len()
    }

    /// Whether this is an episode of a task with this interface: what a trainer takes for granted of its input, its targets and
    /// its labels.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self, interface: &Interface) -> Result<(), String> {
        let steps = self.steps();
        if steps == 0 {
            return Err("it has no steps".to_owned());
        }
        for (name, at) in [
            ("target_steps", &self.target_steps),
            ("line_starts", &self.line_starts),
        ] {
            if !at.is_sorted() {
                return Err(format!("its {name} are not in ascending order"));
            }
            if let Some(last) = at.last().filter(|last| **last >= steps) {
                return Err(format!("its {name} name step {last}, and it has {steps}"));
            }
        }
        if self.labels.targets() != self.targets() {
            let (labels, targets) = (self.labels.targets(), self.targets());
            return Err(format!("it has {labels} labels for {targets} target_steps"));
        }
        self.check_input(&interface.input)?;
        self.check_labels(&interface.outputs)
    }

    fn check_input(&self, kind: &InputKind) -> Result<(), String> {
        match (&self.input, kind) {
            (Input::Dense(shown), InputKind::Dense { width }) if shown.ncols() != *width => {
                let found = shown.ncols();
                Err(format!(
                    "it shows vectors of width {found}, the interface has {width}"
                ))
            }
            (Input::Tokens(shown), InputKind::Tokens { vocabulary, .. }) => {
                let words = vocabulary.len();
                let beyond = |word: &&u32| **word as usize >= words;
                match shown.iter().flatten().find(beyond) {
                    Some(word) => Err(format!("it shows word {word}, the interface has {words}")),
                    None => Ok(()),
                }
            }
            (Input::Dense(_), InputKind::Dense { .. }) => Ok(()),
            (Input::Dense(_), InputKind::Tokens { .. }) => {
                Err("it shows vectors, the interface has words".to_owned())
            }
            (Input::Tokens(_), InputKind::Dense { .. }) => {
                Err("it shows words, the interface has vectors".to_owned())
            }
        }
    }

    fn check_labels(&self, kind: &OutputKind) -> Result<(), String> {
        let outputs = kind.width();
        match (&self.labels, kind) {
            (Labels::Classes(classes), OutputKind::Classes { .. }) => {
                let beyond = |class: &&u32| **class != UNKNOWN_CLASS && **class as usize >= outputs;
                match classes.iter().find(beyond) {
                    Some(class) => Err(format!(
                        "it asks for class {class}, the interface has {outputs}"
                    )),
                    None => Ok(()),
                }
            }
            (Labels::Bits(bits), OutputKind::Bits { .. }) if bits.ncols() != outputs => {
                let found = bits.ncols();
                Err(format!(
                    "it asks for {found} bits, the interface has {outputs}"
                ))
            }
            (Labels::Bits(_), OutputKind::Bits { .. }) => Ok(()),
            (Labels::Classes(_), OutputKind::Bits { .. }) => {
                Err("it asks for classes, the interface has bits".to_owned())
            }
            (Labels::Bits(_), OutputKind::Classes { .. }) => {
                Err("it asks for bits, the interface has classes".to_owned())
            }
        }
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

/// What a model has to say at a target. It settles the loss, which is not the task's to choose: see [`loss`](mod@crate::loss).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputKind {
    /// One of K classes: K logits, softmax cross-entropy.
    Classes {
        /// Their names, by index.
        names: Vec<String>,
    },
    /// A vector of bits: a logit a bit, Bernoulli cross-entropy.
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

impl Interface {
    /// Words go in, `words_per_step` at most at a step; one of `names` comes out.
    pub fn words(vocabulary: Vec<String>, words_per_step: usize, names: Vec<String>) -> Self {
        Interface {
            input: InputKind::Tokens {
                vocabulary,
                words_per_step,
            },
            outputs: OutputKind::Classes { names },
        }
    }

    /// One word goes in a step, and one of `names` comes out. Numbered are first the marks, then what is only `seen`, then the names.
    pub fn marked(marks: &[&str], seen: impl Iterator<Item = String>, names: Vec<String>) -> Self {
        let mut vocabulary: Vec<String> = marks.iter().map(|mark| (*mark).to_owned()).collect();
        vocabulary.extend(seen);
        vocabulary.extend(names.iter().cloned());
        Interface::words(vocabulary, 1, names)
    }
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

    /// The episode for a human reader, with the model's answers beside the right ones if `logits` `[targets, K]` are
    /// given.
    fn render(&self, episode: &Episode, logits: Option<ArrayView2<f32>>) -> String;

    /// What a user should know about where the episodes come from, a sentence each: what was missing, and what was taken in its place.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// The percentage of errors above which a group counts as failed (5 for bAbI, by the convention of its authors).
    fn failed_above(&self) -> f64 {
        5.0
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn words() -> (Episode, Interface) {
        let episode = Episode {
            group: "words".to_owned(),
            input: Input::Tokens(vec![vec![0, 1], vec![2], vec![1]]),
            line_starts: vec![0, 2],
            target_steps: vec![1, 2],
            labels: Labels::Classes(vec![3, UNKNOWN_CLASS]),
            text: None,
        };
        let names = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
        let interface = Interface {
            input: InputKind::Tokens {
                vocabulary: names(3),
                words_per_step: 2,
            },
            outputs: OutputKind::Classes { names: names(4) },
        };
        (episode, interface)
    }

    fn vectors() -> (Episode, Interface) {
        let episode = Episode {
            group: "vectors".to_owned(),
            input: Input::Dense(Array2::zeros((4, 5))),
            line_starts: Vec::new(),
            target_steps: vec![2, 3],
            labels: Labels::Bits(Array2::zeros((2, 6))),
            text: None,
        };
        let interface = Interface {
            input: InputKind::Dense { width: 5 },
            outputs: OutputKind::Bits { width: 6 },
        };
        (episode, interface)
    }

    #[test]
    fn an_episode_that_does_not_agree_with_its_interface_is_told_why() {
        let ((words, of_words), (vectors, of_vectors)) = (words(), vectors());
        assert_eq!(words.check(&of_words), Ok(()));
        assert_eq!(vectors.check(&of_vectors), Ok(()));
        let mixed = |input: &Interface, outputs: &Interface| Interface {
            input: input.input.clone(),
            outputs: outputs.outputs.clone(),
        };
        let wrong = |from: &Episode, change: &dyn Fn(&mut Episode), to: &Interface| {
            let mut episode = from.clone();
            change(&mut episode);
            episode.check(to).expect_err("something is wrong")
        };
        let same = |_: &mut Episode| ();
        for (said, part) in [
            (
                wrong(&words, &|e| e.input = Input::Tokens(Vec::new()), &of_words),
                "no steps",
            ),
            (
                wrong(&words, &|e| e.target_steps = vec![2, 1], &of_words),
                "target_steps are not in",
            ),
            (
                wrong(&words, &|e| e.target_steps = vec![1, 3], &of_words),
                "target_steps name step 3",
            ),
            (
                wrong(&words, &|e| e.line_starts = vec![3], &of_words),
                "line_starts name step 3",
            ),
            (
                wrong(&words, &|e| e.target_steps = vec![1], &of_words),
                "2 labels for 1",
            ),
            (
                wrong(
                    &words,
                    &|e| e.input = Input::Tokens(vec![vec![3]; 3]),
                    &of_words,
                ),
                "word 3",
            ),
            (
                wrong(
                    &words,
                    &|e| e.labels = Labels::Classes(vec![0, 4]),
                    &of_words,
                ),
                "class 4",
            ),
            (
                wrong(&words, &same, &mixed(&of_vectors, &of_words)),
                "interface has vectors",
            ),
            (
                wrong(&words, &same, &mixed(&of_words, &of_vectors)),
                "interface has bits",
            ),
            (
                wrong(
                    &vectors,
                    &|e| e.input = Input::Dense(Array2::zeros((4, 4))),
                    &of_vectors,
                ),
                "width 4",
            ),
            (
                wrong(
                    &vectors,
                    &|e| e.labels = Labels::Bits(Array2::zeros((2, 1))),
                    &of_vectors,
                ),
                "1 bits",
            ),
            (
                wrong(&vectors, &same, &mixed(&of_words, &of_vectors)),
                "interface has words",
            ),
            (
                wrong(&vectors, &same, &mixed(&of_vectors, &of_words)),
                "interface has classes",
            ),
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
