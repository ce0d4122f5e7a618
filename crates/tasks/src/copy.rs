//! Copy and double copy, as in the literature on Neural Turing Machines.

use ndarray::{Array2, ArrayView2, s};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::generated::{Generated, Generator, LengthDraw, LengthOption};
use crate::{Episode, Input, Interface, Labels, Lengths, OptionError, bits, render};

/// How a copy episode is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DoubleCopyOptions {
    /// Bits of each vector: 1 to 1024.
    pub bits: usize,
    /// Vectors of the sequence to copy: 1 to 10000.
    pub lengths: Lengths,
    /// How often the sequence is to be given back: 1 (plain copy) to 100.
    pub copies: usize,
}

impl Default for DoubleCopyOptions {
    /// 8 bits, 1 to 20 vectors in every split, two copies.
    fn default() -> Self {
        DoubleCopyOptions {
            bits: 8,
            lengths: Lengths::new(1, 20),
            copies: 2,
        }
    }
}

/// Copy a sequence of random bit vectors, twice.
///
/// With L vectors of `bits` bits, an episode is: a step with the start flag; L steps with a vector each; a step with the
/// end flag; then `copies` x L blank steps, at each of which the next vector is to be given, the sequence beginning
/// again after its last. Inputs are `[2 + L + copies L, bits + 2]`: the bits, the start flag, the end flag.
/// Source: Graves, Wayne, Danihelka, "Neural Turing Machines" (arXiv 1410.5401), sections 4.1 and 4.2, with the number of
/// copies fixed.
pub type DoubleCopy = Generated<DoubleCopyOptions>;

impl Generator for DoubleCopyOptions {
    const NAME: &'static str = "double-copy";
    type Sizes = usize;

