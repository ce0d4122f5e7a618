//! The numbers of words and answers.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::BabiError;
use super::words::for_each_word;

/// The entry at index 0, which no sentence contains: free for a model to pad with.
pub const PADDING: &str = "<pad>";
/// The entry at index 1, which stands for every word not in the vocabulary.
pub const UNKNOWN: &str = "<unk>";

/// The words and answers that a model knows, by index. It belongs to the model as much as its weights do: a checkpoint
/// should carry it, and [`Babi::with_vocabulary`](super::Babi::with_vocabulary) takes it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    /// [`PADDING`], [`UNKNOWN`], and the words in ascending order.
    pub words: Vec<String>,
    /// The answers, each a whole string (`apple,milk`), in ascending order: the classes.
    pub answers: Vec<String>,
}

impl Vocabulary {
    /// The vocabulary of these words (already lower-case and free of punctuation) and answers. The words of the answers
    /// are words too.
    pub fn new<'a>(
        words: impl IntoIterator<Item = &'a str>,
        answers: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut sorted: BTreeSet<String> = words.into_iter().map(str::to_owned).collect();
        let answers: BTreeSet<String> = answers.into_iter().map(str::to_owned).collect();
        for answer in &answers {
            for_each_word(answer, |word| {
                sorted.insert(word.to_owned());
            });
        }
        Vocabulary {
            words: [PADDING, UNKNOWN]
                .map(str::to_owned)
                .into_iter()
                .chain(sorted)
                .collect(),
            answers: answers.into_iter().collect(),
        }
    }

    /// The indices of a sentence's words, and the words that are not known (their index is that of [`UNKNOWN`]).
    /// The sentence is taken apart as the data are: lower-cased, punctuation dropped.
    pub fn encode(&self, sentence: &str) -> (Vec<u32>, Vec<String>) {
        let find = |word: &str| {
            self.words
                .iter()
                .position(|known| known == word)
                .map(|index| index as u32)
        };
        let (mut indices, mut unknown) = (Vec::new(), Vec::new());
        for_each_word(sentence, |word| {
            indices.push(find(word).unwrap_or_else(|| {
                unknown.push(word.to_owned());
                find(UNKNOWN).unwrap_or_default()
            }));
        });
        (indices, unknown)
    }

    /// The index of [`UNKNOWN`].
    ///
    /// # Errors
    /// Where the vocabulary has none, holds an entry twice, or has no answers.
    pub(crate) fn check(&self) -> Result<u32, BabiError> {
        let fail = |message: String| Err(BabiError::Vocabulary(message));
        for (what, entries) in [("word", &self.words), ("answer", &self.answers)] {
            let mut seen = BTreeSet::new();
            if let Some(twice) = entries.iter().find(|entry| !seen.insert(entry.as_str())) {
                return fail(format!("the {what} {twice:?} stands in it twice"));
            }
        }
        if self.answers.is_empty() {
            return fail("it has no answers".to_owned());
        }
        match self.words.iter().position(|word| word == UNKNOWN) {
            Some(index) => Ok(index as u32),
            None => fail(format!(
                "it has no entry {UNKNOWN:?} for words that it does not know"
            )),
        }
    }

    /// The index of every word.
    pub(crate) fn word_indices(&self) -> HashMap<&str, u32> {
        indices(&self.words)
    }

    /// The index of every answer.
    pub(crate) fn answer_indices(&self) -> HashMap<&str, u32> {
        indices(&self.answers)
    }
}

fn indices(entries: &[String]) -> HashMap<&str, u32> {
    entries
        .iter()
        .enumerate()
        .map(|(index, entry)| (entry.as_str(), index as u32))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_with_the_words_of_the_answers() {
        let vocabulary = Vocabulary::new(["where", "is", "where"], ["milk,apple", "cat"]);
        assert_eq!(
            vocabulary.words,
            ["<pad>", "<unk>", "apple", "cat", "is", "milk", "where"]
        );
        assert_eq!(vocabulary.answers, ["cat", "milk,apple"]);
        assert_eq!(vocabulary.check().unwrap(), 1);
    }

    #[test]
    fn encode_reports_what_it_does_not_know() {
        let vocabulary = Vocabulary::new(["where", "is"], ["home"]);
        let (indices, unknown) = vocabulary.encode("Where IS the dog?");
        assert_eq!(indices, [4, 3, 1, 1]);
        assert_eq!(unknown, ["the", "dog"]);
    }

    #[test]
    fn an_unusable_vocabulary_is_refused() {
        let message = |words: &[&str], answers: &[&str]| {
            let own = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect();
            Vocabulary {
                words: own(words),
                answers: own(answers),
            }
            .check()
            .unwrap_err()
            .to_string()
        };
        assert!(message(&["a"], &["b"]).contains("<unk>"));
        assert!(message(&["<unk>", "a", "a"], &["b"]).contains("\"a\" stands in it twice"));
        assert!(message(&["<unk>"], &[]).contains("no answers"));
    }
}
