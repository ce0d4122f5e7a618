//! From what a task shows to what the cell takes.

use std::collections::HashMap;

use mnm_tensor::{Float, Init, ParameterSpec, Parameters, Tensor};
use ndarray::Array2;

use crate::ControllerError;
use crate::error::parameter;

/// A batch of inputs as a task shows them.
#[derive(Clone, Debug)]
pub enum Input<F: Float> {
    /// Vectors, `[T, B, X]`.
    Dense(Tensor<F>),
    /// Vectors in lines, as an encoder makes them of sentences. Only `recurrence = "line"` makes a difference between them and
    /// vectors without lines.
    Lines {
        /// The vectors, `[T, B, X]`.
        vectors: Tensor<F>,
        /// Those (`step * B + sequence`) with which a new line begins.
        starts: Vec<usize>,
    },
    /// Words.
    Tokens(Tokens),
}

/// A batch of sentences, one a step and sequence, as a flat list of their words.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// Steps T.
    pub steps: usize,
    /// Sequences B.
    pub batch: usize,
    /// The words, in any order.
    pub words: Vec<Word>,
    /// The sentences (`step * B + sequence`) with which a new line begins; the others go on with the line of the step before.
    pub starts: Vec<usize>,
}

/// What of the state is carried into each step where lines begin at `starts` (`step * B + sequence`): `[T, B]`, 0 at the start of
/// a line and 1 within.
pub(crate) fn carried<F: Float>(steps: usize, batch: usize, starts: &[usize]) -> Tensor<F> {
    let mut carried = Array2::from_elem((steps, batch), F::one());
    let flat = carried.as_slice_mut().unwrap_or_default();
    for &start in starts {
        if let Some(at) = flat.get_mut(start) {
            *at = F::zero();
        }
    }
    Tensor::constant(carried)
}

/// A word of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its number in the vocabulary.
    pub token: usize,
    /// Its position in the sentence, from 0.
    pub position: usize,
    /// How many words follow it in the sentence.
    pub following: usize,
    /// The sentence, `step * B + sequence`.
    pub sentence: usize,
}

impl Word {
    /// The words of a sentence, by their numbers in the vocabulary.
    pub fn of_sentence(tokens: &[u32], sentence: usize) -> impl Iterator<Item = Word> {
        let pairs = tokens.iter().enumerate();
        pairs.map(move |(position, &token)| Word {
            token: token as usize,
            position,
            following: tokens.len() - 1 - position,
            sentence,
        })
    }
}

/// Learned word embeddings times a learned mask of the position, summed over the sentence, and where asked for times one of the
/// position from the end of the sentence.
///
/// ```text
/// x = sum over words j of E[w_j] * P[j]      or      sum over j = 0 .. J-1 of E[w_j] * P[j] * Q[J-1-j]
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SentenceEncoder {
    /// Words in the vocabulary.
    pub vocabulary: usize,
    /// Words of the longest sentence.
    pub positions: usize,
    /// Width X of the result.
    pub width: usize,
    /// How the masks P start.
    pub masks: Init,
    /// How the masks Q of the position from the end start, if there are any.
    pub end_masks: Option<Init>,
}

