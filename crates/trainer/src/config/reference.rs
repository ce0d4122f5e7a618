//! The configuration reference: as a page, and as the comments of a printed config. Both come from [`KEYS`] and the defaults.

use std::fmt::Write;

use toml::{Table, Value};

use super::keys::{KEYS, Key};
use super::{Config, completed_defaults};

impl Config {
    /// The whole config as TOML, every default visible, each key under a comment that says what it means and takes. What is not
    /// set is a comment too.
    pub fn to_commented_toml(&self) -> String {
        let task = self.data.name();
        let mut section = String::new();
        let mut text = String::new();
        let toml = self.to_toml();
        let table = toml.parse::<Table>().unwrap_or_default();
        for line in toml.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                unset(&mut text, &section, task, &table);
                section = name.to_owned();
                // A table that is one value of the reference, such as data.lengths.train: its comment stands once above it.
                let group = name.rsplit_once('.').map_or(name, |(group, _)| group);
                if find(name, task).is_some() || find(group, task).is_none() {
                    comment(&mut text, find(name, task));
                }
            } else if let Some((key, _)) = line.split_once(" = ") {
                let path = match section.as_str() {
                    "" => key.to_owned(),
                    section => format!("{section}.{key}"),
                };
                comment(&mut text, find(&path, task));
                if let Some(kernel) = self.model.runs_by().filter(|_| path == "model.kernel") {
                    let rule = self.model.label();
                    let _ = writeln!(text, "# Here, for {rule}: {}", kernel.name());
                }
            }
            text.push_str(line);
            text.push('\n');
        }
        unset(&mut text, &section, task, &table);
        text
    }
}

/// The keys of the section that have no value in the config's `table`.
fn unset(text: &mut String, section: &str, task: &str, table: &Table) {
    let prefix = match section {
        "data" => format!("data.{task}."),
        section => format!("{section}."),
    };
    let keys = KEYS.iter().filter_map(|key| {
        let name = key.path.strip_prefix(&prefix)?;
        (!name.contains('.')).then_some((key, name))
    });
    let values = table.get(section).and_then(Value::as_table);
    let missing: Vec<_> = keys
        .filter(|(_, name)| values.is_some_and(|values| !values.contains_key(*name)))
        .collect();
    if missing.is_empty() {
        return;
    }
    // Behind the last key of the section, before the line that keeps it from the next.
    let gap = text.ends_with("\n\n");
    if gap {
        text.pop();
    }
    for (key, name) in missing {
        comment(text, Some(key));
        let _ = writeln!(text, "# {name} is not set");
    }
    if gap {
        text.push('\n');
    }
}

fn comment(text: &mut String, key: Option<&Key>) {
    let Some(key) = key else { return };
    let mut words = format!("{} ({})", key.meaning, key.takes);
    if !key.used_by.is_empty() && !key.path.starts_with("data.") {
        words += &format!("; only {}", key.used_by);
    }
    for line in wrapped(&words, 76) {
        // Formatting into a string cannot fail.
        let _ = writeln!(text, "# {line}");
    }
}

fn wrapped(words: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The key of the reference that `path` of a config of `task` is.
pub(super) fn find(path: &str, task: &str) -> Option<&'static Key> {
    let of_task = path
        .strip_prefix("data.")
        .map(|key| format!("data.{task}.{key}"));
    KEYS.iter()
        .find(|key| key.path == path || Some(key.path) == of_task.as_deref())
}

/// The reference as a page of Markdown.
pub fn reference() -> String {
    let mut page = "\
# Configuration

Every key of a config: what it takes, its default, and which models, rules or tasks look at it. `mnm config NAME` prints a whole
config with the same words as comments; `--set 'KEY=VALUE'` sets a key. One that
neither the chosen model nor the task looks at is refused; in a file it may stand, as whole configs do.

This page is generated; a test holds it to the program. Defaults are those of a config that leaves the key out, not
those of the configs that come with the program.
"
    .to_owned();
    let sections = [
        ("The experiment", ""),
        ("Data", "data"),
        ("Model", "model"),
        ("Training", "train"),
        ("Reinforcement learning", "rl"),
    ];
    for (title, table) in sections {
        let _ = write!(
            page,
            "\n## {title}\n\n| key | default | takes | used by | meaning |\n|---|---|---|---|---|\n"
        );
        let of_table = KEYS
            .iter()
            .filter(|key| key.path.split_once('.').map_or("", |(table, _)| table) == table);
        for key in of_table {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} | {} |",
                shown(key),
                default(key),
                key.takes,
                if key.used_by.is_empty() {
                    "all"
                } else {
                    key.used_by
                },
                key.meaning
            );
        }
    }
    page
}

