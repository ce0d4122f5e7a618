//! The tables of the page, made from the figures.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::Failure;
use crate::pictures::shown_width;

/// Name and text of every table.
pub type Tables = BTreeMap<&'static str, String>;

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Everything in order of first appearance.
fn distinct<T: PartialEq>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

fn markdown(head: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule: Vec<String> = head.iter().map(|_| "---".to_owned()).collect();
    let rows: String = rows.iter().map(|row| line(row)).collect();
    format!("{}{}{rows}", line(head), line(&rule))
}

/// The mean over seeds of a figure at a load, and how far the seeds are apart.
fn cell(figures: &Value, of: (&str, &str, u64), load: f64, figure: &str) -> String {
    let (memory, keys, width) = of;
    let runs = list(&figures["storing"])
        .iter()
        .filter(|run| run["memory"] == memory && run["keys"] == keys && run["width"] == width);
    let values: Vec<f64> = runs
        .filter_map(|run| {
            let point = list(&run["points"])
                .iter()
                .find(|point| point["load"] == load)?;
            point[figure].as_f64()
        })
        .collect();
    if values.is_empty() {
        return "-".to_owned();
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let far = values
        .iter()
        .map(|value| (value - mean).abs())
        .fold(0.0, f64::max);
    match (mean, values.len()) {
        (mean, _) if mean < 5e-4 => format!("{mean:.0e}"),
        (mean, 1) => format!("{mean:.3}"),
        (mean, _) => format!("{mean:.3} ±{far:.3}"),
    }
}

/// The largest load at which the mean of an error over seeds is still at most a half.
fn held(figures: &Value, memory: &str, keys: &str, width: u64, figure: &str) -> String {
    let runs: Vec<&Value> = list(&figures["storing"])
        .iter()
        .filter(|run| run["memory"] == memory && run["keys"] == keys && run["width"] == width)
        .collect();
    let Some(first) = runs.first() else {
        return "-".to_owned();
    };
    let mut most = None;
    for place in 0..list(&first["points"]).len() {
        let errors = runs
            .iter()
            .filter_map(|run| run["points"][place][figure].as_f64());
        let mean = errors.sum::<f64>() / runs.len() as f64;
        if mean > 0.5 {
            break;
        }
        most = first["points"][place]["load"].as_f64();
    }
    most.map_or("< 0.125".to_owned(), |load| format!("{load}"))
}

/// A figure of every memory by kind of keys and load.
fn by_load(figures: &Value, memories: &[&str], figure: &str) -> String {
    let shown = shown_width(figures);
    let loads = [0.5, 1.0, 2.0, 4.0, 8.0];
    let columns: Vec<(&str, f64)> = ["random", "correlated"]
        .iter()
        .flat_map(|&keys| loads.map(|load| (keys, load)))
        .collect();
    let head: Vec<String> = ["memory".to_owned()]
        .into_iter()
        .chain(columns.iter().map(|(keys, load)| format!("{keys} {load}")))
        .collect();
    let row = |&memory: &&str| {
        let cells = columns
            .iter()
            .map(|&(keys, load)| cell(figures, (memory, keys, shown), load, figure));
        [memory.to_owned()].into_iter().chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = memories.iter().map(row).collect();
    markdown(&head, &rows)
}

/// How much every memory holds, by width: of random keys, then of correlated ones. And by noisy keys, where that is something else.
fn by_width(figures: &Value, memories: &[&str]) -> [String; 2] {
    let runs = list(&figures["storing"]);
    let mut widths = distinct(runs.iter().filter_map(|run| run["width"].as_u64()));
    widths.sort_unstable();
    let head: Vec<String> = ["memory".to_owned()]
        .into_iter()
        .chain(widths.iter().map(|width| format!("{width} wide")))
        .collect();
    let row = |memory: &str, figure: &str| -> Vec<String> {
        let held = |keys, width| held(figures, memory, keys, width, figure);
        let cells = widths
            .iter()
            .map(|&width| format!("{}, {}", held("random", width), held("correlated", width)));
        [memory.to_owned()].into_iter().chain(cells).collect()
    };
    let rows = |figure: &str| memories.iter().map(|memory| row(memory, figure)).collect();
    let clean: Vec<Vec<String>> = rows("error");
    let mut noisy: Vec<Vec<String>> = rows("noisy");
    noisy.retain(|row| !clean.contains(row));
    [markdown(&head, &clean), markdown(&head, &noisy)]
}

/// What the best linear map of the same features has for an error.
fn optimum(figures: &Value) -> String {
    let shown = shown_width(figures);
    let kinds = [
        ("keys", "delta"),
        ("tanh features", "delta, tanh features"),
        ("nearest places", "delta, nearest places"),
    ];
    let row = |name: &str, memory: &str, keys: &str| -> Vec<String> {
        let cells = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0]
            .map(|load| cell(figures, (memory, keys, shown), load, "optimum"));
        [format!("{name}, {keys}")]
            .into_iter()
            .chain(cells)
            .collect()
    };
    let rows: Vec<Vec<String>> = kinds
        .iter()
        .flat_map(|(name, memory)| ["random", "correlated"].map(|keys| row(name, memory, keys)))
        .collect();
    let head = ["optimum on", "0.25", "0.5", "1", "2", "4", "8"].map(str::to_owned);
    markdown(&head, &rows)
}

/// All tables of the page.
pub fn tables(figures: &Value) -> Tables {
    let runs = list(&figures["storing"]);
    let memories = distinct(runs.iter().filter_map(|run| run["memory"].as_str()));
    let [widths, widths_noisy] = by_width(figures, &memories);
    Tables::from([
        ("recall", by_load(figures, &memories, "error")),
        ("noisy", by_load(figures, &memories, "noisy")),
        ("optimum", optimum(figures)),
        ("widths", widths),
        ("widths-noisy", widths_noisy),
    ])
}

/// Tables of what was measured by other programs, if their output lies in the folder: `peers.jsonl` of `associative` and its script,
/// `ratios.md` of `associative_ratios`, `text.md` of `text_stream` and `service.md` of the service's `load`, of which the rows of the
/// table are taken.
pub fn add_beside(folder: &Path, tables: &mut Tables) -> Result<(), Failure> {
    for (name, file) in [
        ("ratios", "ratios.md"),
        ("text", "text.md"),
        ("service", "service.md"),
    ] {
        if let Ok(text) = std::fs::read_to_string(folder.join(file)) {
            let rows = text.lines().filter(|line| line.starts_with('|'));
            tables.insert(name, rows.map(|row| format!("{row}\n")).collect());
        }
    }
    let Ok(text) = std::fs::read_to_string(folder.join("peers.jsonl")) else {
        return Ok(());
    };
    let lines: Vec<Value> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let scene = |line: &Value| Some((line["width"].as_u64()?, line["pairs"].as_u64()?));
    let mut scenes = distinct(lines.iter().filter_map(scene));
    scenes.sort_unstable();
    let head: Vec<String> = ["width, pairs"]
        .iter()
        .chain(BESIDE)
        .map(|&name| name.to_owned())
        .collect();
    let table = |cell: &dyn Fn(&Value) -> String| {
        let rows: Vec<Vec<String>> = scenes
            .iter()
            .map(|&at| {
                let cells = BESIDE.iter().map(|&store| {
                    let of = |line: &&Value| line["store"] == store && scene(line) == Some(at);
                    lines.iter().find(of).map_or("-".to_owned(), cell)
                });
                let place = format!("{}, {}", at.0, at.1);
                [place].into_iter().chain(cells).collect()
            })
            .collect();
        markdown(&head, &rows)
    };
    let number = |line: &Value, name: &str| line[name].as_f64().unwrap_or(f64::NAN);
    let times = |line: &Value| {
        let of = |name: &str| match number(line, name) {
            long if long >= 1e4 => format!("{} ms", digits(long / 1e3)),
            time => digits(time),
        };
        format!("{} / {}", of("write_us"), of("read_us"))
    };
    let sizes = |line: &Value| {
        let mib = number(line, "bytes") / f64::from(1 << 20);
        format!("{} / {:.2}", digits(mib), number(line, "error"))
    };
    tables.insert("times", table(&times));
    tables.insert("sizes", table(&sizes));
    Ok(())
}

/// The stores of `peers.jsonl` that the page shows.
const BESIDE: &[&str] = &[
    "exact table",
    "hnswlib",
    "numpy lstsq, one refit",
    "least squares",
    "least squares, tanh",
    "delta",
    "delta, nearest",
];

/// Two digits, and whole numbers from ten on.
fn digits(number: f64) -> String {
    match number {
        small if small < 1.0 => format!("{small:.2}"),
        middle if middle < 10.0 => format!("{middle:.1}"),
        large => format!("{large:.0}"),
    }
}

/// Puts every table between its marks in the page: `<!-- table NAME -->` and `<!-- end -->`.
pub fn fill(page: &Path, tables: &Tables) -> Result<(), Failure> {
    let mut text =
        std::fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))?;
    for (name, table) in tables {
        let mark = format!("<!-- table {name} -->\n");
        let Some(start) = text.find(&mark).map(|start| start + mark.len()) else {
            continue;
        };
        let Some(length) = text[start..].find("<!-- end -->") else {
            return Err(format!("{}: the table {name} has no end", page.display()).into());
        };
        text.replace_range(start..start + length, &format!("\n{table}\n"));
    }
    Ok(std::fs::write(page, text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_have_the_tables_of_the_raw_figures() {
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/results");
        let folder = results.join("capacity");
        let raw = std::fs::read_to_string(folder.join("capacity.json")).unwrap();
        let mut tables = tables(&serde_json::from_str(&raw).unwrap());
        add_beside(&folder, &mut tables).unwrap();
        let mut marks = 0;
        for name in ["capacity.md", "associative.md"] {
            let page = std::fs::read_to_string(results.join(name)).unwrap();
            marks += page.matches("<!-- table ").count();
            let copy = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(copy.path(), &page).unwrap();
            fill(copy.path(), &tables).unwrap();
            let filled = std::fs::read_to_string(copy.path()).unwrap();
            assert_eq!(
                page, filled,
                "{name}: `capacity --draw-only --page` fills it"
            );
        }
        assert_eq!(marks, tables.len(), "{:?}", tables.keys());
    }
}
