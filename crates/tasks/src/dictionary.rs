//! Dictionary inference: translate with a dictionary that has to be inferred from example sentences.

use std::fmt::Write;

use ndarray::ArrayView2;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::generated::{Generated, Generator, LengthDraw, LengthOption};
use crate::{Episode, Interface, Lengths, OptionError, render};

/// How a dictionary-inference episode is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DictionaryOptions {
    /// Letters of the source alphabet: 2 to 1000.
    pub source_letters: usize,
    /// Letters of the target alphabet: as many or more, up to 1000.
    pub target_letters: usize,
    /// Sentence pairs shown: 1 to 1000.
    pub pairs: Lengths,
    /// Letters of each sentence shown: 1 to 1000.
    pub lengths: Lengths,
    /// Letters of the sentence to translate: 1 to 1000.
    pub query: Lengths,
}

impl Default for DictionaryOptions {
    /// 8 letters each, 4 pairs of 4 to 6 letters, and 4 to 6 letters to translate; 10 to 16 in the test.
    fn default() -> Self {
        DictionaryOptions {
            source_letters: 8,
            target_letters: 8,
            pairs: Lengths::new(4, 4),
            lengths: Lengths::new(4, 6),
            query: Lengths::new(4, 6).with_test(10, 16),
        }
    }
}

/// Translate a sentence letter by letter, with a dictionary that the episode's example pairs give away.
///
/// Every episode draws a dictionary that maps each letter of the source alphabet to a letter of the target alphabet of
/// its own. An episode is, a token a step: for each pair, `<source>`, a random source sentence, `<target>`, its
/// translation; then `<translate>`, a new source sentence, and as many `<answer>` steps, at each of which the translation
/// of the sentence's next letter is to be named. The new sentence is drawn from those letters that the pairs show, so
/// that every answer can be inferred.
///
/// Inputs are tokens, not vectors: which of a model's encoders embeds the letters is then the model's affair, and the
/// two alphabets may have any size.
/// Source: the task of this name in Munkhdalai et al. (arXiv 1907.09720); sizes and layout are this crate's.
pub type Dictionary = Generated<DictionaryOptions>;

const SOURCE: u32 = 1;
const TARGET: u32 = 2;
const TRANSLATE: u32 = 3;
const ANSWER: u32 = 4;
/// The marks; `<pad>` is never used, and free for a model to pad with.
const MARKS: [&str; 5] = ["<pad>", "<source>", "<target>", "<translate>", "<answer>"];

/// The lengths of an episode, which are drawn before its letters.
#[derive(Debug)]
pub struct Sizes {
    pairs: Vec<usize>,
    query: usize,
}

/// a to z, a1 to z1, ...; A to Z, A1 to Z1, ... in the target alphabet.
fn letter_name(letter: usize, first: u8) -> String {
    let mut name = char::from(first + (letter % 26) as u8).to_string();
    if letter >= 26 {
        let _ = write!(name, "{}", letter / 26);
    }
    name
}

impl DictionaryOptions {
    fn source_token(&self, letter: usize) -> u32 {
        (MARKS.len() + letter) as u32
    }

    fn target_token(&self, letter: usize) -> u32 {
        (MARKS.len() + self.source_letters + letter) as u32
    }
}

impl Generator for DictionaryOptions {
    const NAME: &'static str = "dictionary";
    type Sizes = Sizes;

