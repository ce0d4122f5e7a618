//! How long a suite takes is said by the suite itself and on two pages: in the same words.

use std::path::Path;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// The line of a page that begins like this.
fn line<'a>(page: &'a str, begins: &str) -> &'a str {
    let mut lines = page.lines().filter(|line| line.starts_with(begins));
    lines
        .next()
        .unwrap_or_else(|| panic!("no line begins with {begins:?}"))
}

#[test]
fn a_suite_takes_as_long_on_every_page() {
    let (index, commands) = (read("docs/README.md"), read("docs/commands.md"));
    for (suite, row) in [
        ("algorithmic", "| [Algorithmic tasks]"),
        ("tables", "| [At a table's level]"),
        ("rules", "| [Every rule, the same budget]"),
        ("rl", "| [Agents]"),
        ("babi", "| [bAbI]"),
    ] {
        let own: toml::Table = read(&format!("xtask/suites/{suite}.toml")).parse().unwrap();
        let takes = own["takes"].as_str().unwrap();
        let end = takes
            .find("core-hours")
            .expect("a suite of hours says core-hours");
        let takes = &takes[..end + "core-hours".len()];
        for told in [
            line(&index, row),
            line(&commands, &format!("| `cargo xtask reproduce {suite}` |")),
        ] {
            assert!(
                told.contains(&format!("| {takes}")),
                "{suite}: {takes:?} is not in {told}"
            );
        }
    }
}