    fn lengths(&mut self) -> Vec<LengthOption<'_>> {
        vec![LengthOption::new("lengths", &mut self.lengths, 1, 10_000)]
    }

    fn check(&self) -> Result<(), OptionError> {
        bits::check(Self::NAME, self.bits)?;
        OptionError::within(Self::NAME, "copies", self.copies, 1..=100)
    }

    fn interface(&self) -> Interface {
        bits::interface(self.bits)
    }

    fn sizes(&self, draw: &mut LengthDraw) -> usize {
        draw.length(&self.lengths)
    }

    fn steps(&self, &length: &usize) -> usize {
        2 + length + self.copies * length
    }

    fn episode(&self, length: usize, random: &mut ChaCha8Rng) -> Episode {
        let (width, steps) = (self.bits, self.steps(&length));
        let sequence = bits::random(length, width, random);

        let mut input = Array2::zeros((steps, width + 2));
        input[[0, width]] = 1.0;
        input.slice_mut(s![1..=length, ..width]).assign(&sequence);
        input[[length + 1, width + 1]] = 1.0;

        let targets = Array2::from_shape_fn((self.copies * length, width), |(row, bit)| {
            sequence[[row % length, bit]]
        });
        let asked = length + 2..steps;
        Episode::new(
            Self::NAME,
            Input::Dense(input),
            asked,
            Labels::Bits(targets),
        )
    }

    fn render(
        &self,
        _interface: &Interface,
        episode: &Episode,
        logits: Option<ArrayView2<f32>>,
    ) -> String {
        render::bit_episode(episode, &[("bits", self.bits), ("start, end", 2)], logits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Split, Task};

    fn parts(episode: &Episode) -> (&Array2<f32>, &Array2<f32>) {
        match (&episode.input, &episode.labels) {
            (Input::Dense(input), Labels::Bits(bits)) => (input, bits),
            _ => panic!("copy has dense inputs and bits"),
        }
    }

    proptest! {
        #[test]
        fn an_episode_asks_for_what_it_showed(
            bits in 1_usize..12, min in 1_usize..6, more in 0_usize..6, copies in 1_usize..4, seed: u64, index: u64,
        ) {
            let options = DoubleCopyOptions { bits, lengths: Lengths::new(min, min + more), copies };
            let task = DoubleCopy::new(options, seed).unwrap();
            let episode = task.episode(Split::Valid, index).unwrap();
            let (input, targets) = parts(&episode);
            let length = targets.nrows() / copies;
            prop_assert!((min..=min + more).contains(&length));
            prop_assert_eq!(episode.steps(), task.steps(Split::Valid, index));
            prop_assert_eq!(targets.nrows(), episode.targets());
            prop_assert_eq!(input.ncols(), bits + 2);
            for (target, &step) in episode.target_steps.iter().enumerate() {
                prop_assert_eq!(targets.row(target), input.slice(s![1 + target % length, ..bits]));
                prop_assert!(input.row(step).iter().all(|&x| x == 0.0), "answers are given blind");
            }
            prop_assert_eq!(input[[0, bits]], 1.0);
            prop_assert_eq!(input[[length + 1, bits + 1]], 1.0);
            prop_assert_eq!(input.slice(s![.., bits..]).sum(), 2.0, "each flag once");
            prop_assert_eq!(&episode, &task.episode(Split::Valid, index).unwrap());
        }
    }

    #[test]
    fn index_split_and_seed_matter() {
        let options = DoubleCopyOptions {
            lengths: Lengths::new(20, 20),
            ..Default::default()
        };
        let task = DoubleCopy::new(options.clone(), 1).unwrap();
        let episode = task.episode(Split::Train, 0).unwrap();
        assert_ne!(episode, task.episode(Split::Train, 1).unwrap());
        assert_ne!(episode, task.episode(Split::Test, 0).unwrap());
        assert_ne!(
            episode,
            DoubleCopy::new(options, 2)
                .unwrap()
                .episode(Split::Train, 0)
                .unwrap()
        );
    }

    #[test]
    fn all_lengths_occur_and_the_test_has_its_own() {
        let options = DoubleCopyOptions {
            lengths: Lengths::new(1, 4).with_test(9, 9),
            ..Default::default()
        };
        let task = DoubleCopy::new(options, 1).unwrap();
        let mut seen: Vec<usize> = (0..100).map(|i| task.steps(Split::Train, i)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [5, 8, 11, 14]);
        assert_eq!(task.steps(Split::Test, 3), 2 + 27);
    }

    #[test]
    fn errors_count_bits_and_render_marks_them() {
        let options = DoubleCopyOptions {
            bits: 4,
            lengths: Lengths::new(2, 2),
            copies: 2,
        };
        let task = DoubleCopy::new(options, 5).unwrap();
        let episode = task.episode(Split::Train, 0).unwrap();
        let mut logits = parts(&episode).1.mapv(|bit| 6.0 * bit - 3.0);
        assert_eq!(task.errors(&episode, logits.view()).wrong, 0.0);
        logits[[3, 1]] *= -1.0;
        let errors = task.errors(&episode, logits.view());
        assert_eq!((errors.wrong, errors.total), (1.0, 16.0));
        let text = task.render(&episode, Some(logits.view()));
        assert_eq!(text.lines().count(), 1 + 8);
        assert_eq!(text.matches('x').count(), 1, "{text}");
        assert!(!task.render(&episode, None).contains("answered"));
    }

    #[test]
    fn options_out_of_range_are_named() {
        let with = |bits, min, max, copies| {
            DoubleCopy::new(
                DoubleCopyOptions {
                    bits,
                    lengths: Lengths::new(min, max),
                    copies,
                },
                0,
            )
            .map(|_| ())
        };
        assert_eq!(with(0, 1, 2, 1).unwrap_err().option, "bits");
        assert_eq!(with(1, 0, 2, 1).unwrap_err().option, "lengths");
        assert_eq!(with(1, 3, 2, 1).unwrap_err().option, "lengths");
        assert_eq!(with(1, 1, 2, 0).unwrap_err().option, "copies");
        assert_eq!(with(1, 1, 1, 1), Ok(()));
        let message = with(1, 3, 2, 1).unwrap_err().to_string();
        assert_eq!(
            message,
            "double-copy: option `lengths` is 3 to 2 for train: expected 1 <= min <= max <= 10000"
        );
    }
}
