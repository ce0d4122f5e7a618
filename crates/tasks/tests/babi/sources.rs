//! Folders, subsets and archives.

use std::fs;
use std::io::{Read, Write};
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
fn a_validation_split_that_is_cut_from_the_training_file_is_told() {
    let dir = one_task();
    write(dir.path(), "qa2_train.txt", stories(20));
    write(dir.path(), "qa5_train.txt", stories(20));
    let babi = Babi::load(options(dir.path(), &[1, 2, 5])).unwrap();
    let cut: Vec<_> = babi.counts().iter().filter(|c| c.is_cut).collect();
    let cut: Vec<_> = cut.iter().map(|c| (c.task, c.split, c.stories)).collect();
    assert_eq!(cut, [(2, Split::Valid, 2), (5, Split::Valid, 2)]);
    let notes = babi.notes();
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].contains("no validation file of tasks 2, 5: the last tenth of the training"),
        "{notes:?}"
    );
    let whole = Babi::load(options(dir.path(), &[1])).unwrap();
    assert_eq!(whole.notes(), [""; 0]);
}

#[test]
fn two_folders_of_one_name_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("a/en-10k"), dir.path().join("b/en-10k"));
    write(&one, "qa1_train.txt", stories(10));
    write(&other, "qa1_train.txt", stories(10));
    let error = Babi::load(options(dir.path(), &[1])).unwrap_err();
    assert!(matches!(error, BabiError::TwoFolders { .. }), "{error}");
    // The nearer one goes first, as it always did.
    write(&dir.path().join("en-10k"), "qa1_train.txt", stories(20));
    let babi = Babi::load(options(dir.path(), &[1])).unwrap();
    assert_eq!(babi.len(Split::Train), Some(18));

    let path = dir.path().join("tasks.tar.gz");
    let files = ["a/en-10k", "b/en-10k", "a/en"]
        .map(|folder| (format!("{folder}/qa1_train.txt"), stories(10)));
    let files: Vec<_> = files.iter().map(|f| (f.0.as_str(), f.1.clone())).collect();
    archive(&path, &files);
    let message = Babi::load(options(&path, &[1])).unwrap_err().to_string();
    assert!(
        message.contains("several folders of the name \"en-10k\": a/en-10k, b/en-10k"),
        "{message}"
    );
    let english = BabiOptions {
        subset: Some("en".to_owned()),
        ..options(&path, &[1])
    };
    assert!(Babi::load(english).is_ok());
}

/// What used to be read of the first member only, and the validation file then cut out of the training file.
#[test]
fn an_archive_of_several_gzip_members_is_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (path, parts) = (dir.path().join("whole.tar.gz"), dir.path().join("parts"));
    let file = |name: &str| format!("en/{name}");
    let (train, valid) = (file("qa1_train.txt"), file("qa1_valid.txt"));
    archive(&path, &[(&train, stories(20)), (&valid, stories(5))]);
    let mut tar = Vec::new();
    let packed = fs::File::open(&path).unwrap();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut tar)
        .unwrap();
    // Cut where the second file's header begins.
    let at = tar
        .windows(valid.len())
        .position(|bytes| bytes == valid.as_bytes());
    let (first, second) = tar.split_at(at.unwrap());
    let mut members = Vec::new();
    for part in [first, second] {
        let mut encoder = flate2::write::GzEncoder::new(&mut members, flate2::Compression::fast());
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap();
    }
    fs::write(&parts, members).unwrap();
    let babi = Babi::load(options(&parts, &[1])).unwrap();
    assert_eq!(babi.len(Split::Train), Some(20));
    assert_eq!(babi.len(Split::Valid), Some(5));
    assert_eq!(babi.notes(), [""; 0]);
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
