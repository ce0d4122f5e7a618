//! Counting and checking a download.

use mnm_tasks::babi::{Inventory, Provenance};
use mnm_tasks::{Babi, BabiOptions, Split};

use crate::fixtures::{TRAIN, VALID, archive, one_task, options, stories, write};

#[test]
fn files_are_counted_as_the_loaded_data_are() {
    let dir = one_task();
    let inventory = Inventory::take(&options(dir.path(), &[1])).unwrap();
    let babi = Babi::load(options(dir.path(), &[1])).unwrap();
    let counted: Vec<_> = inventory
        .files
        .iter()
        .map(|f| (f.task, f.split, f.stories, f.statements, f.questions))
        .collect();
    let loaded: Vec<_> = babi
        .counts()
        .iter()
        .map(|c| (c.task, c.split, c.stories, c.statements, c.questions))
        .collect();
    assert_eq!(counted, loaded);
    assert_eq!(counted[0], (1, Split::Train, 2, 4, 3));
    assert!(inventory.missing.is_empty());
    assert_eq!(inventory.answers, 4, "bathroom, milk,apple, hallway, attic");
    assert!(inventory.words > 15, "{}", inventory.words);
}

#[test]
fn gaps_are_listed_and_nothing_is_made_up() {
    let dir = one_task();
    write(dir.path(), "qa2_valid.txt", VALID);
    write(dir.path(), "qa3_train.txt", TRAIN);
    let inventory = Inventory::take(&options(dir.path(), &[1, 2, 3])).unwrap();
    assert_eq!(inventory.missing, [(Split::Train, 2), (Split::Valid, 3)]);
    assert_eq!(inventory.files.len(), 4);
    assert!(!inventory.is_official());
}

#[test]
fn other_files_are_told_from_those_without_a_sum_on_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.tar.gz");
    let mut files = Vec::new();
    let names = [
        ("top/en-valid-10k/qa1_train.txt", Provenance::Different),
        ("top/en-valid-10k/qa1_test.txt", Provenance::NotOnRecord),
        ("top/en-valid-10k/qa3_train.txt", Provenance::NotOnRecord),
        ("top/en-valid-10k/qa3_test.txt", Provenance::NotOnRecord),
    ];
    for (name, _) in names {
        files.push((name, stories(3)));
    }
    archive(&path, &files);
    let inventory = Inventory::take(&options(&path, &[1, 3])).unwrap();
    assert_eq!(inventory.files.len(), names.len());
    for file in &inventory.files {
        let (_, expected) = names
            .iter()
            .find(|(name, _)| file.name.ends_with(&name[4..]))
            .unwrap();
        assert_eq!(file.provenance, *expected, "{}", file.name);
    }
    assert!(!inventory.is_official());
    let only_third = Inventory::take(&options(&path, &[3])).unwrap();
    assert!(only_third.is_official(), "nothing speaks against it");
}

#[test]
fn a_malformed_line_is_named() {
    let dir = one_task();
    write(dir.path(), "qa2_train.txt", "1 Mary left.\nJohn left.\n");
    let error = Inventory::take(&BabiOptions::new(dir.path())).unwrap_err();
    assert!(error.to_string().contains("qa2_train.txt:2"), "{error}");
}
