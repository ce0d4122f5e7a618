//! Folders, subsets and archives.

use std::path::Path;

use mnm_tasks::{Babi, BabiError, BabiOptions, Split, Task};

use crate::fixtures::{TRAIN, VALID, archive, one_task, options, stories, write};

#[test]
fn both_layouts_and_several_tasks() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "qa1_single-supporting-fact_train.txt",
        stories(20),
    );
    write(
        dir.path(),
        "qa1_single-supporting-fact_test.txt",
        stories(3),
    );
    write(dir.path(), "qa12_conjunction_train.txt", TRAIN);
    write(dir.path(), "qa12_conjunction_test.txt", VALID);
    let babi = Babi::load(options(dir.path(), &[12, 1])).unwrap();
    assert_eq!(babi.len(Split::Train), Some(1 + 18));
    assert_eq!(
        babi.len(Split::Valid),
        Some(1 + 2),
        "a tenth of the stories, at least one"
    );
    assert_eq!(babi.len(Split::Test), Some(4));
    assert_eq!(babi.episode(Split::Valid, 0).unwrap().group, "qa12");
    assert_eq!(babi.episode(Split::Valid, 2).unwrap().group, "qa1");
    assert!(babi.vocabulary().answers.contains(&"thing17".to_owned()));
    assert!(
        !babi.vocabulary().answers.contains(&"thing18".to_owned()),
        "held out: the last stories"
    );

    let counts: Vec<_> = babi
        .counts()
        .iter()
        .map(|c| (c.task, c.split, c.stories, c.statements, c.questions))
        .collect();
    let expected = [
        (1, Split::Train, 18, 18, 18),
        (12, Split::Train, 1, 3, 2),
        (1, Split::Valid, 2, 2, 2),
        (12, Split::Valid, 1, 1, 1),
        (1, Split::Test, 3, 3, 3),
        (12, Split::Test, 1, 1, 2),
    ];
    assert_eq!(counts, expected);
}

#[test]
fn a_parent_folder_and_its_subsets() {
    let dir = tempfile::tempdir().unwrap();
    let release = dir.path().join("tasks_1-20_v1-2");
    write(&release.join("en-10k"), "qa1_train.txt", stories(10));
    write(&release.join("hn"), "qa1_train.txt", stories(4));
    let train = |dir: &Path, subset: Option<&str>| {
        let options = BabiOptions {
            subset: subset.map(str::to_owned),
            ..options(dir, &[1])
        };
        Babi::load(options).map(|babi| babi.len(Split::Train))
    };
    assert_eq!(train(&release, None).unwrap(), Some(9));
    assert_eq!(train(dir.path(), None).unwrap(), Some(9));
    assert_eq!(train(dir.path(), Some("hn")).unwrap(), Some(3));
    assert_eq!(train(&release.join("hn"), Some("hn")).unwrap(), Some(3));
    write(&release.join("en-valid-10k"), "qa1_train.txt", stories(20));
    assert_eq!(
        train(&release, None).unwrap(),
        Some(18),
        "en-valid-10k goes first"
    );
    let error = train(&release, Some("shuffled")).unwrap_err();
    assert!(matches!(error, BabiError::NoSubset { .. }));
    let message = error.to_string();
    assert!(
        message.contains("in shuffled") && message.contains("en-10k/, en-valid-10k/, hn/"),
        "{message}"
    );
}

#[test]
fn the_published_archive() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tasks.tar.gz");
    archive(
        &path,
        &[
            ("tasks_1-20_v1-2/README.txt", "read me".to_owned()),
            (
                "tasks_1-20_v1-2/en-10k/qa1_single-supporting-fact_train.txt",
                stories(10),
            ),
            (
                "tasks_1-20_v1-2/en-valid-10k/._qa1_train.txt",
                "not this".to_owned(),
            ),
            (
                "tasks_1-20_v1-2/en-valid-10k/qa1_train.txt",
                TRAIN.to_owned(),
            ),
            (
                "tasks_1-20_v1-2/en-valid-10k/qa1_valid.txt",
                VALID.to_owned(),
            ),
            (
                "tasks_1-20_v1-2/en-valid-10k/qa2_train.txt",
                "broken, but not asked for".to_owned(),
            ),
        ],
    );
    let babi = Babi::load(options(&path, &[1])).unwrap();
    assert_eq!(
        (
            babi.len(Split::Train),
            babi.len(Split::Valid),
            babi.len(Split::Test)
        ),
        (Some(2), Some(1), Some(0))
    );
    let folder = one_task();
    let from_folder = Babi::load(options(folder.path(), &[1])).unwrap();
    assert_eq!(
        babi.episode(Split::Train, 0).unwrap(),
        from_folder.episode(Split::Train, 0).unwrap()
    );

    let with = |subset: &str, task| BabiOptions {
        subset: Some(subset.to_owned()),
        ..options(&path, &[task])
    };
    assert_eq!(
        Babi::load(with("en-10k", 1)).unwrap().len(Split::Train),
        Some(9)
    );
    let message = Babi::load(with("hn", 1)).unwrap_err().to_string();
    assert!(
        message.contains("found there: en-10k, en-valid-10k"),
        "{message}"
    );
    let message = Babi::load(with("en-valid-10k", 2)).unwrap_err().to_string();
    assert!(
        message.contains("tasks.tar.gz:en-valid-10k/qa2_train.txt:1: malformed"),
        "{message}"
    );
    assert!(matches!(
        Babi::load(options(&path, &[7])),
        Err(BabiError::MissingTask { task: 7, .. })
    ));
}
