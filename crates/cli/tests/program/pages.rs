//! The commands of the pages: those of `mnm` that take seconds are run as they are printed, one after the other in a folder of their own;
//! the others stand in `docs/commands.md`, with what each takes and the day on which it was run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The pages whose commands are run in this order: each goes on from what those before it left.
const RUN: &[&str] = &[
    "README.md",
    "docs/tutorial.md",
    "docs/results/rl.md",
    "docs/results/babi.md",
    "docs/results/babi/mnm-p/README.md",
    "docs/results/babi/mnm-p-no-rename/README.md",
    "docs/results/babi/mnm-g/README.md",
    "crates/cli/README.md",
];

/// The page that lists the others.
const OTHERS: &str = "docs/commands.md";

/// How a command begins.
const PROGRAMS: &[&str] = &[
    "mnm ", "printf ", "cargo ", "mpirun ", "python ", "python3 ", ".venv/", "sudo ",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every page for readers but the log, whose commands belong to their commits.
fn pages() -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("docs/log") {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    let root = root();
    let mut found = vec![root.join("README.md"), root.join("benches/peers/README.md")];
    walk(&root.join("docs"), &mut found);
    for entry in std::fs::read_dir(root.join("crates")).unwrap() {
        found.push(entry.unwrap().path().join("README.md"));
    }
    found.retain(|path| path.is_file());
    found.sort();
    let shown = found.iter().map(|path| path.strip_prefix(&root).unwrap());
    shown
        .map(|path| path.to_str().unwrap().to_owned())
        .collect()
}

/// The commands of a page: lines of code that begin with a program, continued where they end in a backslash.
fn commands(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let mut found: Vec<String> = Vec::new();
    let (mut fenced, mut open) = (false, false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let code = fenced || line.starts_with("    ");
        let shown = line.trim();
        let shown = shown.strip_prefix("$ ").unwrap_or(shown);
        if open && let Some(last) = found.last_mut() {
            *last += " ";
            *last += shown;
        } else if code && PROGRAMS.iter().any(|program| shown.starts_with(program)) {
            found.push(shown.to_owned());
        } else {
            continue;
        }
        let last = found.last_mut().unwrap();
        open = last.ends_with('\\');
        if open {
            last.pop();
        }
    }
    found
}

/// How the listed commands begin: the first cells of the list's tables.
fn others() -> Vec<String> {
    let text = std::fs::read_to_string(root().join(OTHERS)).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect());
    let begins = cells.map(|cells: Vec<_>| {
        assert!(
            cells.len() == 3 && cells.iter().all(|cell| !cell.is_empty()),
            "{OTHERS}: {cells:?} is not a command, what it takes and when it was run"
        );
        cells[0].trim_matches('`').to_owned()
    });
    begins.collect()
}

/// The row for a command: of several that it begins like, the longest.
fn listed<'a>(command: &str, others: &'a [String]) -> Option<&'a str> {
    let begins = others.iter().filter(|begin| command.starts_with(*begin));
    begins.max_by_key(|begin| begin.len()).map(String::as_str)
}

#[test]
fn every_command_of_a_page_is_run_or_listed() {
    let others = others();
    let mut used = BTreeSet::new();
    for page in pages() {
        for command in commands(&page) {
            match listed(&command, &others) {
                Some(begin) => drop(used.insert(begin)),
                None => assert!(
                    (command.starts_with("mnm ") || command.starts_with("printf "))
                        && RUN.contains(&page.as_str()),
                    "{page}: `{command}` is neither run nor listed in {OTHERS}"
                ),
            }
        }
    }
    let unused = others.iter().filter(|begin| !used.contains(begin.as_str()));
    let unused: Vec<_> = unused.collect();
    assert!(unused.is_empty(), "no page has these any more: {unused:?}");
}

#[test]
fn what_takes_seconds_runs_as_it_is_printed() {
    let folder = TempDir::new().unwrap();
    // What the pages name is there: the shipped runs, a copy lest anything is written beside them, and a story to ask about.
    let copied = Command::new("cp")
        .arg("-r")
        .arg(root().join("docs"))
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(copied.success());
    let story = "mary moved to the bathroom\njohn went to the hallway\nwhere is mary?\n";
    std::fs::write(folder.path().join("story.txt"), story).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_mnm")).parent().unwrap();
    let path = format!(
        "{}:{}",
        program.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let others = others();
    let mut count = 0;
    for page in RUN {
        for command in commands(page) {
            if listed(&command, &others).is_some() {
                continue;
            }
            let ended = Command::new("bash")
                .args(["-euo", "pipefail", "-c", &command])
                .current_dir(folder.path())
                .env("PATH", &path)
                .output()
                .unwrap();
            assert!(
                ended.status.success(),
                "{page}: `{command}`\n{}{}",
                String::from_utf8_lossy(&ended.stdout),
                String::from_utf8_lossy(&ended.stderr)
            );
            count += 1;
        }
    }
    assert!(count >= 10, "only {count} commands were found");
}
