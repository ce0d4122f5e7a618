//! Questions made of the statements of training stories.

use mnm_tasks::{Babi, BabiOptions, Encoding, Labels, Questions, Split, Task};
use tempfile::TempDir;

use crate::fixtures::{VALID, one_task, options, words, write};

const STORY: &str = "\
1 Mary is in the hall.
2 John is in the garden.
3 Mary is in the attic.
4 Mary left.
5 Where is Mary?\tattic\t3
";

/// Stories alike, each of which draws cues of its own.
fn told(questions: Questions) -> (TempDir, Babi) {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "qa1_train.txt", STORY.repeat(32));
    write(dir.path(), "qa1_valid.txt", STORY);
    let babi = Babi::load(BabiOptions {
        questions,
        recall: 1.0,
        ..options(dir.path(), &[1])
    });
    (dir, babi.unwrap())
}

fn answers(babi: &Babi, index: u64) -> Vec<String> {
    let Labels::Classes(classes) = babi.episode(Split::Train, index).unwrap().labels else {
        panic!("bAbI asks for classes")
    };
    let name = |&class: &u32| babi.vocabulary().answers[class as usize].clone();
    classes.iter().map(name).collect()
}

#[test]
fn behind_every_statement_a_word_of_one_told_is_asked_for() {
    for questions in [Questions::InPlace, Questions::Separate] {
        let (_dir, babi) = told(questions);
        let mut asked = std::collections::BTreeSet::new();
        for index in 0..32 {
            let shown = words(&babi, Split::Train, index);
            let episode = babi.episode(Split::Train, index).unwrap();
            assert_eq!(babi.steps(Split::Train, index), episode.steps());
            assert_eq!(episode, babi.episode(Split::Train, index).unwrap());
            let mut statements: Vec<&str> = Vec::new();
            let answers = answers(&babi, index);
            let mut answers = answers.iter();
            for (step, line) in shown.iter().enumerate() {
                if !episode.target_steps.contains(&step) {
                    statements.push(line);
                    continue;
                }
                let answer = answers.next().unwrap();
                if !line.contains("<blank>") {
                    assert_eq!((line.as_str(), answer.as_str()), ("where is mary", "attic"));
                    continue;
                }
                asked.insert(line.clone());
                let (before, after) = line.split_once("<blank>").unwrap();
                let last = statements.iter().rev().find(|told| {
                    told.len() > before.len() + after.len()
                        && told.starts_with(before)
                        && told.ends_with(after)
                        && !told[before.len()..told.len() - after.len()].contains(' ')
                });
                assert_eq!(
                    last.copied(),
                    Some(line.replace("<blank>", answer).as_str()),
                    "the last statement that fits has the answer"
                );
            }
            assert_eq!(answers.next(), None);
        }
        assert!(asked.contains("mary is in the <blank>"), "{asked:?}");
        assert!(asked.contains("<blank> is in the garden"), "{asked:?}");
        assert!(
            asked
                .iter()
                .all(|cue| !cue.contains("mary <blank>") && !cue.contains("in <blank>")),
            "what is the same in all statements is not asked: {asked:?}"
        );
    }
}

#[test]
fn a_story_has_other_cues_in_another_epoch_and_the_same_question() {
    let (_dir, babi) = told(Questions::InPlace);
    let len = babi.len(Split::Train).unwrap();
    let mut others = 0;
    for index in 0..len {
        let [first, later] = [index, index + 3 * len].map(|index| {
            let episode = babi.episode(Split::Train, index).unwrap();
            assert_eq!(episode, babi.episode(Split::Train, index).unwrap());
            assert_eq!(babi.steps(Split::Train, index), episode.steps());
            episode
        });
        others += usize::from(first.input != later.input);
        assert_eq!(answers(&babi, index + 3 * len).last().unwrap(), "attic");
    }
    assert!(others > 16, "{others} of {len}");
}

