//! Which bAbI data to load and how to present it.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Rename;
use super::showing::{self, Showing};
use crate::{OptionError, Split};

/// How the questions of a story are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Questions {
    /// One episode a story: the questions are steps of the sequence, each with a target where it stands. A model sees
    /// every statement once, whatever the number of questions.
    #[default]
    InPlace,
    /// One episode a question: the statements before it, without the earlier questions, and then the question.
    Separate,
}

/// What a step of the sequence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// A sentence; its target is at its step.
    #[default]
    Sentence,
    /// A word; a question's target is at its last word.
    Word,
}

impl Encoding {
    /// The steps of a line of these words.
    pub fn steps(self, words: Vec<u32>) -> Vec<Vec<u32>> {
        match self {
            Encoding::Sentence => vec![words],
            Encoding::Word => words.into_iter().map(|word| vec![word]).collect(),
        }
    }
}

/// Which bAbI data to load and how to present it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BabiOptions {
    /// The folder that holds the files, or one above it, or the published `.tar.gz`.
    pub dir: PathBuf,
    /// The subset (`en-valid-10k`, `en-10k`, `en`, `hn-10k`, ...). `None`: the folder itself if it holds files, else the
    /// first there is of `en-valid-10k`, `en-10k`, `en-valid`, `en`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    /// The tasks, each 1 to 20, at least one.
    pub tasks: Vec<u8>,
    /// Tasks, each 1 to 20, whose training stories are shown once more in every epoch for each time that they stand here: tasks that
    /// take longer than others to learn. A task that is not loaded may stand here.
    pub again: Vec<u8>,
    /// How questions are asked.
    pub questions: Questions,
    /// What a step is.
    pub encoding: Encoding,
    /// How often a statement is shown, 1 to 8: with two showings, the model can read before it writes.
    pub ticks: usize,
    /// How often a question is shown again before its answer is asked for, 0 to 8: each time is one more read of the
    /// memory, with the question and what was read before.
    pub hops: usize,
    /// How often a training story is asked what it has told, 0 to 1: the probability that behind a statement one of those so far
    /// is shown with a word blanked, which has to be recalled. Drawn anew every epoch. Validation and test stories are not asked.
    pub recall: f64,
    /// The epochs, from the first, in which it is; if absent, all. What a word of a story is has then been learned, and the
    /// cues only take room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall_epochs: Option<u64>,
    /// Words that stand for each other: each time that a training story is shown, they have changed places at random all through it,
    /// answers included. A story of which an answer would become one that no training story has is shown as it is.
    pub rename: Vec<Rename>,
}

impl Default for BabiOptions {
    /// All 20 tasks of a folder that has still to be named.
    fn default() -> Self {
        BabiOptions::new("")
    }
}

impl BabiOptions {
    /// All 20 tasks of a folder or archive, questions in place, sentence by sentence.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        BabiOptions {
            dir: dir.into(),
            subset: None,
            tasks: (1..=20).collect(),
            again: Vec::new(),
            questions: Questions::default(),
            encoding: Encoding::default(),
            ticks: 1,
            hops: 0,
            recall: 0.0,
            recall_epochs: None,
            rename: Vec::new(),
        }
    }

    /// The same data as an evaluation reads them: training stories as they stand, each once, without cues and with no word
    /// renamed. The vocabulary stays that of a training with cues, where these options have them.
    #[must_use]
    pub fn for_evaluation(self) -> Self {
        BabiOptions {
            again: Vec::new(),
            recall_epochs: Some(0),
            rename: Vec::new(),
            ..self
        }
    }

    /// Checks every option's range; whether words that are to be renamed are those of the data shows when they are read.
    ///
    /// # Errors
    /// The first option that is out of range.
    pub fn check(&self) -> Result<(), OptionError> {
        let expected = "one or more different numbers of 1 to 20";
        let mut sorted = self.tasks.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let holds = !sorted.is_empty()
            && sorted.len() == self.tasks.len()
            && self.tasks.iter().all(|task| (1..=20).contains(task));
        OptionError::unless(holds, "babi", "tasks", &self.tasks, expected)?;
        let again = self.again.iter().all(|task| (1..=20).contains(task));
        OptionError::unless(again, "babi", "again", &self.again, "numbers of 1 to 20")?;
        OptionError::within("babi", "ticks", self.ticks, 1..=showing::MOST)?;
        OptionError::within("babi", "hops", self.hops, 0..=showing::MOST)?;
        let recall = (0.0..=1.0).contains(&self.recall);
        OptionError::unless(recall, "babi", "recall", self.recall, "0 to 1")?;
        self.rename.iter().try_for_each(Rename::check)
    }

    /// How often an epoch shows an episode of a task.
    pub(crate) fn shown_in_an_epoch(&self, task: u8, split: Split) -> usize {
        match split {
            Split::Train => 1 + self.again.iter().filter(|&&again| again == task).count(),
            Split::Valid | Split::Test => 1,
        }
    }

    pub(crate) fn recalls_in(&self, epoch: u64) -> bool {
        self.recall_epochs.is_none_or(|epochs| epoch < epochs)
    }

    /// How a line becomes steps.
    pub fn showing(&self) -> Showing {
        Showing {
            encoding: self.encoding,
            ticks: self.ticks,
            hops: self.hops,
        }
    }
}

impl FromStr for Questions {
    type Err = OptionError;

    /// `"in-place"` or `"separate"`.
    fn from_str(word: &str) -> Result<Self, OptionError> {
        match word {
            "in-place" => Ok(Questions::InPlace),
            "separate" => Ok(Questions::Separate),
            _ => Err(OptionError {
                task: "babi",
                option: "questions",
                value: format!("{word:?}"),
                expected: "\"in-place\" or \"separate\"".to_owned(),
            }),
        }
    }
}

impl FromStr for Encoding {
    type Err = OptionError;

    /// `"sentence"` or `"word"`.
    fn from_str(word: &str) -> Result<Self, OptionError> {
        match word {
            "sentence" => Ok(Encoding::Sentence),
            "word" => Ok(Encoding::Word),
            _ => Err(OptionError {
                task: "babi",
                option: "encoding",
                value: format!("{word:?}"),
                expected: "\"sentence\" or \"word\"".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_checked() {
        let with = |tasks: &[u8]| {
            BabiOptions {
                tasks: tasks.to_vec(),
                ..BabiOptions::new("x")
            }
            .check()
        };
        assert_eq!(with(&[3, 1, 20]), Ok(()));
        for wrong in [&[][..], &[0], &[21], &[4, 4]] {
            assert_eq!(with(wrong).unwrap_err().option, "tasks", "{wrong:?}");
        }
    }

    #[test]
    fn what_is_shown_again_is_checked() {
        let with = |again: &[u8]| {
            BabiOptions {
                tasks: vec![1],
                again: again.to_vec(),
                ..BabiOptions::new("x")
            }
            .check()
        };
        assert_eq!(with(&[1, 1, 17]), Ok(()));
        for wrong in [&[0][..], &[21]] {
            assert_eq!(with(wrong).unwrap_err().option, "again", "{wrong:?}");
        }
    }

    #[test]
    fn choices_read_from_words() {
        assert_eq!("separate".parse(), Ok(Questions::Separate));
        assert_eq!("word".parse(), Ok(Encoding::Word));
        assert_eq!("both".parse::<Questions>().unwrap_err().option, "questions");
        assert_eq!("letter".parse::<Encoding>().unwrap_err().option, "encoding");
    }
}