impl SentenceEncoder {
    /// `encoder.embedding.weight` `[vocabulary, X]`, `encoder.position.weight` `[positions, X]`, and `encoder.end.weight`
    /// `[positions, X]` if there is one.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        let end = self.end_masks.map(|masks| {
            ParameterSpec::new("encoder.end.weight", &[self.positions, self.width], masks)
        });
        let mut specs = vec![
            ParameterSpec::new(
                "encoder.embedding.weight",
                &[self.vocabulary, self.width],
                Init::Normal { deviation: 1.0 },
            ),
            ParameterSpec::new(
                "encoder.position.weight",
                &[self.positions, self.width],
                self.masks,
            ),
        ];
        specs.extend(end);
        specs
    }

    /// The sentences `[T, B, X]`. A position past the last trained one takes the last one's mask. With `dropout`
    /// (`[B * vocabulary, X]`), row `b * vocabulary + w` multiplies the embedding of word w wherever it stands in sequence b.
    ///
    /// # Errors
    /// [`ControllerError::Input`] for a word that is not in the vocabulary or in no sentence of the batch, or for a mask of
    /// another shape; a parameter that is missing or of another shape.
    pub fn encode<F: Float>(
        &self,
        parameters: &Parameters<Tensor<F>>,
        tokens: &Tokens,
        dropout: Option<&Tensor<F>>,
    ) -> Result<Tensor<F>, ControllerError> {
        let sentences = tokens.steps * tokens.batch;
        if let Some(word) = tokens
            .words
            .iter()
            .find(|w| w.token >= self.vocabulary || w.sentence >= sentences)
        {
            return Err(ControllerError::Input {
                found: format!("word {} in sentence {}", word.token, word.sentence),
                expected: format!(
                    "words below {} in sentences below {sentences}",
                    self.vocabulary
                ),
            });
        }
        let distinct = Distinct::of(tokens, self, dropout.is_some());
        let table = |name, rows| parameter(parameters, name, &[rows, self.width]);
        let embeddings = table("encoder.embedding.weight", self.vocabulary)?;
        let masks = table("encoder.position.weight", self.positions)?;
        let mut words = embeddings
            .gather(&distinct.tokens)?
            .mul(&masks.gather(&distinct.positions)?)?;
        if self.end_masks.is_some() {
            let masks = table("encoder.end.weight", self.positions)?;
            words = words.mul(&masks.gather(&distinct.following)?)?;
        }
        if let Some(mask) = dropout {
            let expected = [tokens.batch * self.vocabulary, self.width];
            if mask.shape() != expected {
                return Err(ControllerError::Input {
                    found: format!("a word mask of shape {:?}", mask.shape()),
                    expected: format!("one of shape {expected:?}"),
                });
            }
            words = words.mul(&mask.gather(&distinct.dropped)?)?;
        }
        let places: Vec<usize> = tokens.words.iter().map(|w| w.sentence).collect();
        let sums = words.index_add(&distinct.of_word, &places, sentences)?;
        Ok(sums.reshape(&[tokens.steps, tokens.batch, self.width])?)
    }
}

/// The words that differ in token, positions or, with dropout, sequence: what has to be multiplied once, however often it stands
/// there.
#[derive(Default)]
struct Distinct {
    tokens: Vec<usize>,
    positions: Vec<usize>,
    following: Vec<usize>,
    /// The rows of the dropout mask.
    dropped: Vec<usize>,
    /// Which of them each word of the list is.
    of_word: Vec<usize>,
}

impl Distinct {
    /// Of words that are known to lie in the encoder's vocabulary.
    fn of(tokens: &Tokens, encoder: &SentenceEncoder, by_sequence: bool) -> Self {
        let last = encoder.positions.saturating_sub(1);
        let mut numbers = HashMap::new();
        let mut distinct = Distinct::default();
        for word in &tokens.words {
            let sequence = word.sentence % tokens.batch;
            let position = word.position.min(last);
            let following = match encoder.end_masks {
                Some(_) => word.following.min(last),
                None => 0,
            };
            let kind = (
                if by_sequence { sequence } else { 0 },
                word.token,
                position,
                following,
            );
            let number = *numbers.entry(kind).or_insert_with(|| {
                distinct.tokens.push(word.token);
                distinct.positions.push(position);
                distinct.following.push(following);
                let row = sequence * encoder.vocabulary + word.token;
                distinct.dropped.push(row);
                distinct.tokens.len() - 1
            });
            distinct.of_word.push(number);
        }
        distinct
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_from_both_ends() {
        let words: Vec<_> = Word::of_sentence(&[7, 5, 6], 4)
            .map(|w| (w.token, w.position, w.following, w.sentence))
            .collect();
        assert_eq!(words, [(7, 0, 2, 4), (5, 1, 1, 4), (6, 2, 0, 4)]);
        assert_eq!(Word::of_sentence(&[], 0).count(), 0);
    }

    #[test]
    fn the_state_is_carried_within_a_line_and_not_into_one() {
        // Sequence 0 begins lines at steps 0 and 2, sequence 1 at step 0; 99 is no sentence of the batch.
        let some = carried::<f64>(3, 2, &[0, 4, 1, 99]);
        let expected = ndarray::array![[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]].into_dyn();
        assert_eq!(some.value().view(), expected.view());
        assert!(carried::<f64>(0, 0, &[0]).value().is_empty());
    }
}
