//! What the episodes of a story hold.

use mnm_tasks::{
    Babi, BabiError, BabiOptions, Encoding, InputKind, Labels, Questions, Split, Task,
    UNKNOWN_CLASS, Vocabulary, loss,
};
use ndarray::Array2;

use crate::fixtures::{VALID, one_task, options, words, write};

#[test]
fn in_place_a_story_is_an_episode() {
    let dir = one_task();
    let babi = Babi::load(options(dir.path(), &[1])).unwrap();
    assert_eq!(babi.len(Split::Train), Some(2));
    let episode = babi.episode(Split::Train, 0).unwrap();
    assert_eq!(episode.group, "qa1");
    assert_eq!(
        (episode.steps(), &episode.target_steps[..]),
        (5, &[2, 4][..])
    );
    assert_eq!(
        babi.vocabulary().answers,
        ["bathroom", "hallway", "milk,apple"]
    );
    assert_eq!(episode.labels, Labels::Classes(vec![0, 2]));
    assert_eq!(
        words(&babi, Split::Train, 0)[3..],
        ["mary got the milk there", "what is mary carrying"]
    );
    assert_eq!(babi.steps(Split::Train, 1), 2);
    let InputKind::Tokens { words_per_step, .. } = babi.interface().input else {
        panic!("words")
    };
    assert_eq!(words_per_step, 5);
    assert_eq!(babi.failed_above(), 5.0);
}

/// A model is made for the longest training line; what it will be tested on changes nothing of it.
#[test]
fn a_longer_line_in_another_split_changes_no_shape() {
    let dir = one_task();
    let longest = || {
        let babi = Babi::load(options(dir.path(), &[1])).unwrap();
        match babi.interface().input {
            InputKind::Tokens { words_per_step, .. } => words_per_step,
            InputKind::Dense { .. } => panic!("words"),
        }
    };
    let before = longest();
    let long = "1 Mary went back to the very small bathroom.\n2 Where is Mary?\tbathroom\t1\n";
    for split in ["valid", "test"] {
        write(dir.path(), &format!("qa1_{split}.txt"), long);
    }
    assert_eq!(longest(), before);
}

#[test]
fn an_epoch_shows_the_training_stories_of_a_task_again() {
    let dir = one_task();
    let once = Babi::load(options(dir.path(), &[1])).unwrap();
    let thrice = Babi::load(BabiOptions {
        again: vec![1, 20, 1],
        ..options(dir.path(), &[1])
    })
    .unwrap();
    assert_eq!(thrice.len(Split::Train), Some(6));
    for index in 0..6 {
        assert_eq!(
            words(&thrice, Split::Train, index),
            words(&once, Split::Train, index / 3)
        );
    }
    assert_eq!(thrice.len(Split::Valid), once.len(Split::Valid));
    assert_eq!(thrice.counts(), once.counts());
}

#[test]
fn separate_questions_leave_the_earlier_ones_out() {
    let dir = one_task();
    let babi = Babi::load(BabiOptions {
        questions: Questions::Separate,
        ..options(dir.path(), &[1])
    })
    .unwrap();
    assert_eq!(babi.len(Split::Train), Some(3));
    assert_eq!(
        words(&babi, Split::Train, 1),
        [
            "mary moved to the bathroom",
            "john went to the hallway",
            "mary got the milk there",
            "what is mary carrying"
        ]
    );
    let episode = babi.episode(Split::Train, 1).unwrap();
    assert_eq!(
        (episode.target_steps, episode.labels),
        (vec![3], Labels::Classes(vec![2]))
    );
    assert_eq!(
        (0..3)
            .map(|i| babi.steps(Split::Train, i))
            .collect::<Vec<_>>(),
        [3, 4, 2]
    );
}

#[test]
fn word_by_word_the_target_is_at_the_last_word_of_the_question() {
    let dir = one_task();
    let babi = Babi::load(BabiOptions {
        encoding: Encoding::Word,
        ..options(dir.path(), &[1])
    })
    .unwrap();
    let episode = babi.episode(Split::Train, 0).unwrap();
    assert_eq!(babi.steps(Split::Train, 0), 5 + 5 + 3 + 5 + 4);
    assert_eq!(episode.steps(), 22);
    assert_eq!(episode.target_steps, [12, 21]);
    let text = words(&babi, Split::Train, 0);
    assert_eq!((text[12].as_str(), text[21].as_str()), ("mary", "carrying"));
    assert!(matches!(
        babi.interface().input,
        InputKind::Tokens {
            words_per_step: 1,
            ..
        }
    ));
    assert_eq!(
        babi.render(&episode, None).lines().count(),
        3,
        "a heading and a line a question"
    );
}

#[test]
fn words_and_answers_come_from_training_alone() {
    let dir = one_task();
    let babi = Babi::load(options(dir.path(), &[1])).unwrap();
    assert!(
        babi.vocabulary().words.contains(&"apple".to_owned()),
        "answers are split into words at commas"
    );
    assert!(!babi.vocabulary().words.contains(&"attic".to_owned()));
    assert_eq!(words(&babi, Split::Valid, 0)[0], "mary went to the <unk>");
    let episode = babi.episode(Split::Valid, 0).unwrap();
    assert_eq!(episode.labels, Labels::Classes(vec![UNKNOWN_CLASS, 1]));
    assert_eq!(
        episode.text.as_deref(),
        Some("answers never seen in training: attic")
    );
    let mut logits = Array2::zeros((2, 3));
    logits.column_mut(1).fill(1.0);
    assert_eq!(
        babi.errors(&episode, logits.view()).wrong,
        1.0,
        "an unknown answer is always an error"
    );
    assert_eq!(
        loss::of_labels(&episode.labels, logits.mapv(f64::from).view())
            .unwrap()
            .targets,
        1,
        "and has no loss"
    );
    let text = babi.render(&episode, Some(logits.view()));
    assert!(
        text.contains("never seen in training)  answered hallway (WRONG)"),
        "{text}"
    );
    assert!(text.contains("hallway  answered hallway (right)"), "{text}");
}

#[test]
fn a_vocabulary_goes_out_and_comes_back() {
    let dir = one_task();
    let vocabulary = Babi::load(options(dir.path(), &[1]))
        .unwrap()
        .vocabulary()
        .clone();
    let other = tempfile::tempdir().unwrap();
    write(other.path(), "qa1_test.txt", VALID);
    let babi = Babi::with_vocabulary(options(other.path(), &[1]), vocabulary.clone()).unwrap();
    assert_eq!(babi.vocabulary(), &vocabulary);
    assert_eq!(
        (
            babi.len(Split::Train),
            babi.len(Split::Valid),
            babi.len(Split::Test)
        ),
        (Some(0), Some(0), Some(1))
    );
    assert_eq!(words(&babi, Split::Test, 0)[1], "where is mary");
    let broken = Vocabulary {
        words: vec!["mary".into()],
        answers: vec!["hallway".into()],
    };
    let error = Babi::with_vocabulary(options(other.path(), &[1]), broken).unwrap_err();
    assert!(
        matches!(&error, BabiError::Vocabulary(_)) && error.to_string().contains("<unk>"),
        "{error}"
    );
}
