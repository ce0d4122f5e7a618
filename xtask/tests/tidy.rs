//! Checks on the tree itself: sizes, leftovers, and which crate may depend on which.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each crate of the workspace may depend on: the arrows of `docs/architecture.md`.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("mnm-files", &[]),
    ("mnm-tensor", &[]),
    ("mnm-memory", &["mnm-files", "mnm-tensor"]),
    ("mnm-controller", &["mnm-tensor", "mnm-memory"]),
    ("mnm-tasks", &[]),
    // The build script of mnm-openblas runs early because it waits for nothing.
    ("mnm-openblas", &[]),
    (
        "mnm-trainer",
        &[
            "mnm-files",
            "mnm-tensor",
            "mnm-memory",
            "mnm-controller",
            "mnm-tasks",
            "mnm-openblas",
        ],
    ),
    ("mnm-report", &["mnm-tasks", "mnm-trainer"]),
    (
        "mnm-cli",
        &[
            "mnm-tensor",
            "mnm-memory",
            "mnm-controller",
            "mnm-tasks",
            "mnm-trainer",
            "mnm-report",
            // Before anything else it sees to it that OpenBLAS's threads can be made.
            "mnm-openblas",
        ],
    ),
    (
        "mnm-benches",
        &[
            "mnm-files",
            "mnm-tensor",
            "mnm-memory",
            "mnm-controller",
            "mnm-tasks",
            "mnm-trainer",
            "mnm-report",
        ],
    ),
    ("mnm-memory-service", &["mnm-memory"]),
    ("mnm-peers", &["mnm-tensor"]),
    (
        "mnm-hostile-input",
        &[
            "mnm-tensor",
            "mnm-memory",
            "mnm-tasks",
            "mnm-trainer",
            "mnm-report",
        ],
    ),
    ("mnm-fuzz", &["mnm-hostile-input"]),
    ("xtask", &[]),
];

/// Crates that link the system's LAPACK: an import of any other needs no system library.
const MAY_LINK_LAPACK: &[&str] = &["mnm-trainer", "mnm-report", "mnm-cli", "mnm-benches"];

/// The longest Rust file, in lines.
const LONGEST: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file of the tree but what builds, runs and version control leave there.
fn files() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let entries = std::fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("a readable folder entry").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            // In a linked work tree `.git` is a file, which says where the repository is.
            let skipped = [
                "target",
                ".git",
                ".venv",
                "__pycache__",
                "shared",
                // What fuzzing leaves.
                "corpus",
                "artifacts",
            ];
            if skipped.contains(&name.as_str()) || path == root().join("runs") {
                continue;
            }
            if path.is_dir() {
                if !path.is_symlink() {
                    walk(&path, found);
                }
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &mut found);
    assert!(
        found.len() > 20,
        "the walk found only {} files",
        found.len()
    );
    found
}

/// Does the file end in one of these? The empty string stands for a name without an extension.
fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().unwrap_or_default();
    extensions.iter().any(|wanted| extension == *wanted)
}

/// Path and text of every file with one of these extensions.
fn texts(extensions: &[&str]) -> Vec<(String, String)> {
    let read = |path: PathBuf| {
        let bytes =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let shown = path
            .strip_prefix(root())
            .unwrap_or(&path)
            .display()
            .to_string();
        (shown, String::from_utf8_lossy(&bytes).into_owned())
    };
    files()
        .into_iter()
        .filter(|path| has_extension(path, extensions))
        .map(read)
        .collect()
}

/// Fails with every offence at once.
fn none(offences: Vec<String>, what: &str) {
    assert!(offences.is_empty(), "{what}:\n  {}", offences.join("\n  "));
}

#[test]
fn no_rust_file_is_too_long() {
    let long = texts(&["rs"])
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    none(
        long,
        &format!("files over {LONGEST} lines hold more than one idea: cut them"),
    );
}

#[test]
fn no_test_is_skipped_and_nothing_is_left_undone() {
    // Put together here, so that this file does not hold what it looks for.
    let leftovers = [
        concat!("#[ig", "nore"),
        concat!(", ig", "nore"),
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
    ];
    let mut found = Vec::new();
    for (path, text) in texts(&["rs"]) {
        for (number, line) in text.lines().enumerate() {
            for word in leftovers.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{path}:{}: {word}", number + 1));
            }
        }
    }
    none(found, "leftovers");
}

