//! A file, whole or not at all.

use std::io::Write;
use std::path::Path;

/// How the name of a file begins that is not whole yet.
const UNFINISHED: &str = ".mnm-";

/// How many random letters and digits it goes on with.
const RANDOM: usize = 6;

/// Whether [`write_file`] gave a file this name until it would be whole.
pub fn is_unfinished(name: &str) -> bool {
    name.strip_prefix(UNFINISHED)
        .is_some_and(|rest| rest.len() == RANDOM && rest.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// Writes a file, whole or not at all: to a temporary name in the same folder, then renamed over `path`.
///
/// # Errors
/// Those of the file system; `path` is then as it was, and nothing is left beside it.
pub fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // `parent` of a bare file name is the empty path, which names no folder.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED).rand_bytes(RANDOM);
    // Temporary files are private by default; a result is as open as any file that its owner makes.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    // On disk before it takes the name: a power cut leaves the old file or the new one.
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_place_of_the_one_before_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result");
        for text in ["first", "second"] {
            write_file(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        // A folder cannot be written over: it stays, and no temporary file does.
        let occupied = folder.path().join("folder");
        std::fs::create_dir(&occupied).unwrap();
        write_file(&occupied, b"third").unwrap_err();
        assert!(occupied.is_dir());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn unfinished_files_are_known_by_their_names() {
        assert!(is_unfinished(".mnm-a1B2c3"));
        for name in [
            ".mnm-",
            ".mnm-a1B2c",
            ".mnm-a1B2c3d",
            "mnm-a1B2c3",
            ".mnm-a1-2c3",
        ] {
            assert!(!is_unfinished(name), "{name}");
        }
    }
}
