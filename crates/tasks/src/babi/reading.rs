//! From the lines of a story to the steps of an episode.

use std::ops::Range;

use super::recall::{BLANK, Cue, Draw, cues};
use super::{Corpus, Questions, Showing, Vocabulary};
use crate::{Episode, Input, Labels, UNKNOWN_CLASS};

/// Where the words and answers of an interner stand in a vocabulary.
#[derive(Debug, Clone)]
pub(crate) struct Lexicon {
    /// By number of the interner: index into the vocabulary.
    words: Vec<u32>,
    /// By number of the interner: class, or `UNKNOWN_CLASS`.
    classes: Vec<u32>,
    unknown_word: u32,
    /// The words that mark a line shown again.
    marks: Vec<u32>,
    /// The word that stands for the one to be recalled.
    blank: u32,
    /// By number of the interner: the class of a word that is recalled, or `UNKNOWN_CLASS`.
    recalled: Vec<u32>,
}

impl Lexicon {
    pub(crate) fn new(
        vocabulary: &Vocabulary,
        unknown_word: u32,
        showing: Showing,
        words: &[String],
        answers: &[String],
    ) -> Self {
        let (word_indices, answer_indices) =
            (vocabulary.word_indices(), vocabulary.answer_indices());
        let look_up = |word: &String| {
            word_indices
                .get(word.as_str())
                .copied()
                .unwrap_or(unknown_word)
        };
        let judge = |answer: &String| {
            answer_indices
                .get(answer.as_str())
                .copied()
                .unwrap_or(UNKNOWN_CLASS)
        };
        Lexicon {
            words: words.iter().map(look_up).collect(),
            classes: answers.iter().map(judge).collect(),
            recalled: words.iter().map(judge).collect(),
            blank: look_up(&BLANK.to_owned()),
            unknown_word,
            marks: showing.mark_indices(vocabulary),
        }
    }

    /// The numbers of all words.
    pub(crate) fn identity(&self) -> Vec<u32> {
        (0..self.words.len() as u32).collect()
    }

    /// The lexicon that reads each word as the one that it becomes, and each answer likewise; an answer that becomes `None` is unknown.
    pub(crate) fn renamed(&self, words: &[u32], answers: &[Option<u32>]) -> Self {
        let class = |answer: &Option<u32>| answer.map_or(UNKNOWN_CLASS, |it| self.class(it));
        Lexicon {
            words: words.iter().map(|&word| self.word(word)).collect(),
            classes: answers.iter().map(class).collect(),
            unknown_word: self.unknown_word,
            marks: self.marks.clone(),
            blank: self.blank,
            recalled: words.iter().map(|&word| self.recalled(word)).collect(),
        }
    }

    fn word(&self, number: u32) -> u32 {
        self.words
            .get(number as usize)
            .copied()
            .unwrap_or(self.unknown_word)
    }

    fn recalled(&self, number: u32) -> u32 {
        self.recalled
            .get(number as usize)
            .copied()
            .unwrap_or(UNKNOWN_CLASS)
    }

    pub(crate) fn class(&self, number: u32) -> u32 {
        self.classes
            .get(number as usize)
            .copied()
            .unwrap_or(UNKNOWN_CLASS)
    }
}

/// How stories become episodes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) questions: Questions,
    pub(crate) showing: Showing,
    /// Of what is random in the reading.
    pub(crate) draw: Draw,
}

impl Reading {
    /// The line ranges of a story's episodes, in order: the whole story, or the lines up to each question.
    pub(crate) fn episodes(self, corpus: &Corpus, story: usize) -> Vec<Range<usize>> {
        let lines = corpus.story(story);
        match self.questions {
            Questions::InPlace => vec![lines],
            Questions::Separate => {
                let asked = lines.clone().filter(|&line| corpus.answer(line).is_some());
                asked.map(|line| lines.start..line + 1).collect()
            }
        }
    }

    /// The lines of `lines` that the episode shows.
    pub(crate) fn shown(
        self,
        corpus: &Corpus,
        lines: Range<usize>,
    ) -> impl Iterator<Item = usize> + '_ {
        let last = lines.end.saturating_sub(1);
        lines.filter(move |&line| {
            self.questions == Questions::InPlace || line == last || corpus.answer(line).is_none()
        })
    }

    fn cues(self, corpus: &Corpus, lines: Range<usize>) -> Vec<Cue> {
        cues(corpus, self.shown(corpus, lines), self.draw)
    }

    /// The steps of the episode over `lines`.
    pub(crate) fn steps(self, corpus: &Corpus, lines: Range<usize>) -> usize {
        let cues = self.cues(corpus, lines.clone());
        let recalled = cues
            .iter()
            .map(|cue| self.showing.count(corpus.words(cue.line).len(), true));
        self.shown(corpus, lines)
            .map(|line| {
                let asked = corpus.answer(line).is_some();
                self.showing.count(corpus.words(line).len(), asked)
            })
            .chain(recalled)
            .sum()
    }

    /// The episode over `lines`.
    pub(crate) fn episode(
        self,
        corpus: &Corpus,
        lines: Range<usize>,
        lexicon: &Lexicon,
        group: String,
    ) -> Episode {
        let mut tokens = Vec::new();
        let (mut line_starts, mut target_steps, mut classes) = (Vec::new(), Vec::new(), Vec::new());
        let mut show = |words: &[u32], class: Option<u32>| {
            line_starts.push(tokens.len());
            tokens.extend(self.showing.steps(words, class.is_some(), &lexicon.marks));
            if let Some(class) = class {
                // A line has at least one word, so that there is a step to ask at.
                target_steps.push(tokens.len() - 1);
                classes.push(class);
            }
        };
        let words = |line: usize| -> Vec<u32> {
            let words = corpus.words(line).iter();
            words.map(|&word| lexicon.word(word)).collect()
        };
        let cues = self.cues(corpus, lines.clone());
        let mut cues = cues.iter().peekable();
        for line in self.shown(corpus, lines) {
            let class = corpus.answer(line).map(|answer| lexicon.class(answer));
            show(&words(line), class);
            while let Some(cue) = cues.next_if(|cue| cue.after == line) {
                let mut words = words(cue.line);
                words[cue.blank] = lexicon.blank;
                show(&words, Some(lexicon.recalled(cue.answer)));
            }
        }
        Episode {
            group,
            input: Input::Tokens(tokens),
            line_starts,
            target_steps,
            labels: Labels::Classes(classes),
            text: None,
        }
    }
}
