//! Priority sort, as in the literature on Neural Turing Machines.

use ndarray::{Array2, ArrayView2, s};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::generated::{Generated, Generator, LengthDraw, LengthOption};
use crate::{Episode, Input, Interface, Labels, Lengths, OptionError, bits, render};

/// How a priority-sort episode is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrioritySortOptions {
    /// Bits of each vector: 1 to 1024.
    pub bits: usize,
    /// Vectors shown: 1 to 10000.
    pub inputs: Lengths,
    /// Vectors to give back: 1 to the fewest shown.
    pub outputs: usize,
}

impl Default for PrioritySortOptions {
    /// The published figures: 8 bits, 20 in, 16 out.
    fn default() -> Self {
        PrioritySortOptions {
            bits: 8,
            inputs: Lengths::new(20, 20),
            outputs: 16,
        }
    }
}

/// Give back the vectors of highest priority, the highest first.
///
/// With N vectors shown, an episode is: N steps with a vector and its priority, uniform in [-1, 1], no two alike; a step
/// with the end flag; then `outputs` blank steps, at each of which the vector of the next lower priority is to be given.
/// Inputs are `[N + 1 + outputs, bits + 2]`: the bits, the priority, the end flag.
/// Source: Graves, Wayne, Danihelka, "Neural Turing Machines" (arXiv 1410.5401), section 4.5.
pub type PrioritySort = Generated<PrioritySortOptions>;

/// `count` different numbers, uniform in [-1, 1]. Two that are alike have no order, so the second is drawn again.
fn priorities(count: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
    let mut drawn: Vec<f32> = Vec::with_capacity(count);
    while drawn.len() < count {
        let priority = random.random_range(-1.0..=1.0);
        if !drawn.contains(&priority) {
            drawn.push(priority);
        }
    }
    drawn
}

impl Generator for PrioritySortOptions {
    const NAME: &'static str = "priority-sort";
    type Sizes = usize;

    fn lengths(&mut self) -> Vec<LengthOption<'_>> {
        vec![LengthOption::new("inputs", &mut self.inputs, 1, 10_000)]
    }

    fn check(&self) -> Result<(), OptionError> {
        bits::check(Self::NAME, self.bits)?;
        let (fewest, outputs) = (self.inputs.least(), self.outputs);
        let expected = format!("1 to {fewest}, the fewest vectors shown");
        let holds = (1..=fewest).contains(&outputs);
        OptionError::unless(holds, Self::NAME, "outputs", outputs, expected)
    }

    fn interface(&self) -> Interface {
        bits::interface(self.bits)
    }

    fn sizes(&self, draw: &mut LengthDraw) -> usize {
        draw.length(&self.inputs)
    }

    fn steps(&self, &count: &usize) -> usize {
        count + 1 + self.outputs
    }

    fn episode(&self, count: usize, random: &mut ChaCha8Rng) -> Episode {
        let (width, steps) = (self.bits, self.steps(&count));
        let vectors = bits::random(count, width, random);
        let priorities = priorities(count, random);

        let mut input = Array2::zeros((steps, width + 2));
        input.slice_mut(s![..count, ..width]).assign(&vectors);
        for (step, &priority) in priorities.iter().enumerate() {
            input[[step, width]] = priority;
        }
        input[[count, width + 1]] = 1.0;

        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| priorities[b].total_cmp(&priorities[a]));
        let targets = Array2::from_shape_fn((self.outputs, width), |(row, bit)| {
            vectors[[order[row], bit]]
        });
        let asked = count + 1..steps;
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
        let columns = [("bits", self.bits), ("priority", 1), ("end", 1)];
        render::bit_episode(episode, &columns, logits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Split, Task};

    proptest! {
        #[test]
        fn the_targets_are_sorted_and_the_highest(
            width in 4_usize..12, outputs in 1_usize..10, more in 0_usize..10, seed: u64, index: u64,
        ) {
            let options = PrioritySortOptions { bits: width, inputs: Lengths::new(outputs, outputs + more), outputs };
            let task = PrioritySort::new(options, seed).unwrap();
            let episode = task.episode(Split::Test, index).unwrap();
            prop_assert_eq!(&episode, &task.episode(Split::Test, index).unwrap());
            prop_assert_eq!(episode.steps(), task.steps(Split::Test, index));
            let (Input::Dense(input), Labels::Bits(targets)) = (&episode.input, &episode.labels) else {
                panic!("dense and bits");
            };
            let count = episode.target_steps[0] - 1;
            prop_assert_eq!(input[[count, width + 1]], 1.0);
            prop_assert!(input.slice(s![count + 1.., ..]).iter().all(|&x| x == 0.0), "answers are given blind");
            let priorities = input.slice(s![..count, width]);
            prop_assert!(priorities.iter().all(|p| (-1.0..=1.0).contains(p)));
            for (target, wanted) in targets.rows().into_iter().enumerate() {
                // Exactly `target` of the vectors shown have a higher priority than the one to be given there.
                let rank = |step: usize| priorities.iter().filter(|&&p| p > priorities[step]).count();
                let step = (0..count).find(|&step| rank(step) == target).unwrap();
                prop_assert_eq!(wanted, input.slice(s![step, ..width]));
            }
        }
    }

    #[test]
    fn the_default_is_the_published_size() {
        let task = PrioritySort::new(PrioritySortOptions::default(), 1).unwrap();
        let episode = task.episode(Split::Train, 0).unwrap();
        assert_eq!((episode.steps(), episode.targets()), (37, 16));
        assert_ne!(episode, task.episode(Split::Train, 1).unwrap());
        assert_ne!(episode, task.episode(Split::Valid, 0).unwrap());
        let text = task.render(&episode, None);
        assert_eq!(
            (text.lines().count(), text.matches("->").count()),
            (38, 16),
            "{text}"
        );
    }

    #[test]
    fn options_out_of_range_are_named() {
        let error = |bits, inputs, outputs| {
            PrioritySort::new(
                PrioritySortOptions {
                    bits,
                    inputs,
                    outputs,
                },
                0,
            )
            .unwrap_err()
            .option
        };
        assert_eq!(error(0, Lengths::new(4, 4), 2), "bits");
        assert_eq!(error(4, Lengths::new(0, 4), 2), "inputs");
        assert_eq!(error(4, Lengths::new(4, 4), 5), "outputs");
        assert_eq!(error(4, Lengths::new(4, 4).with_test(3, 3), 4), "outputs");
    }
}
