//! Generated stories with questions: bAbI's kind of task without a download.
//!
//! The stories are written in bAbI's text format and read by its parser, so that everything downstream (encoding,
//! scoring, printing) is the same. Names and words are this crate's own.

mod world;

use std::fmt::Write;
use std::ops::Range;
use std::str::FromStr;

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::babi::{
    self, Corpus, Draw, Encoding, Interner, Lexicon, Questions, Reading, Showing, Vocabulary,
    showing,
};
use crate::{Episode, Interface, OptionError, Split, Task, TaskError, stream};
use world::World;

/// What happens in a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Plot {
    /// People move between places, and it is asked where one of them is: one supporting fact, as bAbI's task 1.
    #[default]
    Moves,
    /// People also take things along and leave them, and it is asked where a thing is: up to two supporting facts, as
    /// bAbI's task 2. (Where no thing's place is known yet, it is asked where somebody is.)
    Carries,
}

impl Plot {
    fn as_str(self) -> &'static str {
        match self {
            Plot::Moves => "moves",
            Plot::Carries => "carries",
        }
    }
}

impl FromStr for Plot {
    type Err = OptionError;

    /// `"moves"` or `"carries"`.
    fn from_str(word: &str) -> Result<Self, OptionError> {
        [Plot::Moves, Plot::Carries]
            .into_iter()
            .find(|plot| plot.as_str() == word)
            .ok_or_else(|| OptionError {
                task: Stories::NAME,
                option: "plot",
                value: format!("{word:?}"),
                expected: "\"moves\" or \"carries\"".to_owned(),
            })
    }
}

/// How stories are drawn and presented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoriesOptions {
    /// What happens.
    pub plot: Plot,
    /// How many people there are: 1 to 8.
    pub people: usize,
    /// How many places there are: 2 to 8.
    pub places: usize,
    /// Questions a story: 1 to 1000.
    pub questions: usize,
    /// Statements before each question: 1 to 100.
    pub statements: usize,
    /// How the questions are asked.
    pub asking: Questions,
    /// What a step is.
    pub encoding: Encoding,
    /// How often a statement is shown: 1 to 8.
    pub ticks: usize,
    /// How often a question is shown again before its answer is asked for: 0 to 8.
    pub hops: usize,
}

impl Default for StoriesOptions {
    /// Four people in six places, five questions a story, each after two statements, in place, sentence by sentence.
    fn default() -> Self {
        StoriesOptions {
            plot: Plot::Moves,
            people: 4,
            places: 6,
            questions: 5,
            statements: 2,
            asking: Questions::InPlace,
            encoding: Encoding::Sentence,
            ticks: 1,
            hops: 0,
        }
    }
}

impl StoriesOptions {
    /// How a line becomes steps.
    pub fn showing(&self) -> Showing {
        Showing {
            encoding: self.encoding,
            ticks: self.ticks,
            hops: self.hops,
        }
    }
}

/// Stories without end. With questions asked separately, episode i is question i mod `questions` of story
/// i / `questions`.
#[derive(Debug, Clone)]
pub struct Stories {
    options: StoriesOptions,
    seed: u64,
    vocabulary: Vocabulary,
    interface: Interface,
}

/// A parsed story and the lines of the episode in it.
struct Telling {
    corpus: Corpus,
    lines: Range<usize>,
    words: Interner,
    answers: Interner,
}

impl Stories {
    const NAME: &str = "stories";

