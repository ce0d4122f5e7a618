//! A folder for what can only be read from files.

use std::path::PathBuf;

use tempfile::TempDir;

thread_local! {
    static FOLDER: TempDir = TempDir::new().expect("a temporary folder");
}

/// Writes a file of this thread; its path.
pub(crate) fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.with(|folder| folder.path().join(name));
    let folder = path.parent().expect("a folder");
    if !folder.is_dir() {
        std::fs::create_dir_all(folder).expect("a folder in a temporary one");
    }
    std::fs::write(&path, bytes).expect("a file in a temporary folder");
    path
}
