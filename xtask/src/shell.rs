//! Running other programs: with their output passed through, watched line by line, or captured.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// How many of a failed command's last lines an error shows.
const TAIL: usize = 12;

/// A failure that has been printed already, because another line had to come last.
#[derive(Debug)]
pub struct Said;

impl std::fmt::Display for Said {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("failed, as said above")
    }
}

impl std::error::Error for Said {}

/// Prints a failure, if it is one, and then the line that is to be the last.
///
/// # Errors
/// [`Said`], if there was a failure.
pub fn closing_line(outcome: Result<()>, line: &dyn std::fmt::Display) -> Result<()> {
    if let Err(error) = &outcome {
        eprintln!("error: {error:#}");
    }
    println!("{line}");
    outcome.map_err(|_| Said.into())
}

/// The cargo that runs us, in the workspace's root.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace::root());
    command
}

/// The command as one would type it.
pub fn typed(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    // The full path of cargo or python says nothing that its name does not.
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(quoted)
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Runs a command whose output goes straight to the terminal.
///
/// # Errors
/// If it cannot be started or ends with anything but 0.
pub fn pass_through(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("`{}` could not be started", typed(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", typed(command));
    }
    Ok(())
}

/// Runs a command and returns what it wrote to its standard output.
///
/// # Errors
/// If it cannot be started, or ends with anything but 0; the message then holds the last lines of its standard error.
pub fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("`{}` could not be started", typed(command)))?;
    if !output.status.success() {
        let tail = last_lines(&String::from_utf8_lossy(&output.stderr), TAIL);
        bail!(
            "`{}` ended with {}; its last lines:\n{}",
            typed(command),
            output.status,
            indented(&tail)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command, hands every line of its output (both streams) to `line` as it comes, and keeps the last ones for the
/// error.
///
/// # Errors
/// If it cannot be started or ends with anything but 0.
pub fn watched(command: &mut Command, mut line: impl FnMut(&str)) -> Result<()> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("`{}` could not be started", typed(command)))?;
    let (sender, receiver) = mpsc::channel();
    let readers = [
        child
            .stdout
            .take()
            .map(|stream| forward(stream, sender.clone())),
        child.stderr.take().map(|stream| forward(stream, sender)),
    ];
    let mut tail = VecDeque::with_capacity(TAIL);
    for text in receiver {
        // Progress that was written over itself: only its last state is worth a line.
        let text = text.rsplit('\r').next().unwrap_or_default().to_owned();
        line(&text);
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(text);
    }
    for reader in readers.into_iter().flatten() {
        // A reader only ends by reaching the end of its stream; there is nothing in its result.
        let _ = reader.join();
    }
    let status = child
        .wait()
        .with_context(|| format!("waiting for `{}`", typed(command)))?;
    if !status.success() {
        let tail: Vec<String> = tail.into();
        bail!(
            "`{}` ended with {status}; its last lines:\n{}",
            typed(command),
            indented(&tail.join("\n"))
        );
    }
    Ok(())
}

fn forward(
    stream: impl Read + Send + 'static,
    sender: mpsc::Sender<String>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in lossy_lines(stream) {
            if sender.send(line).is_err() {
                break;
            }
        }
    })
}

/// The lines of a stream; bytes that are not UTF-8 are replaced, because a test may print anything.
pub fn lossy_lines(stream: impl Read) -> impl Iterator<Item = String> {
    BufReader::new(stream)
        .split(b'\n')
        .map_while(Result::ok)
        .map(|bytes| {
            String::from_utf8_lossy(&bytes)
                .trim_end_matches('\r')
                .to_owned()
        })
}

/// The last `count` lines that are not blank.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Every line four spaces further in.
pub fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_shows_its_last_lines() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "for i in $(seq 40); do echo line $i; done >&2; echo why >&2; exit 3",
        ]);
        let mut seen = 0;
        let error = watched(&mut command, |_| seen += 1)
            .expect_err("exit 3 is a failure")
            .to_string();
        assert_eq!(seen, 41);
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(
            error.contains("line 40") && error.contains("why"),
            "{error}"
        );
        assert!(
            !error.contains("line 2\n"),
            "only the tail is shown: {error}"
        );
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error = capture(&mut Command::new("no-such-program-here"))
            .expect_err("there is none")
            .to_string();
        assert!(error.contains("no-such-program-here"), "{error}");
    }

    #[test]
    fn words_are_quoted_as_a_shell_needs_them() {
        let mut command = Command::new("/usr/bin/mnm");
        command.args(["--set", "data.tasks=[1]", "a b", "it's"]);
        assert_eq!(
            typed(&command),
            r"mnm --set 'data.tasks=[1]' 'a b' 'it'\''s'"
        );
    }
}
