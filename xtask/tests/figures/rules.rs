//! Every rule with the same budget.

use serde_json::Value;

use crate::raw::{as_printed, hold, json, name, seeds_of, table};

/// The columns of the table of rules: experiment, and the further evaluation that it shows.
const RULES: &[(&str, &str, Option<&str>)] = &[
    ("double copy", "double-copy", None),
    ("mqar, 4 pairs", "mqar", Some("4-pairs")),
    ("8 pairs", "mqar", Some("8-pairs")),
    ("16 pairs", "mqar", Some("16-pairs")),
    ("bandits, regret", "bandit", None),
    ("dictionary, short", "dictionary", Some("short")),
    ("long", "dictionary", None),
    ("bAbI 1 to 3", "babi-1-3", None),
];

#[test]
fn the_table_of_rules_has_the_raw_figures() {
    let raw = json("rules/rules-results.json");
    let rows = table("rules.md", "## Result");
    let mut held = 0;
    for cells in &rows[2..] {
        for (title, experiment, further) in RULES {
            let at = rows[0].iter().position(|head| head == title);
            let cell = &cells[at.unwrap_or_else(|| panic!("rules.md: no column {title:?}"))];
            let place = format!("rules.md, {}, {title}", cells[0]);
            let model = name(cells[0].trim_matches('`'));
            match seeds_of(&raw, experiment, model, *further) {
                Some(values) if values.len() == 3 => {
                    hold(&place, cell, &values, true);
                    held += 1;
                }
                _ => assert_eq!(cell, "-", "{place}: not of three seeds yet"),
            }
        }
    }
    assert!(held > 20, "only {held} figures were looked at");
}

#[test]
fn the_tables_of_the_search_and_of_the_cost_have_the_raw_figures() {
    let search = &json("rules/rules-search.json")["values"];
    let rows = table("rules.md", "## The search");
    let experiments = ["double-copy", "mqar", "bandit", "dictionary", "babi-1-3"];
    for cells in &rows[2..] {
        let model = name(cells[0].trim_matches('`'));
        for (cell, experiment) in cells[1..].iter().zip(experiments) {
            let place = format!("rules.md, the search, {model}, {experiment}");
            let rates = search[experiment][model].as_object();
            let Some((printed, rate)) = cell.split_once(" (") else {
                // Not searched, or no rate came to an end with finite numbers.
                let ended = rates.is_some_and(|rates| rates.values().any(Value::is_number));
                assert!(!ended && cell == "-", "{place}");
                continue;
            };
            let rates = rates.unwrap_or_else(|| panic!("{place}: no raw figures"));
            let of = |value: &Value| value.as_f64().unwrap_or(f64::INFINITY);
            let best = rates.iter().min_by(|a, b| of(a.1).total_cmp(&of(b.1)));
            let (of_best, value) = best.unwrap_or_else(|| panic!("{place}: no rate"));
            assert_eq!(printed, as_printed(of(value), printed), "{place}");
            let rate: f64 = rate.trim_end_matches(')').parse().expect(&place);
            assert_eq!(of_best.parse(), Ok(rate), "{place}");
        }
    }
    let raw = &json("rules/rules-cost.json")["steps_per_second"];
    let rows = table("rules.md", "[the fused kernel](../fused.md#what-it-costs):");
    for (title, cell) in rows[0].iter().zip(&rows[2]) {
        let model = name(title.trim_matches('`'));
        let rate = raw[model].as_f64().expect(model);
        assert_eq!(
            *cell,
            as_printed(1e3 / rate, cell),
            "rules.md, the cost of {model}"
        );
    }
}
