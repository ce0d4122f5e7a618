//! What is wrong with data is named.

use std::fs;

use mnm_tasks::babi::LineProblem;
use mnm_tasks::{Babi, BabiError, Split, Task, TaskError};

use crate::fixtures::{TRAIN, archive, one_task, options, stories, write};

#[test]
fn a_cut_off_or_foreign_archive_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tasks.tar.gz");
    archive(&path, &[("en/qa1_train.txt", stories(500))]);
    let bytes = fs::read(&path).unwrap();
    for broken in [&bytes[..bytes.len() / 2], b"not an archive"] {
        fs::write(&path, broken).unwrap();
        let error = Babi::load(options(&path, &[1])).unwrap_err();
        assert!(
            matches!(&error, BabiError::Archive { path: named, .. } if *named == path),
            "{error}"
        );
    }
}

/// Neither is read: a pipe that nobody writes to never begins, and a device never ends.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_no_files() {
    let dir = one_task();
    let pipe = dir.path().join("qa2_train.txt");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", dir.path().join("qa3_train.txt")).unwrap();
    for (place, task) in [(dir.path(), 2), (dir.path(), 3), (&pipe, 1)] {
        let error = Babi::load(options(place, &[task])).unwrap_err();
        let message = error.to_string();
        assert!(
            matches!(error, BabiError::Read { .. }) && message.contains("no file but a pipe"),
            "{message}"
        );
    }
    let error = Babi::load(options("/dev/zero".as_ref(), &[1])).unwrap_err();
    assert!(error.to_string().contains("/dev/zero"), "{error}");
}

#[test]
fn a_line_of_another_kind_of_file_is_named() {
    let dir = one_task();
    let path = dir.path().join("qa1_train.txt");
    fs::write(&path, format!("{TRAIN}1 {}\n", "a".repeat(1 << 20))).unwrap();
    let message = Babi::load(options(dir.path(), &[1]))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("qa1_train.txt:8:") && message.contains("it has 1048578 bytes"),
        "{message}"
    );
}

#[test]
fn missing_data_say_where_to_get_them() {
    let dir = tempfile::tempdir().unwrap();
    let error = Babi::load(options(&dir.path().join("nothing"), &[1])).unwrap_err();
    assert!(matches!(error, BabiError::Missing { .. }));
    for part in ["nothing", "http", "tasks_1-20_v1-2.tar.gz", "data.dir"] {
        assert!(error.to_string().contains(part), "{part} in {error}");
    }
    let message = Babi::load(options(dir.path(), &[1]))
        .unwrap_err()
        .to_string();
    assert!(message.contains("found there: nothing"), "{message}");
}

#[test]
fn a_missing_task_file_is_named() {
    let dir = one_task();
    let message = Babi::load(options(dir.path(), &[1, 4]))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("no train file of task 4") && message.contains("qa4_train.txt"),
        "{message}"
    );
    write(dir.path(), "qa4_train.txt", TRAIN);
    assert_eq!(
        Babi::load(options(dir.path(), &[1, 4]))
            .unwrap()
            .len(Split::Valid),
        Some(2)
    );
    write(dir.path(), "qa4_test.txt", TRAIN);
    let error = Babi::load(options(dir.path(), &[1, 4])).unwrap_err();
    assert!(
        matches!(
            error,
            BabiError::MissingTask {
                task: 1,
                split: Split::Test,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn malformed_lines_are_named_by_file_and_line() {
    let dir = one_task();
    let path = dir.path().join("qa1_train.txt");
    let broken: [(&[u8], usize, LineProblem); 6] = [
        (
            b"1 Mary left.\n2 Where is Mary?\thom",
            2,
            LineProblem::CutOff,
        ),
        (
            b"1 Mary left.\r2 Where is Mary?\thome\r",
            1,
            LineProblem::CarriageReturn,
        ),
        (
            b"1 Mary left.\n3 Where is Mary?\thome\n",
            2,
            LineProblem::IdOutOfOrder {
                found: 3,
                previous: Some(1),
            },
        ),
        (
            b"1 Mary left.\nWhere is Mary?\thome\n",
            2,
            LineProblem::NoId,
        ),
        (
            b"1 Mary left.\n2 Where is Mary? home 1\n",
            2,
            LineProblem::NoTab,
        ),
        (
            b"1 Mary left.\n2 Where is M\xe4ry?\thome\n",
            2,
            LineProblem::Utf8(13),
        ),
    ];
    for (bytes, at, what) in broken {
        fs::write(&path, bytes).unwrap();
        let error = Babi::load(options(dir.path(), &[1])).unwrap_err();
        let BabiError::Line {
            file,
            line,
            problem,
        } = &error
        else {
            panic!("{error}")
        };
        assert_eq!(
            (file.as_str(), *line, problem),
            (path.to_str().unwrap(), at, &what)
        );
    }
    fs::write(&path, "").unwrap();
    assert!(matches!(
        Babi::load(options(dir.path(), &[1])),
        Err(BabiError::EmptyFile { .. })
    ));
}

#[test]
fn what_a_split_does_not_hold_is_an_error() {
    let dir = one_task();
    let babi = Babi::load(options(dir.path(), &[1])).unwrap();
    let error = babi.episode(Split::Test, 0).unwrap_err();
    assert!(
        matches!(
            error,
            TaskError::Babi(BabiError::EmptySplit {
                split: Split::Test,
                ..
            })
        ),
        "{error}"
    );
    let held_out = babi.len(Split::Valid).unwrap();
    let error = babi.episode(Split::Valid, held_out).unwrap_err();
    assert!(
        matches!(
            error,
            TaskError::IndexOutOfRange { index, len, .. } if (index, len) == (held_out, held_out)
        ),
        "{error}"
    );
    assert_eq!(babi.steps(Split::Valid, held_out), 0);
    assert!(matches!(
        Babi::load(options(dir.path(), &[])),
        Err(BabiError::Option(_))
    ));
}
