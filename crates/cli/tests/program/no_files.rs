//! Pipes and devices in the place of files: opening one may wait for ever, and reading one may fill the memory.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ask::stories;
use crate::mnm::{command, folder, good};

/// A command that must fail with `code`, soon, with a message about the file `named`.
#[track_caller]
fn refused(code: i32, mut command: Command, named: &str) {
    let command = command.stdin(Stdio::null());
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("it waits: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{message}");
    for part in ["error: ", named, "no file but a pipe or a device"] {
        assert!(message.contains(part), "no {part:?}: {message}");
    }
}

fn on(arguments: &[&str], path: &Path) -> Command {
    let mut command = command(arguments.iter().copied());
    command.arg(path);
    command
}

/// A pipe that nobody writes to, and a device without end.
fn no_files(folder: &Path) -> [PathBuf; 2] {
    let pipe = folder.join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    [pipe, "/dev/zero".into()]
}

#[test]
fn named_on_the_command_line() {
    let (top, run) = folder();
    stories(&run, &[]);
    let out = top.path().join("out");
    for path in no_files(top.path()) {
        let name = path.to_str().unwrap();
        refused(2, on(&["config"], &path), name);
        // By a name that could be that of a config of the program.
        let word = path.file_name().unwrap();
        let mut here = on(&["config"], Path::new(word));
        here.current_dir(path.parent().unwrap());
        refused(2, here, word.to_str().unwrap());
        let mut train = on(&["train"], &path);
        train.arg("--out").arg(&out);
        refused(2, train, name);
        let mut train = on(&["train", "stories", "--out"], &out);
        train.arg("--set").arg(format!("train.from={name}"));
        refused(2, train, name);
        let mut apply = on(&["apply", "--input", "in", "--output", "out"], &path);
        apply.current_dir(top.path());
        refused(1, apply, name);
        let mut apply = on(&["apply", "--output", "out", "--input"], &path);
        apply.arg(&run).current_dir(top.path());
        refused(1, apply, name);
        let figures = top.path().join("figures.json");
        symlink(&path, &figures).unwrap();
        let mut report = on(&["report"], &figures);
        report.arg("--out").arg(&out);
        refused(1, report, "figures.json");
        std::fs::remove_file(figures).unwrap();
        assert!(!out.exists());
    }
}

/// Puts a link to `path` in the place of a file of the run, and gives what is to be put back.
fn exchanged(file: &Path, path: &Path) -> Option<Vec<u8>> {
    let bytes = std::fs::read(file).ok();
    if bytes.is_some() {
        std::fs::remove_file(file).unwrap();
    }
    symlink(path, file).unwrap();
    bytes
}

fn put_back(file: &Path, bytes: Option<Vec<u8>>) {
    std::fs::remove_file(file).unwrap();
    if let Some(bytes) = bytes {
        std::fs::write(file, bytes).unwrap();
    }
}

#[test]
fn among_the_files_of_a_run() {
    let (top, run) = folder();
    stories(&run, &[]);
    let out = top.path().join("out");
    let resume = || {
        let config = run.join("config.toml");
        let mut train = on(&["train", "--quiet", "--resume", "--out"], &run);
        train.arg(config);
        train
    };
    let report = || {
        let mut report = on(&["report", "--out"], &out);
        report.arg(&run);
        report
    };
    for path in no_files(top.path()) {
        let checkpoint = "checkpoint.safetensors";
        let bytes = exchanged(&run.join(checkpoint), &path);
        for arguments in [
            &["eval", "--last"][..],
            &["inspect", "--last"],
            &["ask", "--last"],
            &["play", "--no-open", "--last"],
            &["apply", "--last", "--input", "in", "--output", "out"],
        ] {
            refused(1, on(arguments, &run), checkpoint);
        }
        refused(1, resume(), checkpoint);
        put_back(&run.join(checkpoint), bytes);

        type Case<'a> = (&'a str, &'a [&'a dyn Fn() -> Command]);
        let cases: [Case<'_>; 6] = [
            ("metrics.jsonl", &[&resume, &report]),
            ("best.safetensors", &[&resume]),
            ("events.out.tfevents.0000000000.mnm", &[&resume]),
            ("summary.json", &[&report]),
            ("evaluation-test.json", &[&report]),
            ("config.toml", &[&report]),
        ];
        for (name, commands) in cases {
            let file = run.join(name);
            let bytes = exchanged(&file, &path);
            for command in commands {
                refused(1, command(), name);
            }
            put_back(&file, bytes);
        }
        assert!(!out.exists());
    }
    good(&mut resume());
    good(&mut report());
}

/// A folder that somebody prepared, without a run.
#[test]
fn where_a_run_is_to_begin() {
    let top = TempDir::new().unwrap();
    for path in no_files(top.path()) {
        let run = top.path().join("run");
        std::fs::create_dir(&run).unwrap();
        symlink(&path, run.join("config.toml")).unwrap();
        refused(1, on(&["train", "stories", "--out"], &run), "config.toml");
        std::fs::remove_dir_all(run).unwrap();
    }
}
