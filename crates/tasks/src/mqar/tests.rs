use std::collections::{BTreeSet, HashMap};

use ndarray::Array2;
use proptest::prelude::*;

use super::*;
use crate::{Input, Labels, Task, stream};

fn tokens(episode: &Episode) -> Vec<u32> {
    let Input::Tokens(steps) = &episode.input else {
        panic!("words")
    };
    steps.iter().map(|step| step[0]).collect()
}

fn classes(episode: &Episode) -> &[u32] {
    let Labels::Classes(classes) = &episode.labels else {
        panic!("classes")
    };
    classes
}

proptest! {
    #[test]
    fn every_key_is_told_once_and_asked_once_behind_its_pair(
        keys in 1_usize..40, load in 0.0..1.0, more in 0_usize..30, power in 0.0..=1.0, noise: bool, seed: u64, index: u64,
    ) {
        let pairs = 1 + (load * (keys - 1) as f64) as usize;
        let options = MqarOptions {
            vocabulary: 2 * keys,
            pairs: Lengths::new(1, pairs),
            length: Lengths::new(4 * pairs, 4 * pairs + more),
            power,
            noise,
        };
        let task = Mqar::new(options.clone(), seed).unwrap();
        let episode = task.episode(Split::Valid, index).unwrap();
        prop_assert_eq!(&episode, &task.episode(Split::Valid, index).unwrap());
        prop_assert_eq!(episode.steps(), task.steps(Split::Valid, index));
        prop_assert_eq!(episode.check(task.interface()), Ok(()));

        // Answered from what is shown, and from nothing else.
        let tokens = tokens(&episode);
        let told = 2 * episode.targets();
        let dictionary: HashMap<u32, u32> = tokens[..told].chunks(2).map(|pair| (pair[0], pair[1])).collect();
        prop_assert_eq!(dictionary.len(), episode.targets(), "no two keys are alike");
        let values: BTreeSet<u32> = dictionary.values().copied().collect();
        prop_assert_eq!(values.len(), episode.targets(), "no two values are alike");
        for (&step, &class) in episode.target_steps.iter().zip(classes(&episode)) {
            prop_assert!(step >= told && step % 2 == 0, "every query comes after all pairs");
            prop_assert_eq!(dictionary[&tokens[step]], options.value_token(class as usize));
        }
        // What is not asked is no key of the episode.
        for (step, token) in tokens.iter().enumerate().skip(told) {
            let asked = episode.target_steps.contains(&step);
            prop_assert_eq!(dictionary.contains_key(token), asked);
            prop_assert_eq!(*token == BLANK, !asked && !noise);
        }
    }
}

/// The first gap drawn has the weights of the power law; so have the others, among those that are left.
#[test]
fn gaps_follow_the_power_law() {
    const DRAWS: usize = 40_000;
    for power in [0.01, 0.5, 1.0] {
        let weights: Vec<f64> = (1..=6).map(|g| f64::from(g).powf(power - 1.0)).collect();
        let sum: f64 = weights.iter().sum();
        let mut random = stream(5, "gaps", 0);
        let (mut first, mut both) = ([0.0; 6], [[0.0; 6]; 6]);
        for _ in 0..DRAWS {
            let drawn = gaps(2, 6, power, &mut random);
            first[drawn[0]] += 1.0;
            both[drawn[0]][drawn[1]] += 1.0;
        }
        let near = |count: f64, probability: f64, what: String| {
            let expected = DRAWS as f64 * probability;
            let error = (expected * (1.0 - probability)).sqrt();
            assert!(
                (count - expected).abs() <= 5.0 * error,
                "{what} at {power}: {count}, expected {expected}"
            );
        };
        for a in 0..6 {
            near(first[a], weights[a] / sum, format!("gap {a}"));
            for b in (0..6).filter(|&b| b != a) {
                let probability = weights[a] / sum * weights[b] / (sum - weights[a]);
                near(both[a][b], probability, format!("gap {b} after {a}"));
            }
            assert_eq!(both[a][a], 0.0, "without replacement");
        }
    }
}

#[test]
fn as_many_gaps_as_there_are_are_all_of_them() {
    let mut drawn = gaps(9, 9, 0.01, &mut stream(1, "gaps", 1));
    drawn.sort_unstable();
    assert_eq!(drawn, (0..9).collect::<Vec<_>>());
}

#[test]
fn splits_indices_and_seeds_differ() {
    let task = Mqar::new(MqarOptions::default(), 1).unwrap();
    let episode = task.episode(Split::Train, 0).unwrap();
    assert_eq!((episode.steps(), episode.targets()), (64, 8));
    let other = Mqar::new(MqarOptions::default(), 2).unwrap();
    for different in [
        task.episode(Split::Train, 1),
        task.episode(Split::Test, 0),
        other.episode(Split::Train, 0),
    ] {
        assert_ne!(different.unwrap(), episode);
    }
}

#[test]
fn render_shows_pairs_and_queries() {
    let options = MqarOptions {
        vocabulary: 8,
        pairs: Lengths::new(2, 2),
        length: Lengths::new(12, 12),
        ..MqarOptions::default()
    };
    let task = Mqar::new(options, 1).unwrap();
    let episode = task.episode(Split::Train, 0).unwrap();
    let right = classes(&episode);
    let logits = Array2::from_shape_fn((2, 4), |(row, class)| {
        let wanted = if row == 0 {
            (right[0] + 1) % 4
        } else {
            right[row]
        };
        f32::from(class as u32 == wanted)
    });
    let text = task.render(&episode, Some(logits.view()));
    assert_eq!(text.lines().count(), 4, "{text}");
    assert_eq!(text.lines().nth(1).unwrap().matches('=').count(), 2);
    assert_eq!(text.matches("(x)").count(), 1, "{text}");
    assert_eq!(task.errors(&episode, logits.view()).wrong, 1.0);
    assert!(!task.render(&episode, None).contains("answered"));
}

#[test]
fn options_out_of_range_are_named() {
    let default = MqarOptions::default;
    let error = |options| Mqar::new(options, 0).unwrap_err().to_string();
    let with = |text: &str, options| {
        let message = error(options);
        assert!(message.contains(text), "{message}");
    };
    with(
        "`vocabulary`",
        MqarOptions {
            vocabulary: 1,
            ..default()
        },
    );
    with(
        "`pairs` is 8: expected at most 7, half of the vocabulary",
        MqarOptions {
            vocabulary: 15,
            ..default()
        },
    );
    with(
        "`length` is 31 for test: expected 32 or more",
        MqarOptions {
            length: Lengths::new(64, 64).with_test(31, 40),
            ..default()
        },
    );
    for power in [-0.1, 1.5, f64::NAN] {
        with("`power`", MqarOptions { power, ..default() });
    }
}
