//! A memory in a file: safetensors, as every checkpoint of this project.
//!
//! The tensors are `memory.N.weight` \[out, in] from the key to the value, and where there are such `features.weight` \[count, key] and
//! `features.bias` \[count], `evidence.root` \[count, count] (S of least squares), `sample.keys` \[pairs, key] and `sample.values` \[pairs, value]; the one entry
//! of the metadata beside the seal, `associative_memory`, is JSON and holds the rest. Equal memories give equal bytes. Files from before there was
//! a seal are read too.

use std::path::Path;

use mnm_files::{Draft, Dtype, Metadata, Opened, read_tensors, write_file};
use mnm_tensor::kernels::Kernels;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::features::FeatureMap;
use super::least_squares::Evidence;
use super::reservoir::Reservoir;
use super::weights::Weights;
use super::{AssociativeError, AssociativeMemory, Features, Method, check_widths, state};

const ENTRY: &str = "associative_memory";
const VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    key: usize,
    value: usize,
    method: Method,
    features: Features,
    writes: u64,
    evidence: Option<Figures>,
    sample: Sample,
}

/// What least squares keeps beside its matrices.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figures {
    scale: f64,
    prior: f64,
    /// Files of version 1 lack it.
    #[serde(default)]
    turn: usize,
    /// Whether a long key came. Only written where one did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    long: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    capacity: usize,
    seen: u64,
    state: u64,
}

impl<F: Kernels> AssociativeMemory<F> {
    /// The memory as the bytes of a safetensors file.
    ///
    /// # Errors
    /// [`AssociativeError::File`] if it does not fit into one.
    pub fn to_bytes(&self) -> Result<Vec<u8>, AssociativeError> {
        self.encoded().map_err(|error| AssociativeError::File {
            origin: "the memory".to_owned(),
            reason: error.to_string(),
        })
    }

    fn encoded(&self) -> serde_json::Result<Vec<u8>> {
        let evidence = self.state.evidence();
        let header = Header {
            version: VERSION,
            key: self.key,
            value: self.value,
            method: self.method.clone(),
            features: self.features.clone(),
            writes: self.writes,
            evidence: evidence.map(|e| Figures {
                scale: e.scale,
                prior: e.prior,
                turn: e.turn,
                long: e.long,
            }),
            sample: Sample {
                capacity: self.sample.capacity(),
                seen: self.sample.seen,
                state: self.sample.state,
            },
        };
        let text = serde_json::to_string(&header)?;
        let mut draft = Draft::new(Metadata::from([(ENTRY.to_owned(), text)]));
        let mut add = |name: String, shape: &[usize], entries: &[F]| {
            draft.tensor(name, dtype::<F>(), shape, encode(entries));
        };
        for (layer, weights) in self.state.layers().iter().enumerate() {
            add(
                crate::weight_name(layer),
                &weights.shape(),
                &weights.entries(),
            );
        }
        let (weights, bias) = self.map.parts();
        if let Some(weights) = weights {
            add(
                "features.weight".to_owned(),
                &weights.shape(),
                &weights.entries(),
            );
        }
        if let Some(bias) = bias {
            add("features.bias".to_owned(), &[bias.len()], bias);
        }
        if let Some(evidence) = evidence {
            let root = &evidence.root;
            add("evidence.root".to_owned(), &root.shape(), &root.entries());
        }
        let (pairs, (keys, values)) = (self.sample.len(), self.sample.pairs());
        add("sample.keys".to_owned(), &[pairs, self.key], keys);
        add("sample.values".to_owned(), &[pairs, self.value], values);
        draft.sealed()
    }

