//! Bandits of 500 pulls: the search for a recipe, and its three seeds.

use crate::raw::{as_printed, hold, json, list, mean, name, numbers, says, table};

#[test]
fn the_recipes_of_long_bandits_have_the_raw_figures() {
    let raw = json("rl/bandit-5x500-search.json");
    let page = "../log/rl.md";
    let regret = |model: &str, recipe: &str| {
        let ours = |run: &&serde_json::Value| run["model"] == model && run["recipe"] == recipe;
        let mut found = list(&raw["runs"]).iter().filter(ours);
        let run = found
            .next()
            .unwrap_or_else(|| panic!("no run {model} {recipe}"));
        run["regret"].as_f64()
    };
    let mut held = 0;
    for heading in [
        "Expected regret of 1,024 validation episodes (standard error 1 to 3; Thompson sampling 14.0), commit 94098ec, A and D 2e50e6f:",
        "either run: O between 20 and 25 as before, E some 2 less. Outcome, measured alike, commit 2e50e6f:",
    ] {
        let rows = table(page, heading);
        for cells in &rows[2..] {
            let (model, _) = cells[0].split_once(',').unwrap_or((&cells[0], ""));
            for (recipe, cell) in rows[0].iter().zip(cells).skip(1) {
                match regret(name(model), recipe) {
                    Some(value) => assert_eq!(*cell, as_printed(value, cell), "{model} {recipe}"),
                    None => assert!(cell.starts_with("ended at step"), "{model} {recipe}"),
                }
                held += 1;
            }
        }
    }
    assert_eq!(
        held,
        list(&raw["runs"]).len(),
        "figures that were looked at"
    );
}

/// Three seeds of it: the log's table, and what the page says of the LSTM's best weights.
#[test]
fn the_seeds_of_long_bandits_have_the_raw_figures() {
    let raw = json("rl/bandit-5x500-results.json");
    let of = |player: &str, key: &str| {
        let mut results = list(&raw["results"]).iter();
        let result = results.find(|result| result["model"] == name(player));
        numbers(&result.unwrap_or_else(|| panic!("no {player}"))[key])
    };
    let rows = table(
        "../log/rl.md",
        "Outcome, last averaged weights, commit 4ada503, two hours of one shared core:",
    );
    for cells in &rows[2..] {
        let player = cells[0].as_str();
        let values = of(player, "values");
        hold(player, &cells[1], &values, true);
        let seeds: Vec<String> = values.iter().map(|value| format!("{value:.1}")).collect();
        assert_eq!(cells[2], seeds.join(", "), "{player}");
        hold(player, &cells[3], &of(player, "best_of_run"), false);
    }
    assert_eq!(rows.len(), 5, "a head and three players");
    let best = mean(&of("LSTM", "best_of_run"));
    says(
        "rl.md",
        &format!("By the best weights of a run the LSTM has {best:.1}"),
    );
}
