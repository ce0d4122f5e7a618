//! Training stories told with words that have changed places.

use std::collections::{BTreeMap, BTreeSet};

use mnm_tasks::{Babi, BabiOptions, Labels, Questions, Rename, Split, Task};
use tempfile::TempDir;

use crate::fixtures::{options, words, write};

const STORY: &str = "\
1 The attic is north of the hall.
2 The hall is west of the garden.
3 How do you go from the attic to the garden?\ts,e\t1 2
4 Mary is in the attic.
5 Where is Mary?\tattic\t4
";
/// So that every answer that a story may have, renamed, is one of the training stories.
const OTHERS: &str = "\
1 The attic is south of the hall.
2 The hall is east of the garden.
3 How do you go from the attic to the garden?\tn,w\t1 2
4 How do you go there?\ts,w\t1
5 How do you go there?\tn,e\t1
6 How do you go there?\te,s\t1
7 How do you go there?\te,n\t1
8 How do you go there?\tw,s\t1
9 How do you go there?\tw,n\t1
10 Where is the hall?\thall\t1
11 Where is the garden?\tgarden\t1
";
const EPOCHS: u64 = 64;

fn rename(words: &[&str]) -> Rename {
    Rename {
        tasks: vec![19],
        words: words.iter().map(|&words| words.to_owned()).collect(),
        after: 0,
    }
}

/// Places, and the ways to turn and mirror a map.
fn renames() -> Vec<Rename> {
    vec![
        rename(&["attic", "hall", "garden"]),
        rename(&["north n", "south s"]),
        rename(&["east e", "west w"]),
        rename(&["north n south s", "east e west w"]),
    ]
}

fn load(rename: Vec<Rename>, others: &str, more: impl Fn(&mut BabiOptions)) -> (TempDir, Babi) {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "qa19_train.txt", STORY.to_owned() + others);
    write(dir.path(), "qa19_valid.txt", STORY);
    write(dir.path(), "qa1_train.txt", STORY);
    write(dir.path(), "qa1_valid.txt", STORY);
    let mut options = BabiOptions {
        rename,
        ..options(dir.path(), &[1, 19])
    };
    more(&mut options);
    let babi = Babi::load(options).unwrap();
    (dir, babi)
}

/// The lines of an episode and the answers to its questions.
fn told(babi: &Babi, split: Split, index: u64) -> (Vec<String>, Vec<String>) {
    let episode = babi.episode(split, index).unwrap();
    assert_eq!(
        babi.episode(split, index).unwrap(),
        episode,
        "the same every time"
    );
    assert_eq!(babi.steps(split, index), episode.steps());
    let Labels::Classes(classes) = episode.labels else {
        panic!("bAbI asks for classes")
    };
    let name = |&class: &u32| babi.vocabulary().answers[class as usize].clone();
    (
        words(babi, split, index),
        classes.iter().map(name).collect(),
    )
}

/// An episode in each epoch.
fn tellings(babi: &Babi, index: u64) -> impl Iterator<Item = (Vec<String>, Vec<String>)> + '_ {
    let len = babi.len(Split::Train).unwrap();
    (0..EPOCHS).map(move |epoch| told(babi, Split::Train, index + epoch * len))
}

/// What each word of the first telling has become in the second: one word, wherever it stands, and another for another.
fn becomes(
    from: &(Vec<String>, Vec<String>),
    to: &(Vec<String>, Vec<String>),
) -> BTreeMap<String, String> {
    let parts = |told: &(Vec<String>, Vec<String>)| -> Vec<String> {
        let lines = told
            .0
            .iter()
            .flat_map(|line| line.split(' '))
            .map(str::to_owned);
        lines
            .chain(
                told.1
                    .iter()
                    .flat_map(|answer| answer.split(','))
                    .map(str::to_owned),
            )
            .collect()
    };
    let (from, to) = (parts(from), parts(to));
    assert_eq!(from.len(), to.len());
    let mut becomes = BTreeMap::new();
    for (from, to) in from.into_iter().zip(to) {
        let known = becomes.entry(from.clone()).or_insert_with(|| to.clone());
        assert_eq!(*known, to, "{from}");
    }
    let images: BTreeSet<&String> = becomes.values().collect();
    assert_eq!(images.len(), becomes.len(), "{becomes:?}");
    becomes
}

