//! Why tables win: the first runs, and the rows of another page.

use serde_json::Value;

use crate::raw::{
    as_printed, deviation, hold, json, list, mean, name, says, seeds, seeds_of, table,
};

/// The rows of the first runs, and the settings of each.
const FIRST: &[(&str, &[&str])] = &[
    ("MNM-p, three layers", &[]),
    ("with a learned forgetting", &["model.forget=gate"]),
    ("with unit keys", &["model.unit_keys=true"]),
    ("MNM-p, one layer", &["model.layers=1"]),
    (
        "MNM-p, one layer, unit keys",
        &["model.layers=1", "model.unit_keys=true"],
    ),
    (
        "the same, initial weights of the memory a thirtieth",
        &[
            "model.layers=1",
            "model.unit_keys=true",
            "model.memory_gain=0.1",
        ],
    ),
];

const DELTA: [&str; 3] = ["model.rule=delta", "model.layers=1", "model.unit_keys=true"];

/// The error of the one finished run on associative recall with these settings.
fn first_run(raw: &Value, settings: &[&str]) -> f64 {
    let with = |run: &&Value| {
        let set: Vec<&str> = list(&run["set"]).iter().filter_map(Value::as_str).collect();
        run["config"] == "associative-recall" && run["finished"] == true && set == settings
    };
    let mut found = list(&raw["runs"]).iter().filter(with);
    let run = found
        .next()
        .unwrap_or_else(|| panic!("no run {settings:?}"));
    assert!(found.next().is_none(), "two runs {settings:?}");
    run["last_average_valid_error"].as_f64().expect("an error")
}

#[test]
fn the_first_runs_have_the_raw_figures() {
    let raw = json("algorithmic/tables-first-runs.json");
    let rows = table("tables.md", "## Why");
    let cell = |row: &str| -> &str {
        let cells = rows.iter().find(|cells| cells[0] == row);
        &cells.unwrap_or_else(|| panic!("tables.md: no row {row:?}"))[1]
    };
    for (row, settings) in FIRST {
        let printed = cell(row);
        assert_eq!(
            printed,
            as_printed(first_run(&raw, settings), printed),
            "{row}"
        );
    }
    let printed: Vec<&str> = cell("delta, one layer, unit keys, seeds 1 to 3")
        .split(", ")
        .collect();
    for (seed, printed) in (1..).zip(&printed) {
        let own = format!("seed={seed}");
        let settings: Vec<&str> = DELTA
            .into_iter()
            .chain((seed > 1).then_some(own.as_str()))
            .collect();
        let value = first_run(&raw, &settings);
        assert_eq!(*printed, as_printed(value, printed), "delta, seed {seed}");
    }
    assert_eq!(printed.len(), 3);
}

#[test]
fn the_rows_of_the_algorithmic_page_are_the_same_here() {
    let rows = table("tables.md", "## Result");
    for (row, model) in [("MNM-p, three layers", "MNM-p"), ("LSTM+SALU", "LSTM+SALU")] {
        let cells = rows.iter().find(|cells| cells[0] == row).expect(row);
        for (at, file, further) in [
            (1, "associative-recall", Some("6-items")),
            (2, "priority-sort", None),
        ] {
            let raw = json(&format!("algorithmic/{file}-results.json"));
            let values = seeds(&raw, name(model), further).expect(row);
            hold(
                &format!("tables.md, {row}, {file}"),
                &cells[at],
                &values,
                true,
            );
        }
    }
}

#[test]
fn what_is_said_of_lengths_never_trained_has_the_raw_figures() {
    let (ours, theirs) = ("tables-results", "associative-recall-results");
    let [ours, theirs] = [ours, theirs].map(|file| json(&format!("algorithmic/{file}.json")));
    let [[ten, ten_sd, ten_table], [twenty, twenty_sd, twenty_table]] = ["10-items", "20-items"]
        .map(|length| {
            let memory = seeds_of(&ours, "associative-recall-long", "delta", Some(length));
            let memory = memory.expect("the longer training");
            let table = seeds(&theirs, "lstm-salu", Some(length)).expect("the table");
            [mean(&memory), deviation(&memory), mean(&table)]
        });
    let expected = format!(
        "With 10 items the memory has {ten:.1} ± {ten_sd:.1} % after the longer training, with 20 items {twenty:.1} ± {twenty_sd:.1} %. \
         LSTM+SALU has {ten_table:.1} and {twenty_table:.1} %."
    );
    says("tables.md", &expected);
}
