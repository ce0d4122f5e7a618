//! Running the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Settings with which a run takes about a second. A block of sequences is 16: several must go into a batch, or the
/// number of threads could not show.
pub const TINY: &[&str] = &[
    "data.bits=3",
    "data.lengths.train={ min = 1, max = 3 }",
    "data.lengths.valid={ min = 1, max = 3 }",
    "data.lengths.test={ min = 4, max = 4 }",
    "model.controller=7",
    "model.value=5",
    "model.hidden=6",
    "model.layers=2",
    "model.dropout_hidden=0.2",
    "train.steps=12",
    "train.batch=40",
    "train.log_every=2",
    "train.valid_every=3",
    "train.valid_episodes=20",
    "train.checkpoint_every=3",
    "train.learning_rate=0.01",
];

/// The program with these arguments.
pub fn command<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mnm"));
    // What it prints must not depend on who runs the tests.
    command.env_remove("CLICOLOR_FORCE").env("COLUMNS", "100");
    command.args(arguments);
    command
}

/// `mnm train double-copy` with [`TINY`] settings, then `more`, into `out`.
pub fn tiny(out: &Path, more: &[&str]) -> Command {
    let mut command = command(["train", "double-copy", "--out"]);
    command.arg(out);
    for set in TINY {
        command.args(["--set", set]);
    }
    command.args(more);
    command
}

/// The same for a model of another kind, which is told no sizes of a memory network.
pub fn tiny_of(kind: &str, out: &Path, more: &[&str]) -> Command {
    let mut command = command(["train", "double-copy", "--out"]);
    command
        .arg(out)
        .args(["--set", &format!("model.kind={kind}")]);
    let network = ["model.value=", "model.hidden=", "model.layers="];
    for set in TINY {
        if !network.iter().any(|size| set.starts_with(size)) {
            command.args(["--set", set]);
        }
    }
    command.args(more);
    command
}

/// Runs a command that must succeed; gives its standard output.
#[track_caller]
pub fn good(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Runs a command that must succeed and print nothing, progress included.
#[track_caller]
pub fn silent(command: &mut Command) {
    let output = command.output().unwrap();
    let printed = [text(&output.stdout), text(&output.stderr)];
    assert!(output.status.success(), "{command:?}\n{}", printed[1]);
    assert_eq!(printed, [String::new(), String::new()], "{command:?}");
}

/// Runs a command that must fail with `code`, with one message and nothing else; gives the message.
#[track_caller]
pub fn bad(code: i32, command: &mut Command) -> String {
    let output: Output = command.output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{message}");
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    assert!(message.starts_with("error: "), "{message}");
    assert_eq!(message.matches("error: ").count(), 1, "{message}");
    for word in ["panicked", "backtrace", "RUST_"] {
        assert!(!message.contains(word), "{message}");
    }
    message
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder of its own, and the run folder in it.
pub fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    (folder, run)
}

/// Asserts that two runs left the same bytes.
#[track_caller]
pub fn same_bytes(one: &Path, other: &Path) {
    same_files(
        one,
        other,
        &[
            "checkpoint.safetensors",
            "best.safetensors",
            "metrics.jsonl",
        ],
    );
}

/// Asserts that two runs left the same, though one came to its steps in several sittings: the file of the best parameters
/// also holds the config, and with it how many steps the sitting had before it that found them.
#[track_caller]
pub fn same_outcome(one: &Path, other: &Path) {
    same_files(one, other, &["checkpoint.safetensors", "metrics.jsonl"]);
    let [a, b] = [one, other].map(|run| std::fs::read(run.join("best.safetensors")).unwrap());
    let [a, b] = [&a, &b].map(|bytes| safetensors::SafeTensors::deserialize(bytes).unwrap());
    assert!(!a.is_empty() && a.len() == b.len());
    for (name, tensor) in a.tensors() {
        assert!(b.tensor(&name).unwrap() == tensor, "the best {name} differ");
    }
}

#[track_caller]
fn same_files(one: &Path, other: &Path, names: &[&str]) {
    for name in names {
        let [a, b] = [one, other].map(|run| std::fs::read(run.join(name)).unwrap());
        assert!(!a.is_empty(), "{name}");
        assert!(a == b, "{name} differs");
    }
}
