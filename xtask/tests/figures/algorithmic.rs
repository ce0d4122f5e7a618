//! Algorithmic tasks: the ablations.

use serde_json::Value;

use crate::raw::{hold, json, list, seeds, table};

/// The rows, and the models of `cargo xtask reproduce algorithmic --only ablations`.
const ABLATIONS: &[(&str, &str)] = &[
    ("without the meta loss", "mnm-p-no-meta"),
    ("gains of 1 (", "mnm-p-gains-1"),
    ("gains of 1, without the meta loss", "mnm-p-gains-1-no-meta"),
    ("two layers", "mnm-p-2-layers"),
    ("one layer", "mnm-p-1-layer"),
    ("two heads", "mnm-p-2-heads"),
    ("four heads", "mnm-p-4-heads"),
];

/// Thousands of sequences after which each seed had nothing wrong on validation; `none` if none had.
fn solved(raw: &Value, model: &str) -> String {
    let groups = list(&raw["sections"])
        .iter()
        .flat_map(|section| list(&section["groups"]));
    let mut ours = groups.filter(|group| group["label"] == model);
    let runs = list(&ours.next().expect(model)["runs"]);
    let after = runs.iter().filter_map(|run| {
        let right = |point: &&Value| point[1] == 0.0;
        let point = list(&run["curve"]).iter().find(right)?;
        Some((point[0].as_f64()? / 1000.0).to_string())
    });
    let after: Vec<String> = after.collect();
    match after.len() {
        0 => "none".to_owned(),
        _ => after.join(", "),
    }
}

#[test]
fn the_ablations_have_the_raw_figures() {
    let whole = json("algorithmic/double-copy-results.json");
    let parts = json("algorithmic/ablations-results.json");
    let rows = table("algorithmic.md", "## Ablations");
    assert_eq!(rows.len(), 3 + ABLATIONS.len());
    for cells in &rows[2..] {
        let known = ABLATIONS.iter().find(|(row, _)| cells[0].starts_with(row));
        let (raw, model) = match known {
            Some((_, model)) => (&parts, format!("ablations-{model}")),
            None => (&whole, "mnm-p".to_owned()),
        };
        assert!(
            known.is_some() || cells[0].starts_with("as it is:"),
            "{cells:?}"
        );
        let values = seeds(raw, &model, None).expect(&model);
        hold(&cells[0], &cells[1], &values, true);
        assert_eq!(cells[2], solved(raw, &model), "{}", cells[0]);
    }
}
