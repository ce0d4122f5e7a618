//! `cargo xtask test`: every test of the workspace, and one line at the end that says how many passed.

use std::io::IsTerminal;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{setup, shell};

/// Options of `cargo xtask test`.
#[derive(Args, Default)]
pub struct Options {
    /// Arguments for `cargo test`, as `-p mnm-tensor` or the name of a test; without `-p`, the whole workspace is tested
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

/// What the `test result:` lines of a run add up to.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Totals {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were left out.
    pub ignored: u64,
    /// Test programs (and crates' doc tests) that reported.
    pub programs: u64,
}

impl Totals {
    /// Adds what one line of output says, if it is a result line.
    fn add(&mut self, line: &str) {
        let plain = without_colour(line);
        let Some(rest) = plain.trim_start().strip_prefix("test result: ") else {
            return;
        };
        // "ok. 3 passed; 0 failed; 1 ignored; ..."
        let Some((_, counts)) = rest.split_once(". ") else {
            return;
        };
        self.programs += 1;
        for count in counts.split(';') {
            let mut words = count.split_whitespace();
            let number = words
                .next()
                .and_then(|word| word.parse::<u64>().ok())
                .unwrap_or(0);
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("ignored") => self.ignored += number,
                _ => {}
            }
        }
    }
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.ignored += more.ignored;
        self.programs += more.programs;
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The text without terminal escape sequences of the form `ESC [ ... letter` (and `ESC ( B`, which resets).
fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        if c != '\u{1b}' {
            plain.push(c);
            continue;
        }
        match characters.next() {
            Some('[') => while characters.next().is_some_and(|c| !c.is_ascii_alphabetic()) {},
            Some('(') => drop(characters.next()),
            _ => {}
        }
    }
    plain
}

/// Sets up, runs the tests, and prints the closing line.
///
/// # Errors
/// If the set-up fails, a test fails, or the tests cannot be built.
pub fn run(options: &Options) -> Result<()> {
    setup::run(&setup::Options::default())?;
    let (totals, outcome) = run_tests(&options.arguments)?;
    shell::closing_line(outcome, &totals)
}

/// Runs `cargo test`, passing its output through; what it adds up to, and whether all was well.
///
/// # Errors
/// If cargo cannot be started. Failing tests are not an error here but in the second half of the pair.
pub fn run_tests(arguments: &[String]) -> Result<(Totals, Result<()>)> {
    let mut command = shell::cargo();
    command.args(["test", "--no-fail-fast"]);
    let selects = |argument: &String| {
        argument.starts_with("-p") || argument.starts_with("--package") || argument == "--workspace"
    };
    if !arguments.iter().any(selects) {
        command.arg("--workspace");
    }
    command.args(arguments);
    if std::io::stdout().is_terminal() {
        // The tests write into our pipe and would drop the colours that the terminal can show.
        if !arguments.iter().any(|argument| argument == "--") {
            command.arg("--");
        }
        command.args(["--color", "always"]);
    }
    println!("running `{}`", shell::typed(&command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo could not be started")?;
    let mut totals = Totals::default();
    if let Some(output) = child.stdout.take() {
        for line in shell::lossy_lines(output) {
            println!("{line}");
            totals.add(&line);
        }
    }
    let status = child.wait().context("waiting for cargo test")?;
    Ok((totals, judge(totals, status.success())))
}

/// Cargo's status and the counts, taken together.
fn judge(totals: Totals, success: bool) -> Result<()> {
    match (totals.failed, success) {
        (0, true) if totals.programs == 0 => bail!("cargo test ran no test program"),
        (0, true) => Ok(()),
        (0, false) => bail!(
            "cargo test failed although no test did: the build broke, or a test program crashed (see above)"
        ),
        (failed, _) => bail!("{failed} failed (see above)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals_of(output: &str) -> Totals {
        let mut totals = Totals::default();
        output.lines().for_each(|line| totals.add(line));
        totals
    }

    #[test]
    fn results_of_several_programs_are_summed() {
        let output = "running 2 tests\n\
            test a ... ok\n\
            test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s\n\
            the words test result: ok. 5 passed in the middle of a line do not count\n\
            test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
        let totals = totals_of(output);
        assert_eq!(
            totals,
            Totals {
                passed: 15,
                failed: 2,
                ignored: 1,
                programs: 2
            }
        );
        assert_eq!(totals.to_string(), "15 passed, 2 failed");
    }

    #[test]
    fn colours_do_not_hide_a_result() {
        let line = "test result: \u{1b}[32mok\u{1b}(B\u{1b}[m. 7 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(totals_of(line).passed, 7);
    }

    #[test]
    fn a_crash_or_an_empty_run_is_not_a_success() {
        let passed = Totals {
            passed: 3,
            programs: 1,
            ..Totals::default()
        };
        assert!(judge(passed, true).is_ok());
        assert!(judge(passed, false).is_err());
        assert!(judge(Totals::default(), true).is_err());
        assert!(
            judge(
                Totals {
                    failed: 1,
                    ..passed
                },
                false
            )
            .is_err()
        );
    }
}
