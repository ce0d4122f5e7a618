//! What tells a file of ours that is damaged from one that is not: a checksum of everything that a reader gets to see.
//!
//! The checksum is CRC-32C, which finds every single flipped bit, over the names, types, shapes and bytes of the tensors and over the
//! other entries of the metadata, in the order of their names; a length stands before each part, so that no two contents are one
//! text. It hangs on the content and not on how a program lays it out.

use std::collections::BTreeMap;
use std::path::Path;

use mnm_tensor::{Array, Parameters};
use safetensors::{Dtype, SafeTensors};

use super::CheckpointError;

const FORMAT: &str = "format";
const VERSION: &str = "version";
const CHECKSUM: &str = "mnm_checksum";

/// What `format` in the metadata says.
const OURS: &str = "mnm";

/// The version of the layout that is written, and the newest that is read.
const NEWEST: u32 = 2;

/// The first version whose files have a checksum.
const CHECKED: u32 = 2;

type Metadata = BTreeMap<String, String>;

/// The metadata of a file of ours with these tensors.
pub(super) fn sealed(metadata: &Metadata, tensors: &Parameters<Array<f32>>) -> Metadata {
    let mut sealed = metadata.clone();
    sealed.insert(FORMAT.to_owned(), OURS.to_owned());
    sealed.insert(VERSION.to_owned(), NEWEST.to_string());
    let mut sum = Sum::of(&sealed);
    let tensors: BTreeMap<&str, &Array<f32>> = tensors.iter().collect();
    for (name, tensor) in tensors {
        sum.tensor(name, Dtype::F32, tensor.shape());
        let mut bytes = Vec::with_capacity(tensor.len() * size_of::<f32>());
        bytes.extend(tensor.iter().flat_map(|element| element.to_le_bytes()));
        sum.part(&bytes);
    }
    sealed.insert(CHECKSUM.to_owned(), sum.text());
    sealed
}

/// Refuses a file of ours that is not what was written, and takes the seal out of its metadata. A file of another program is taken
/// as it is, unless it has a checksum.
///
/// # Errors
/// [`CheckpointError::Version`] and [`CheckpointError::Checksum`], naming the file `path`.
pub(super) fn check(
    path: &Path,
    metadata: &mut Metadata,
    file: &SafeTensors<'_>,
) -> Result<(), CheckpointError> {
    let ours = metadata.get(FORMAT).is_some_and(|format| format == OURS);
    let version = metadata.get(VERSION).filter(|_| ours);
    let number: Option<u32> = version.and_then(|text| text.parse().ok());
    if let Some(found) = version.filter(|_| number.is_none_or(|number| number > NEWEST)) {
        return Err(CheckpointError::Version {
            path: path.to_owned(),
            found: found.clone(),
            newest: NEWEST,
        });
    }
    let found = metadata.remove(CHECKSUM);
    if found.is_some() || number.is_some_and(|number| number >= CHECKED) {
        let mut sum = Sum::of(metadata);
        let tensors: BTreeMap<&str, _> = file.iter().collect();
        for (name, view) in tensors {
            sum.tensor(name, view.dtype(), view.shape());
            sum.part(view.data());
        }
        let expected = sum.text();
        if found.as_ref() != Some(&expected) {
            return Err(CheckpointError::Checksum {
                path: path.to_owned(),
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
    /// Of the metadata, but for the checksum itself.
    fn of(metadata: &Metadata) -> Self {
        let mut sum = Self(0);
        sum.number(metadata.len());
        for (key, value) in metadata {
            sum.part(key.as_bytes());
            sum.part(value.as_bytes());
        }
        sum
    }

    fn tensor(&mut self, name: &str, dtype: Dtype, shape: &[usize]) {
        self.part(name.as_bytes());
        self.part(dtype.to_string().as_bytes());
        self.number(shape.len());
        shape.iter().for_each(|&extent| self.number(extent));
    }

    fn part(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0 = crc32c::crc32c_append(self.0, bytes);
    }

    fn number(&mut self, number: usize) {
        self.0 = crc32c::crc32c_append(self.0, &(number as u64).to_le_bytes());
    }

    fn text(&self) -> String {
        format!("{:08x}", self.0)
    }
}
