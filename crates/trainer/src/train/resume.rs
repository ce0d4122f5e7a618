//! Whether a folder holds a run, and whether it may go on under a config.

use std::io::ErrorKind;
use std::path::Path;

use crate::checkpoint::{Checkpoint, LARGEST_CONFIG, read_text};
use crate::config::Config;
use crate::error::TrainError;
use crate::folder::RunFolder;

/// Settings that a run may change when it goes on: they say how long it takes and what is seen of it, not what a step
/// does. `data.dir` says where the data lie, not what they are: [`Origin::check_words`](super::origin::Origin::check_words) looks whether
/// they can be the same. (A rate that decays, or an agent's weights that change, reach their end at the new last step: with other
/// `train.steps` the run is from there on not the one that had them from the start.)
const MAY_CHANGE: [&str; 7] = [
    "threads",
    "data.dir",
    "train.steps",
    "train.checkpoint_every",
    "train.stop_error",
    "train.patience",
    "rl.stop_reward",
];

/// The checkpoint to go on from; `None` for a fresh start.
pub(crate) fn find(
    folder: &RunFolder,
    config: &Config,
    resume: bool,
) -> Result<Option<Checkpoint>, TrainError> {
    let path = folder.checkpoint();
    // Of a link the link counts: one that leads nowhere is a checkpoint that is gone.
    match path.symlink_metadata() {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return may_begin(folder).map(|()| None);
        }
        Err(error) => {
            return Err(TrainError::file(folder.dir(), "look into the run folder")(
                error,
            ));
        }
    }
    if !resume {
        return Err(TrainError::Occupied(folder.dir().to_owned()));
    }
    let checkpoint = Checkpoint::read(&path)?;
    same_settings(folder, config, &path, &checkpoint.config)?;
    Ok(Some(checkpoint))
}

/// Whether a training may begin in a folder without a checkpoint. A run leaves one before any other file, so that a folder with another
/// file of a run has lost it.
fn may_begin(folder: &RunFolder) -> Result<(), TrainError> {
    let path = folder.config();
    match read_text(&path, LARGEST_CONFIG) {
        Ok(text) if !is_ours(&text) => return Err(TrainError::Foreign(path)),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(TrainError::file(path, "read the config")(error)),
    }
    match folder.first_left()? {
        Some(found) => Err(TrainError::NoCheckpoint {
            dir: folder.dir().to_owned(),
            found,
        }),
        None => Ok(()),
    }
}

/// Whether a run wrote this config: complete, and without a comment.
fn is_ours(text: &str) -> bool {
    Config::parse("config.toml", text, &[]).is_ok_and(|config| config.to_toml() == text)
}

/// Refuses another config than that of `text`, from the file `path`, but for what may change.
fn same_settings(
    folder: &RunFolder,
    config: &Config,
    path: &Path,
    text: &str,
) -> Result<(), TrainError> {
    let before = Config::parse("the config in it", text, &[])
        .map_err(|error| TrainError::damaged(path, &error.to_string()))?;
    let keys = differences(&before.to_toml(), &config.to_toml());
    if keys.is_empty() {
        return Ok(());
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
        let before = "threads = 1\n[data]\ndir = \"here\"\n[train]\nsteps = 10\nclip = 1.0\n";
        let now = "threads = 2\n[data]\ndir = \"there\"\n[train]\nsteps = 20\nclip = 2.0\n";
        assert_eq!(differences(before, now), ["train.clip: 1.0 -> 2.0"]);
        assert!(differences(before, before).is_empty());
    }
}
