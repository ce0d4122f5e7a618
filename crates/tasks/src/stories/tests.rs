use std::collections::HashMap;

use ndarray::Array2;
use proptest::prelude::*;

use super::*;
use crate::{Input, InputKind, Labels};

fn stories(options: StoriesOptions) -> Stories {
    Stories::new(options, 11).unwrap()
}

/// Answers the questions of a story by reading it, knowing nothing of how it was made: the words of each question and
/// the answer given beside the one that was read out of the statements.
fn read_along(text: &str) -> Vec<(String, String, Option<String>)> {
    let (mut place_of, mut holder_of) = (
        HashMap::<String, String>::new(),
        HashMap::<String, String>::new(),
    );
    let mut asked = Vec::new();
    for line in text.lines() {
        let sentence = line.split_once(' ').unwrap().1;
        let last = |s: &str| {
            s.trim_end_matches(['.', '?'])
                .rsplit(' ')
                .next()
                .unwrap()
                .to_owned()
        };
        if let Some((question, rest)) = sentence.split_once('\t') {
            let subject = last(question);
            let holder = holder_of.get(&subject).cloned().unwrap_or(subject);
            let answer = rest.split('\t').next().unwrap().to_owned();
            asked.push((question.to_owned(), answer, place_of.get(&holder).cloned()));
            continue;
        }
        let person = sentence.split(' ').next().unwrap().to_owned();
        let Some(sentence) = sentence.strip_suffix(" there.") else {
            place_of.insert(person, last(sentence));
            continue;
        };
        let thing = last(sentence);
        if sentence.contains(" took ") || sentence.contains(" picked up ") {
            let here = place_of.get(&person).cloned();
            if let Some(lies_at) = place_of.remove(&thing) {
                assert_eq!(
                    Some(lies_at),
                    here,
                    "a thing is taken where it lies: {text}"
                );
            }
            assert_eq!(
                holder_of.insert(thing, person),
                None,
                "nobody else holds it: {text}"
            );
        } else {
            assert_eq!(
                holder_of.remove(&thing).as_ref(),
                Some(&person),
                "what is left was held: {text}"
            );
            place_of.insert(thing, place_of[&person].clone());
        }
    }
    asked
}

proptest! {
    #[test]
    fn every_answer_follows_from_the_statements(
        carries: bool, people in 1_usize..=8, places in 2_usize..=8, questions in 1_usize..8, statements in 1_usize..5,
        index: u64,
    ) {
        let plot = if carries { Plot::Carries } else { Plot::Moves };
        let task = stories(StoriesOptions { plot, people, places, questions, statements, ..Default::default() });
        let text = task.story(Split::Train, index);
        let asked = read_along(&text);
        prop_assert_eq!(asked.len(), questions);
        for (question, answer, read) in asked {
            prop_assert_eq!(Some(answer), read, "{} in\n{}", question, text);
        }
    }

    #[test]
    fn episodes_agree_with_the_text(separate: bool, word: bool, carries: bool, index in 0_u64..1 << 40) {
        let options = StoriesOptions {
            plot: if carries { Plot::Carries } else { Plot::Moves },
            asking: if separate { Questions::Separate } else { Questions::InPlace },
            encoding: if word { Encoding::Word } else { Encoding::Sentence },
            ..Default::default()
        };
        let task = stories(options);
        let episode = task.episode(Split::Valid, index).unwrap();
        prop_assert_eq!(&episode, &task.episode(Split::Valid, index).unwrap());
        prop_assert_eq!(episode.steps(), task.steps(Split::Valid, index));
        let (Input::Tokens(tokens), Labels::Classes(classes)) = (&episode.input, &episode.labels) else {
            panic!("stories are made of words and classes");
        };
        let InputKind::Tokens { words_per_step, vocabulary } = &task.interface().input else { panic!("words") };
        prop_assert!(tokens.iter().all(|step| (1..=*words_per_step).contains(&step.len())));
        prop_assert!(tokens.iter().flatten().all(|&word| word >= 2), "no word is unknown");

        let (story, number) = if separate { (index / 5, Some((index % 5) as usize)) } else { (index, None) };
        let asked = read_along(&task.story(Split::Valid, story));
        let asked = match number { Some(number) => &asked[number..=number], None => &asked[..] };
        let answers: Vec<&str> =
            classes.iter().map(|&class| task.vocabulary().answers[class as usize].as_str()).collect();
        prop_assert_eq!(answers, asked.iter().map(|(_, answer, _)| answer.as_str()).collect::<Vec<_>>());
        for (&step, (question, _, _)) in episode.target_steps.iter().zip(asked) {
            let last = *tokens[step].last().unwrap();
            let subject = question.trim_end_matches('?').rsplit(' ').next().unwrap().to_lowercase();
            prop_assert_eq!(&vocabulary[last as usize], &subject, "asked at the question's last word");
        }
    }
}

#[test]
fn things_are_asked_about_and_both_facts_are_needed() {
    let task = stories(StoriesOptions {
        plot: Plot::Carries,
        questions: 10,
        ..Default::default()
    });
    let texts: Vec<String> = (0..50)
        .map(|story| task.story(Split::Train, story))
        .collect();
    let of_things = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| line.contains("Where is the"))
        .count();
    assert!(
        of_things > 350,
        "{of_things} of 500 questions are about things"
    );
    let left = texts
        .iter()
        .filter(|text| text.contains("left the") || text.contains("put down the"))
        .count();
    assert!(
        left > 25,
        "things are left somewhere in {left} of 50 stories"
    );
}

