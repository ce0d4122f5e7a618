//! A file read whole, if it is a file and no larger than what is expected of it.
//!
//! What is no file may never end, or never begin: opening a pipe waits for somebody who writes, and `/dev/zero` goes on until memory ends.

use std::fs::{File, Metadata};
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

use crate::opened;

/// The most bytes of a config: a thousand times those of a long one.
pub const LARGEST_CONFIG: u64 = 1 << 20;

/// The most bytes of a run's records: metrics, summary, evaluations, events.
pub const LARGEST_RECORDS: u64 = 4 << 30;

/// The most bytes of a file of tensors.
pub const LARGEST_TENSORS: u64 = 64 << 30;

/// From so many bytes on a file of tensors has to show a header that fits before the rest of it is read.
const LARGE: u64 = 64 << 20;

/// The bytes of a file that has `most` at most. Links are followed.
///
/// # Errors
/// What is there is no file but a pipe or a device, or has more bytes; those of the file system. None of them names the file.
pub fn read_file(path: &Path, most: u64) -> Result<Vec<u8>> {
    let (file, length) = open(path, most)?;
    whole(file, Vec::new(), length, most)
}

/// The text of a file that has `most` bytes at most.
///
/// # Errors
/// As [`read_file`], and a file that is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read_file(path, most)?).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        let message = format!("byte {place} begins no UTF-8 character: it is no text, or damaged");
        Error::new(ErrorKind::InvalidData, message)
    })
}

/// The bytes of a file of tensors. Of a large one the header is read first, so that no memory is filled with what cannot be one.
///
/// # Errors
/// As [`read_file`] with [`LARGEST_TENSORS`], and a large file whose length is not what its header says.
pub fn read_tensors(path: &Path) -> Result<Vec<u8>> {
    let (mut file, length) = open(path, LARGEST_TENSORS)?;
    let mut begin = Vec::new();
    if length > LARGE {
        opened::read_header(&mut file, length, &mut begin)?;
    }
    whole(file, begin, length, LARGEST_TENSORS)
}

/// Opens a file, and gives its length.
fn open(path: &Path, most: u64) -> Result<(File, u64)> {
    // Asked before it is opened: opening a pipe waits. Asked again after it: another may have taken its place.
    check(&std::fs::metadata(path)?, most)?;
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    check(&metadata, most)?;
    Ok((file, metadata.len()))
}

fn check(metadata: &Metadata, most: u64) -> Result<()> {
    // The system's own words for a folder are clear.
    if metadata.is_dir() {
        return Ok(());
    }
    if !metadata.is_file() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "it is no file but a pipe or a device; write what it gives to a file, and name that",
        ));
    }
    match metadata.len() {
        length if length > most => Err(too_large(format!("it has {length} bytes"), most)),
        _ => Ok(()),
    }
}

fn too_large(found: String, most: u64) -> Error {
    let message =
        format!("{found}, and a file of its kind is read up to {most}: is it another one?");
    Error::new(ErrorKind::FileTooLarge, message)
}

/// What was read of a file of `length` bytes, and the rest of it.
fn whole(file: impl Read, mut bytes: Vec<u8>, length: u64, most: u64) -> Result<Vec<u8>> {
    let rest = length.saturating_sub(bytes.len() as u64);
    let no_room = || {
        let message = format!("it has {length} bytes, and there is no memory left for them");
        Error::new(ErrorKind::OutOfMemory, message)
    };
    let room = usize::try_from(rest).map_err(|_| no_room())?;
    bytes.try_reserve_exact(room).map_err(|_| no_room())?;
    let left = most.saturating_sub(bytes.len() as u64);
    file.take(left.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_large("it grows while it is read".to_owned(), most));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound_and_no_further() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "twelve bytes").unwrap();
        assert_eq!(read_file(&path, 12).unwrap(), b"twelve bytes");
        assert_eq!(read_text(&path, 1000).unwrap(), "twelve bytes");
        let error = read_file(&path, 11).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        let message = error.to_string();
        assert!(
            message.contains("12 bytes") && message.contains("11"),
            "{message}"
        );
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_is_refused() {
        let error = whole(std::io::repeat(0), Vec::new(), 3, 10).unwrap_err();
        assert!(error.to_string().contains("grows"), "{error}");
        // One that only became longer below its bound is read to its end.
        assert_eq!(whole(&[1; 5][..], vec![1], 3, 10).unwrap(), [1; 6]);
    }

    #[test]
    fn text_that_is_none_is_refused_with_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"ab\xff").unwrap();
        let error = read_text(&path, 9).unwrap_err().to_string();
        assert!(error.contains("byte 2"), "{error}");
    }

    #[test]
    fn what_is_not_there_and_a_folder_are_said_by_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_file(&folder.path().join("absent"), 9).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        read_file(folder.path(), 9).unwrap_err();
    }

    #[test]
    #[cfg(unix)]
    fn pipes_and_devices_are_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for path in [&*pipe, &*link, Path::new("/dev/zero")] {
            for error in [
                read_file(path, u64::MAX).unwrap_err(),
                read_text(path, 9).unwrap_err(),
                read_tensors(path).unwrap_err(),
            ] {
                assert!(error.to_string().contains("pipe or a device"), "{error}");
            }
        }
        let file = folder.path().join("file");
        std::fs::write(&file, "it").unwrap();
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read_file(&link, 9).unwrap(), b"it");
    }

    /// Files with a hole take no room on the disk; read, they would fill the memory.
    #[test]
    #[cfg(unix)]
    fn large_files_that_cannot_be_tensors_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hole");
        let hole = |begin: &[u8], length: u64| {
            std::fs::write(&path, begin).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_len(length).unwrap();
        };
        let refused = || read_tensors(&path).unwrap_err().to_string();
        hole(b"", LARGEST_TENSORS + 1);
        assert!(
            refused().contains(&LARGEST_TENSORS.to_string()),
            "{}",
            refused()
        );
        hole(b"", LARGEST_TENSORS);
        assert!(refused().contains("safetensors"), "{}", refused());
        let mut draft = crate::Draft::default();
        draft.tensor("a", crate::Dtype::F32, &[1], [0; 4]);
        let file = draft.sealed().unwrap();
        hole(&file, LARGEST_TENSORS);
        let message = refused();
        for part in [LARGEST_TENSORS, file.len() as u64] {
            assert!(message.contains(&part.to_string()), "{message}");
        }
        // Whole, and as large as it says.
        let mut draft = crate::Draft::default();
        let elements = LARGE as usize + 4;
        let bytes = std::iter::repeat_n(0, elements);
        draft.tensor("a", crate::Dtype::F32, &[elements / 4], bytes);
        let large = draft.sealed().unwrap();
        std::fs::write(&path, &large).unwrap();
        assert!(read_tensors(&path).unwrap() == large);
    }
}