#[test]
fn words_change_places_all_through_a_story_and_its_answers() {
    let (_dir, plain) = load(Vec::new(), OTHERS, |_| ());
    let (_dir, babi) = load(renames(), OTHERS, |_| ());
    let original = told(&plain, Split::Train, 1);
    let (mut places, mut ways) = (BTreeSet::new(), BTreeSet::new());
    for telling in tellings(&babi, 1) {
        let becomes = becomes(&original, &telling);
        for word in ["the", "is", "of", "mary", "you"] {
            assert_eq!(becomes[word], word);
        }
        for way in ["north", "west"] {
            let letter = |way: &str| way[..1].to_owned();
            let opposite = |letter: &str| match letter {
                "n" => "s",
                "s" => "n",
                "e" => "w",
                _ => "e",
            };
            let answered = opposite(&letter(way)).to_owned();
            assert_eq!(becomes[&answered], opposite(&letter(&becomes[way])));
        }
        places.insert(
            ["attic", "hall", "garden"]
                .map(|place| becomes[place].clone())
                .join(" "),
        );
        ways.insert(["north", "west"].map(|way| becomes[way].clone()).join(" "));
    }
    assert_eq!(places.len(), 6, "every order: {places:?}");
    assert_eq!(ways.len(), 8, "turned and mirrored: {ways:?}");
}

#[test]
fn another_seed_changes_other_words() {
    let (_dir, babi) = load(renames(), OTHERS, |_| ());
    let other = babi.clone().with_seed(1);
    let same = tellings(&babi, 1)
        .zip(tellings(&other, 1))
        .filter(|(one, other)| one == other)
        .count();
    assert!(same < EPOCHS as usize / 10, "{same}");
}

#[test]
fn words_stay_where_they_are_in_the_first_epochs_if_so_many_are_named() {
    let after = |rename| Rename { after: 8, ..rename };
    let (_dir, plain) = load(Vec::new(), OTHERS, |_| ());
    let (_dir, babi) = load(renames().into_iter().map(after).collect(), OTHERS, |_| ());
    let original = told(&plain, Split::Train, 1);
    let renamed: Vec<bool> = tellings(&babi, 1)
        .map(|telling| telling != original)
        .collect();
    assert!(renamed[..8].iter().all(|renamed| !renamed));
    let later = renamed[8..].iter().filter(|&&renamed| renamed).count();
    assert!(later > (renamed.len() - 8) * 9 / 10, "{later}");
}

#[test]
fn validation_stories_and_other_tasks_are_as_they_are() {
    let (_dir, plain) = load(Vec::new(), OTHERS, |_| ());
    let (_dir, babi) = load(renames(), OTHERS, |_| ());
    let len = babi.len(Split::Train).unwrap();
    for epoch in 0..EPOCHS {
        let index = epoch * len;
        assert_eq!(
            told(&babi, Split::Train, index),
            told(&plain, Split::Train, index)
        );
    }
    for index in 0..2 {
        assert_eq!(
            told(&babi, Split::Valid, index),
            told(&plain, Split::Valid, index)
        );
    }
    assert_eq!(babi.vocabulary(), plain.vocabulary());
}

