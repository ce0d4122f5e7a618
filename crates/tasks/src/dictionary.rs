//! Dictionary inference: translate with a dictionary that has to be inferred from example sentences.

use std::fmt::Write;

use ndarray::ArrayView2;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{
    Episode, Input, InputKind, Interface, Labels, Lengths, OptionError, OutputKind, Split, Task,
    TaskError, scoring, stream,
};

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
#[derive(Debug, Clone)]
pub struct Dictionary {
    options: DictionaryOptions,
    seed: u64,
    interface: Interface,
}

const SOURCE: u32 = 1;
const TARGET: u32 = 2;
const TRANSLATE: u32 = 3;
const ANSWER: u32 = 4;
/// The marks; `<pad>` is never used, and free for a model to pad with.
const MARKS: [&str; 5] = ["<pad>", "<source>", "<target>", "<translate>", "<answer>"];

/// The lengths of an episode, which are drawn before its letters.
struct Sizes {
    pairs: Vec<usize>,
    query: usize,
}

impl Sizes {
    fn steps(&self) -> usize {
        self.pairs
            .iter()
            .map(|length| 2 + 2 * length)
            .sum::<usize>()
            + 1
            + 2 * self.query
    }
}

/// a to z, a1 to z1, ...; A to Z, A1 to Z1, ... in the target alphabet.
fn letter_name(letter: usize, first: u8) -> String {
    let mut name = char::from(first + (letter % 26) as u8).to_string();
    if letter >= 26 {
        let _ = write!(name, "{}", letter / 26);
    }
    name
}

impl Dictionary {
    const NAME: &str = "dictionary";

    /// The task of these options, drawn from streams of `seed`.
    ///
    /// # Errors
    /// Where an option is out of range.
    pub fn new(options: DictionaryOptions, seed: u64) -> Result<Self, OptionError> {
        let (source, target) = (options.source_letters, options.target_letters);
        OptionError::unless(
            (2..=1000).contains(&source),
            Self::NAME,
            "source_letters",
            source,
            "2 to 1000",
        )?;
        let expected = format!("{source} (one for each letter of the source alphabet) to 1000");
        OptionError::unless(
            (source..=1000).contains(&target),
            Self::NAME,
            "target_letters",
            target,
            expected,
        )?;
        options.pairs.check(Self::NAME, "pairs", 1, 1000)?;
        options.lengths.check(Self::NAME, "lengths", 1, 1000)?;
        options.query.check(Self::NAME, "query", 1, 1000)?;

        let names: Vec<String> = (0..target)
            .map(|letter| letter_name(letter, b'A'))
            .collect();
        let mut vocabulary: Vec<String> = MARKS.map(str::to_owned).into();
        vocabulary.extend((0..source).map(|letter| letter_name(letter, b'a')));
        vocabulary.extend(names.iter().cloned());
        let interface = Interface {
            input: InputKind::Tokens {
                vocabulary,
                words_per_step: 1,
            },
            outputs: OutputKind::Classes { names },
        };
        Ok(Dictionary {
            options,
            seed,
            interface,
        })
    }

    /// The options that the task was made with.
    pub fn options(&self) -> &DictionaryOptions {
        &self.options
    }

    /// The lengths of an episode, and the generator as it stands after those draws.
    fn sizes(&self, split: Split, index: u64) -> (Sizes, ChaCha8Rng) {
        let mut generator = stream(self.seed, &format!("{}/{split}", Self::NAME), index);
        let pairs = self.options.pairs.at(split, index).draw(&mut generator);
        let pairs = (0..pairs)
            .map(|_| self.options.lengths.at(split, index).draw(&mut generator))
            .collect();
        let query = self.options.query.at(split, index).draw(&mut generator);
        (Sizes { pairs, query }, generator)
    }

    fn source_token(&self, letter: usize) -> u32 {
        (MARKS.len() + letter) as u32
    }

    fn target_token(&self, letter: usize) -> u32 {
        (MARKS.len() + self.options.source_letters + letter) as u32
    }
}

impl Task for Dictionary {
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
        self.sizes(split, index).0.steps()
    }

    fn episode(&self, split: Split, index: u64) -> Result<Episode, TaskError> {
        let (sizes, mut generator) = self.sizes(split, index);
        let letters = self.options.source_letters;
        // The translation of source letter i is `dictionary[i]`.
        let mut dictionary: Vec<usize> = (0..self.options.target_letters).collect();
        dictionary.shuffle(&mut generator);
        dictionary.truncate(letters);

        let mut tokens = Vec::with_capacity(sizes.steps());
        let mut shown = Vec::new();
        for &length in &sizes.pairs {
            let sentence: Vec<usize> = (0..length)
                .map(|_| generator.random_range(0..letters))
                .collect();
            tokens.push(SOURCE);
            tokens.extend(sentence.iter().map(|&letter| self.source_token(letter)));
            tokens.push(TARGET);
            tokens.extend(
                sentence
                    .iter()
                    .map(|&letter| self.target_token(dictionary[letter])),
            );
            shown.extend(sentence);
        }
        // Each letter that was shown is as likely as the others, however often it was shown.
        shown.sort_unstable();
        shown.dedup();
        let query: Vec<usize> = (0..sizes.query)
            .map(|_| shown[generator.random_range(0..shown.len())])
            .collect();
        tokens.push(TRANSLATE);
        tokens.extend(query.iter().map(|&letter| self.source_token(letter)));
        let first_answer = tokens.len();
        tokens.extend(query.iter().map(|_| ANSWER));

        let mut text = "dictionary:".to_owned();
        for (letter, &translation) in dictionary.iter().enumerate() {
            let _ = write!(
                text,
                " {}={}",
                letter_name(letter, b'a'),
                letter_name(translation, b'A')
            );
        }
        Ok(Episode {
            group: Self::NAME.to_owned(),
            line_starts: Vec::new(),
            target_steps: (first_answer..tokens.len()).collect(),
            input: Input::Tokens(tokens.into_iter().map(|token| vec![token]).collect()),
            labels: Labels::Classes(
                query
                    .iter()
                    .map(|&letter| dictionary[letter] as u32)
                    .collect(),
            ),
            text: Some(text),
        })
    }

    fn render(&self, episode: &Episode, logits: Option<ArrayView2<f32>>) -> String {
        let (
            InputKind::Tokens { vocabulary, .. },
            OutputKind::Classes { names },
            Input::Tokens(steps),
            Labels::Classes(classes),
        ) = (
            &self.interface.input,
            &self.interface.outputs,
            &episode.input,
            &episode.labels,
        )
        else {
            return format!("{}: not an episode of words\n", episode.group);
        };
        let name = |names: &[String], index: u32| {
            names
                .get(index as usize)
                .map_or("?", String::as_str)
                .to_owned()
        };
        let mut text = format!("{}: {} steps", episode.group, episode.steps());
        for &token in steps.iter().flatten().filter(|&&token| token != ANSWER) {
            // A line for each pair, and one for the query.
            text.push_str(if token == SOURCE || token == TRANSLATE {
                "\n"
            } else {
                " "
            });
            text.push_str(&name(vocabulary, token));
        }
        text.push_str("\n<answer>");
        classes.iter().for_each(|&class| {
            let _ = write!(text, " {}", name(names, class));
        });
        if let Some(logits) = logits {
            text.push_str("\nanswered");
            for (row, &class) in logits.rows().into_iter().zip(classes) {
                let given = scoring::best_class(row);
                let mark = if given == Some(class) { "" } else { "(x)" };
                let _ = write!(
                    text,
                    " {}{mark}",
                    given.map_or("?".to_owned(), |class| name(names, class))
                );
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
