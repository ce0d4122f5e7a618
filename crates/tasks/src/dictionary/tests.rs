use std::collections::HashMap;

use ndarray::Array2;
use proptest::prelude::*;

use super::*;
use crate::{Input, InputKind, Labels, Split, Task};

fn names(task: &Dictionary, episode: &Episode) -> Vec<String> {
    let (InputKind::Tokens { vocabulary, .. }, Input::Tokens(steps)) =
        (&task.interface().input, &episode.input)
    else {
        panic!("words");
    };
    steps
        .iter()
        .map(|step| vocabulary[step[0] as usize].clone())
        .collect()
}

/// Translates the query with what the pairs show and nothing else; `None` for a letter that they do not show.
fn infer(tokens: &[String]) -> Vec<Option<String>> {
    let mut dictionary = HashMap::new();
    let at = tokens
        .iter()
        .position(|token| token == "<translate>")
        .unwrap();
    for pair in tokens[..at].split(|token| token == "<source>").skip(1) {
        let middle = pair.iter().position(|token| token == "<target>").unwrap();
        let (source, target) = (&pair[..middle], &pair[middle + 1..]);
        assert_eq!(source.len(), target.len());
        for (letter, translation) in source.iter().zip(target) {
            let before = dictionary.insert(letter, translation);
            assert!(
                before.is_none_or(|before| before == translation),
                "one translation a letter"
            );
        }
    }
    let query = tokens[at + 1..]
        .iter()
        .take_while(|token| *token != "<answer>");
    query
        .map(|letter| {
            dictionary
                .get(letter)
                .map(|translation| (*translation).clone())
        })
        .collect()
}

proptest! {
    #[test]
    fn the_query_can_be_answered_from_the_support(
        source in 2_usize..40, more in 0_usize..20, pairs in 1_usize..5, length in 1_usize..6, query in 1_usize..12,
        seed: u64, index: u64,
    ) {
        let options = DictionaryOptions {
            source_letters: source,
            target_letters: source + more,
            pairs: Lengths::new(1, pairs),
            lengths: Lengths::new(1, length),
            query: Lengths::new(1, query),
        };
        let task = Dictionary::new(options, seed).unwrap();
        let episode = task.episode(Split::Test, index).unwrap();
        prop_assert_eq!(&episode, &task.episode(Split::Test, index).unwrap());
        prop_assert_eq!(episode.steps(), task.steps(Split::Test, index));
        let tokens = names(&task, &episode);
        let Labels::Classes(classes) = &episode.labels else { panic!("classes") };
        let right: Vec<_> = classes.iter().map(|&c| Some(letter_name(c as usize, b'A'))).collect();
        prop_assert_eq!(infer(&tokens), right);
        prop_assert!(episode.target_steps.iter().all(|&step| tokens[step] == "<answer>"));
        prop_assert_eq!(tokens.iter().filter(|token| *token == "<answer>").count(), episode.targets());
    }
}

#[test]
fn dictionaries_differ_from_episode_to_episode_and_tests_are_longer() {
    let task = Dictionary::new(DictionaryOptions::default(), 1).unwrap();
    let episode = |split, index| task.episode(split, index).unwrap();
    assert_ne!(episode(Split::Train, 0).text, episode(Split::Train, 1).text);
    assert_ne!(episode(Split::Train, 0), episode(Split::Valid, 0));
    for index in 0..20 {
        assert!((4..=6).contains(&episode(Split::Train, index).targets()));
        assert!((10..=16).contains(&episode(Split::Test, index).targets()));
    }
}

#[test]
fn letters_beyond_z_have_names() {
    assert_eq!(
        [0, 25, 26, 53].map(|letter| letter_name(letter, b'a')),
        ["a", "z", "a1", "b2"]
    );
}

#[test]
fn render_shows_pairs_answers_and_the_dictionary() {
    let task = Dictionary::new(DictionaryOptions::default(), 1).unwrap();
    let episode = task.episode(Split::Train, 0).unwrap();
    let Labels::Classes(classes) = &episode.labels else {
        panic!("classes")
    };
    let logits = Array2::from_shape_fn((classes.len(), 8), |(row, class)| {
        let wanted = if row == 0 {
            (classes[0] + 1) % 8
        } else {
            classes[row]
        };
        if class as u32 == wanted { 1.0 } else { 0.0 }
    });
    let text = task.render(&episode, Some(logits.view()));
    assert_eq!(text.lines().count(), 1 + 4 + 1 + 2 + 1, "{text}");
    assert_eq!(text.matches("(x)").count(), 1, "{text}");
    assert_eq!(task.errors(&episode, logits.view()).wrong, 1.0);
    assert!(text.contains("dictionary: a="), "{text}");
}

#[test]
fn options_out_of_range_are_named() {
    let error = |options| Dictionary::new(options, 0).unwrap_err().option;
    let default = DictionaryOptions::default;
    assert_eq!(
        error(DictionaryOptions {
            source_letters: 1,
            ..default()
        }),
        "source_letters"
    );
    assert_eq!(
        error(DictionaryOptions {
            target_letters: 7,
            ..default()
        }),
        "target_letters"
    );
    assert_eq!(
        error(DictionaryOptions {
            pairs: Lengths::new(0, 1),
            ..default()
        }),
        "pairs"
    );
    assert_eq!(
        error(DictionaryOptions {
            lengths: Lengths::new(3, 2),
            ..default()
        }),
        "lengths"
    );
    assert_eq!(
        error(DictionaryOptions {
            query: Lengths::new(1, 2000),
            ..default()
        }),
        "query"
    );
}