    fn lengths(&mut self) -> Vec<LengthOption<'_>> {
        vec![
            LengthOption::new("pairs", &mut self.pairs, 1, 1000),
            LengthOption::new("lengths", &mut self.lengths, 1, 1000),
            LengthOption::new("query", &mut self.query, 1, 1000),
        ]
    }

    fn check(&self) -> Result<(), OptionError> {
        let (source, target) = (self.source_letters, self.target_letters);
        OptionError::within(Self::NAME, "source_letters", source, 2..=1000)?;
        let expected = format!("{source} (one for each letter of the source alphabet) to 1000");
        let holds = (source..=1000).contains(&target);
        OptionError::unless(holds, Self::NAME, "target_letters", target, expected)
    }

    fn interface(&self) -> Interface {
        let letters = |count, first| (0..count).map(move |letter| letter_name(letter, first));
        let names: Vec<String> = letters(self.target_letters, b'A').collect();
        Interface::marked(&MARKS, letters(self.source_letters, b'a'), names)
    }

    fn sizes(&self, draw: &mut LengthDraw) -> Sizes {
        let pairs = draw.length(&self.pairs);
        Sizes {
            pairs: (0..pairs).map(|_| draw.length(&self.lengths)).collect(),
            query: draw.length(&self.query),
        }
    }

    fn steps(&self, sizes: &Sizes) -> usize {
        let pairs = sizes.pairs.iter().map(|length| 2 + 2 * length);
        pairs.sum::<usize>() + 1 + 2 * sizes.query
    }

    fn episode(&self, sizes: Sizes, random: &mut ChaCha8Rng) -> Episode {
        // The translation of source letter i is `dictionary[i]`.
        let mut dictionary: Vec<usize> = (0..self.target_letters).collect();
        dictionary.shuffle(random);
        dictionary.truncate(self.source_letters);

        let mut tokens = Vec::with_capacity(self.steps(&sizes));
        let mut shown = Vec::new();
        for &length in &sizes.pairs {
            let sentence: Vec<usize> = (0..length)
                .map(|_| random.random_range(0..self.source_letters))
                .collect();
            tokens.push(SOURCE);
            tokens.extend(sentence.iter().map(|&letter| self.source_token(letter)));
            tokens.push(TARGET);
            let translation = sentence.iter().map(|&letter| dictionary[letter]);
            tokens.extend(translation.map(|letter| self.target_token(letter)));
            shown.extend(sentence);
        }
        // Each letter that was shown is as likely as the others, however often it was shown.
        shown.sort_unstable();
        shown.dedup();
        let query: Vec<usize> = (0..sizes.query)
            .map(|_| shown[random.random_range(0..shown.len())])
            .collect();
        tokens.push(TRANSLATE);
        tokens.extend(query.iter().map(|&letter| self.source_token(letter)));
        let first_answer = tokens.len();
        tokens.extend(query.iter().map(|_| ANSWER));

        let mut text = "dictionary:".to_owned();
        for (letter, &translation) in dictionary.iter().enumerate() {
            let (letter, translation) = (letter_name(letter, b'a'), letter_name(translation, b'A'));
            let _ = write!(text, " {letter}={translation}");
        }
        let asked = first_answer..tokens.len();
        let answers = query.iter().map(|&letter| dictionary[letter] as u32);
        Episode::of_words(Self::NAME, tokens, asked, answers.collect()).with_text(text)
    }

    /// A line for each pair, one for the query, and the answers.
    fn render(
        &self,
        interface: &Interface,
        episode: &Episode,
        logits: Option<ArrayView2<f32>>,
    ) -> String {
        let Some(words) = render::Words::of(interface, episode) else {
            return render::not_of_words(episode);
        };
        let mut text = format!("{}: {} steps", episode.group, episode.steps());
        for token in words.tokens().filter(|&token| token != ANSWER) {
            let begins = token == SOURCE || token == TRANSLATE;
            text.push(if begins { '\n' } else { ' ' });
            text.push_str(words.word(token));
        }
        text.push_str("\n<answer>");
        for &class in words.classes {
            let _ = write!(text, " {}", words.answer(class));
        }
        if let Some(logits) = logits {
            text.push_str("\nanswered");
            for (row, &class) in logits.rows().into_iter().zip(words.classes) {
                let _ = write!(text, " {}", words.given(row, class));
            }
        }
        text.push('\n');
        if let Some(note) = &episode.text {
            let _ = writeln!(text, "{note}");
        }
        text
    }
}

#[cfg(test)]
mod tests;
