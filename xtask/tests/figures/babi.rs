//! bAbI: the lowest validations of the runs.

use serde_json::Value;

use crate::raw::{as_printed, hold, json, table, text};

/// The columns of bAbI's table of tasks, and the run folders whose lowest validation they show.
const BABI: &[(&str, &[&str])] = &[
    ("MNM-p, no renaming", &["mnm-p-no-rename"]),
    (
        "MNM-p, mean ± sd of 3",
        &["mnm-p-seed1", "mnm-p-seed2", "mnm-p"],
    ),
    ("MNM-g", &["mnm-g"]),
    ("LSTM", &["lstm"]),
];

const LIKE_FOR_LIKE: &str =
    "**Like for like**: trained on the stories as they stand, as the published models were.";
const RENAMED: &str = "**With entity renaming**: in training, people, places and things change names all through a story (`data.rename`). That is";
const README: &str = "**bAbI**, 20 tasks, one model, mean error in percent, like for like first. [More](docs/results/babi.md)";

fn lowest(run: &str, task: Option<&str>) -> f64 {
    let summary = json(&format!("babi/{run}/summary.json"));
    let valid = &summary["valid"];
    let value = match task {
        Some(task) => valid["per_task"][task].as_f64(),
        None => valid["error"].as_f64(),
    };
    value.unwrap_or_else(|| panic!("babi/{run}/summary.json has no figure of {task:?}"))
}

/// The last validation of a run.
fn last(run: &str) -> f64 {
    let lines = text(&format!("babi/{run}/metrics.jsonl"));
    let valid = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"))
        .rfind(|line| line["kind"] == "valid");
    let valid = valid.unwrap_or_else(|| panic!("babi/{run} was never validated"));
    valid["error"].as_f64().expect("an error")
}

#[test]
fn the_tables_of_babi_have_the_figures_of_the_runs() {
    let tasks = table("babi.md", "## Task by task");
    assert_eq!(tasks.len(), 22, "a head, a line, and twenty tasks");
    for cells in &tasks[2..] {
        let number = cells[0].split(' ').next().unwrap_or_default();
        for (title, runs) in BABI {
            let at = tasks[0].iter().position(|head| head == title);
            let cell = &cells[at.unwrap_or_else(|| panic!("no column {title:?}"))];
            let place = format!("babi.md, task {number}, {title}");
            let task = format!("qa{number}");
            let values: Vec<f64> = runs.iter().map(|run| lowest(run, Some(&task))).collect();
            match values.as_slice() {
                [value] => assert_eq!(*cell, as_printed(*value, cell), "{place}"),
                values => hold(&place, cell, values, true),
            }
        }
    }
    for (page, heading, row, runs) in [
        ("babi.md", LIKE_FOR_LIKE, "MNM-p, ours", BABI[0].1),
        ("babi.md", RENAMED, "MNM-p, seed 3", &["mnm-p"]),
        ("babi.md", RENAMED, "MNM-p, all seeds ([1]", BABI[1].1),
        ("babi.md", RENAMED, "MNM-g", BABI[2].1),
        ("babi.md", RENAMED, "LSTM", BABI[3].1),
        ("../../README.md", README, "MNM-p, ours", BABI[0].1),
        ("../../README.md", README, "its best seed", &["mnm-p"]),
        ("../../README.md", README, "MNM-g, ours", BABI[2].1),
        ("../../README.md", README, "LSTM, ours", BABI[3].1),
    ] {
        let rows = table(page, heading);
        let cells = rows.iter().find(|cells| cells[0].starts_with(row));
        let cell = &cells.unwrap_or_else(|| panic!("{page}: no row {row:?}"))[1];
        let values: Vec<f64> = runs.iter().map(|run| lowest(run, None)).collect();
        let place = format!("{page}, {row}");
        match values.as_slice() {
            [value] => assert_eq!(*cell, as_printed(*value, cell), "{place}"),
            values => hold(&place, cell, values, true),
        }
    }
    let rows = table("../../README.md", README);
    let renamed_here = |cells: &&Vec<String>| cells[0] == "MNM-p, ours" && cells[4] == "yes";
    let cells = rows.iter().find(renamed_here).expect("README: renaming");
    let values: Vec<f64> = BABI[1].1.iter().map(|run| lowest(run, None)).collect();
    hold("README, renaming", &cells[1], &values, true);
    let rows = table("babi.md", RENAMED);
    let cells = rows
        .iter()
        .find(|cells| cells[0] == "MNM-p, the same seeds");
    let values: Vec<f64> = BABI[1].1.iter().map(|run| last(run)).collect();
    let cell = &cells.expect("babi.md: the last validations")[1];
    hold("babi.md, last validations", cell, &values, true);
    for cells in &table("babi.md", "part in any choice here.")[2..] {
        let run = match cells[0].split(", ").collect::<Vec<_>>()[..] {
            ["MNM-p", "no renaming"] => "mnm-p-no-rename",
            ["MNM-p", ..] => "mnm-p",
            ["MNM-g", ..] => "mnm-g",
            _ => "lstm",
        };
        let parameters = &json(&format!("babi/{run}/summary.json"))["parameters"];
        let printed = cells[3].replace(',', "");
        assert_eq!(parameters.to_string(), printed, "babi.md, {run}");
    }
}

/// The test split is with somebody else: what was measured there stands in the cards of the weights, beside the lowest validation.
#[test]
fn figures_of_the_test_split_are_those_of_the_cards() {
    let of_card = |run: &str, row: &str| {
        let card = format!("babi/{run}/README.md");
        let rows = table(&card, text(&card).lines().next().expect("a title"));
        let cells = rows.into_iter().find(|cells| cells[0].starts_with(row));
        cells.unwrap_or_else(|| panic!("{card}: no row {row:?}"))[1].clone()
    };
    for (page, heading, row, run) in [
        ("babi.md", LIKE_FOR_LIKE, "MNM-p, ours", "mnm-p-no-rename"),
        ("babi.md", RENAMED, "MNM-p, seed 3", "mnm-p"),
        ("babi.md", RENAMED, "MNM-g", "mnm-g"),
        ("babi.md", RENAMED, "LSTM", "lstm"),
        ("../../README.md", README, "MNM-p, ours", "mnm-p-no-rename"),
        ("../../README.md", README, "its best seed", "mnm-p"),
        ("../../README.md", README, "MNM-g, ours", "mnm-g"),
        ("../../README.md", README, "LSTM, ours", "lstm"),
    ] {
        let rows = table(page, heading);
        let cells = rows.iter().find(|cells| cells[0].starts_with(row));
        let cell = &cells.unwrap_or_else(|| panic!("{page}: no row {row:?}"))[2];
        let measured = of_card(run, "test, evaluated independently");
        assert_eq!(*cell, measured, "{page}, {row}");
        let printed = of_card(run, "validation, lowest of the run");
        assert_eq!(printed, as_printed(lowest(run, None), &printed), "{run}");
    }
}
