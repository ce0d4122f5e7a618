//! The figures in the tables of the pages are those of the raw figures that lie beside the pages, rounded as they are printed.

use std::path::{Path, PathBuf};

use serde_json::Value;

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

/// What a page calls a model or a player, and what the raw figures do.
const NAMES: &[(&str, &str)] = &[
    ("MNM-p", "mnm-p"),
    ("MNM-g", "mnm-g"),
    ("LSTM", "lstm"),
    ("LSTM+SALU", "lstm-salu"),
    ("NTM", "ntm"),
    ("DNC", "dnc"),
    ("MNM-p without the meta loss", "mnm-p-no-meta"),
    ("MNM-g without the meta loss", "mnm-g-no-meta"),
    ("Thompson sampling", "Thompson"),
    ("Gittins indices", "Gittins"),
];

fn name(title: &str) -> &str {
    let known = NAMES.iter().find(|(page, _)| *page == title);
    known.map_or(title, |(_, raw)| raw)
}

fn results() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/results")
}

fn json(file: &str) -> Value {
    let path = results().join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of the first table below a heading, its head first; without the marks of what is bold.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let path = results().join(page);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = text.lines().skip_while(|line| *line != heading);
    assert!(lines.next().is_some(), "{page} has no heading {heading:?}");
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim_matches('|').replace("**", "");
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let rows = lines.skip_while(|line| !line.starts_with('|'));
    rows.take_while(|line| line.starts_with('|'))
        .map(cells)
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().filter_map(Value::as_f64).collect()
}

/// The figures of a model's seeds in a file of one experiment, by `mnm report` or by `cargo xtask reproduce`; `None` if it has no such model.
fn seeds(raw: &Value, model: &str, further: Option<&str>) -> Option<Vec<f64>> {
    if let Some(sections) = raw["sections"].as_array() {
        let mut groups = sections.iter().flat_map(|section| list(&section["groups"]));
        let group = groups.find(|group| group["label"] == model)?;
        let of = |run: &Value| match further {
            Some(further) => run["further"][further].as_f64(),
            None => run["test"].as_f64(),
        };
        return Some(list(&group["runs"]).iter().filter_map(of).collect());
    }
    assert_eq!(further, None, "these figures have no further evaluations");
    let results = list(&raw["results"]);
    let result = results.iter().find(|result| result["model"] == model);
    let players = list(&raw["players"]);
    let player = || players.iter().find(|player| player["player"] == model);
    Some(numbers(&result.or_else(player)?["values"]))
}

