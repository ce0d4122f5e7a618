//! Inside `mnm-trainer` the arrows point one way: a module takes only from those that `docs/architecture.md` names before it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const HEADING: &str = "### Inside the trainer";

/// A folder of modules that the page names one by one; of any other folder it names the whole.
const OPEN: &str = "train";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The modules in the order of the page's table: the names in backquotes in the first cell of each row.
fn drawn() -> Vec<String> {
    let page = read(&root().join("docs/architecture.md"));
    let (_, section) = page.split_once(HEADING).expect("the section is there");
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    let names = rows.flat_map(|row| {
        let cell = row.split('|').nth(1).unwrap_or_default();
        cell.split('`').skip(1).step_by(2).map(str::to_owned)
    });
    names.collect()
}

/// Every source file but the crate's root, with the module that it belongs to.
fn sources() -> Vec<(String, PathBuf)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let src = root().join("crates/trainer/src");
    let mut files = Vec::new();
    walk(&src, &mut files);
    let module = |path: &Path| {
        let parts: Vec<String> = path
            .strip_prefix(&src)
            .expect("it lies there")
            .with_extension("")
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        match parts.as_slice() {
            [open, inner, ..] if open == OPEN && inner != "mod" => format!("{open}/{inner}"),
            [first, ..] => first.clone(),
            [] => String::new(),
        }
    };
    files
        .into_iter()
        .map(|path| (module(&path), path))
        .filter(|(module, _)| module != "lib")
        .collect()
}

/// The names that follow `prefix` in the code, those in braces each by itself.
fn after(code: &str, prefix: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        let letters = text.chars();
        letters
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    code.match_indices(prefix)
        .flat_map(|(place, _)| {
            let rest = &code[place + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(list) => {
                    let list = list.split('}').next().unwrap_or_default();
                    list.split(',').map(|name| word(name.trim())).collect()
                }
                None => vec![word(rest)],
            }
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// The code of a file without remarks.
fn code(path: &Path) -> String {
    let text = read(path);
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// How far below the crate's root a file's module is.
fn depth(path: &Path) -> usize {
    let parts = path.iter().rev().take_while(|part| *part != "src").count();
    parts - usize::from(path.ends_with("mod.rs"))
}

/// The modules that a file of `module` takes from.
fn taken(module: &str, path: &Path) -> Vec<String> {
    let code = code(path);
    let mut names = after(&code, "crate::");
    if code.contains("crate::*") {
        names.push("*".to_owned());
    }
    // The crate's root by its other name; in a file's own tests `super` is the file.
    let own = code.split("#[cfg(test)]").next().unwrap_or_default();
    let above = after(own, &"super::".repeat(depth(path))).into_iter();
    names.extend(above.filter(|name| name != "super"));
    let inside = module
        .strip_prefix(OPEN)
        .and_then(|rest| rest.strip_prefix('/'));
    if inside.is_some() && path.parent().is_some_and(|folder| folder.ends_with(OPEN)) {
        // `super::*` of a file's own tests has no name.
        let siblings = after(&code, "super::").into_iter();
        names.extend(siblings.map(|name| format!("{OPEN}/{name}")));
    }
    names
}

#[test]
fn modules_of_the_trainer_take_from_those_before_them() {
    let drawn = drawn();
    let found: BTreeSet<String> = sources().into_iter().map(|(module, _)| module).collect();
    let listed: BTreeSet<String> = drawn.iter().cloned().collect();
    assert_eq!(found, listed, "the modules of mnm-trainer and {HEADING:?}");
    assert_eq!(drawn.len(), listed.len(), "a module is drawn twice");
    let place = |name: &String| drawn.iter().position(|drawn| drawn == name);
    let (mut wrong, mut arrows) = (Vec::new(), 0);
    for (module, path) in sources() {
        for name in taken(&module, &path)
            .into_iter()
            .filter(|name| *name != module)
        {
            arrows += 1;
            let shown = format!("{} takes from {name}", path.display());
            match place(&name) {
                Some(other) if Some(other) < place(&module) => {}
                Some(_) => wrong.push(format!("{shown}, which comes after {module}")),
                None => wrong.push(format!("{shown}: take it from its module")),
            }
        }
    }
    assert!(arrows > 50, "only {arrows} arrows were found");
    assert!(
        wrong.is_empty(),
        "{HEADING:?} forbids:\n  {}",
        wrong.join("\n  ")
    );
}

#[test]
fn the_root_is_as_far_up_as_a_file_is_deep() {
    let depth = |path: &str| depth(Path::new(path));
    assert_eq!(depth("crates/trainer/src/apply.rs"), 1);
    assert_eq!(depth("crates/trainer/src/train/mod.rs"), 1);
    assert_eq!(depth("crates/trainer/src/train/step.rs"), 2);
}

#[test]
fn names_are_found_alone_and_in_braces() {
    let code = "use crate::a::X;\nuse crate::{b::Y, c};\nlet x = crate::d::f();\nuse super::*;";
    assert_eq!(after(code, "crate::"), ["a", "b", "c", "d"]);
    assert!(after(code, "super::").is_empty());
}
