//! The published archive: which files of one subset it holds, read whole or not at all.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::BabiError;
use super::source::{SUBSETS, no_subset, open, split_name};

/// The most bytes that are read: of what an archive unpacks to, and of one file in it. The published archive unpacks to some
/// 200 MB, its largest file has some 15.
const LIMITS: Limits = Limits {
    archive: 1 << 30,
    file: super::source::LARGEST_FILE,
};

#[derive(Clone, Copy)]
struct Limits {
    archive: u64,
    file: u64,
}

/// The bytes of files, by name.
type Files = BTreeMap<String, Vec<u8>>;

/// Reads the task files of one subset out of a `.tar.gz`, by file name. Returns the subset's name too.
pub(super) fn read_archive(
    path: &Path,
    subset: Option<&str>,
) -> Result<(String, Files), BabiError> {
    let file = open(path)?;
    let fail = |source| BabiError::Archive {
        path: path.to_owned(),
        source,
    };
    // A file directly at the top of the archive belongs to the subset "".
    let wanted = subset.map_or_else(
        || [&["", "."][..], &SUBSETS].concat(),
        |subset| vec![subset],
    );
    let mut found = unpack(BufReader::new(file), &wanted, LIMITS).map_err(fail)?;
    let Some(name) = wanted.into_iter().find(|name| found.contains_key(*name)) else {
        return Err(no_subset(path, subset, found.into_keys().collect()));
    };
    let mut folders = found.remove(name).unwrap_or_default();
    if folders.len() > 1 {
        let folders = folders.keys().map(|folder| folder.display().to_string());
        let folders: Vec<String> = folders.collect();
        return Err(fail(io::Error::other(format!(
            "it has several folders of the name {name:?}: {}",
            folders.join(", ")
        ))));
    }
    let files = folders.pop_first().map(|(_, files)| files);
    Ok((name.to_owned(), files.unwrap_or_default()))
}

/// All folders that hold task files: by their own name, and then by their whole path, as two may have one name. Only files of
/// folders that are `wanted` are read, but all of the archive is looked at, so that none of it can be missing or damaged.
fn unpack(
    packed: impl Read,
    wanted: &[&str],
    limits: Limits,
) -> io::Result<BTreeMap<String, BTreeMap<PathBuf, Files>>> {
    let mut subsets: BTreeMap<String, BTreeMap<PathBuf, Files>> = BTreeMap::new();
    // Of several members, as some programs write them, each is unpacked and its checksum compared.
    let mut archive = tar::Archive::new(Unpacked {
        inner: MultiGzDecoder::new(packed),
        left: limits.archive,
        limit: limits.archive,
        zeros: 0,
    });
    // What stands behind the end mark is read too: another archive, or the rest of the compressed data.
    archive.set_ignore_zeros(true);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let place: PathBuf = entry
            .path()?
            .components()
            .filter(|part| *part != Component::CurDir)
            .collect();
        let Some(name) = place.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if split_name(name).is_none() {
            continue;
        }
        let folder = place.parent().unwrap_or(Path::new(""));
        let subset = folder
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into());
        let is_wanted = wanted.contains(&subset.as_str());
        let files = subsets.entry(subset).or_default();
        let files = files.entry(folder.to_owned()).or_default();
        if !is_wanted {
            continue;
        }
        let Entry::Vacant(slot) = files.entry(name.to_owned()) else {
            let message = format!("it has two files of the name {}", place.display());
            return Err(io::Error::other(message));
        };
        if entry.size() > limits.file {
            let (size, most, place) = (entry.size(), limits.file, place.display());
            let message =
                format!("{place} in it has {size} bytes, and no more than {most} are read");
            return Err(io::Error::other(message));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        slot.insert(bytes);
    }
    if archive.into_inner().zeros < END_MARK {
        let message = "it ends without the mark that an archive ends with, so it is cut off";
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
    }
    Ok(subsets)
}

/// The bytes of a block of zeros. An archive ends with two; one is enough to know that no file is missing.
const END_MARK: u64 = 512;

