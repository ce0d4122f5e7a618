//! A file of tensors that is being put together.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use serde::Serialize;

use super::seal::{self, Metadata, Part};

/// Tensors and metadata on their way into a file, whose bytes depend on nothing but its content.
#[derive(Debug, Default)]
pub struct Draft {
    metadata: Metadata,
    tensors: BTreeMap<String, TensorInfo>,
    /// The tensors' elements, in the order in which they came.
    elements: Vec<u8>,
}

/// The header of the format. The `safetensors` crate takes the metadata as a hash map and writes them in its random
/// order, so equal files would differ; sorted maps make the order a part of the content.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__")]
    metadata: &'a Metadata,
    #[serde(flatten)]
    tensors: &'a BTreeMap<String, TensorInfo>,
}

impl Draft {
    /// A file with these metadata, and without tensors so far.
    pub fn new(metadata: Metadata) -> Self {
        Self {
            metadata,
            ..Self::default()
        }
    }

    /// Adds a tensor: its elements one after the other, little-endian, the last axis running fastest. Elements stand in the file in the order
    /// in which tensors are added.
    pub fn tensor(
        &mut self,
        name: impl Into<String>,
        dtype: Dtype,
        shape: &[usize],
        elements: impl IntoIterator<Item = u8>,
    ) {
        let start = self.elements.len();
        self.elements.extend(elements);
        let info = TensorInfo {
            dtype,
            shape: shape.to_vec(),
            data_offsets: (start, self.elements.len()),
        };
        self.tensors.insert(name.into(), info);
    }

    /// The bytes of the file, with its seal: length of the header, header (JSON, padded to 8 bytes), elements.
    ///
    /// # Errors
    /// Metadata that JSON cannot hold.
    pub fn sealed(self) -> serde_json::Result<Vec<u8>> {
        let Self {
            mut metadata,
            tensors,
            elements: mut bytes,
        } = self;
        let part = |(name, info)| {
            let TensorInfo {
                dtype,
                shape,
                data_offsets: (start, end),
            }: &TensorInfo = info;
            let name: &String = name;
            (
                name.as_str(),
                (*dtype, shape.as_slice(), &bytes[*start..*end]),
            )
        };
        let parts: BTreeMap<&str, Part<'_>> = tensors.iter().map(part).collect();
        seal::set(&mut metadata, &parts);
        let header = Header {
            metadata: &metadata,
            tensors: &tensors,
        };
        let mut text = serde_json::to_vec(&header)?;
        text.resize(text.len().next_multiple_of(8), b' ');
        let length = (text.len() as u64).to_le_bytes();
        // In place: a checkpoint may be large.
        bytes.splice(0..0, length.into_iter().chain(text));
        Ok(bytes)
    }
}
