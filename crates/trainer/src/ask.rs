//! Questions to a trained model: a story told sentence by sentence, and what the model answers.
//!
//! Nothing but the run's checkpoint is needed, which carries the config and the words: the data that the model was
//! trained on may be gone. A sentence is one step of the model (or one for each of its words, as `data.encoding` says);
//! the state is carried on from line to line, so that a line costs the same wherever it stands in the story.
//!
//! ```no_run
//! use std::path::Path;
//! use mnm_trainer::{Weights, ask::Reader};
//!
//! # fn main() -> Result<(), mnm_trainer::ask::AskError> {
//! let reader = Reader::open(Path::new("runs/babi"), Weights::Best)?;
//! let mut story = reader.begin()?;
//! story.tell("Mary went to the garden.")?;
//! let answer = story.ask("Where is Mary?")?;
//! println!("{:?}, not known: {:?}", answer.best(), answer.unknown);
//! # Ok(())
//! # }
//! ```

mod examine;
mod line;

use std::path::{Path, PathBuf};

use mnm_controller::encoder::{Input, Tokens, Word};
use mnm_controller::{ControllerError, Masks, Model, State};
use mnm_tasks::babi::LONGEST_LINE;
use mnm_tasks::{Interface, Questions, Showing, Vocabulary};
use mnm_tensor::{Parameters, Tensor, TensorError};
use thiserror::Error;

use crate::config::DataConfig;
use crate::error::TrainError;
use crate::folder::Weights;
use crate::run::{fit, read};

pub use examine::{Examined, MOST_LINES};
pub use line::{Line, LineProblem, Says};

/// Why a question could not be asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AskError {
    /// The run's task is not one of stories and questions.
    #[error(
        "{path} was trained on {task:?}, which has no words to ask in; take a run on \"babi\" or \"stories\"",
        path = .path.display()
    )]
    NoStories {
        /// The run folder.
        path: PathBuf,
        /// `data.task` of its config.
        task: String,
    },
    /// The checkpoint does not say which words the model knows.
    #[error(
        "the checkpoint of {path} has no `vocabulary` in its metadata, so the words that the model knows are not known; \
         take a run folder that `mnm train` made",
        path = .path.display()
    )]
    NoVocabulary {
        /// The run folder.
        path: PathBuf,
    },
    /// More of a story than is gone through at once.
    #[error(
        "a story of {lines} lines, the longest of {longest} bytes; expected at most {MOST_LINES} lines of {LONGEST_LINE} bytes"
    )]
    TooLong {
        /// Its lines.
        lines: usize,
        /// The bytes of the longest.
        longest: usize,
    },
    /// A sentence without a word.
    #[error("{0:?} has no word in it")]
    NoWord(String),
    /// The model's numbers have overflowed.
    #[error("the model's answer to {0:?} is not a number: its weights are broken")]
    NotFinite(String),
    /// The run cannot be opened, or the model failed.
    #[error(transparent)]
    Train(#[from] TrainError),
}

impl From<ControllerError> for AskError {
    fn from(error: ControllerError) -> Self {
        Self::Train(error.into())
    }
}

impl From<TensorError> for AskError {
    fn from(error: TensorError) -> Self {
        Self::Train(error.into())
    }
}

/// How the run's data were read, which is how the model expects a story.
#[derive(Clone, Copy, Debug)]
struct Manner {
    questions: Questions,
    showing: Showing,
}

impl Manner {
    /// `None` for a task without stories.
    fn of(data: &DataConfig) -> Option<Self> {
        match data {
            DataConfig::Babi(options) => Some(Self {
                questions: options.questions,
                showing: options.showing(),
            }),
            DataConfig::Stories(options) => Some(Self {
                questions: options.asking,
                showing: options.showing(),
            }),
            _ => None,
        }
    }
}

/// A trained model that can be told stories.
pub struct Reader {
    model: Model<f32>,
    parameters: Parameters<Tensor<f32>>,
    vocabulary: Vocabulary,
    manner: Manner,
    /// The words that mark a sentence shown again.
    marks: Vec<u32>,
}

impl Reader {
    /// The model of the run in `dir`; its data are not needed.
    ///
    /// # Errors
    /// [`AskError::NoStories`], [`AskError::NoVocabulary`], or what is wrong with the run's files.
    pub fn open(dir: &Path, weights: Weights) -> Result<Self, AskError> {
        let (file, checkpoint, config) = read(dir, weights)?;
        let Some(manner) = Manner::of(&config.data) else {
            return Err(AskError::NoStories {
                path: dir.to_owned(),
                task: config.data.name().to_owned(),
            });
        };
        let Some(vocabulary) = checkpoint.vocabulary.clone() else {
            return Err(AskError::NoVocabulary {
                path: dir.to_owned(),
            });
        };
        // The checkpoint's own positions count, where it has any.
        let interface = Interface::words(vocabulary.words.clone(), 1, vocabulary.answers.clone());
        let model = fit(&file, &config, &interface, &checkpoint)?;
        let parameters = checkpoint.parameters.constants();
        Ok(Self {
            model,
            parameters,
            marks: manner.showing.mark_indices(&vocabulary),
            vocabulary,
            manner,
        })
    }