/// An unpacked stream of limited length, and how many zeros it ended with so far.
struct Unpacked<R> {
    inner: R,
    left: u64,
    limit: u64,
    zeros: u64,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(count as u64) else {
            return Err(io::Error::other(format!(
                "it unpacks to more than {} bytes, and no more are read",
                self.limit
            )));
        };
        self.left = left;
        let zeros = buffer[..count].iter().rev().take_while(|&&byte| byte == 0);
        let zeros = zeros.count();
        self.zeros = if zeros == count {
            self.zeros + zeros as u64
        } else {
            zeros as u64
        };
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// A tar of these files, with its end mark.
    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn names(packed: &[u8], limits: Limits) -> io::Result<Vec<String>> {
        let subsets = unpack(packed, &["en"], limits)?;
        let files = subsets.into_values().flat_map(BTreeMap::into_values);
        Ok(files.flat_map(BTreeMap::into_keys).collect())
    }

    const BOTH: &[(&str, &[u8])] = &[("en/qa1_train.txt", b"a"), ("en/qa1_valid.txt", b"bc")];

    #[test]
    fn a_gzip_of_several_members_is_read_to_its_end() {
        let tar = tar(BOTH);
        let whole = names(&gzip(&tar), LIMITS).unwrap();
        assert_eq!(whole, ["qa1_train.txt", "qa1_valid.txt"]);
        // Cut anywhere, at the border of an entry too.
        for at in [1, 512, 1024, 1500, tar.len() - 1] {
            let members = [gzip(&tar[..at]), gzip(&tar[at..])].concat();
            assert_eq!(names(&members, LIMITS).unwrap(), whole, "cut at {at}");
        }
        // Two archives, one behind the other.
        let (one, other) = (super::tests::tar(&BOTH[..1]), super::tests::tar(&BOTH[1..]));
        let members = [gzip(&one), gzip(&other)].concat();
        assert_eq!(names(&members, LIMITS).unwrap(), whole);
    }

    #[test]
    fn a_changed_byte_is_found_by_the_checksum() {
        let packed = gzip(&tar(BOTH));
        let at = packed.windows(2).position(|two| two == b"bc").unwrap();
        let mut changed = packed.clone();
        changed[at] = b'x';
        assert!(names(&changed, LIMITS).is_err());
        // In the checksum itself, behind the archive's end mark.
        let mut changed = packed.clone();
        changed[packed.len() - 8] ^= 1;
        assert!(names(&changed, LIMITS).is_err());
        assert!(names(&packed[..packed.len() - 8], LIMITS).is_err());
    }

    #[test]
    fn an_archive_that_stops_at_the_border_of_an_entry_is_refused() {
        let tar = tar(BOTH);
        // A header and a block of data each, then the end mark.
        for at in [0, 1024, 2048] {
            let message = names(&gzip(&tar[..at]), LIMITS).unwrap_err().to_string();
            assert!(message.contains("cut off"), "{at}: {message}");
        }
        assert!(names(&gzip(&tar[..2048 + 512]), LIMITS).is_ok());
        assert!(names(&gzip(&tar[..1500]), LIMITS).is_err());
    }

    #[test]
    fn two_files_of_one_name_are_refused() {
        let files = [BOTH[0], ("./en/qa1_train.txt", b"other".as_slice())];
        let message = names(&gzip(&tar(&files)), LIMITS).unwrap_err().to_string();
        assert!(
            message.contains("two files of the name en/qa1_train.txt"),
            "{message}"
        );
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let packed = gzip(&tar(BOTH));
        let with = |archive, file| names(&packed, Limits { archive, file });
        assert!(with(1 << 20, 2).is_ok());
        let message = with(1 << 20, 1).unwrap_err().to_string();
        assert!(
            message.contains("en/qa1_valid.txt in it has 2 bytes"),
            "{message}"
        );
        let message = with(2000, 2).unwrap_err().to_string();
        assert!(message.contains("more than 2000 bytes"), "{message}");
    }

    /// The size in a header is looked at before a byte of it is read.
    #[test]
    fn a_member_of_gigabytes_is_refused_at_once() {
        let mut header = tar::Header::new_gnu();
        header.set_path("en/qa1_train.txt").unwrap();
        header.set_size(5 << 30);
        header.set_cksum();
        let packed = gzip(header.as_bytes());
        let message = names(&packed, LIMITS).unwrap_err().to_string();
        assert!(message.contains("5368709120 bytes"), "{message}");
    }
}
