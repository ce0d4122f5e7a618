//! The figures in the tables of the pages are those of the raw figures that lie beside the pages, rounded as they are printed.

mod algorithmic;
mod autodiff;
mod babi;
mod bandits;
mod durations;
mod quick;
mod raw;
mod rl;
mod rules;
mod scaling;
mod tables;
mod throughput;

use serde_json::Value;

use raw::{NAMES, as_printed, hold, json, name, seeds, seeds_of, table};

/// A table whose rows are tasks and whose columns are models.
struct Across {
    page: &'static str,
    /// Whether the spread of the seeds stands behind each mean.
    spread: bool,
    /// The heading above the table; it is the first table below.
    heading: &'static str,
    rows: &'static [Row],
}

/// A table whose rows are models and players. Beside the column of a task stand the figures of its seeds.
struct Down {
    page: &'static str,
    heading: &'static str,
    /// The head of each column, its file, and the file of its models with a part taken away, where they have one of their own.
    columns: &'static [(&'static str, &'static str, Option<&'static str>)],
}

/// What a row begins with, its file, and the further evaluation that it shows, if it shows one.
type Row = (&'static str, &'static str, Option<&'static str>);

/// The rows of the README and of the page that it sums up.
const ALGORITHMIC: &[Row] = &[
    ("double copy", "algorithmic/double-copy-results.json", None),
    (
        "priority sort",
        "algorithmic/priority-sort-results.json",
        None,
    ),
    (
        "associative recall",
        "algorithmic/associative-recall-results.json",
        Some("6-items"),
    ),
    (
        "dictionary inference",
        "algorithmic/dictionary-results.json",
        Some("4-to-6-letters"),
    ),
];

const ACROSS: &[Across] = &[
    Across {
        page: "algorithmic.md",
        spread: true,
        heading: "## Result",
        rows: ALGORITHMIC,
    },
    Across {
        page: "algorithmic.md",
        spread: true,
        heading: "### At lengths never trained",
        rows: &[
            (
                "double copy, 30",
                "algorithmic/double-copy-results.json",
                Some("length-30"),
            ),
            (
                "double copy, 40",
                "algorithmic/double-copy-results.json",
                Some("length-40"),
            ),
            (
                "priority sort, 25 in",
                "algorithmic/priority-sort-results.json",
                Some("25-in"),
            ),
            (
                "priority sort, 30 in",
                "algorithmic/priority-sort-results.json",
                Some("30-in"),
            ),
            (
                "associative recall, 10 items",
                "algorithmic/associative-recall-results.json",
                Some("10-items"),
            ),
            (
                "associative recall, 20 items",
                "algorithmic/associative-recall-results.json",
                Some("20-items"),
            ),
            (
                "dictionary, 10 to 16 letters",
                "algorithmic/dictionary-results.json",
                None,
            ),
        ],
    },
    Across {
        page: "rl.md",
        spread: true,
        heading: "## Result",
        rows: &[
            (
                "bandits, 5 arms, 100 pulls",
                "rl/bandit-5x100-results.json",
                None,
            ),
            (
                "bandits, 10 arms, 100 pulls",
                "rl/bandit-10x100-results.json",
                None,
            ),
            (
                "bandits, 5 arms, 500 pulls",
                "rl/bandit-5x500-results.json",
                None,
            ),
            ("MDPs, 10 rounds, 20,000 steps", "rl/mdp-results.json", None),
            ("maze, 9 x 9", "rl/maze9-results.json", None),
            ("maze, 13 x 13", "rl/maze13-results.json", None),
        ],
    },
    Across {
        page: "../../README.md",
        spread: false,
        heading: "**Algorithmic tasks**, wrong answers on the test split in percent, three seeds. [More](docs/results/algorithmic.md)",
        rows: ALGORITHMIC,
    },
    Across {
        page: "../../README.md",
        spread: true,
        heading: "**Agents**, test split, three seeds. [More](docs/results/rl.md)",
        rows: &[
            (
                "regret, bandits of 5 arms, 100 pulls",
                "rl/bandit-5x100-results.json",
                None,
            ),
            (
                "regret, bandits of 10 arms",
                "rl/bandit-10x100-results.json",
                None,
            ),
            ("reward, maze 9 x 9", "rl/maze9-results.json", None),
        ],
    },
];

const DOWN: &[Down] = &[
    Down {
        page: "rl.md",
        heading: "## Bandits, 100 pulls",
        columns: &[
            (
                "5 arms",
                "rl/bandit-5x100-results.json",
                Some("rl/bandit-5x100-no-meta-results.json"),
            ),
            ("10 arms", "rl/bandit-10x100-results.json", None),
        ],
    },
    Down {
        page: "rl.md",
        heading: "## MDPs, 10 rounds",
        columns: &[("reward of a trial", "rl/mdp-results.json", None)],
    },
    Down {
        page: "rl.md",
        heading: "## Cues: where remembering decides",
        columns: &[("reward", "rl/cues-results.json", None)],
    },
    Down {
        page: "rl.md",
        heading: "## Mazes",
        columns: &[
            ("9 x 9", "rl/maze9-results.json", None),
            ("13 x 13", "rl/maze13-results.json", None),
        ],
    },
];

/// One cell: page, heading, row, column, and the model, experiment and further evaluation in a file of `cargo xtask reproduce`.
type Cell = (
    [&'static str; 4],
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
);

const TABLES: &str = "algorithmic/tables-results.json";
const RECALL: &str = "associative recall, 6 items";

const CELLS: &[Cell] = &[
    (
        [
            "tables.md",
            "## Result",
            "MNM-g, one layer, unit keys",
            RECALL,
        ],
        TABLES,
        "mnm-g-1-unit",
        "associative-recall",
        Some("6-items"),
    ),
    (
        [
            "tables.md",
            "## Result",
            "delta, one layer, unit keys",
            RECALL,
        ],
        TABLES,
        "delta",
        "associative-recall",
        Some("6-items"),
    ),
    (
        [
            "tables.md",
            "## Result",
            "delta, one layer, unit keys",
            "priority sort",
        ],
        TABLES,
        "delta",
        "priority-sort",
        None,
    ),
    (
        [
            "tables.md",
            "## Result",
            "delta, three times the sequences",
            RECALL,
        ],
        TABLES,
        "delta",
        "associative-recall-long",
        Some("6-items"),
    ),
    (
        [
            "tables.md",
            "## Result",
            "delta, three times the sequences",
            "priority sort",
        ],
        TABLES,
        "delta",
        "priority-sort-long",
        None,
    ),
    (
        [
            "tables.md",
            "## Result",
            "LSTM+SALU, three times the sequences",
            "priority sort",
        ],
        TABLES,
        "lstm-salu",
        "priority-sort-long",
        None,
    ),
];

#[test]
fn tables_of_tasks_by_models_have_the_raw_figures() {
    let mut held = 0;
    for Across {
        page,
        spread,
        heading,
        rows,
    } in ACROSS
    {
        let table = table(page, heading);
        for (row, file, further) in *rows {
            let cells = table.iter().find(|cells| cells[0].starts_with(row));
            let cells = cells.unwrap_or_else(|| panic!("{page}, {heading}: no row {row:?}"));
            let raw = json(file);
            for (title, cell) in table[0].iter().zip(cells).skip(1) {
                let place = format!("{page}, {heading}, {row}, {title}");
                let model = NAMES.iter().find(|(page, _)| page == title);
                let Some((_, model)) = model else { continue };
                match seeds(&raw, model, *further) {
                    Some(values) => hold(&place, cell, &values, *spread),
                    None => assert_eq!(cell, "not run", "{place}: {file} has no such model"),
                }
                held += 1;
            }
        }
    }
    assert!(held > 80, "only {held} figures were looked at");
}

#[test]
fn tables_of_models_and_players_have_the_raw_figures() {
    let mut held = 0;
    for Down {
        page,
        heading,
        columns,
    } in DOWN
    {
        let table = table(page, heading);
        for (column, file, parts) in *columns {
            let at = table[0].iter().position(|head| head == column);
            let at = at.unwrap_or_else(|| panic!("{page}, {heading}: no column {column:?}"));
            let raw = [Some(*file), *parts].into_iter().flatten().map(json);
            let raw: Vec<Value> = raw.collect();
            let of_seeds = table[0]
                .get(at + 1)
                .is_some_and(|head| head == "seeds 1, 2, 3");
            for cells in &table[2..] {
                let place = format!("{page}, {heading}, {}, {column}", cells[0]);
                let found = raw.iter().find_map(|raw| seeds(raw, name(&cells[0]), None));
                let Some(values) = found else {
                    let without = !cells[at].contains('±');
                    assert!(without, "{place}: no raw figures for {:?}", cells[at]);
                    continue;
                };
                hold(&place, &cells[at], &values, true);
                held += 1;
                if of_seeds && !cells[at + 1].is_empty() {
                    let printed: Vec<&str> = cells[at + 1].split(", ").collect();
                    let rounded = values
                        .iter()
                        .zip(&printed)
                        .map(|(value, text)| as_printed(*value, text));
                    assert_eq!(rounded.collect::<Vec<_>>(), printed, "{place}: the seeds");
                }
            }
        }
    }
    assert!(held > 30, "only {held} figures were looked at");
}

#[test]
fn single_cells_have_the_raw_figures() {
    for ([page, heading, row, column], file, model, experiment, further) in CELLS {
        let table = table(page, heading);
        let place = format!("{page}, {heading}, {row}, {column}");
        let at = table[0].iter().position(|head| head == column);
        let at = at.unwrap_or_else(|| panic!("{place}: no such column"));
        let cells = table.iter().find(|cells| cells[0] == *row);
        let cells = cells.unwrap_or_else(|| panic!("{place}: no such row"));
        let values = seeds_of(&json(file), experiment, model, *further);
        let values = values.unwrap_or_else(|| panic!("{place}: not in {file}"));
        hold(&place, &cells[at], &values, true);
    }
}
