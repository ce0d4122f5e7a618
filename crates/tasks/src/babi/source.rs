//! Finding the files of the chosen tasks, in a folder or in the published archive.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::archive::read_archive;
use super::{BabiError, BabiOptions};
use crate::Split;

/// The subsets to try where none is named, best first.
pub(super) const SUBSETS: [&str; 4] = ["en-valid-10k", "en-10k", "en-valid", "en"];

/// The most bytes of a file that is read.
pub(super) const LARGEST_FILE: u64 = 1 << 28;

/// One file's bytes and its name for messages.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// The files of one task; a split without a file is `None`.
#[derive(Debug)]
pub(crate) struct TaskFiles {
    pub(crate) task: u8,
    /// In the order of [`Split::ALL`].
    pub(crate) splits: [Option<SourceFile>; 3],
}

/// Reads the files of the chosen tasks. Returns the place where they were found, for messages, and a `TaskFiles` each.
pub(crate) fn read(options: &BabiOptions) -> Result<(String, Vec<TaskFiles>), BabiError> {
    let path = &options.dir;
    if path.is_dir() {
        let folder = find_folder(path, options.subset.as_deref())?;
        let names = list(&folder)?
            .into_iter()
            .filter(|(_, is_folder)| !is_folder)
            .map(|(name, _)| name);
        let files: Vec<String> = names.collect();
        let tasks = gather(options, files.iter().map(String::as_str), |name| {
            let path = folder.join(name);
            Ok(SourceFile {
                name: path.display().to_string(),
                bytes: read_whole(&path, LARGEST_FILE)?,
            })
        })?;
        Ok((folder.display().to_string(), tasks))
    } else if path.exists() {
        let (subset, mut files) = read_archive(path, options.subset.as_deref())?;
        let place = format!("{}:{subset}", path.display());
        let names: Vec<String> = files.keys().cloned().collect();
        let tasks = gather(options, names.iter().map(String::as_str), |name| {
            Ok(SourceFile {
                name: format!("{place}/{name}"),
                bytes: files.remove(name).unwrap_or_default(),
            })
        })?;
        Ok((place, tasks))
    } else {
        Err(BabiError::Missing { path: path.clone() })
    }
}

/// Opens a file. What is none, such as a pipe, may never end, or never begin.
pub(super) fn open(path: &Path) -> Result<File, BabiError> {
    let fail = |source| BabiError::Read {
        path: path.to_owned(),
        source,
    };
    if !fs::metadata(path).map_err(fail)?.is_file() {
        let message = "it is no file but a pipe or a device; write what it gives to a file, and pass \
                       that";
        return Err(fail(io::Error::other(message)));
    }
    File::open(path).map_err(fail)
}

/// The bytes of a file that has `most` at most.
fn read_whole(path: &Path, most: u64) -> Result<Vec<u8>, BabiError> {
    let fail = |source| BabiError::Read {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let mut file = open(path)?.take(most + 1);
    file.read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > most {
        let message = format!("it has more than {most} bytes, and no larger file is read");
        return Err(fail(io::Error::other(message)));
    }
    Ok(bytes)
}

/// Picks the chosen tasks' files out of a list of file names.
fn gather<'a>(
    options: &BabiOptions,
    names: impl Iterator<Item = &'a str>,
    mut load: impl FnMut(&str) -> Result<SourceFile, BabiError>,
) -> Result<Vec<TaskFiles>, BabiError> {
    let mut chosen: BTreeMap<(u8, Split), &str> = BTreeMap::new();
    for name in names {
        let Some(found) = split_name(name).filter(|(task, _)| options.tasks.contains(task)) else {
            continue;
        };
        // `qa1_train.txt` goes before `qa1_single-supporting-fact_train.txt`, should a folder hold both.
        chosen
            .entry(found)
            .and_modify(|other| {
                *other = if name.len() < other.len() {
                    name
                } else {
                    other
                }
            })
            .or_insert(name);
    }
    let mut tasks = Vec::with_capacity(options.tasks.len());
    for &task in &options.tasks {
        let mut splits = [None, None, None];
        for (slot, split) in splits.iter_mut().zip(Split::ALL) {
            *slot = chosen
                .get(&(task, split))
                .map(|name| load(name))
                .transpose()?;
        }
        tasks.push(TaskFiles { task, splits });
    }
    Ok(tasks)
}

