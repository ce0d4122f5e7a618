//! What tells a file of ours that is damaged from one that is not: a checksum of everything that a reader gets to see.
//!
//! The checksum is CRC-32C, which finds every single flipped bit, over the names, types, shapes and bytes of the tensors and over the
//! other entries of the metadata, in the order of their names; a length stands before each part, so that no two contents are one
//! text. It hangs on the content and not on how a program lays it out.

use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors};

use super::opened::Refused;

const FORMAT: &str = "format";
const VERSION: &str = "version";
const CHECKSUM: &str = "mnm_checksum";

/// What `format` in the metadata says.
const OURS: &str = "mnm";

/// The version of the layout that is written, and the newest that is read.
const NEWEST: u32 = 2;

/// The first version whose files have a checksum.
const CHECKED: u32 = 2;

/// Free text under names.
pub type Metadata = BTreeMap<String, String>;

/// A tensor as the checksum sees it.
pub(super) type Part<'a> = (Dtype, &'a [usize], &'a [u8]);

/// Adds the seal of a file of ours with these tensors.
pub(super) fn set(metadata: &mut Metadata, tensors: &BTreeMap<&str, Part<'_>>) {
    metadata.remove(CHECKSUM);
    metadata.insert(FORMAT.to_owned(), OURS.to_owned());
    metadata.insert(VERSION.to_owned(), NEWEST.to_string());
    let sum = Sum::of(metadata, tensors);
    metadata.insert(CHECKSUM.to_owned(), sum);
}

/// Refuses a file of ours that is not what was written, and takes the seal out of its metadata. A file of another program is taken
/// as it is, unless it has a checksum.
///
/// # Errors
/// [`Refused::Version`] and [`Refused::Checksum`].
pub(super) fn check(metadata: &mut Metadata, file: &SafeTensors<'_>) -> Result<(), Refused> {
    let ours = metadata.get(FORMAT).is_some_and(|format| format == OURS);
    let version = metadata.get(VERSION).filter(|_| ours);
    let number: Option<u32> = version.and_then(|text| text.parse().ok());
    if let Some(found) = version.filter(|_| number.is_none_or(|number| number > NEWEST)) {
        return Err(Refused::Version {
            found: found.clone(),
            newest: NEWEST,
        });
    }
    let found = metadata.remove(CHECKSUM);
    if found.is_some() || number.is_some_and(|number| number >= CHECKED) {
        let views: Vec<_> = file.iter().collect();
        let parts = views
            .iter()
            .map(|(name, view)| (*name, (view.dtype(), view.shape(), view.data())));
        let expected = Sum::of(metadata, &parts.collect());
        if found.as_ref() != Some(&expected) {
            return Err(Refused::Checksum {
                found: found.unwrap_or_else(|| "missing".to_owned()),
                expected,
            });
        }
    }
    if ours {
        metadata.remove(FORMAT);
        metadata.remove(VERSION);
    }
    Ok(())
}

/// A checksum as it grows.
struct Sum(u32);

impl Sum {
    /// Of the metadata, but for the checksum itself, and of the tensors.
    fn of(metadata: &Metadata, tensors: &BTreeMap<&str, Part<'_>>) -> String {
        let mut sum = Self(0);
        sum.number(metadata.len());
        for (key, value) in metadata {
            sum.part(key.as_bytes());
            sum.part(value.as_bytes());
        }
        for (name, (dtype, shape, bytes)) in tensors {
            sum.part(name.as_bytes());
            sum.part(dtype.to_string().as_bytes());
            sum.number(shape.len());
            shape.iter().for_each(|&extent| sum.number(extent));
            sum.part(bytes);
        }
        format!("{:08x}", sum.0)
    }

    fn part(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0 = crc32c::crc32c_append(self.0, bytes);
    }

    fn number(&mut self, number: usize) {
        self.0 = crc32c::crc32c_append(self.0, &(number as u64).to_le_bytes());
    }
}