/// The key as a config has it.
fn shown(key: &Key) -> String {
    let parts: Vec<&str> = key.path.splitn(3, '.').collect();
    match parts[..] {
        ["data", _, key] => format!("data.{key}"),
        _ => key.path.to_owned(),
    }
}

/// The default in words.
fn default(key: &Key) -> String {
    let parts: Vec<&str> = key.path.splitn(3, '.').collect();
    let (task, path) = match parts[..] {
        ["data", task, key] => (task, format!("data.{key}")),
        ["rl", ..] => ("maze", key.path.to_owned()),
        _ => ("stories", key.path.to_owned()),
    };
    if path == "data.task" || path == "data.dir" {
        return "none".to_owned();
    }
    let Some(table) = completed_defaults(task) else {
        return "none".to_owned();
    };
    let value = path
        .split('.')
        .try_fold(&Value::Table(table), |value, part| value.get(part))
        .cloned();
    value.map_or("unset".to_owned(), |value| match &value {
        Value::Table(spans) => format!("`{}`", span_words(spans)),
        other => format!("`{other}`"),
    })
}

/// `1 to 20; test 10 to 16` of spans for each split.
fn span_words(spans: &Table) -> String {
    let words = |split: &str| {
        let span = spans.get(split)?;
        Some(format!("{} to {}", span.get("min")?, span.get("max")?))
    };
    let train = words("train").unwrap_or_default();
    match words("test") {
        Some(test) if test != train => format!("{train}; test {test}"),
        _ => train,
    }
}

#[cfg(test)]
mod tests {
    use super::super::data::TASKS;
    use super::*;

    /// The paths of a table's values, spans counted as values.
    fn paths(table: &Table, before: &str, task: &str, all: &mut Vec<String>) {
        for (key, value) in table {
            let path = if before.is_empty() {
                key.clone()
            } else {
                format!("{before}.{key}")
            };
            match value {
                Value::Table(inner) if find(&path, task).is_none() => {
                    paths(inner, &path, task, all)
                }
                _ => all.push(path),
            }
        }
    }

    #[test]
    fn the_reference_has_every_key_and_no_other() {
        let mut unset = vec![
            "data.babi.subset",
            "data.babi.recall_epochs",
            "train.from",
            "train.block",
            "train.average",
            "rl.stop_reward",
        ];
        let mut met = Vec::new();
        for task in TASKS {
            let table = completed_defaults(task).expect(task);
            let mut all = Vec::new();
            paths(&table, "", task, &mut all);
            for path in all {
                let key = find(&path, task)
                    .unwrap_or_else(|| panic!("{path} of {task} is not in the reference"));
                met.push(key.path);
            }
        }
        for key in KEYS {
            let is_unset = unset.iter().position(|path| *path == key.path);
            assert!(
                is_unset.map(|at| unset.remove(at)).is_some() || met.contains(&key.path),
                "no config has {}",
                key.path
            );
        }
        assert!(unset.is_empty(), "not in the reference: {unset:?}");
    }

    #[test]
    fn the_page_is_that_of_the_program() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        // A crate by itself has no docs beside it.
        if let Ok(page) = std::fs::read_to_string(path) {
            assert!(
                page == reference(),
                "docs/configuration.md is out of date; run `mnm config --reference > docs/configuration.md`"
            );
        }
    }

    #[test]
    fn a_commented_config_is_the_same_config() {
        for name in Config::names() {
            let config = Config::load(name, &[]).expect(name);
            let text = config.to_commented_toml();
            assert_eq!(Config::parse(name, &text, &[]).expect(name), config);
            let sections = ["", "data.", "model.", "train.", "rl."];
            for key in KEYS {
                let task = format!("data.{}.", config.data.name());
                let name = match key.path.strip_prefix(&task) {
                    Some(name) => name,
                    None => sections
                        .iter()
                        .rev()
                        .find_map(|section| key.path.strip_prefix(section))
                        .unwrap_or_default(),
                };
                let is_here =
                    !name.contains('.') && (config.rl.is_some() || !key.path.starts_with("rl."));
                let said = [
                    format!("{name} = "),
                    format!("# {name} is not set"),
                    format!(".{name}"),
                ];
                assert!(
                    !is_here || said.iter().any(|said| text.contains(said)),
                    "{}",
                    key.path
                );
            }
            let fused = text.contains("# Here, for mnm-p: fused\n");
            assert_eq!(fused, config.model.label() == "mnm-p", "{text}");
            let (keys, comments) = (
                text.lines()
                    .filter(|line| line.contains(" = ") && !line.starts_with('#'))
                    .count(),
                text.lines().filter(|line| line.starts_with("# ")).count(),
            );
            assert!(
                comments >= keys / 2,
                "{name}: {comments} comments on {keys} keys"
            );
            assert!(
                text.lines()
                    .filter(|line| line.starts_with('#'))
                    .all(|line| line.len() <= 80),
                "{text}"
            );
        }
    }
}
