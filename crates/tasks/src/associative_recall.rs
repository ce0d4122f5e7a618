//! Associative recall, as in the literature on Neural Turing Machines.

use ndarray::{Array2, ArrayView2, s};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::generated::{Generated, Generator, LengthDraw, LengthOption};
use crate::{Episode, Input, Interface, Labels, Lengths, OptionError, bits, render};

/// How an associative-recall episode is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AssociativeRecallOptions {
    /// Bits of each vector: 1 to 1024.
    pub bits: usize,
    /// Vectors an item: 1 to 100. With `bits`, it must allow twice as many different items as are shown.
    pub item_length: usize,
    /// Items shown: 2 to 1000.
    pub items: Lengths,
}

impl Default for AssociativeRecallOptions {
    /// The published figures: items of three 6-bit vectors, 2 to 6 of them in training, and up to 20 in the test.
    fn default() -> Self {
        AssociativeRecallOptions {
            bits: 6,
            item_length: 3,
            items: Lengths::new(2, 6).with_test(2, 20),
        }
    }
}

/// Given one item of a list, name the one that followed it.
///
/// With N items of L vectors, an episode is: for each item, a step with the item flag and L steps with its vectors; a
/// step with the query flag, the L vectors of an item that was not the last, and a step with the query flag again; then L
/// blank steps, at which the vectors of the item that followed it are to be given. No two items are alike. Inputs are
/// `[N (1 + L) + 2 (1 + L), bits + 2]`: the bits, the item flag, the query flag.
/// Source: Graves, Wayne, Danihelka, "Neural Turing Machines" (arXiv 1410.5401), section 4.3.
pub type AssociativeRecall = Generated<AssociativeRecallOptions>;

impl AssociativeRecallOptions {
    /// `count` items, no two alike.
    fn items(&self, count: usize, random: &mut ChaCha8Rng) -> Vec<Array2<f32>> {
        let mut items: Vec<Array2<f32>> = Vec::with_capacity(count);
        while items.len() < count {
            let item = bits::random(self.item_length, self.bits, random);
            if !items.contains(&item) {
                items.push(item);
            }
        }
        items
    }
}

impl Generator for AssociativeRecallOptions {
    const NAME: &'static str = "associative-recall";
    type Sizes = usize;

