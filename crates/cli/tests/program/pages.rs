//! The commands of the pages: those that take seconds are run as they are printed, one after the other in a folder of their own; of
//! the others there is a list of the day on which each was run.

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

/// How commands begin that this test does not run, each with the day on which it was last run as printed (on the trainings of bAbI: as
/// the weights beside the command were made), or with what it waits for.
const OTHERS: &[(&str, &str)] = &[
    ("mnm play runs/first", "2026-11-29"), // until Ctrl-C; its page has a test of its own
    ("mnm bench", "2026-11-29"),
    ("mnm train double-copy --out", "2026-11-29"), // up to three minutes
    ("mnm train double-copy --set", "2026-11-28"), // as runs of the suite `algorithmic`
    ("mnm inspect runs/double-copy", "2026-11-29"),
    ("mnm report runs/double-copy", "2026-11-29"),
    ("mnm eval runs/double-copy", "2026-11-29"),
    ("mnm train babi", "2026-11-28"), // an hour and more
    ("mnm train docs/results/babi/", "2026-11-28"),
    ("mnm eval docs/results/babi/", "2026-11-29"), // with the data
    ("mnm apply DIR/", "2026-11-29"),              // between two commands of the peers
    ("mnm train mqar --set", "2026-11-29"),        // begun, stopped and resumed, not to its end
    (
        "mnm train stories --set model.rule=normalised",
        "once the reader has written that rule",
    ),
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

/// The commands in which a page runs `mnm`: lines of code, continued where they end in a backslash.
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
        } else if code && (shown.starts_with("mnm ") || shown.starts_with("printf ")) {
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

fn listed(command: &str) -> Option<&'static str> {
    let known = OTHERS.iter().find(|(begin, _)| command.starts_with(begin));
    known.map(|(begin, _)| *begin)
}

#[test]
fn every_command_of_a_page_is_run_or_listed() {
    let mut used = BTreeSet::new();
    for page in pages() {
        for command in commands(&page) {
            match listed(&command) {
                Some(begin) => drop(used.insert(begin)),
                None => assert!(
                    RUN.contains(&page.as_str()),
                    "{page}: `{command}` is neither run nor listed in OTHERS of {}",
                    file!()
                ),
            }
        }
    }
    let unused = OTHERS.iter().filter(|(begin, _)| !used.contains(begin));
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
    let mut count = 0;
    for page in RUN {
        for command in commands(page) {
            if listed(&command).is_some() {
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
