//! How a line of a story becomes steps.

use super::{Encoding, UNKNOWN, Vocabulary};

/// The largest number of showings of a line.
pub(crate) const MOST: usize = 8;

/// How a line of a story becomes steps: in sentences or words, once or several times.
///
/// A line that is shown again carries a word more, `<2>`, `<3>` and so on. A controller that hands nothing to its next step
/// would take it for the first showing otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Showing {
    /// What a step is.
    pub encoding: Encoding,
    /// How often a statement is shown, at least once.
    pub ticks: usize,
    /// How often a question is shown again.
    pub hops: usize,
}

impl Showing {
    /// The words that mark the second showing, the third, and so on, as many as are needed.
    pub fn marks(self) -> impl Iterator<Item = String> {
        (2..=self.ticks.max(1 + self.hops)).map(|showing| format!("<{showing}>"))
    }

    /// The indices of the marks; one that the vocabulary lacks is an unknown word like any other.
    pub fn mark_indices(self, vocabulary: &Vocabulary) -> Vec<u32> {
        let find = |word: &str| vocabulary.words.iter().position(|known| known == word);
        let index = |mark: String| find(&mark).or_else(|| find(UNKNOWN)).unwrap_or_default();
        self.marks().map(|mark| index(mark) as u32).collect()
    }

    /// The steps of a line of these words, a question or a statement, with `marks` as of [`Showing::mark_indices`].
    pub fn steps(self, words: &[u32], question: bool, marks: &[u32]) -> Vec<Vec<u32>> {
        let first = self.encoding.steps(words.to_vec());
        let again = marks
            .iter()
            .take(self.times(question) - 1)
            .flat_map(|&mark| {
                let marked = words.iter().copied().chain([mark]).collect();
                self.encoding.steps(marked)
            });
        first.into_iter().chain(again).collect()
    }

    /// The number of steps of a line of `words` words.
    pub fn count(self, words: usize, question: bool) -> usize {
        let again = self.times(question) - 1;
        match self.encoding {
            Encoding::Sentence => 1 + again,
            Encoding::Word => words + again * (words + 1),
        }
    }

    /// The most words that a step holds, given those of the longest line.
    pub fn words_per_step(self, longest: usize) -> usize {
        match self.encoding {
            Encoding::Sentence => longest + usize::from(self.marks().next().is_some()),
            Encoding::Word => 1,
        }
    }

    fn times(self, question: bool) -> usize {
        if question {
            1 + self.hops
        } else {
            self.ticks.max(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: [u32; 2] = [90, 91];

    #[test]
    fn what_is_shown_again_is_marked() {
        let showing = Showing {
            encoding: Encoding::Sentence,
            ticks: 2,
            hops: 2,
        };
        let marks: Vec<String> = showing.marks().collect();
        assert_eq!(marks, ["<2>", "<3>"]);
        assert_eq!(
            showing.steps(&[5, 6], false, &MARKS),
            [vec![5, 6], vec![5, 6, 90]]
        );
        assert_eq!(
            showing.steps(&[5], true, &MARKS),
            [vec![5], vec![5, 90], vec![5, 91]]
        );
    }

    #[test]
    fn the_count_is_that_of_the_steps() {
        for encoding in [Encoding::Sentence, Encoding::Word] {
            for (ticks, hops) in [(1, 0), (2, 0), (1, 2), (3, 1)] {
                let showing = Showing {
                    encoding,
                    ticks,
                    hops,
                };
                let marks: Vec<u32> = (90..).take(showing.marks().count()).collect();
                for question in [false, true] {
                    let steps = showing.steps(&[1, 2, 3], question, &marks);
                    assert_eq!(steps.len(), showing.count(3, question), "{showing:?}");
                    let most = steps.iter().map(Vec::len).max();
                    assert!(most <= Some(showing.words_per_step(3)), "{showing:?}");
                }
            }
        }
    }

    #[test]
    fn a_mark_that_the_vocabulary_lacks_is_an_unknown_word() {
        let vocabulary = Vocabulary::new(["a", "<2>"], ["b"]);
        let showing = Showing {
            encoding: Encoding::Word,
            ticks: 3,
            hops: 0,
        };
        let indices = showing.mark_indices(&vocabulary);
        assert_eq!(vocabulary.words[indices[0] as usize], "<2>");
        assert_eq!(vocabulary.words[indices[1] as usize], UNKNOWN);
    }
}
