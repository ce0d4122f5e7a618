//! `mnm data`: where the data come from, and checks of a download.

use std::path::Path;

use tempfile::TempDir;

use crate::mnm::{bad, command, good};

const STORY: &str = "1 Mary moved to the bathroom.\n2 Where is Mary? \tbathroom\t1\n";

fn babi(path: &Path, more: &[&str]) -> std::process::Command {
    let mut command = command(["data", "babi"]);
    command.arg(path).args(more);
    command
}

#[test]
fn without_a_path_it_says_where_to_get_the_archive() {
    let said = good(&mut command(["data", "babi"]));
    for part in [
        "tasks_1-20_v1-2.tar.gz",
        "https://",
        "Facebook AI Research",
        "mnm data babi ",
        "data.dir=",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    for arguments in [&["data", "--help"][..], &["data", "babi", "--help"]] {
        let help = good(&mut command(arguments.iter().copied()));
        assert!(help.contains("Examples:\n  mnm data babi\n"), "{help}");
    }
    bad(2, &mut command(["data", "babi", "--strict"]));
    bad(2, &mut command(["data", "mnist"]));
}

#[test]
fn files_are_counted_and_others_than_the_known_ones_are_named() {
    let top = TempDir::new().unwrap();
    let folder = top.path().join("en-valid-10k");
    std::fs::create_dir(&folder).unwrap();
    for name in ["qa1_train.txt", "qa1_valid.txt", "qa2_train.txt"] {
        std::fs::write(folder.join(name), STORY.repeat(3)).unwrap();
    }
    std::fs::write(folder.join("qa1_test.txt"), STORY).unwrap();
    let said = good(&mut babi(top.path(), &[]));
    assert!(said.starts_with(&folder.display().to_string()), "{said}");
    let row = |split: &str| -> Vec<&str> {
        let line = said.lines().find(|line| line.contains(split)).unwrap();
        line.split_whitespace().collect()
    };
    assert_eq!(row(" train ")[..5], ["1", "train", "3", "3", "3"]);
    assert_eq!(row(" train ")[5..9], ["not", "the", "known", "file"]);
    assert_eq!(row(" test ")[..5], ["1", "test", "1", "1", "1"]);
    for part in [
        "no sum on record (sha256 ",
        "train: 2 files, 6 questions",
        "7 words, 1 answers",
        "missing: qa3_train.txt, ",
        "qa2_valid.txt",
        "qa2_test.txt",
        "0 of 4 files are the published ones, 3 others are not, 1 have no sum on record",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }

    let output = babi(top.path(), &["--strict"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), said);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.starts_with("error: ") && message.contains("--strict"),
        "{message}"
    );
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let top = TempDir::new().unwrap();
    let message = bad(1, &mut babi(&top.path().join("absent"), &[]));
    assert!(message.contains("absent"), "{message}");
    let message = bad(1, &mut babi(top.path(), &[]));
    assert!(message.contains("no bAbI files"), "{message}");
    std::fs::write(top.path().join("qa4_train.txt"), "1 Mary left.\nand\n").unwrap();
    let message = bad(1, &mut babi(top.path(), &[]));
    assert!(message.contains("qa4_train.txt:2"), "{message}");
    let message = bad(1, &mut babi(top.path(), &["--subset", "hn"]));
    assert!(message.contains("hn"), "{message}");
}
