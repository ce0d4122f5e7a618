//! Tables of pages, and the raw figures beside them.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// What a page calls a model or a player, and what the raw figures do.
pub const NAMES: &[(&str, &str)] = &[
    ("MNM-p", "mnm-p"),
    ("MNM-g", "mnm-g"),
    ("LSTM", "lstm"),
    ("Delta", "delta"),
    ("LSTM+SALU", "lstm-salu"),
    ("NTM", "ntm"),
    ("DNC", "dnc"),
    ("MNM-p without the meta loss", "mnm-p-no-meta"),
    ("MNM-g without the meta loss", "mnm-g-no-meta"),
    ("Thompson sampling", "Thompson"),
    ("Gittins indices", "Gittins"),
];

pub fn name(title: &str) -> &str {
    let known = NAMES.iter().find(|(page, _)| *page == title);
    known.map_or(title, |(_, raw)| raw)
}

pub fn results() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/results")
}

pub fn text(file: &str) -> String {
    let path = results().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn toml(file: &str) -> toml::Table {
    toml::from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

pub fn json(file: &str) -> Value {
    serde_json::from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The cells of the first table below a heading, its head first; without the marks of what is bold.
pub fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let text = text(page);
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

/// Holds the prose of a page: the sentence has to stand there, however its lines are broken.
pub fn says(page: &str, sentence: &str) {
    let text = text(page);
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").contains(sentence), "{page}: {sentence}");
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().filter_map(Value::as_f64).collect()
}

/// The middle one, or the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
    (values[low] + values[high]) / 2.0
}

/// The figures of a model's seeds in a file of one experiment, by `mnm report` or by `cargo xtask reproduce`; `None` if it has no such model.
pub fn seeds(raw: &Value, model: &str, further: Option<&str>) -> Option<Vec<f64>> {
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
pub fn seeds_of(
    raw: &Value,
    experiment: &str,
    model: &str,
    further: Option<&str>,
) -> Option<Vec<f64>> {
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

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample standard deviation.
pub fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// A figure with as many digits behind the point as the one that is printed.
pub fn as_printed(value: f64, printed: &str) -> String {
    let digits = printed
        .split_once('.')
        .map_or(0, |(_, behind)| behind.len());
    format!("{value:.digits$}")
}

/// Holds a cell such as `7.4 ± 3.3` to the figures of the seeds.
pub fn hold(place: &str, cell: &str, values: &[f64], spread: bool) {
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
