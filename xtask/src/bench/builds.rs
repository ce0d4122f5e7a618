//! `cargo xtask bench --build`: what compiling costs, from nothing and after an edit.
//!
//! In CPU seconds (user and system, of cargo and all that it starts), since the time on the wall depends on what else the
//! machine does. Everything is built in a copy of the work tree that vanishes, so that edits and builds disturb nobody.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::ci::announced;
use crate::{files, shell, table, workspace};

/// One build to measure.
struct Build {
    /// For the table.
    what: &'static str,
    /// The target folder; builds that share one go on from each other.
    target: &'static str,
    /// The file that is edited before; `None`: the build is from nothing, or goes on from the one before.
    edit: Option<&'static str>,
    /// Arguments of cargo.
    arguments: &'static [&'static str],
    /// Is it only there to make ready for the next?
    preparation: bool,
    /// What it may take: docs/performance.md says of whom.
    goal: Option<Goal>,
}

/// At most so many seconds.
#[derive(Clone, Copy)]
enum Goal {
    Processor(f64),
    Wall(f64),
}

impl Goal {
    fn reached(self, cpu: f64, wall: f64) -> bool {
        match self {
            Goal::Processor(most) => cpu <= most,
            Goal::Wall(most) => wall <= most,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Goal::Processor(most) => write!(formatter, "{most} CPU s"),
            Goal::Wall(most) => write!(formatter, "{most} s"),
        }
    }
}

const XTASK: &[&str] = &["build", "--profile", "xtask", "--package", "xtask"];
const PROGRAM: &[&str] = &["build", "--release", "--package", "mnm-cli"];
const EXAMPLE: &[&str] = &[
    "build",
    "--release",
    "--package",
    "mnm-tensor",
    "--example",
    "fit_a_curve",
];
const TESTS: &[&str] = &["test", "--workspace", "--no-run"];

/// What is measured, in this order.
const BUILDS: &[Build] = &[
    Build::new("cargo xtask, from nothing", "xtask", None, XTASK).within(Goal::Wall(30.0)),
    Build::new("mnm (release), from nothing", "release", None, PROGRAM),
    Build::new(
        "mnm, after an edit of mnm-cli",
        "release",
        Some("crates/cli/src/main.rs"),
        PROGRAM,
    )
    .within(Goal::Processor(20.0)),
    Build::preparation("example", EXAMPLE),
    Build::new(
        "a program of 50 lines on mnm-tensor, after an edit",
        "example",
        Some("crates/tensor/examples/fit_a_curve.rs"),
        EXAMPLE,
    )
    .within(Goal::Processor(4.0)),
    Build::new("all tests, from nothing", "tests", None, TESTS),
    Build::new(
        "all tests, after an edit of mnm-tensor",
        "tests",
        Some("crates/tensor/src/ops/arithmetic.rs"),
        TESTS,
    )
    .within(Goal::Wall(150.0)),
];

impl Build {
    const fn new(
        what: &'static str,
        target: &'static str,
        edit: Option<&'static str>,
        arguments: &'static [&'static str],
    ) -> Self {
        Self {
            what,
            target,
            edit,
            arguments,
            preparation: false,
            goal: None,
        }
    }

    const fn within(self, goal: Goal) -> Self {
        Self {
            goal: Some(goal),
            ..self
        }
    }

    const fn preparation(target: &'static str, arguments: &'static [&'static str]) -> Self {
        Self {
            preparation: true,
            ..Self::new("", target, None, arguments)
        }
    }

    /// Edits and builds in the copy; the CPU time and the time on the wall, in seconds.
    fn measure(&self, copy: &Path) -> Result<(f64, f64)> {
        if let Some(path) = self.edit {
            edit(&copy.join(path))?;
        }
        let mut command = shell::cargo();
        command
            .current_dir(copy)
            .env("CARGO_TARGET_DIR", copy.join("target").join(self.target))
            .args(self.arguments);
        let (cpu, wall) = (children_seconds()?, Instant::now());
        announced(&mut command)?;
        Ok((children_seconds()? - cpu, wall.elapsed().as_secs_f64()))
    }
}

