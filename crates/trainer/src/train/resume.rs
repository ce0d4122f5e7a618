//! Whether a folder holds a run, and whether it may go on under a config.

use crate::TrainError;
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::run::RunFolder;

/// Settings that a run may change when it goes on: they say how long it takes and what is seen of it, not what a step
/// does.
const MAY_CHANGE: [&str; 5] = [
    "threads",
    "train.steps",
    "train.checkpoint_every",
    "train.stop_error",
    "train.patience",
];

/// The checkpoint to go on from; `None` for a fresh start.
pub(crate) fn find(
    folder: &RunFolder,
    config: &Config,
    resume: bool,
) -> Result<Option<Checkpoint>, TrainError> {
    let path = folder.checkpoint();
    let exists = path
        .try_exists()
        .map_err(TrainError::file(folder.dir(), "look into the run folder"))?;
    if !exists {
        return Ok(None);
    }
    if !resume {
        return Err(TrainError::Occupied(folder.dir().to_owned()));
    }
    let checkpoint = Checkpoint::read(&path)?;
    let origin = path.display().to_string();
    let before = Config::parse(&origin, &checkpoint.config, &[])?;
    let keys = differences(&before.to_toml(), &config.to_toml());
    if keys.is_empty() {
        return Ok(Some(checkpoint));
    }
    Err(TrainError::OtherConfig {
        path: folder.dir().to_owned(),
        keys: keys.join(", "),
    })
}

/// The keys whose values differ, as `key: before -> now`.
fn differences(before: &str, now: &str) -> Vec<String> {
    let flat = |text: &str| {
        let mut pairs = std::collections::BTreeMap::new();
        if let Ok(table) = text.parse::<toml::Table>() {
            flatten("", &table, &mut pairs);
        }
        pairs
    };
    let (before, now) = (flat(before), flat(now));
    let mut keys: Vec<&String> = before.keys().chain(now.keys()).collect();
    keys.sort();
    keys.dedup();
    let shown = |v: Option<&toml::Value>| v.map_or("unset".to_owned(), toml::Value::to_string);
    keys.into_iter()
        .filter(|key| !MAY_CHANGE.contains(&key.as_str()) && before.get(*key) != now.get(*key))
        .map(|key| {
            format!(
                "{key}: {} -> {}",
                shown(before.get(key)),
                shown(now.get(key))
            )
        })
        .collect()
}

fn flatten(
    prefix: &str,
    table: &toml::Table,
    pairs: &mut std::collections::BTreeMap<String, toml::Value>,
) {
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => flatten(&format!("{prefix}{key}."), inner, pairs),
            other => {
                pairs.insert(format!("{prefix}{key}"), other.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_and_what_may_change_is_not() {
        let before = "threads = 1\n[train]\nsteps = 10\nclip = 1.0\n";
        let now = "threads = 2\n[train]\nsteps = 20\nclip = 2.0\n";
        assert_eq!(differences(before, now), ["train.clip: 1.0 -> 2.0"]);
        assert!(differences(before, before).is_empty());
    }
}
