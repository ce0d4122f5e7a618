//! Files that are there whole or not at all.

use std::path::Path;

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

#[cfg(test)]
mod tests {
    use super::*;

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
