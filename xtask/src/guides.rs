//! What a guide shows is what its example compiles.

use crate::workspace;

/// The Rust blocks of a page, each as its lines without indentation, remarks and gaps.
fn blocks(page: &str) -> Vec<Vec<&str>> {
    let blocks = page.split("```rust\n").skip(1);
    blocks
        .map(|rest| lines(rest.split("```").next().unwrap_or_default()))
        .collect()
}

fn lines(code: &str) -> Vec<&str> {
    let lines = code.lines();
    lines
        .map(|line| line.split("//").next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .collect()
}

/// Holds every block of a page to one of the examples.
fn check(page: &str, examples: &[&str]) {
    let read = |path: &str| std::fs::read_to_string(workspace::root().join(path)).expect(path);
    let page = read(page);
    let examples: Vec<String> = examples.iter().map(|path| read(path)).collect();
    let blocks = blocks(&page);
    assert!(!blocks.is_empty());
    for block in blocks {
        let shown = |example: &String| {
            lines(example)
                .windows(block.len())
                .any(|part| part == block)
        };
        assert!(
            examples.iter().any(shown),
            "no example has such lines: {block:#?}"
        );
    }
}

#[test]
fn the_guides_show_their_examples() {
    let own = "crates/trainer/examples/train_your_own.rs";
    check(
        "docs/guide-new-task.md",
        &["crates/tasks/examples/a_task_of_your_own.rs"],
    );
    check(
        "docs/guide-new-rule.md",
        &["crates/memory/examples/a_rule_of_your_own.rs", own],
    );
    check(
        "docs/guide-new-cell.md",
        &["crates/controller/examples/a_cell_of_your_own.rs"],
    );
}

/// What the front page shows is a rule as it is, and an example that is compiled.
#[test]
fn the_readme_shows_a_rule_and_an_example_as_they_are() {
    let shown = [
        "crates/memory/src/rules/perceptron.rs",
        "crates/memory/examples/ten_lines.rs",
    ];
    check("README.md", &shown);
    let page = std::fs::read_to_string(workspace::root().join("README.md")).expect("there");
    assert_eq!(blocks(&page).len(), shown.len());
}
