//! A safetensors file of 32-bit floats, as bytes that depend on nothing but its content.

use std::collections::BTreeMap;
use std::path::Path;

use mnm_files::{Draft, Dtype, Opened, Refused, read_tensors, write_file};
use mnm_tensor::{Parameters, SharedArray};
use ndarray::IxDyn;

use super::CheckpointError;

/// Named tensors with metadata. What the tensors mean is the reader's business.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// Free text under names; of a file of ours without its seal, which writing adds.
    pub metadata: BTreeMap<String, String>,
    /// The tensors.
    pub tensors: Parameters<SharedArray<f32>>,
    /// Tensors of other element types in a file that was read: name and type. They are never written.
    pub others: BTreeMap<String, String>,
}

impl Container {
    /// The bytes of the file, with its seal; equal content gives equal bytes.
    ///
    /// # Errors
    /// Metadata that JSON cannot hold.
    pub fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut draft = Draft::new(self.metadata.clone());
        for (name, tensor) in self.tensors.iter() {
            let elements = tensor.iter().flat_map(|element| element.to_le_bytes());
            draft.tensor(name, Dtype::F32, tensor.shape(), elements);
        }
        draft.sealed()
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// [`CheckpointError::Write`].
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let failed = |source| CheckpointError::Write {
            path: path.to_owned(),
            source,
        };
        let bytes = self.to_bytes().map_err(|error| failed(error.into()))?;
        write_file(path, &bytes).map_err(failed)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`CheckpointError`] if it cannot be read, is no whole safetensors file, or is one of ours and not what was written.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = read_tensors(path).map_err(|source| CheckpointError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::from_bytes(path, &bytes)
    }

    /// Reads the bytes of a file that messages call `path`.
    ///
    /// # Errors
    /// As [`Container::read`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, CheckpointError> {
        let refused = |refused| CheckpointError::refused(path, bytes.len(), refused);
        let Opened {
            metadata,
            tensors: file,
        } = Opened::of(bytes).map_err(refused)?;
        let (mut tensors, mut others) = (Parameters::new(), BTreeMap::new());
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 {
                others.insert(name.to_owned(), view.dtype().to_string());
                continue;
            }
            let elements = view
                .data()
                .chunks_exact(size_of::<f32>())
                .map(|chunk| f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]))
                .collect();
            let tensor = SharedArray::from_shape_vec(IxDyn(view.shape()), elements)
                .map_err(|error| refused(Refused::NotWhole(format!("tensor `{name}`: {error}"))))?;
            tensors.insert(name, tensor);
        }
        Ok(Self {
            metadata,
            tensors,
            others,
        })
    }

    /// Refuses a file in which the tensor `name` (any, if `None`) has another element type than F32.
    ///
    /// # Errors
    /// [`CheckpointError::ElementType`]; `path` is what the message calls the file.
    pub fn refuse_others(&self, path: &Path, name: Option<&str>) -> Result<(), CheckpointError> {
        let wanted = |other: &&String| name.is_none_or(|name| name == *other);
        match self.others.iter().find(|(other, _)| wanted(other)) {
            Some((name, found)) => Err(CheckpointError::ElementType {
                path: path.to_owned(),
                name: name.clone(),
                found: found.clone(),
            }),
            None => Ok(()),
        }
    }
}
