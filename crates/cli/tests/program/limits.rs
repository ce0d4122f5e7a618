//! The program under a limit on addresses, as a batch system sets one: it refuses with words, or answers, and always ends.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::mnm::{TINY, bad, folder, good, tiny};

/// The program under a limit of so many KiB, ended after 20 seconds.
fn under(kib: u32, directory: &Path, arguments: &[&str]) -> Command {
    let line = format!("ulimit -v {kib} && exec timeout 20 \"$0\" \"$@\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &line, env!("CARGO_BIN_EXE_mnm")]);
    shell.args(arguments).current_dir(directory);
    // As a shell has it.
    shell.env_remove("OPENBLAS_NUM_THREADS");
    shell
}

#[track_caller]
fn names(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

#[test]
fn sizes_that_the_machine_has_no_room_for() {
    let top = TempDir::new().unwrap();
    for (kib, config, sets, said) in [
        (
            4_000_000,
            "double-copy",
            &["model.controller=16384"][..],
            "model.controller = 16384",
        ),
        (
            4_000_000,
            "stories",
            &["model.hidden=8192"],
            "model.hidden = 8192",
        ),
        (
            4_000_000,
            "copy",
            &["model.kind=mnm", "model.hidden=8192", "train.batch=8"],
            "model.hidden = 8192",
        ),
        (
            4_000_000,
            "copy",
            &["model.kind=dnc", "model.slots=2048", "train.batch=8"],
            "model.slots = 2048",
        ),
        (
            4_000_000,
            "copy",
            &["model.slots=16384"],
            "model.slots = 16384",
        ),
        (
            4_000_000,
            "copy",
            &["model.slot_width=16384"],
            "model.slot_width = 16384",
        ),
        (
            4_000_000,
            "stories",
            &["model.value=16384"],
            "model.value = 16384",
        ),
        (
            2_000_000,
            "copy",
            &["train.batch=1000000"],
            "train.batch = 1000000",
        ),
    ] {
        // As many on every machine: each has a block of its own.
        let mut arguments = vec!["train", config, "--out", "run", "--set", "threads=2"];
        arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
        let message = bad(2, &mut under(kib, top.path(), &arguments));
        names(&message, &[said, "iB", "ulimit -v", "smaller"]);
    }
    for (shape, said) in [
        (
            "32,50,100,16384,100,100,1,177",
            "C of the shape (controller) = 16384",
        ),
        (
            "32,50,100,100,100,8192,1,177",
            "U of the shape (memory width) = 8192",
        ),
        (
            "2,5,100,100,16384,100,1,177",
            "M of the shape (key and value width) = 16384",
        ),
        (
            "32,50,100,100,100,100,1,1000000",
            "K of the shape (classes) = 1000000",
        ),
        (
            "2,1000000,100,100,100,100,1,177",
            "T of the shape (steps) = 1000000",
        ),
        (
            "1,100,1000000,100,100,100,1,177",
            "X of the shape (input width) = 1000000",
        ),
        (
            "1000000,50,100,100,100,100,1,177",
            "B of the shape (sequences) = 1000000",
        ),
    ] {
        let message = bad(
            2,
            &mut under(
                4_000_000,
                top.path(),
                &["bench", "--threads", "2", "--shape", shape],
            ),
        );
        names(&message, &[said, "iB"]);
    }
    assert_eq!(
        top.path().read_dir().unwrap().count(),
        0,
        "nothing was begun"
    );
}

#[track_caller]
fn code(output: &Output, what: &str) -> i32 {
    // 124 is that of `timeout`; there is none for a signal, as an abort is.
    let code = output.status.code().unwrap_or(-1);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        (0..=2).contains(&code),
        "{what}: {:?} {said}",
        output.status
    );
    code
}

/// Threads of OpenBLAS ask for ever for memory that they do not get, and the end of the program would wait for them.
#[test]
fn every_command_ends_under_any_limit_of_100_mb_and_more() {
    let (top, run) = folder();
    good(&mut tiny(&run, &["--quiet", "--set", "train.steps=1"]));
    let run = run.to_str().unwrap();
    let fresh = top.path().join("fresh");
    let mut train = vec!["train", "double-copy", "--quiet", "--out", "fresh"];
    let settings = TINY.iter().chain(&["train.steps=1", "threads=1"]);
    train.extend(settings.flat_map(|set| ["--set", set]));
    let commands: [&[&str]; 7] = [
        &["--version"],
        &["tasks", "copy"],
        &["eval", run, "--episodes", "2", "--threads", "1"],
        &["inspect", run],
        &train,
        &["ask", run],
        &["fly"],
    ];
    for kib in [100_000, 120_000, 150_000, 200_000, 300_000] {
        for arguments in commands {
            let output = under(kib, top.path(), arguments).output().unwrap();
            let found = code(&output, &format!("{arguments:?} under {kib} KiB"));
            // The next training begins anew.
            let _ = std::fs::remove_dir_all(&fresh);
            match arguments[0] {
                "--version" | "tasks" => {
                    assert_eq!(found, 0, "{arguments:?} under {kib} KiB");
                    assert!(!output.stdout.is_empty());
                }
                "fly" => assert_eq!(found, 2),
                _ => {}
            }
        }
    }
}
