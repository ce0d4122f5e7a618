//! Questions made of the statements themselves: a word is blanked, and has to be recalled.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::Corpus;
use crate::stream;

/// The word that stands in the place of the one to be recalled.
pub(crate) const BLANK: &str = "<blank>";

/// A statement of the story with one word blanked, and that word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cue {
    /// The line that it is asked behind.
    pub after: usize,
    /// The line whose words it shows.
    pub line: usize,
    /// The place of the blank in them.
    pub blank: usize,
    /// The word to be recalled, as a number of the corpus's interner.
    pub answer: u32,
}

/// What is random in the reading of a story is drawn by this; by default there are no cues.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Draw {
    /// The probability of a cue behind a statement.
    pub share: f64,
    /// The streams to draw from.
    pub seed: u64,
    /// How often the training stories were shown before.
    pub epoch: u64,
}

/// The cues of a story with these lines, in order: behind each statement there is one with probability `draw.share`.
///
/// A cue shows a statement made so far, all of them equally likely, without one of the words in which statements of the story differ. Where
/// later statements have the same words but for the blanked one, the last of them has the answer. The draw is a function of the lines'
/// place in the corpus, of the epoch and of the seed.
pub(crate) fn cues(corpus: &Corpus, lines: impl Iterator<Item = usize>, draw: Draw) -> Vec<Cue> {
    if draw.share == 0.0 {
        return Vec::new();
    }
    let statements: Vec<usize> = lines
        .filter(|&line| corpus.answer(line).is_none())
        .collect();
    let Some(&first) = statements.first() else {
        return Vec::new();
    };
    // A corpus has fewer lines than 2^32: their numbers are of 32 bits.
    let mut random = stream(draw.seed, "babi.recall", (draw.epoch << 32) + first as u64);
    let mut cues = Vec::new();
    for (index, &after) in statements.iter().enumerate() {
        if !random.random_bool(draw.share) {
            continue;
        }
        let told = &statements[..=index];
        let Some(&line) = told.choose(&mut random) else {
            continue;
        };
        let places = telling(corpus, &statements, line);
        if let Some(&blank) = places.choose(&mut random) {
            let answer = last_answer(corpus, told, line, blank);
            cues.push(Cue {
                after,
                line,
                blank,
                answer,
            });
        }
    }
    cues
}

/// The places of a line in which another statement of the same length has another word.
fn telling(corpus: &Corpus, statements: &[usize], line: usize) -> Vec<usize> {
    let words = corpus.words(line);
    let differs = |&place: &usize| {
        statements.iter().any(|&other| {
            let other = corpus.words(other);
            other.len() == words.len() && other[place] != words[place]
        })
    };
    (0..words.len()).filter(differs).collect()
}

/// The word at the blank in the last statement that has all the other words of `line`.
fn last_answer(corpus: &Corpus, told: &[usize], line: usize, blank: usize) -> u32 {
    let words = corpus.words(line);
    let fits = |&&other: &&usize| {
        let other = corpus.words(other);
        other.len() == words.len()
            && other[..blank] == words[..blank]
            && other[blank + 1..] == words[blank + 1..]
    };
    let last = told.iter().rev().find(fits).copied().unwrap_or(line);
    corpus.words(last)[blank]
}