    fn lengths(&mut self) -> Vec<LengthOption<'_>> {
        vec![LengthOption::new("items", &mut self.items, 2, 1000)]
    }

    fn check(&self) -> Result<(), OptionError> {
        bits::check(Self::NAME, self.bits)?;
        OptionError::within(Self::NAME, "item_length", self.item_length, 1..=100)?;
        let (most, bits) = (self.items.most(), self.bits * self.item_length);
        // Beyond this there are more kinds than could be shown.
        let kinds = 1_usize << bits.min(62);
        let expected = format!("at most half of the {kinds} different items");
        OptionError::unless(2 * most <= kinds, Self::NAME, "items", most, expected)
    }

    fn interface(&self) -> Interface {
        bits::interface(self.bits)
    }

    fn sizes(&self, draw: &mut LengthDraw) -> usize {
        draw.length(&self.items)
    }

    fn steps(&self, &count: &usize) -> usize {
        (count + 2) * (1 + self.item_length)
    }

    fn episode(&self, count: usize, random: &mut ChaCha8Rng) -> Episode {
        let (width, length, steps) = (self.bits, self.item_length, self.steps(&count));
        let items = self.items(count, random);
        let asked = random.random_range(0..count - 1);

        let mut input = Array2::zeros((steps, width + 2));
        for (place, item) in items.iter().chain([&items[asked]]).enumerate() {
            let start = place * (1 + length);
            input[[start, width + usize::from(place == count)]] = 1.0;
            input
                .slice_mut(s![start + 1..=start + length, ..width])
                .assign(item);
        }
        let answer_after = (count + 1) * (1 + length);
        input[[answer_after, width + 1]] = 1.0;
        let answer = Labels::Bits(items[asked + 1].clone());
        Episode::new(
            Self::NAME,
            Input::Dense(input),
            answer_after + 1..steps,
            answer,
        )
        .with_text(format!(
            "asked: what followed item {} of {count}",
            asked + 1
        ))
    }

    fn render(
        &self,
        _interface: &Interface,
        episode: &Episode,
        logits: Option<ArrayView2<f32>>,
    ) -> String {
        render::bit_episode(episode, &[("bits", self.bits), ("item, query", 2)], logits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Split, Task};

    proptest! {
        #[test]
        fn the_answer_followed_what_was_asked(
            width in 3_usize..9, length in 1_usize..5, more in 0_usize..3, seed: u64, index: u64,
        ) {
            let options = AssociativeRecallOptions { bits: width, item_length: length, items: Lengths::new(2, 2 + more) };
            let task = AssociativeRecall::new(options, seed).unwrap();
            let episode = task.episode(Split::Train, index).unwrap();
            prop_assert_eq!(&episode, &task.episode(Split::Train, index).unwrap());
            prop_assert_eq!(episode.steps(), task.steps(Split::Train, index));
            let (Input::Dense(input), Labels::Bits(targets)) = (&episode.input, &episode.labels) else {
                panic!("dense and bits");
            };
            let flagged = |flag: usize| -> Vec<usize> {
                (0..input.nrows()).filter(|&step| input[[step, width + flag]] == 1.0).collect()
            };
            let item_at = |start: usize| input.slice(s![start + 1..=start + length, ..width]);
            let (starts, queries) = (flagged(0), flagged(1));
            prop_assert!((2..=2 + more).contains(&starts.len()));
            prop_assert_eq!(queries.len(), 2);
            let query = item_at(queries[0]);
            let matching: Vec<usize> = (0..starts.len()).filter(|&i| item_at(starts[i]) == query).collect();
            prop_assert_eq!(matching.len(), 1, "the query names one item");
            prop_assert_eq!(item_at(starts[matching[0] + 1]), targets);
            prop_assert_eq!(&episode.target_steps, &(queries[1] + 1..input.nrows()).collect::<Vec<_>>());
            prop_assert!(input.slice(s![queries[1] + 1.., ..]).iter().all(|&x| x == 0.0), "answers are given blind");
        }
    }

    #[test]
    fn every_item_but_the_last_is_asked_for() {
        let options = AssociativeRecallOptions {
            items: Lengths::new(4, 4),
            ..Default::default()
        };
        let task = AssociativeRecall::new(options, 1).unwrap();
        let mut asked: Vec<String> = (0..60)
            .map(|index| task.episode(Split::Train, index).unwrap().text.unwrap())
            .collect();
        asked.sort();
        asked.dedup();
        let expected = [1, 2, 3].map(|item| format!("asked: what followed item {item} of 4"));
        assert_eq!(asked, expected);
    }

    #[test]
    fn splits_and_indices_differ_and_render_names_the_query() {
        let task = AssociativeRecall::new(AssociativeRecallOptions::default(), 1).unwrap();
        let episode = task.episode(Split::Train, 0).unwrap();
        assert_ne!(episode, task.episode(Split::Train, 1).unwrap());
        assert_ne!(episode, task.episode(Split::Valid, 0).unwrap());
        let text = task.render(&episode, None);
        assert!(
            text.contains("asked: what followed item") && text.matches("->").count() == 3,
            "{text}"
        );
    }

    #[test]
    fn options_out_of_range_are_named() {
        let error = |bits, item_length, items| {
            AssociativeRecall::new(
                AssociativeRecallOptions {
                    bits,
                    item_length,
                    items,
                },
                0,
            )
            .unwrap_err()
            .to_string()
        };
        assert!(error(0, 3, Lengths::new(2, 6)).contains("`bits`"));
        assert!(error(6, 0, Lengths::new(2, 6)).contains("`item_length`"));
        assert!(error(6, 3, Lengths::new(1, 6)).contains("`items`"));
        let message = error(1, 3, Lengths::new(2, 5));
        assert!(
            message.contains("`items` is 5: expected at most half of the 8 different items"),
            "{message}"
        );
        let large = AssociativeRecallOptions {
            bits: 1024,
            item_length: 100,
            items: Lengths::new(2, 1000),
        };
        assert!(AssociativeRecall::new(large, 0).is_ok());
    }
}