    /// The memory that [`AssociativeMemory::to_bytes`] gave these bytes for.
    ///
    /// # Errors
    /// [`AssociativeError::File`] if they are damaged, are something else, hold another scalar type or numbers that are not finite.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AssociativeError> {
        parse(bytes).map_err(|reason| AssociativeError::File {
            origin: "the bytes".to_owned(),
            reason,
        })
    }

    /// Writes the memory to a file, whole or not at all: to a temporary name in the same folder, then renamed.
    ///
    /// # Errors
    /// [`AssociativeError::Io`]; what stood under the name is then unchanged. Those of [`AssociativeMemory::to_bytes`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), AssociativeError> {
        let path = path.as_ref();
        write_file(path, &self.to_bytes()?).map_err(|source| AssociativeError::Io {
            path: path.to_owned(),
            source,
        })
    }

    /// The memory of a file.
    ///
    /// # Errors
    /// [`AssociativeError::Io`] if the file cannot be read, [`AssociativeError::File`] as [`AssociativeMemory::from_bytes`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, AssociativeError> {
        let path = path.as_ref();
        let bytes = read_tensors(path).map_err(|source| AssociativeError::Io {
            path: path.to_owned(),
            source,
        })?;
        parse(&bytes).map_err(|reason| AssociativeError::File {
            origin: path.display().to_string(),
            reason,
        })
    }

    /// Takes over what a file holds, if it is a memory of the same widths, method and features.
    ///
    /// # Errors
    /// Those of [`AssociativeMemory::load`], and a file of another memory; this one is then as it was.
    pub fn reload(&mut self, path: impl AsRef<Path>) -> Result<(), AssociativeError> {
        let path = path.as_ref();
        let other = Self::load(path)?;
        let what = |memory: &Self| {
            let (key, value) = (memory.key, memory.value);
            format!(
                "{key} -> {value}, {:?}, {:?}",
                memory.method, memory.features
            )
        };
        let (found, expected) = (what(&other), what(self));
        if found != expected {
            return Err(AssociativeError::File {
                origin: path.display().to_string(),
                reason: format!("it holds a memory {found}; this one is {expected}"),
            });
        }
        *self = other;
        Ok(())
    }
}

fn dtype<F: Kernels>() -> Dtype {
    if size_of::<F>() == 4 {
        Dtype::F32
    } else {
        Dtype::F64
    }
}

fn encode<F: Kernels>(entries: &[F]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size_of_val(entries));
    for x in entries {
        // Exact: the number came from the narrower type.
        match dtype::<F>() {
            Dtype::F32 => bytes.extend((x.as_f64() as f32).to_le_bytes()),
            _ => bytes.extend(x.as_f64().to_le_bytes()),
        }
    }
    bytes
}

fn decode<F: Kernels>(bytes: &[u8]) -> Vec<F> {
    match dtype::<F>() {
        Dtype::F32 => {
            let chunks = bytes.as_chunks().0.iter();
            chunks
                .map(|&x| F::of(f64::from(f32::from_le_bytes(x))))
                .collect()
        }
        _ => {
            let chunks = bytes.as_chunks().0.iter();
            chunks.map(|&x| F::of(f64::from_le_bytes(x))).collect()
        }
    }
}

/// The entries of a tensor of exactly this shape, all finite.
fn tensor<F: Kernels>(
    file: &SafeTensors<'_>,
    name: &str,
    shape: &[usize],
) -> Result<Vec<F>, String> {
    let view = file
        .tensor(name)
        .map_err(|_| format!("it lacks the tensor `{name}`"))?;
    if view.dtype() != dtype::<F>() {
        return Err(format!(
            "`{name}` holds {}: this is a memory of {}",
            view.dtype(),
            F::NAME
        ));
    }
    if view.shape() != shape {
        return Err(format!(
            "`{name}` has shape {:?}: its widths say {shape:?}",
            view.shape()
        ));
    }
    let entries: Vec<F> = decode(view.data());
    match entries.iter().position(|x| !x.is_finite()) {
        Some(place) => Err(format!(
            "`{name}` has {} at place {place}: expected finite numbers",
            entries[place]
        )),
        None => Ok(entries),
    }
}