/// Measures every build and prints a table.
///
/// # Errors
/// If the work tree cannot be copied, a build fails, or one takes more than its goal.
pub fn run() -> Result<()> {
    announced(shell::cargo().arg("fetch"))?;
    let folder = files::Scratch::new()?;
    let copy = folder.path().join("workspace");
    copy_tree(&workspace::root(), &copy)?;
    let mut rows = Vec::new();
    let mut raw = Vec::new();
    let mut missed = Vec::new();
    for build in BUILDS {
        let (cpu, wall) = build.measure(&copy)?;
        if build.preparation {
            continue;
        }
        println!("{}: {cpu:.1} CPU seconds", build.what);
        let typed = format!("cargo {}", build.arguments.join(" "));
        raw.push(
            json!({"what": build.what, "command": typed, "edited": build.edit, "cpu_s": cpu, "wall_s": wall}),
        );
        let goal = build.goal.map_or(String::new(), |goal| goal.to_string());
        if build.goal.is_some_and(|goal| !goal.reached(cpu, wall)) {
            missed.push(format!(
                "{}: {cpu:.1} CPU s, {wall:.1} s, goal {goal}",
                build.what
            ));
        }
        let row = [format!("{cpu:.1}"), format!("{wall:.1}"), goal, typed];
        rows.push(std::iter::once(build.what.to_owned()).chain(row).collect());
    }
    let path = workspace::target_dir()?.join("builds.json");
    files::write(&path, &format!("{:#}\n", Value::from(raw)))?;
    let head = ["build", "CPU s", "s", "goal", "command"];
    println!("\n{}", table::plain(&head, &rows));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} cores\nraw figures: {}", path.display());
    if missed.is_empty() {
        return Ok(());
    }
    bail!(
        "over the goal (measure alone on a machine):\n  {}",
        missed.join("\n  ")
    )
}

/// An edit that changes no meaning: one more line at the head of the file, so that every line number below it changes.
fn edit(path: &Path) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    files::write(path, &format!("\n{text}"))
}

/// Copies the work tree without what builds, runs and version control leave there.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    copy_folder(from, to, &[Some("runs"), Some("shared")])
}

fn copy_folder(from: &Path, to: &Path, left_at_the_root: &[Option<&str>]) -> Result<()> {
    let named = |path: &Path| path.display().to_string();
    fs::create_dir_all(to).with_context(|| named(to))?;
    for entry in fs::read_dir(from).with_context(|| named(from))? {
        let entry = entry.with_context(|| named(from))?;
        let (path, name) = (entry.path(), entry.file_name());
        let skipped = ["target", ".git", ".venv", "__pycache__"];
        if skipped.iter().any(|skipped| name == *skipped)
            || left_at_the_root.contains(&name.to_str())
        {
            continue;
        }
        let copy: PathBuf = to.join(&name);
        let kind = entry.file_type().with_context(|| named(&path))?;
        if kind.is_dir() {
            copy_folder(&path, &copy, &[])?;
        } else if kind.is_file() {
            fs::copy(&path, &copy).with_context(|| named(&path))?;
        }
    }
    Ok(())
}

/// CPU time of all processes that this one has started and waited for, and of theirs.
#[cfg(unix)]
fn children_seconds() -> Result<f64> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::{TimeVal, TimeValLike};
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("CPU time of children")?;
    let seconds = |time: TimeVal| time.num_microseconds() as f64 * 1e-6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

#[cfg(not(unix))]
fn children_seconds() -> Result<f64> {
    anyhow::bail!("CPU time of other programs can only be measured on Unix")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_is_edited_is_there() {
        for path in BUILDS.iter().filter_map(|build| build.edit) {
            assert!(workspace::root().join(path).is_file(), "{path}");
        }
    }

    #[test]
    fn an_edit_shifts_every_line_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("main.rs");
        fs::write(&path, "fn main() {}\n").expect("writable");
        edit(&path).expect("writable");
        let text = fs::read_to_string(&path).expect("written");
        assert_eq!(text, "\nfn main() {}\n");
    }

    #[test]
    fn the_copy_has_the_sources_and_not_what_was_built() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let sources = ["src/lib.rs", "crates/report/tests/runs/main.rs"];
        let left = ["target/debug/lib", ".git/HEAD", "runs/first/metrics.jsonl"];
        for path in sources.iter().chain(&left) {
            files::write(&from.join(path), "text").expect("writable");
        }
        copy_tree(&from, &to).expect("writable");
        assert!(sources.iter().all(|path| to.join(path).is_file()));
        assert!(!left.iter().any(|path| to.join(path).exists()));
    }

    #[test]
    #[cfg(unix)]
    fn time_of_a_child_that_works_is_counted() {
        let before = children_seconds().expect("measured");
        let line = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
        shell::capture(std::process::Command::new("sh").args(["-c", line])).expect("sh");
        assert!(children_seconds().expect("measured") > before);
    }
}
