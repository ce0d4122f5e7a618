//! Files that are there whole or not at all, and folders that vanish.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};

/// Writes `path`, and its folder if need be, under another name first.
///
/// # Errors
/// If that cannot be done.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let named = || path.display().to_string();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let draft = path.with_extension("tmp");
    std::fs::write(&draft, text).with_context(|| draft.display().to_string())?;
    std::fs::rename(&draft, path).with_context(named)
}

/// A new folder among the system's temporary ones, which is removed with what is in it when this is dropped. (`tempfile` can do
/// more, and costs a tenth of what `cargo xtask` takes to compile.)
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes the folder.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new() -> Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mnm-xtask-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)
            .with_context(|| format!("the temporary folder {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system, which empties that place now and then.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_folders_are_of_their_own_and_vanish_with_what_is_in_them() {
        let (one, other) = (Scratch::new().expect("made"), Scratch::new().expect("made"));
        assert_ne!(one.path(), other.path());
        write(&one.path().join("deep/file"), "text").expect("writable");
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists() && other.path().is_dir());
    }

    #[test]
    fn a_file_is_written_in_place_of_the_one_before_and_no_draft_stays() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("new/results.json");
        for text in ["first", "second"] {
            write(&path, text).expect("writable");
            assert_eq!(std::fs::read_to_string(&path).expect("written"), text);
        }
        let names = std::fs::read_dir(path.parent().expect("a folder")).expect("made");
        assert_eq!(names.count(), 1);
    }
}