#[test]
fn no_path_of_a_developers_machine() {
    let machine = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Us", "ers/"),
        concat!("C:\\", "Users"),
        concat!("/wo", "rk/"),
    ];
    let starts_a_path = |text: &str, place: usize| {
        // "docs/a/x" is a path in the tree; only what starts at the root of a file system counts.
        !text[..place].ends_with(|c: char| c.is_alphanumeric() || "._-*}".contains(c))
    };
    let extensions = [
        "rs", "md", "toml", "py", "sh", "txt", "json", "jsonl", "html", "svg", "yml", "yaml", "",
    ];
    let mut found = Vec::new();
    for (path, text) in texts(&extensions) {
        for (number, line) in text.lines().enumerate() {
            for word in machine {
                if line
                    .match_indices(word)
                    .any(|(place, _)| starts_a_path(line, place))
                {
                    found.push(format!("{path}:{}: {word}", number + 1));
                }
            }
        }
    }
    none(found, "paths that exist on one machine only");
}

#[test]
fn every_crate_has_a_readme_that_says_something() {
    let crates = root().join("crates");
    let mut short = Vec::new();
    for entry in std::fs::read_dir(&crates).expect("crates/ is there") {
        let folder = entry.expect("a readable folder entry").path();
        if folder.join("Cargo.toml").is_file() {
            let lines = std::fs::read_to_string(folder.join("README.md"))
                .map_or(0, |text| text.lines().count());
            if lines < 5 {
                short.push(format!("{}: README.md has {lines} lines", folder.display()));
            }
        }
    }
    none(short, "crates.io shows these pages");
}

/// One manifest of the workspace and the names in its dependency tables.
struct Manifest {
    name: String,
    dependencies: BTreeSet<String>,
}

/// The packages that a table of a manifest depends on, by their own names.
fn dependencies_in(manifest: &toml::Table) -> Vec<String> {
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    let found = tables
        .iter()
        .filter_map(|table| manifest.get(*table)?.as_table())
        .flatten();
    let package = |(name, how): (&String, &toml::Value)| {
        let renamed = how.get("package").and_then(toml::Value::as_str);
        renamed.unwrap_or(name).to_owned()
    };
    found.map(package).collect()
}

fn manifests() -> Vec<Manifest> {
    let parse = |(path, text): (String, String)| -> Option<Manifest> {
        let manifest: toml::Table =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let name = manifest.get("package")?.get("name")?.as_str()?.to_owned();
        // Those of single targets stand in tables of the same names.
        let targets = manifest.get("target").and_then(toml::Value::as_table);
        let targets = targets.into_iter().flat_map(|t| t.values());
        let dependencies = targets
            .filter_map(toml::Value::as_table)
            .chain([&manifest])
            .flat_map(dependencies_in)
            .collect();
        Some(Manifest { name, dependencies })
    };
    texts(&["toml"])
        .into_iter()
        .filter(|(path, _)| path.ends_with("Cargo.toml"))
        .filter_map(parse)
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let manifests = manifests();
    let found: BTreeSet<&str> = manifests
        .iter()
        .map(|manifest| manifest.name.as_str())
        .collect();
    let listed: BTreeSet<&str> = MAY_DEPEND_ON.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        found, listed,
        "the crates of the workspace and the table of this test"
    );
    let mut wrong = Vec::new();
    for manifest in &manifests {
        let allowed = MAY_DEPEND_ON
            .iter()
            .find(|(name, _)| *name == manifest.name)
            .map_or(&[][..], |(_, allowed)| allowed);
        for dependency in manifest
            .dependencies
            .iter()
            .filter(|name| listed.contains(name.as_str()))
        {
            if !allowed.contains(&dependency.as_str()) {
                wrong.push(format!("{} depends on {dependency}", manifest.name));
            }
        }
        let links = manifest
            .dependencies
            .iter()
            .any(|name| ["ndarray-linalg", "lapack-sys", "mnm-openblas"].contains(&name.as_str()));
        if links && !MAY_LINK_LAPACK.contains(&manifest.name.as_str()) {
            wrong.push(format!("{} links LAPACK", manifest.name));
        }
    }
    none(wrong, "docs/architecture.md forbids");
}

