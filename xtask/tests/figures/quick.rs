//! What the README's own command printed.

use serde_json::Value;

use crate::raw::{as_printed, hold, json, list, mean, name, numbers, seeds_of, text};

fn results() -> Value {
    json("../quick-results.json")
}

#[test]
fn the_readme_prints_the_raw_figures_of_the_quick_suite() {
    let raw = results();
    let readme = text("../../README.md");
    let lines = readme.lines().map(str::trim);
    let printed = lines.skip_while(|line| *line != "$ cargo xtask reproduce");
    let rows: Vec<&str> = printed
        .skip(4)
        .take_while(|line| !line.is_empty())
        .collect();
    assert_eq!(rows.len(), list(&raw["results"]).len(), "{rows:?}");
    for row in rows {
        let cells: Vec<&str> = row.split("  ").map(str::trim).collect();
        let cells: Vec<&str> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
        let ours = |result: &&Value| result["model"] == name(cells[0]);
        let result = list(&raw["results"]).iter().find(ours).expect(row);
        for (cell, key) in cells[1..3].iter().zip(["values", "best_of_run"]) {
            hold(row, cell, &numbers(&result[key]), true);
        }
        let seeds = numbers(&result["values"]).len().to_string();
        assert_eq!(cells[3..], [seeds, result["parameters"].to_string()]);
    }
}

/// The picture has no table beside it: its description says what is drawn.
#[test]
fn the_picture_of_the_quick_suite_is_described_by_the_raw_figures() {
    let raw = results();
    let readme = text("../../README.md");
    let line = readme
        .lines()
        .find(|line| line.ends_with("(docs/quick.svg)"));
    let (_, described) = line.expect("the picture").split_once(": ").expect("models");
    let described = described.trim_end_matches("](docs/quick.svg)");
    let models: Vec<&str> = described.split(", ").collect();
    assert_eq!(models.len(), 4, "{described}");
    for text in models {
        let (model, figures) = text.split_once(' ').expect("a model and its figures");
        let (as_trained, longer) = figures.split_once(" and ").expect("two figures");
        for (printed, further) in [(as_trained, None), (longer, Some("100-lines"))] {
            let values = seeds_of(&raw, "stories", name(model), further).expect(model);
            let printed = printed.trim_end_matches(" %");
            assert_eq!(printed, as_printed(mean(&values), printed), "{text}");
        }
    }
}