#[test]
fn the_default_story_has_its_published_shape() {
    let task = stories(StoriesOptions::default());
    let episode = task.episode(Split::Train, 0).unwrap();
    assert_eq!(episode.target_steps, [2, 5, 8, 11, 14]);
    assert_eq!(episode.group, "moves");
    assert_eq!(task.interface().outputs.width(), 6);
    assert_eq!(task.len(Split::Train), None);
}

#[test]
fn index_split_and_seed_matter() {
    let task = stories(StoriesOptions::default());
    let story = task.story(Split::Train, 0);
    assert_ne!(story, task.story(Split::Train, 1));
    assert_ne!(story, task.story(Split::Valid, 0));
    assert_ne!(
        story,
        Stories::new(StoriesOptions::default(), 12)
            .unwrap()
            .story(Split::Train, 0)
    );
}

#[test]
fn render_shows_answers() {
    let task = stories(StoriesOptions::default());
    let episode = task.episode(Split::Train, 3).unwrap();
    let Labels::Classes(classes) = &episode.labels else {
        panic!("classes")
    };
    let mut logits = Array2::zeros((5, 6));
    for (row, &class) in classes.iter().enumerate() {
        logits[[row, class as usize]] = 1.0;
    }
    logits.row_mut(4).mapv_inplace(|x| -x);
    let text = task.render(&episode, Some(logits.view()));
    assert_eq!(text.matches("(right)").count(), 4, "{text}");
    assert_eq!(text.matches("(WRONG)").count(), 1, "{text}");
    assert_eq!(text.lines().count(), 16);
}

#[test]
fn options_out_of_range_are_named() {
    let error = |options| Stories::new(options, 0).unwrap_err();
    let default = StoriesOptions::default;
    assert_eq!(
        error(StoriesOptions {
            people: 9,
            ..default()
        })
        .option,
        "people"
    );
    assert_eq!(
        error(StoriesOptions {
            places: 1,
            ..default()
        })
        .option,
        "places"
    );
    assert_eq!(
        error(StoriesOptions {
            questions: 0,
            ..default()
        })
        .option,
        "questions"
    );
    let message = error(StoriesOptions {
        statements: 0,
        ..default()
    })
    .to_string();
    assert_eq!(
        message,
        "stories: option `statements` is 0: expected 1 to 100"
    );
    assert_eq!("travels".parse::<Plot>().unwrap_err().option, "plot");
    assert_eq!("carries".parse(), Ok(Plot::Carries));
}

/// The steps of an episode in words.
fn in_words(task: &Stories, episode: &Episode) -> Vec<String> {
    let Input::Tokens(steps) = &episode.input else {
        panic!("stories are words");
    };
    let word = |&index: &u32| task.vocabulary().words[index as usize].as_str();
    steps
        .iter()
        .map(|step| step.iter().map(word).collect::<Vec<_>>().join(" "))
        .collect()
}

/// With ticks and hops, statements and questions are shown again that often, each showing with its mark, and a question is
/// asked at its last one; nothing else changes.
#[test]
fn ticks_and_hops_show_lines_again() {
    let with = |ticks, hops| {
        stories(StoriesOptions {
            ticks,
            hops,
            ..StoriesOptions::default()
        })
    };
    let (plain, repeated) = (with(1, 0), with(2, 2));
    let (a, b) = (
        plain.episode(Split::Train, 3).unwrap(),
        repeated.episode(Split::Train, 3).unwrap(),
    );
    assert_eq!(b.steps(), repeated.steps(Split::Train, 3));
    let mut expected = Vec::new();
    for (step, line) in in_words(&plain, &a).into_iter().enumerate() {
        expected.extend([line.clone(), format!("{line} <2>")]);
        if a.target_steps.contains(&step) {
            expected.push(format!("{line} <3>"));
        }
    }
    assert_eq!(in_words(&repeated, &b), expected);
    let asked: Vec<&str> = b
        .target_steps
        .iter()
        .map(|&t| expected[t].as_str())
        .collect();
    assert_eq!(asked.len(), a.targets());
    assert!(asked.iter().all(|line| line.ends_with("<3>")), "{asked:?}");
}

/// Word by word, the mark is a step of its own.
#[test]
fn words_are_shown_again_as_well() {
    let with = |hops| {
        stories(StoriesOptions {
            encoding: Encoding::Word,
            asking: Questions::Separate,
            hops,
            ..StoriesOptions::default()
        })
    };
    let (plain, hopping) = (with(0), with(1));
    let (a, b) = (
        plain.episode(Split::Train, 3).unwrap(),
        hopping.episode(Split::Train, 3).unwrap(),
    );
    assert_eq!(b.steps(), hopping.steps(Split::Train, 3));
    let mut expected = in_words(&plain, &a);
    let question = expected[expected.len() - 3..].to_vec();
    expected.extend(question);
    expected.push("<2>".to_owned());
    assert_eq!(in_words(&hopping, &b), expected);
    assert_eq!(b.target_steps, [expected.len() - 1]);
}

#[test]
fn too_many_showings_are_refused() {
    let far = StoriesOptions {
        hops: 9,
        ..StoriesOptions::default()
    };
    assert_eq!(Stories::new(far, 1).unwrap_err().option, "hops");
    for ticks in [0, 9] {
        let wrong = StoriesOptions {
            ticks,
            ..StoriesOptions::default()
        };
        assert_eq!(Stories::new(wrong, 1).unwrap_err().option, "ticks");
    }
}