/// The task and split of a file called `qaN_SPLIT.txt` or `qaN_NAME_SPLIT.txt`.
pub(super) fn split_name(name: &str) -> Option<(u8, Split)> {
    let (task, rest) = name
        .strip_prefix("qa")?
        .strip_suffix(".txt")?
        .split_once('_')?;
    let split = rest.rsplit('_').next()?.parse().ok()?;
    Some((task.parse().ok()?, split))
}

/// The names in a folder, sorted, and whether each is a folder.
fn list(folder: &Path) -> Result<Vec<(String, bool)>, BabiError> {
    let fail = |source| BabiError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        names.push((
            entry.file_name().to_string_lossy().into_owned(),
            entry.path().is_dir(),
        ));
    }
    names.sort();
    Ok(names)
}

fn holds_tasks(folder: &Path) -> bool {
    list(folder).is_ok_and(|names| {
        names
            .iter()
            .any(|(name, is_folder)| !is_folder && split_name(name).is_some())
    })
}

/// The folder with the files: `dir` itself, or a subset folder up to two levels below it.
fn find_folder(dir: &Path, subset: Option<&str>) -> Result<PathBuf, BabiError> {
    let named = |name: &str| dir.file_name().is_some_and(|own| own == name);
    if subset.is_none_or(named) && holds_tasks(dir) {
        return Ok(dir.to_owned());
    }
    let entries = list(dir)?;
    let folders = || {
        entries
            .iter()
            .filter(|(_, is_folder)| *is_folder)
            .map(|(name, _)| dir.join(name))
    };
    for wanted in subset.map_or(SUBSETS.to_vec(), |subset| vec![subset]) {
        let direct = dir.join(wanted);
        if holds_tasks(&direct) {
            return Ok(direct);
        }
        let mut below = folders().map(|folder| folder.join(wanted));
        let mut below = below.by_ref().filter(|folder| holds_tasks(folder));
        match (below.next(), below.next()) {
            (Some(found), None) => return Ok(found),
            (Some(one), Some(other)) => {
                return Err(BabiError::TwoFolders { one, other });
            }
            _ => {}
        }
    }
    let found = entries.iter().map(|(name, is_folder)| {
        if *is_folder {
            format!("{name}/")
        } else {
            name.clone()
        }
    });
    Err(no_subset(dir, subset, found.collect()))
}

pub(super) fn no_subset(path: &Path, subset: Option<&str>, mut found: Vec<String>) -> BabiError {
    let count = found.len();
    found.truncate(12);
    let more = if count > 12 {
        format!(" and {} more", count - 12)
    } else {
        String::new()
    };
    BabiError::NoSubset {
        path: path.to_owned(),
        wanted: subset.map_or_else(|| format!("itself, {}", SUBSETS.join(", ")), str::to_owned),
        found: if found.is_empty() {
            "nothing".to_owned()
        } else {
            found.join(", ") + &more
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("qa1_train.txt");
        fs::write(&path, b"1234").unwrap();
        assert_eq!(read_whole(&path, 4).unwrap(), b"1234");
        let message = read_whole(&path, 3).unwrap_err().to_string();
        assert!(
            message.contains("qa1_train.txt") && message.contains("more than 3 bytes"),
            "{message}"
        );
    }

    #[test]
    fn both_layouts_of_file_names() {
        assert_eq!(split_name("qa1_train.txt"), Some((1, Split::Train)));
        assert_eq!(
            split_name("qa20_agents-motivations_test.txt"),
            Some((20, Split::Test))
        );
        assert_eq!(
            split_name("qa7_two_words_valid.txt"),
            Some((7, Split::Valid))
        );
        for other in [
            "README.txt",
            "._qa1_train.txt",
            "qa_train.txt",
            "qa1_dev.txt",
            "qa1_train.txt.bak",
            "qa1.txt",
        ] {
            assert_eq!(split_name(other), None, "{other}");
        }
    }
}
