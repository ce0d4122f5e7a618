//! A run folder belongs to one training at a time.

use std::fs::{File, TryLockError};
use std::path::Path;

use mnm_files::{is_unfinished, write_file};

use crate::config::Config;
use crate::error::TrainError;
use crate::folder::RunFolder;

/// A run folder that no other training can claim while this lives.
pub(crate) struct Claim {
    folder: RunFolder,
    /// Held, and let go with the claim.
    lock: Option<File>,
    /// Whether the folder was made for this claim.
    made: bool,
}

impl Claim {
    /// Claims the run folder `dir`, before anything in it is read. If there is none yet, it is made; it goes again with the claim if
    /// nothing is written into it.
    ///
    /// # Errors
    /// [`TrainError::InUse`], or a folder that cannot be made or opened.
    pub(crate) fn on(dir: &Path) -> Result<Self, TrainError> {
        let made = !dir.exists();
        if made {
            std::fs::create_dir_all(dir).map_err(TrainError::file(dir, "make the run folder"))?;
        }
        Ok(Self {
            folder: RunFolder::new(dir),
            lock: lock(dir)?,
            made,
        })
    }

    /// Leaves the config in the folder, and removes the half files of runs that were killed while they wrote.
    ///
    /// # Errors
    /// A folder that cannot be read or written.
    pub(crate) fn begin(&self, config: &Config) -> Result<(), TrainError> {
        if self.lock.is_some() {
            sweep(self.folder.dir())?;
        }
        let path = self.folder.config();
        write_file(&path, config.to_toml().as_bytes())
            .map_err(TrainError::file(path, "write the config"))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.made {
            // Fails where there is something in it.
            let _ = std::fs::remove_dir(self.folder.dir());
        }
    }
}

/// The folder, locked; `None` where there is none, or no locks: other systems than Unix do not open folders, and not every
/// file system locks.
fn lock(dir: &Path) -> Result<Option<File>, TrainError> {
    if cfg!(not(unix)) || !dir.is_dir() {
        return Ok(None);
    }
    let folder = File::open(dir).map_err(TrainError::file(dir, "open the run folder"))?;
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => Err(TrainError::InUse(dir.to_owned())),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Removes what [`write_file`] had not finished when its process was killed.
fn sweep(dir: &Path) -> Result<(), TrainError> {
    let entries = std::fs::read_dir(dir).map_err(TrainError::file(dir, "look into"))?;
    for entry in entries {
        let entry = entry.map_err(TrainError::file(dir, "look into"))?;
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_unfinished(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            std::fs::remove_file(&path)
                .map_err(TrainError::file(path, "remove what a killed run left"))?;
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_claimed_once_at_a_time() {
        let dir = tempfile::tempdir().expect("a folder");
        let claim = Claim::on(dir.path()).expect("nobody else is there");
        let message = Claim::on(dir.path())
            .err()
            .expect("it is taken")
            .to_string();
        assert!(message.contains("another training"), "{message}");
        drop(claim);
        Claim::on(dir.path()).expect("it is free again");
    }

    #[test]
    fn what_killed_runs_left_is_swept_once_the_folder_is_claimed() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = |name: &str| dir.path().join(name);
        let others = [".mnm-notes", ".mnm-a.b.c.", "mnm-Ab3xYz", ".mnm-Ab3xYz7"];
        for name in others.iter().chain(&[".mnm-Ab3xYz", ".mnm-000000"]) {
            std::fs::write(file(name), "half a checkpoint").expect("writable");
        }
        std::fs::create_dir(file(".mnm-folder")).expect("writable");
        let config = Config::load("stories", &[]).expect("a config of the program");
        let claim = Claim::on(dir.path()).expect("nobody else is there");
        assert!(file(".mnm-Ab3xYz").exists(), "it may be refused yet");
        claim.begin(&config).expect("writable");
        assert!(!file(".mnm-Ab3xYz").exists() && !file(".mnm-000000").exists());
        for name in others.iter().chain(&["config.toml", ".mnm-folder"]) {
            assert!(file(name).exists(), "{name}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_claimed_too_and_goes_if_nothing_came_of_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let run = dir.path().join("run");
        let claim = Claim::on(&run).expect("nobody else is there");
        assert!(matches!(Claim::on(&run), Err(TrainError::InUse(_))));
        drop(claim);
        assert!(!run.exists());
        let claim = Claim::on(&run).expect("it is free again");
        std::fs::write(run.join("config.toml"), "").expect("writable");
        drop(claim);
        assert!(run.exists());
    }
}