/// The crates that the architecture page draws, from the bottom, each with those drawn at its side.
fn drawn(page: &str) -> Vec<(String, Vec<String>)> {
    let crates = page
        .split("\n## Crates\n")
        .nth(1)
        .expect("a section on crates");
    let drawing = crates.lines().skip_while(|line| line.is_empty());
    let lines = drawing.take_while(|line| line.starts_with("    "));
    let layer = |line: &str| {
        let (words, sides) = line.split_once("<-").unwrap_or((line, ""));
        let name = words
            .split_whitespace()
            .find(|word| word.starts_with("mnm-"))?;
        let sides = sides
            .split(',')
            .map(str::trim)
            .filter(|side| !side.is_empty());
        Some((name.to_owned(), sides.map(str::to_owned).collect()))
    };
    lines.filter_map(layer).collect()
}

/// The page's arrows are those of [`MAY_DEPEND_ON`], which the manifests are held to.
#[test]
fn the_crates_are_drawn_as_they_may_depend_on_each_other() {
    let page = std::fs::read_to_string(root().join("docs/architecture.md"))
        .expect("docs/architecture.md is there");
    let of = |name: &str| {
        let entry = MAY_DEPEND_ON.iter().find(|(known, _)| *known == name);
        entry
            .unwrap_or_else(|| panic!("the page draws {name}, which is no crate"))
            .1
    };
    let layers = drawn(&page);
    let mut wrong = Vec::new();
    let mut below: Vec<&str> = Vec::new();
    for (name, sides) in &layers {
        let (allowed, under) = (of(name), below.first().copied());
        for arrow in sides.iter().map(String::as_str).chain(under) {
            if !allowed.contains(&arrow) {
                wrong.push(format!(
                    "{name} is drawn with {arrow}, which it may not use"
                ));
            }
        }
        let beside = sides.iter().filter(|side| !of(side).is_empty());
        wrong.extend(beside.map(|side| format!("{side} is drawn at a side, and uses others")));
        let known: Vec<&str> = sides.iter().map(String::as_str).chain(below).collect();
        let unseen = allowed.iter().filter(|used| !known.contains(used));
        wrong.extend(
            unseen.map(|used| format!("{name} may use {used}, which is not drawn below it")),
        );
        below = [name.as_str()].into_iter().chain(known).collect();
    }
    none(wrong, "docs/architecture.md draws otherwise");
    assert_eq!(layers.len(), 6, "the page draws {layers:?}");
}

#[test]
fn the_architecture_page_names_every_published_crate_and_no_other() {
    let page = std::fs::read_to_string(root().join("docs/architecture.md"))
        .expect("docs/architecture.md is there");
    let named: BTreeSet<&str> = page
        .split(|c: char| !(c.is_alphanumeric() || c == '-'))
        .filter(|word| word.starts_with("mnm-") && !["mnm-p", "mnm-g"].contains(word))
        .collect();
    let listed: BTreeSet<&str> = MAY_DEPEND_ON
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| *name != "xtask")
        .collect();
    let unpublished = ["mnm-benches", "mnm-fuzz", "mnm-peers"];
    for name in listed.iter().filter(|name| !unpublished.contains(name)) {
        assert!(named.contains(name), "the page does not name {name}");
    }
    for name in named {
        assert!(
            listed.contains(name),
            "the page names {name}, which is no crate of the workspace"
        );
    }
}

/// What a package is compiled from, one crate a line.
fn compiled_from(package: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args([
            "tree",
            "--package",
            package,
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--offline",
        ])
        .output()
        .expect("cargo can be started");
    let tree = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        tree.starts_with(&format!("{package} ")),
        "cargo tree: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    tree
}

#[test]
fn whoever_trains_compiles_no_picture() {
    let draws = |line: &&str| line.starts_with("plotters") || line.starts_with("maud");
    for package in ["mnm-trainer", "xtask"] {
        let tree = compiled_from(package);
        let drawing: Vec<&str> = tree.lines().filter(draws).collect();
        assert!(drawing.is_empty(), "{package}: {drawing:?}");
    }
    let report = compiled_from("mnm-report");
    assert!(report.lines().filter(draws).count() > 1);
}

#[test]
fn xtask_links_no_system_library() {
    let tree = compiled_from("xtask");
    let linking: Vec<&str> = tree
        .lines()
        .filter(|line| {
            line.contains("openblas") || line.contains("lapack") || line.starts_with("mnm-")
        })
        .collect();
    assert!(
        linking.is_empty(),
        "`cargo xtask setup` must run before the system package is there: {linking:?}"
    );
}
