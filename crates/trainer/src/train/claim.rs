//! A run folder belongs to one training at a time.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::checkpoint::write_file;
use crate::config::Config;
use crate::error::TrainError;
use crate::folder::RunFolder;

/// A run folder that no other training can claim while this lives.
pub(crate) struct Claim {
    folder: RunFolder,
    /// Held, and let go with the claim.
    _lock: Option<File>,
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
            _lock: lock(dir)?,
            made,
        })
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Leaves the config in the folder.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub(crate) fn begin(&self, config: &Config) -> Result<(), TrainError> {
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
