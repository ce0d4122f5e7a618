//! An archive of bAbI files.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use mnm_tasks::babi::Inventory;
use mnm_tasks::{BabiError, BabiOptions};

use crate::{Verdict, folder, refused};

/// An archive is read or refused by name. One that was taken says the same when it is cut into two gzip members.
///
/// The first byte says what the others are: an archive as it stands, a tar that is packed here, or a tar whose headers get the right
/// checksums before. Otherwise almost nothing would come past the checksums.
pub fn archive(bytes: &[u8]) -> Verdict {
    let Some((kind, rest)) = bytes.split_first() else {
        return Verdict::Refused;
    };
    let (packed, tar) = match kind % 3 {
        0 => (rest.to_vec(), None),
        1 => (gzip(rest), Some(rest.to_vec())),
        _ => {
            let tar = with_checksums(rest);
            (gzip(&tar), Some(tar))
        }
    };
    let found = match take(&packed) {
        Ok(found) => found,
        Err(error) => return refused(&error, NAME),
    };
    if let Some(tar) = tar {
        let (one, other) = tar.split_at(tar.len() / 2);
        let again = take(&[gzip(one), gzip(other)].concat()).expect("the same of two members");
        assert_eq!(found, again);
    }
    Verdict::Taken
}

const NAME: &str = "babi.tar.gz";

fn take(packed: &[u8]) -> Result<Inventory, BabiError> {
    Inventory::take(&BabiOptions::new(folder::file(NAME, packed)))
}

/// Stored, not compressed: the bytes count, and not how they are packed.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(bytes).expect("written to memory");
    encoder.finish().expect("written to memory")
}

/// The same with the right checksum in every block that looks like a header.
fn with_checksums(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    let (blocks, _) = tar.as_chunks_mut::<512>();
    for block in blocks {
        if !block[257..].starts_with(b"ustar") {
            continue;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar
}
