//! Ranges from which the generated tasks draw their lengths.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::{OptionError, Split};

/// Whole numbers from `min` to `max`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The smallest.
    pub min: usize,
    /// The largest.
    pub max: usize,
}

impl Span {
    /// From `min` to `max`, both included.
    pub const fn new(min: usize, max: usize) -> Self {
        Span { min, max }
    }

    /// This number only.
    pub const fn only(number: usize) -> Self {
        Span {
            min: number,
            max: number,
        }
    }

    /// A number of the span, each as likely as the others.
    pub(crate) fn draw(self, generator: &mut impl Rng) -> usize {
        generator.random_range(self.min..=self.max)
    }
}

/// The span of each split. Other spans for `test` than for `train` measure how far a model generalises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// Drawn from in training.
    pub train: Span,
    /// Drawn from in validation.
    pub valid: Span,
    /// Drawn from in the test.
    pub test: Span,
    /// Training episodes over which the largest length of training grows from its `min` to its `max`, in equal shares: a curriculum.
    /// 0: none.
    #[serde(default)]
    pub growing: u64,
}

impl Lengths {
    /// From `min` to `max` in every split.
    pub const fn new(min: usize, max: usize) -> Self {
        let span = Span::new(min, max);
        Lengths {
            train: span,
            valid: span,
            test: span,
            growing: 0,
        }
    }

    /// The same but for the test split.
    pub const fn with_test(self, min: usize, max: usize) -> Self {
        Lengths {
            test: Span::new(min, max),
            ..self
        }
    }

    /// The span of a split.
    pub fn of(&self, split: Split) -> Span {
        match split {
            Split::Train => self.train,
            Split::Valid => self.valid,
            Split::Test => self.test,
        }
    }

    /// The same, with a training span that grows over so many episodes.
    pub const fn growing(self, episodes: u64) -> Self {
        Lengths {
            growing: episodes,
            ..self
        }
    }

    /// The span that an episode is drawn from.
    pub fn at(&self, split: Split, index: u64) -> Span {
        let span = self.of(split);
        if split != Split::Train || index >= self.growing {
            return span;
        }
        let lengths = span.max.saturating_sub(span.min) as u128 + 1;
        let grown = u128::from(index) * lengths / u128::from(self.growing);
        Span::new(span.min, span.min + grown as usize)
    }

    /// The least length of all splits.
    pub fn least(&self) -> usize {
        self.train.min.min(self.valid.min).min(self.test.min)
    }

    /// The greatest length of all splits.
    pub fn most(&self) -> usize {
        self.train.max.max(self.valid.max).max(self.test.max)
    }

    /// Checks that `least <= min <= max <= most` in every split.
    pub(crate) fn check(
        &self,
        task: &'static str,
        option: &'static str,
        least: usize,
        most: usize,
    ) -> Result<(), OptionError> {
        for split in Split::ALL {
            let Span { min, max } = self.of(split);
            OptionError::unless(
                least <= min && min <= max && max <= most,
                task,
                option,
                format_args!("{min} to {max} for {split}"),
                format!("{least} <= min <= max <= {most}"),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_length_of_training_grows_in_equal_shares() {
        let lengths = Lengths::new(2, 5).growing(8);
        let largest = |split| (0..10).map(|index| lengths.at(split, index).max).collect();
        let train: Vec<usize> = largest(Split::Train);
        assert_eq!(train, [2, 2, 3, 3, 4, 4, 5, 5, 5, 5]);
        let valid: Vec<usize> = largest(Split::Valid);
        assert_eq!(valid, [5; 10]);
        assert!((0..10).all(|index| lengths.at(Split::Train, index).min == 2));
        let still = Lengths::new(2, 5);
        assert_eq!(still.at(Split::Train, 0), still.train);
        let long = Lengths::new(1, usize::MAX).growing(u64::MAX);
        assert_eq!(long.at(Split::Train, u64::MAX - 1).max, usize::MAX);
    }
}