    /// The task of these options, drawn from streams of `seed`.
    ///
    /// # Errors
    /// Where an option is out of range.
    pub fn new(options: StoriesOptions, seed: u64) -> Result<Self, OptionError> {
        for (option, value, allowed) in [
            ("people", options.people, 1..=world::PEOPLE.len()),
            ("places", options.places, 2..=world::PLACES.len()),
            ("questions", options.questions, 1..=1000),
            ("statements", options.statements, 1..=100),
            ("ticks", options.ticks, 1..=showing::MOST),
            ("hops", options.hops, 0..=showing::MOST),
        ] {
            OptionError::within(Self::NAME, option, value, allowed)?;
        }

        let lexicon = world::words(options.plot, options.people, options.places);
        let marks: Vec<String> = options.showing().marks().collect();
        let vocabulary = Vocabulary::new(
            lexicon.iter().chain(&marks).map(String::as_str),
            world::PLACES[..options.places].iter().copied(),
        );
        let longest = match options.plot {
            Plot::Moves => world::LONGEST_MOVE,
            Plot::Carries => world::LONGEST_CARRY,
        };
        let interface = Interface::words(
            vocabulary.words.clone(),
            options.showing().words_per_step(longest),
            vocabulary.answers.clone(),
        );
        Ok(Stories {
            options,
            seed,
            vocabulary,
            interface,
        })
    }

    /// The options that the task was made with.
    pub fn options(&self) -> &StoriesOptions {
        &self.options
    }

    /// The words and answers, fixed by the options.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// A story in bAbI's text format.
    pub fn story(&self, split: Split, story: u64) -> String {
        let StoriesOptions {
            plot,
            people,
            places,
            questions,
            statements,
            ..
        } = self.options;
        let name = format!("{}/{}/{split}", Self::NAME, plot.as_str());
        let mut world = World::new(plot, people, places, stream(self.seed, &name, story));
        let mut text = String::new();
        for line in 1..=questions * (statements + 1) {
            let sentence = if line % (statements + 1) == 0 {
                world.question()
            } else {
                world.statement(line)
            };
            let _ = writeln!(text, "{line} {sentence}");
        }
        text
    }

    fn reading(&self) -> Reading {
        Reading {
            questions: self.options.asking,
            showing: self.options.showing(),
            draw: Draw::default(),
        }
    }

    fn tell(&self, split: Split, index: u64) -> Result<Telling, TaskError> {
        let (story, question) = match self.options.asking {
            Questions::InPlace => (index, 0),
            Questions::Separate => {
                let questions = self.options.questions as u64;
                (index / questions, (index % questions) as usize)
            }
        };
        let (mut words, mut answers) = (Interner::default(), Interner::default());
        let text = self.story(split, story);
        let corpus = Corpus::parse("generated story", text.as_bytes(), &mut words, &mut answers)?;
        let lines = self
            .reading()
            .episodes(&corpus, 0)
            .into_iter()
            .nth(question)
            .unwrap_or_default();
        Ok(Telling {
            corpus,
            lines,
            words,
            answers,
        })
    }
}

impl Task for Stories {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn interface(&self) -> &Interface {
        &self.interface
    }

    fn len(&self, _split: Split) -> Option<u64> {
        None
    }

    fn steps(&self, split: Split, index: u64) -> usize {
        let StoriesOptions {
            questions,
            statements,
            asking,
            encoding,
            ticks,
            hops,
            ..
        } = self.options;
        match (encoding, asking) {
            (Encoding::Sentence, Questions::InPlace) => questions * (ticks * statements + 1 + hops),
            (Encoding::Sentence, Questions::Separate) => {
                (index % questions as u64 + 1) as usize * ticks * statements + 1 + hops
            }
            (Encoding::Word, _) => self
                .tell(split, index)
                .map_or(0, |told| self.reading().steps(&told.corpus, told.lines)),
        }
    }

    fn episode(&self, split: Split, index: u64) -> Result<Episode, TaskError> {
        let told = self.tell(split, index)?;
        let unknown_word = self.vocabulary.check()?;
        let lexicon = Lexicon::new(
            &self.vocabulary,
            unknown_word,
            self.options.showing(),
            told.words.strings(),
            told.answers.strings(),
        );
        Ok(self.reading().episode(
            &told.corpus,
            told.lines,
            &lexicon,
            self.options.plot.as_str().to_owned(),
        ))
    }

    fn render(&self, episode: &Episode, logits: Option<ArrayView2<f32>>) -> String {
        babi::render(&self.interface, self.options.encoding, episode, logits)
    }
}

#[cfg(test)]
mod tests;
