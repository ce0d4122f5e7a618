//! A file of tensors that was read.

use std::collections::BTreeMap;
use std::io::{self, Read};

use safetensors::SafeTensors;
use serde::Deserialize;
use thiserror::Error;

use super::seal::{self, Metadata};

/// What is wrong with a file of tensors.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// Cut short, damaged, or another kind of file.
    #[error("it is not a whole safetensors file ({0}): cut short, damaged, or something else")]
    NotWhole(String),
    /// Written by a later program.
    #[error("it has version {found}; this program reads versions up to {newest}")]
    Version {
        /// Its version.
        found: String,
        /// The newest that can be read.
        newest: u32,
    },
    /// Whole, but not what was written.
    #[error("it is not what was written: its checksum is {found}, of what is in it {expected}")]
    Checksum {
        /// What the file says, or "missing".
        found: String,
        /// What its content gives.
        expected: String,
    },
}

/// A file of tensors, taken apart.
#[derive(Debug)]
pub struct Opened<'a> {
    /// Free text under names, without the seal.
    pub metadata: Metadata,
    /// The tensors.
    pub tensors: SafeTensors<'a>,
}

impl<'a> Opened<'a> {
    /// Takes the bytes of a file apart, and looks at its seal.
    ///
    /// # Errors
    /// [`Refused`] if they are no safetensors file, or one of ours and not what was written.
    pub fn of(bytes: &'a [u8]) -> Result<Self, Refused> {
        let not_whole = |error: safetensors::SafeTensorError| Refused::NotWhole(error.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(not_whole)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(not_whole)?;
        let metadata = header.metadata().iter().flatten();
        let mut metadata = metadata.map(|(k, v)| (k.clone(), v.clone())).collect();
        seal::check(&mut metadata, &tensors)?;
        Ok(Self { metadata, tensors })
    }
}

/// Bytes of the length in front of the header.
const LENGTH: usize = 8;

/// The longest header that the `safetensors` crate takes.
const LONGEST_HEADER: u64 = 100_000_000;

/// What is asked of an entry of the header here: where a tensor lies.
#[derive(Deserialize)]
struct Place {
    data_offsets: Option<(u64, u64)>,
}

/// Reads the header of a file of `length` bytes, with the bytes in front of it, into `bytes`.
///
/// # Errors
/// A header that is none, or says another length of the file.
pub(super) fn read_header(
    file: &mut impl Read,
    length: u64,
    bytes: &mut Vec<u8>,
) -> io::Result<()> {
    let refused = |reason: String| {
        let message =
            format!("it is not a whole safetensors file: {reason}. It is damaged, or another kind");
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    };
    let mut first = [0; LENGTH];
    file.read_exact(&mut first)?;
    bytes.extend(first);
    let header = u64::from_le_bytes(first);
    if !(1..=LONGEST_HEADER).contains(&header) {
        return refused(format!("it has {length} bytes and a header of {header}"));
    }
    file.take(header).read_to_end(bytes)?;
    let places: BTreeMap<String, Place> = match serde_json::from_slice(&bytes[LENGTH..]) {
        Ok(places) => places,
        Err(error) => return refused(format!("its header cannot be read ({error})")),
    };
    let ends = places.values().filter_map(|place| place.data_offsets);
    let end = ends.map(|(_, end)| end).max().unwrap_or(0);
    let says = end.saturating_add(bytes.len() as u64);
    if says != length {
        return refused(format!(
            "it has {length} bytes, and {says} by what its header says"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use safetensors::Dtype;

    use super::*;
    use crate::Draft;

    /// What a reader gets to see: metadata, and name, type, shape and bytes of each tensor.
    type Content = (Metadata, Vec<(String, Dtype, Vec<usize>, Vec<u8>)>);

    fn content(bytes: &[u8]) -> Result<Content, Refused> {
        let Opened { metadata, tensors } = Opened::of(bytes)?;
        let seen = |(name, view): (&str, safetensors::tensor::TensorView<'_>)| {
            let shape = view.shape().to_vec();
            (name.to_owned(), view.dtype(), shape, view.data().to_vec())
        };
        let mut tensors: Vec<_> = tensors.iter().map(seen).collect();
        tensors.sort_by(|one, other| one.0.cmp(&other.0));
        Ok((metadata, tensors))
    }

    fn file() -> Vec<u8> {
        let metadata = [("config", "seed = 1"), ("a", "b")];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let mut draft = Draft::new(metadata.into_iter().collect());
        draft.tensor("weight", Dtype::F32, &[2, 1], [1, 2, 3, 4, 5, 6, 7, 8]);
        draft.tensor("bias", Dtype::F64, &[1], [8, 7, 6, 5, 4, 3, 2, 1]);
        draft.tensor("empty", Dtype::F32, &[0, 3], []);
        draft.sealed().unwrap()
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (metadata, tensors) = content(&file()).unwrap();
        let keys: Vec<&str> = metadata.keys().map(String::as_str).collect();
        assert_eq!(keys, ["a", "config"]);
        let shapes: Vec<_> = tensors.iter().map(|t| (t.0.as_str(), &t.2[..])).collect();
        assert_eq!(
            shapes,
            [("bias", &[1][..]), ("empty", &[0, 3]), ("weight", &[2, 1])]
        );
        assert_eq!(tensors[2].3, [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn every_flipped_bit_is_refused_or_changes_nothing() {
        let whole = file();
        let expected = content(&whole).unwrap();
        let mut refused = 0;
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            match content(&bytes) {
                Ok(found) => assert_eq!(found, expected, "bit {bit}"),
                Err(_) => refused += 1,
            }
        }
        assert!(
            refused > whole.len() * 7,
            "{refused} of {}",
            whole.len() * 8
        );
    }

    #[test]
    fn a_seal_that_is_gone_is_missed() {
        let text = String::from_utf8_lossy(&file()).into_owned();
        let sum = text.split("\"mnm_checksum\":\"").nth(1).unwrap();
        let entry = format!(",\"mnm_checksum\":\"{}\"", &sum[..8]);
        let place = text.find(&entry).unwrap();
        let mut bytes = file();
        // As many blanks at the end of the header keep its length.
        bytes.drain(place..place + entry.len());
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let end = 8 + header - entry.len();
        bytes.splice(end..end, vec![b' '; entry.len()]);
        assert!(
            matches!(Opened::of(&bytes), Err(Refused::Checksum { found, .. }) if found == "missing")
        );
    }
}