/// The same in a file of several experiments.
fn seeds_of(raw: &Value, experiment: &str, model: &str, further: Option<&str>) -> Option<Vec<f64>> {
    let all = match further {
        Some(_) => list(&raw["further"]),
        None => list(&raw["results"]),
    };
    let ours = |result: &&Value| {
        result["experiment"] == experiment
            && result["model"] == model
            && further.is_none_or(|further| result["further"] == further)
    };
    Some(numbers(&all.iter().find(ours)?["values"]))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample standard deviation.
fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// A figure with as many digits behind the point as the one that is printed.
fn as_printed(value: f64, printed: &str) -> String {
    let digits = printed
        .split_once('.')
        .map_or(0, |(_, behind)| behind.len());
    format!("{value:.digits$}")
}

/// Holds a cell such as `7.4 ± 3.3` to the figures of the seeds.
fn hold(place: &str, cell: &str, values: &[f64], spread: bool) {
    assert!(
        values.len() > 1,
        "{place}: raw figures of {} seeds",
        values.len()
    );
    let (of_all, printed_spread) = match cell.split_once(" ± ") {
        Some((mean, printed)) => (mean, Some(printed)),
        None => (cell, None),
    };
    assert_eq!(
        of_all,
        as_printed(mean(values), of_all),
        "{place}: the mean"
    );
    // With the spread, only what is zero to all digits goes without one.
    if spread || printed_spread.is_some() {
        let printed = printed_spread.unwrap_or(of_all);
        let rounded = as_printed(deviation(values), printed);
        assert_eq!(printed, rounded, "{place}: the spread");
    }
}

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

fn lowest(run: &str, task: Option<&str>) -> f64 {
    let summary = json(&format!("babi/{run}/summary.json"));
    let valid = &summary["valid"];
    let value = match task {
        Some(task) => valid["per_task"][task].as_f64(),
        None => valid["error"].as_f64(),
    };
    value.unwrap_or_else(|| panic!("babi/{run}/summary.json has no figure of {task:?}"))
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
    let renamed = "**With entity renaming**: in training, people, places and things change names all through a story (`data.rename`). That is";
    let like_for_like =
        "**Like for like**: trained on the stories as they stand, as the published models were.";
    let readme = "**bAbI**, 20 tasks, one model, mean error in percent, like for like first. [More](docs/results/babi.md)";
    for (page, heading, row, runs) in [
        ("babi.md", like_for_like, "MNM-p, ours", BABI[0].1),
        ("babi.md", renamed, "MNM-p, seed 3", &["mnm-p"]),
        ("babi.md", renamed, "MNM-p, all seeds ([1]", BABI[1].1),
        ("babi.md", renamed, "MNM-g", BABI[2].1),
        ("babi.md", renamed, "LSTM", BABI[3].1),
        ("../../README.md", readme, "MNM-p, ours", BABI[0].1),
        ("../../README.md", readme, "its best seed", &["mnm-p"]),
        ("../../README.md", readme, "MNM-g, ours", BABI[2].1),
        ("../../README.md", readme, "LSTM, ours", BABI[3].1),
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
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
    (values[low] + values[high]) / 2.0
}

#[test]
fn the_table_of_the_autodiff_core_has_the_medians_of_the_readings() {
    let raw = json("../autodiff.json");
    let heading = "Milliseconds a step on one thread, in turns, medians over five rounds of 200 steps; in brackets that over ours:";
    let rows = table("../autodiff.md", heading);
    assert_eq!(rows.len(), 2 + list(&raw["rows"]).len());
    for (cells, row) in rows[2..].iter().zip(list(&raw["rows"])) {
        assert_eq!(cells[0].replace(", ", ","), row["shape"]);
        assert_eq!(cells[1], row["case"]);
        let mut ours = None;
        for library in list(&row["libraries"]) {
            let name = library["library"].as_str().unwrap_or_default();
            let at = rows[0].iter().position(|head| head == name);
            let cell = &cells[at.unwrap_or_else(|| panic!("no column {name:?}"))];
            let place = format!("autodiff.md, {}, {}, {name}", cells[0], cells[1]);
            let time = 1e3 * median(numbers(&library["rounds_step_s"]));
            let ours = *ours.get_or_insert(time);
            let (printed, ratio) = cell.split_once(" (").unwrap_or((cell, ""));
            assert_eq!(printed, as_printed(time, printed), "{place}");
            if let Some(ratio) = ratio.strip_suffix(" x)") {
                assert_eq!(ratio, as_printed(time / ours, ratio), "{place}");
            }
        }
    }
}

/// The columns of the table of rules: experiment, and the further evaluation that it shows.
const RULES: &[(&str, &str, Option<&str>)] = &[
    ("double copy", "double-copy", None),
    ("mqar, 4 pairs", "mqar", Some("4-pairs")),
    ("8 pairs", "mqar", Some("8-pairs")),
    ("16 pairs", "mqar", Some("16-pairs")),
    ("bandits, regret", "bandit", None),
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
                Some(values) => {
                    hold(&place, cell, &values, true);
                    held += 1;
                }
                None => assert_eq!(cell, "-", "{place}: no raw figures"),
            }
        }
    }
    assert!(held > 20, "only {held} figures were looked at");
}
