//! A safetensors file of 32-bit floats, as bytes that depend on nothing but its content.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use mnm_tensor::{Array, Parameters};
use ndarray::IxDyn;
use safetensors::tensor::TensorInfo;
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;

use super::CheckpointError;
use super::seal;

/// Named tensors with metadata. What the tensors mean is the reader's business.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// Free text under names; of a file of ours without its seal, which writing adds.
    pub metadata: BTreeMap<String, String>,
    /// The tensors.
    pub tensors: Parameters<Array<f32>>,
    /// Tensors of other element types in a file that was read: name and type. They are never written.
    pub others: BTreeMap<String, String>,
}

/// The header of the format. The `safetensors` crate takes the metadata as a hash map and writes them in its random
/// order, so equal files would differ; sorted maps make the order a part of the content.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__", skip_serializing_if = "BTreeMap::is_empty")]
    metadata: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    tensors: BTreeMap<&'a str, TensorInfo>,
}

impl Container {
    /// The file's bytes: length of the header, header (JSON, padded to 8 bytes), the tensors in the order of their names.
    fn bytes(&self) -> serde_json::Result<Vec<u8>> {
        let metadata = seal::sealed(&self.metadata, &self.tensors);
        let mut end = 0;
        let tensors = self.tensors.iter().map(|(name, tensor)| {
            let start = end;
            end += tensor.len() * size_of::<f32>();
            let info = TensorInfo {
                dtype: Dtype::F32,
                shape: tensor.shape().to_vec(),
                data_offsets: (start, end),
            };
            (name, info)
        });
        let header = Header {
            metadata: &metadata,
            tensors: tensors.collect(),
        };
        let mut text = serde_json::to_vec(&header)?;
        text.resize(text.len().next_multiple_of(8), b' ');
        let mut bytes = Vec::with_capacity(8 + text.len() + end);
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text);
        for (_, tensor) in self.tensors.iter() {
            bytes.extend(tensor.iter().flat_map(|element| element.to_le_bytes()));
        }
        Ok(bytes)
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
        let bytes = self.bytes().map_err(|error| failed(error.into()))?;
        write_file(path, &bytes).map_err(failed)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`CheckpointError`] if it cannot be read, is no whole safetensors file, or is one of ours and not what was written.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = std::fs::read(path).map_err(|source| CheckpointError::Read {
            path: path.to_owned(),
            source,
        })?;
        let not_whole = |reason: String| CheckpointError::NotWhole {
            path: path.to_owned(),
            bytes: bytes.len(),
            reason,
        };
        let (_, header) =
            SafeTensors::read_metadata(&bytes).map_err(|error| not_whole(error.to_string()))?;
        let file =
            SafeTensors::deserialize(&bytes).map_err(|error| not_whole(error.to_string()))?;
        let metadata = header.metadata().iter().flatten();
        let mut metadata = metadata.map(|(k, v)| (k.clone(), v.clone())).collect();
        seal::check(path, &mut metadata, &file)?;
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
            let tensor = Array::from_shape_vec(IxDyn(view.shape()), elements)
                .map_err(|error| not_whole(format!("tensor `{name}`: {error}")))?;
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

/// How the name of a file begins that is not whole yet.
const UNFINISHED: &str = ".mnm-";

/// How many random letters and digits it goes on with.
const RANDOM: usize = 6;

/// Whether [`write_file`] gave a file this name until it would be whole.
pub(crate) fn is_unfinished(name: &str) -> bool {
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