#[test]
fn the_words_of_an_answer_of_several_change_places_too() {
    let others = "\
1 Where is the key?\tthe hall\t1
2 Where is the key?\tthe attic\t1
3 Where is the key?\tthe garden, the hall\t1
4 Where is the key?\tthe garden, the attic\t1
5 Where is the key?\thall\t1
";
    let places = vec![rename(&["hall", "attic"])];
    let (_dir, babi) = load(places, others, |_| ());
    let mut changed = 0;
    for (lines, answers) in tellings(&babi, 2) {
        let attic = answers[0] == "the attic";
        changed += usize::from(attic);
        let [one, other] = if attic {
            ["attic", "hall"]
        } else {
            ["hall", "attic"]
        };
        let expected = [
            format!("the {one}"),
            format!("the {other}"),
            format!("the garden,the {one}"),
            format!("the garden,the {other}"),
            one.to_owned(),
        ];
        assert_eq!(answers, expected, "{lines:?}");
    }
    assert!(changed > 0 && changed < EPOCHS as usize, "{changed}");
}

#[test]
fn a_story_with_an_answer_that_would_be_new_is_as_it_is() {
    let (_dir, plain) = load(Vec::new(), "", |_| ());
    let (_dir, babi) = load(vec![renames()[0].clone()], "", |_| ());
    let original = told(&plain, Split::Train, 1);
    // The attic is the only place that is the answer to a question, so it cannot be another.
    let mut others = 0;
    for telling in tellings(&babi, 1) {
        assert_eq!(telling.1, original.1);
        others += usize::from(telling.0 != original.0);
    }
    assert!(others > 0 && others < EPOCHS as usize / 3, "{others}");
}

#[test]
fn words_to_be_recalled_are_renamed_too() {
    for questions in [Questions::InPlace, Questions::Separate] {
        let (_dir, babi) = load(renames(), OTHERS, |options| {
            options.tasks = vec![19];
            options.recall = 1.0;
            options.questions = questions;
        });
        let (mut cues, mut tellings_as_told) = (0, std::collections::BTreeSet::new());
        for (lines, answers) in tellings(&babi, 0) {
            let mut answers = answers.iter();
            tellings_as_told.insert(lines[0].clone());
            for line in &lines {
                let asked = line.contains("<blank>");
                cues += usize::from(asked);
                if !asked && !line.starts_with("how") && !line.starts_with("where") {
                    continue;
                }
                let answer = answers.next().unwrap();
                assert!(
                    !asked || lines.contains(&line.replace("<blank>", answer)),
                    "{line}: {answer}"
                );
            }
            assert_eq!(answers.next(), None);
        }
        assert!(
            cues > 0 && tellings_as_told.len() > 1,
            "{cues}: {tellings_as_told:?}"
        );
    }
}

fn error(rename: Rename) -> String {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "qa19_train.txt", STORY);
    write(dir.path(), "qa19_valid.txt", STORY.replace("attic", "yard"));
    let options = BabiOptions {
        rename: vec![rename],
        ..options(dir.path(), &[19])
    };
    Babi::load(options).unwrap_err().to_string()
}

#[test]
fn what_cannot_change_places_is_refused() {
    for wrong in [
        &["attic"][..],
        &[],
        &["attic", "attic"],
        &["north n", "south"],
        &["north n", "south n"],
        &["north  n", "south  s"],
        &["", "attic"],
    ] {
        let error = error(rename(wrong));
        assert!(
            error.contains("`rename`") && error.contains("two or more different words"),
            "{error}"
        );
    }
    for tasks in [vec![], vec![0], vec![19, 21]] {
        let error = error(Rename {
            tasks,
            ..rename(&["attic", "hall"])
        });
        assert!(error.contains("tasks of 1 to 20"), "{error}");
    }
}

#[test]
fn a_word_that_no_story_has_is_named_unless_its_tasks_are_not_loaded() {
    // The yard is in no training story.
    let strange = rename(&["attic", "yard"]);
    let error = error(strange.clone());
    for told in ["\"yard\"", "training stories of task 19", "data.rename=[]"] {
        assert!(error.contains(told), "{error}");
    }
    let elsewhere = Rename {
        tasks: vec![3],
        ..strange
    };
    load(vec![elsewhere], OTHERS, |_| ());
}