    /// The words and answers that the model knows.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// A new story, of which the model knows nothing yet.
    ///
    /// # Errors
    /// A parameter that is missing.
    pub fn begin(&self) -> Result<Story<'_>, AskError> {
        Ok(Story {
            reader: self,
            state: self.model.initial_state(&self.parameters, 1)?,
        })
    }
}

/// A story as far as it has been told.
pub struct Story<'a> {
    reader: &'a Reader,
    state: State<f32>,
}

/// What the model answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Every answer that the model can give, the likeliest first.
    pub ranking: Vec<Candidate>,
    /// The words of the question that the model does not know.
    pub unknown: Vec<String>,
}

/// An answer and how likely it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The answer.
    pub answer: String,
    /// Its softmax probability, 0 to 1.
    pub probability: f64,
}

impl Answer {
    /// The likeliest answer; there is one unless the model has no answers at all.
    pub fn best(&self) -> Option<&Candidate> {
        self.ranking.first()
    }

    /// The next likely one.
    pub fn runner_up(&self) -> Option<&Candidate> {
        self.ranking.get(1)
    }
}

impl Story<'_> {
    /// Tells the model a sentence. Gives the words of it that the model does not know and takes for one and the same
    /// unknown word.
    ///
    /// # Errors
    /// [`AskError::NoWord`], after which the story is as it was.
    pub fn tell(&mut self, sentence: &str) -> Result<Vec<String>, AskError> {
        let (words, unknown) = self.words(sentence)?;
        let steps = self.steps(&words, false);
        let (_, state) = self.run(&steps)?;
        self.state = state;
        Ok(unknown)
    }

    /// Asks the model a question, which then is a part of the story if the run asked its questions in place.
    ///
    /// # Errors
    /// [`AskError::NoWord`], after which the story is as it was, or [`AskError::NotFinite`].
    pub fn ask(&mut self, question: &str) -> Result<Answer, AskError> {
        let manner = self.reader.manner;
        let (words, unknown) = self.words(question)?;
        let steps = self.steps(&words, true);
        let (logits, state) = self.run(&steps)?;
        let answer = self.reader.ranked(&logits, question, &unknown)?;
        // Asked separately, no question was ever seen behind another one: the story stays as it was before this one.
        if manner.questions == Questions::InPlace {
            self.state = state;
        }
        Ok(answer)
    }

    fn steps(&self, words: &[u32], question: bool) -> Vec<Vec<u32>> {
        let Reader { manner, marks, .. } = self.reader;
        manner.showing.steps(words, question, marks)
    }

    fn words(&self, sentence: &str) -> Result<(Vec<u32>, Vec<String>), AskError> {
        let (words, unknown) = self.reader.vocabulary.encode(sentence);
        if words.is_empty() {
            return Err(AskError::NoWord(sentence.to_owned()));
        }
        Ok((words, unknown))
    }

    /// Shows the model some steps; gives the logits after the last of them and the state.
    fn run(&self, steps: &[Vec<u32>]) -> Result<(Vec<f32>, State<f32>), AskError> {
        let Reader {
            model, parameters, ..
        } = self.reader;
        let words = steps
            .iter()
            .enumerate()
            .flat_map(|(sentence, words)| Word::of_sentence(words, sentence));
        let input = Input::Tokens(Tokens {
            steps: steps.len(),
            batch: 1,
            words: words.collect(),
            starts: vec![0], // what is told or asked at once is a line
        });
        let run = model.run(parameters, &input, &self.state, &Masks::default())?;
        let last = steps.len().saturating_sub(1);
        let logits = model.logits(parameters, &run.outputs, &[last])?;
        Ok((logits.value().iter().copied().collect(), run.state))
    }
}

/// The probabilities of logits; `None` if one of these is not finite.
fn softmax(logits: &[f32]) -> Option<Vec<f64>> {
    if !logits.iter().all(|o| o.is_finite()) {
        return None;
    }
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shares: Vec<f64> = logits.iter().map(|&o| f64::from(o - most).exp()).collect();
    let sum: f64 = shares.iter().sum();
    Some(shares.into_iter().map(|share| share / sum).collect())
}