fn parse<F: Kernels>(bytes: &[u8]) -> Result<AssociativeMemory<F>, String> {
    let Opened { metadata, tensors } = Opened::of(bytes).map_err(|refused| refused.to_string())?;
    let text = metadata.get(ENTRY).ok_or_else(|| {
        format!("it is a safetensors file without the entry `{ENTRY}`: save() writes one")
    })?;
    let header: Header =
        serde_json::from_str(text).map_err(|error| format!("the entry `{ENTRY}`: {error}"))?;
    if header.version > VERSION {
        return Err(format!(
            "it has version {}; this program reads up to {VERSION}",
            header.version
        ));
    }
    let Header {
        key,
        value,
        method,
        features,
        ..
    } = header;
    let said = |error: AssociativeError| format!("the entry `{ENTRY}`: {error}");
    check_widths(key, value).map_err(said)?;
    method.check::<F>().map_err(said)?;
    features.check::<F>().map_err(said)?;
    let count = features.count(key);

    // The shapes are compared with what the file holds before anything of that size is made.
    let mut layers = Vec::new();
    for (layer, [out, input]) in state::shapes(&method, count, value).into_iter().enumerate() {
        let name = crate::weight_name(layer);
        let entries = tensor::<F>(&tensors, &name, &[out, input])?;
        let mut weights = Weights::dense(out, input, &entries);
        weights.writable(layer)?;
        layers.push(weights);
    }
    let (weights, bias) = match features {
        Features::Raw | Features::Unit => (Vec::new(), Vec::new()),
        Features::Tanh { .. } => (
            tensor(&tensors, "features.weight", &[count, key])?,
            tensor(&tensors, "features.bias", &[count])?,
        ),
        Features::Nearest { .. } => (
            tensor(&tensors, "features.weight", &[count, key])?,
            Vec::new(),
        ),
    };
    let evidence = match (&method, header.evidence) {
        (Method::LeastSquares { .. }, Some(figures)) => {
            let Figures {
                scale,
                prior,
                turn,
                long,
            } = figures;
            let usable = scale.is_finite() && scale > 0.0 && (0.0..f64::INFINITY).contains(&prior);
            if !(usable && turn < count) {
                return Err(format!(
                    "evidence with scale {scale}, prior {prior} and turn {turn}: expected finite numbers above 0, and a turn below {count}"
                ));
            }
            let root = tensor(&tensors, "evidence.root", &[count, count])?;
            Some(Evidence::new(
                Weights::dense(count, count, &root),
                scale,
                prior,
                turn,
                long,
            ))
        }
        (Method::LeastSquares { .. }, None) => {
            return Err("it lacks the evidence of least squares".to_owned());
        }
        _ => None,
    };
    let sample = sample(&tensors, &header.sample, [key, value])?;
    let map = FeatureMap::of(&features, key, &weights, bias);
    let state = state::with_weights(&method, layers, evidence);
    let mut memory =
        AssociativeMemory::assemble([key, value], (method, state), (features, map), sample);
    memory.writes = header.writes;
    Ok(memory)
}

fn sample<F: Kernels>(
    file: &SafeTensors<'_>,
    header: &Sample,
    [key, value]: [usize; 2],
) -> Result<Reservoir<F>, String> {
    let pairs = file
        .tensor("sample.keys")
        .ok()
        .and_then(|view| view.shape().first().copied())
        .ok_or("it lacks the tensor `sample.keys`")?;
    if pairs > header.capacity || header.seen < pairs as u64 {
        return Err(format!(
            "it has a sample of {pairs} pairs, of {} seen, with room for {}",
            header.seen, header.capacity
        ));
    }
    let keys: Vec<F> = tensor(file, "sample.keys", &[pairs, key])?;
    let values: Vec<F> = tensor(file, "sample.values", &[pairs, value])?;
    let mut sample = Reservoir::new([key, value], header.capacity);
    for (key, value) in keys.chunks_exact(key).zip(values.chunks_exact(value)) {
        sample.push(key, value);
    }
    (sample.seen, sample.state) = (header.seen, header.state);
    Ok(sample)
}
