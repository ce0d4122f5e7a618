//! A run folder belongs to one training at a time.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::TrainError;
use crate::checkpoint::write_file;
use crate::config::Config;
use crate::run::RunFolder;

/// A run folder that no other training can claim while this lives.
pub(crate) struct Claim {
    folder: RunFolder,
    lock: Option<File>,
}

impl Claim {
    /// Claims the run folder `dir`, before anything in it is read. If there is none yet, [`Claim::begin`] makes it and claims it.
    ///
    /// # Errors
    /// [`TrainError::InUse`], or a folder that cannot be opened.
    pub(crate) fn on(dir: &Path) -> Result<Self, TrainError> {
        Ok(Self {
            folder: RunFolder::new(dir),
            lock: lock(dir)?,
        })
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Makes the folder, if need be, and leaves the config in it.
    ///
    /// # Errors
    /// [`TrainError::InUse`], or a folder that cannot be written.
    pub(crate) fn begin(&mut self, config: &Config) -> Result<(), TrainError> {
        let dir = self.folder.dir();
        std::fs::create_dir_all(dir).map_err(TrainError::file(dir, "make the run folder"))?;
        if self.lock.is_none() {
            self.lock = lock(dir)?;
        }
        let path = self.folder.config();
        write_file(&path, config.to_toml().as_bytes())
            .map_err(TrainError::file(path, "write the config"))
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
}
