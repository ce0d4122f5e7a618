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
}

impl Lengths {
    /// From `min` to `max` in every split.
    pub const fn new(min: usize, max: usize) -> Self {
        let span = Span::new(min, max);
        Lengths {
            train: span,
            valid: span,
            test: span,
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
