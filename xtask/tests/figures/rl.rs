//! Agents: their share of a reference player's reward.

use crate::raw::{as_printed, json, mean, name, says, seeds, table};

/// Heading, the column with the share, its reference player, and the file.
const SHARES: &[(&str, usize, &str, &str)] = &[
    ("## MDPs, 10 rounds", 3, "PSRL", "mdp"),
    ("## Mazes", 3, "ideal explorer", "maze9"),
    ("## Mazes", 6, "ideal explorer", "maze13"),
    (
        "## Cues: where remembering decides",
        3,
        "perfect memory",
        "cues",
    ),
];

/// Rows whose share is of another player's reward, as the page says in the cell.
const OTHERWISE: &[&str] = &[
    "MNM-p, seed 1, 132,000 steps",
    "*as cited* (Duan et al. 2016): RL²",
];

#[test]
fn shares_of_a_reference_player_have_the_raw_figures() {
    let mut held = 0;
    for (heading, at, player, file) in SHARES {
        let raw = json(&format!("rl/{file}-results.json"));
        let of = |row: &str| seeds(&raw, name(row), None).map(|values| mean(&values));
        let reference = of(player).unwrap_or_else(|| panic!("{file}: no {player}"));
        for cells in &table("rl.md", heading)[2..] {
            let place = format!("rl.md, {heading}, {}", cells[0]);
            if OTHERWISE.contains(&cells[0].as_str()) {
                assert!(cells[*at].contains(" of "), "{place}: of what?");
                continue;
            }
            match of(&cells[0]) {
                Some(value) => {
                    let share = format!("{:.0} %", 100.0 * value / reference);
                    assert_eq!(cells[*at], share, "{place}");
                    held += 1;
                }
                None => assert_eq!(cells[*at], "", "{place}: no raw figures"),
            }
        }
    }
    assert_eq!(held, 25, "figures that were looked at");
}

/// The last column of the first table and of the README's: a player's name, and its mean.
#[test]
fn reference_players_have_the_raw_figures() {
    let readme = "**Agents**, test split, three seeds. [More](docs/results/rl.md)";
    let mut held = 0;
    for (page, heading) in [("rl.md", "## Result"), ("../../README.md", readme)] {
        for cells in &table(page, heading)[2..] {
            let file = match cells[0].as_str() {
                row if row.contains("500 pulls") => "bandit-5x500",
                row if row.contains("bandits") && row.contains("10 arms") => "bandit-10x100",
                row if row.contains("bandits") => "bandit-5x100",
                row if row.contains("132,000") => continue,
                row if row.contains("MDPs") => "mdp",
                row if row.contains("13 x 13") => "maze13",
                _ => "maze9",
            };
            let last = cells.last().expect("cells");
            let (player, printed) = last.rsplit_once(' ').expect("a player and a figure");
            let values = seeds(
                &json(&format!("rl/{file}-results.json")),
                name(player),
                None,
            );
            let values = values.unwrap_or_else(|| panic!("{page}: no player {player:?}"));
            let rounded = as_printed(mean(&values), printed);
            assert_eq!(rounded, printed, "{page}, {}", cells[0]);
            held += 1;
        }
    }
    assert_eq!(held, 9, "figures that were looked at");
}

/// What the README says of cues, and what the page says that one earns who keeps what paid and tries at random otherwise.
#[test]
fn the_sentences_on_cues_have_the_raw_figures() {
    let (cues, failing) = (20.0, 0.75_f64);
    let hits: f64 = (1..=8).map(|round| 1.0 - failing.powi(round)).sum();
    says(
        "rl.md",
        &format!("what paid and not what did not earns {:.0}:", cues * hits),
    );
    let raw = json("rl/cues-results.json");
    let [perfect, delta, memory, lstm] = ["perfect memory", "delta", "mnm-p", "lstm"]
        .map(|player| mean(&seeds(&raw, player, None).unwrap_or_else(|| panic!("{player}"))));
    says(
        "../../README.md",
        &format!(
            "of a perfect memory's {perfect:.0}, delta earns {delta:.1}, MNM-p {memory:.1}, and an LSTM of the same size {lstm:.1}"
        ),
    );
}