#[test]
fn another_seed_asks_other_cues() {
    let (_dir, babi) = told(Questions::InPlace);
    let other = babi.clone().with_seed(1);
    let differs = |&index: &u64| {
        let episode = other.episode(Split::Train, index).unwrap();
        assert_eq!(other.steps(Split::Train, index), episode.steps());
        episode.input != babi.episode(Split::Train, index).unwrap().input
    };
    let others = (0..32).filter(differs).count();
    assert!(others > 16, "{others} of 32");
}

#[test]
fn stories_are_asked_in_the_first_epochs_only_if_so_many_are_named() {
    let (dir, _) = told(Questions::InPlace);
    let babi = Babi::load(BabiOptions {
        recall: 1.0,
        recall_epochs: Some(2),
        ..options(dir.path(), &[1])
    })
    .unwrap();
    let len = babi.len(Split::Train).unwrap();
    for (epoch, targets) in [(0, 5), (1, 5), (2, 1), (3, 1)] {
        let index = epoch * len;
        let episode = babi.episode(Split::Train, index).unwrap();
        assert_eq!(episode.targets(), targets, "epoch {epoch}");
        assert_eq!(babi.steps(Split::Train, index), episode.steps());
    }
}

#[test]
fn the_steps_are_counted_without_the_episode() {
    for encoding in [Encoding::Sentence, Encoding::Word] {
        for recall in [0.0, 0.4] {
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), "qa1_train.txt", STORY.repeat(8));
            let babi = Babi::load(BabiOptions {
                encoding,
                recall,
                ticks: 2,
                hops: 3,
                ..options(dir.path(), &[1])
            })
            .unwrap();
            let mut asked = 0;
            for index in 0..babi.len(Split::Train).unwrap() {
                let episode = babi.episode(Split::Train, index).unwrap();
                assert_eq!(babi.steps(Split::Train, index), episode.steps());
                asked += episode.targets() - 1;
            }
            assert_eq!(asked > 0, recall > 0.0, "{encoding:?}");
        }
    }
}

#[test]
fn only_training_stories_are_asked() {
    let (_dir, babi) = told(Questions::InPlace);
    assert_eq!(words(&babi, Split::Valid, 0).len(), 5);
    assert_eq!(babi.steps(Split::Valid, 0), 5);
}

#[test]
fn words_are_answers_only_where_they_are_recalled() {
    let dir = one_task();
    let load = |recall| {
        Babi::load(BabiOptions {
            recall,
            ..options(dir.path(), &[1])
        })
        .unwrap()
    };
    let (without, with) = (load(0.0), load(0.5));
    assert_eq!(without.vocabulary().answers.len(), 3);
    assert!(!without.vocabulary().words.contains(&"<blank>".to_owned()));
    assert!(with.vocabulary().words.contains(&"<blank>".to_owned()));
    for answer in ["milk,apple", "sandra", "moved"] {
        assert!(
            with.vocabulary().answers.contains(&answer.to_owned()),
            "{answer}"
        );
    }
    assert!(!with.vocabulary().answers.contains(&"<blank>".to_owned()));
}

#[test]
fn a_vocabulary_with_recalled_words_reads_stories_that_are_not_asked() {
    let (_dir, babi) = told(Questions::InPlace);
    let other = tempfile::tempdir().unwrap();
    write(other.path(), "qa1_test.txt", VALID);
    let again = Babi::with_vocabulary(
        BabiOptions {
            recall: 1.0,
            ..options(other.path(), &[1])
        },
        babi.vocabulary().clone(),
    )
    .unwrap();
    assert_eq!(words(&again, Split::Test, 0).len(), 3);
}

#[test]
fn a_share_out_of_range_is_refused() {
    let dir = one_task();
    for recall in [-0.1, 1.5, f64::NAN] {
        let error = Babi::load(BabiOptions {
            recall,
            ..options(dir.path(), &[1])
        })
        .unwrap_err()
        .to_string();
        assert!(
            error.contains("recall") && error.contains("0 to 1"),
            "{error}"
        );
    }
}
