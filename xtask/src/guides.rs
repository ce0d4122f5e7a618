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

#[test]
fn the_guide_to_a_new_task_shows_its_example() {
    let read = |path: &str| std::fs::read_to_string(workspace::root().join(path)).expect(path);
    let page = read("docs/guide-new-task.md");
    let example = read("crates/tasks/examples/a_task_of_your_own.rs");
    let (blocks, example) = (blocks(&page), lines(&example));
    assert!(!blocks.is_empty());
    for block in blocks {
        assert!(
            example.windows(block.len()).any(|part| part == block),
            "the example has no such lines: {block:#?}"
        );
    }
}
