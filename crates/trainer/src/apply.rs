//! The core model on vectors that a caller brings: what `mnm apply` writes, for checks against other implementations.
//!
//! The encoder is left out: the input is what the cell takes. The model is rebuilt from the config in the checkpoint and
//! the shapes of its tensors, so neither the task nor its data are needed.
//!
//! [`apply`] computes in whichever [`Precision`] it is asked for; files are f32 either way. A trained memory can be sensitive to
//! rounding (write after write, a difference may grow), so what is to be compared is best computed in f64.

use std::path::{Path, PathBuf};

use mnm_controller::encoder::Input;
use mnm_controller::{
    ControllerError, InputSpec, Kernel, Masks, Model, ModelConfig, ModelKind, Recurrence,
    memory_part, slot_part,
};
use mnm_tensor::kernels::Kernels;
use mnm_tensor::{ParameterSpec, Parameters, SharedArray, Tensor, TensorError};
use ndarray::Dimension;
use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError, Container, check_parameters, is_encoder};
use crate::config::wire::{Misfit, from_table};

/// The tensor that is read from an input file.
const INPUT: &str = "x";

/// The tensor that may stand beside it, for a model whose state ends with its line.
const STARTS: &str = "starts";

/// What to compute in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// f32, as training does.
    Single,
    /// f64: what is left of a difference to another implementation is the other's rounding.
    Double,
}

/// Why a model could not be applied. Every message says what was expected.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The config in the checkpoint cannot be used.
    #[error("the checkpoint's config cannot be used: {0}")]
    Config(String),
    /// A tensor that tells a size of the model is missing or misshapen.
    #[error("the checkpoint's `{name}` {found}; expected {expected}")]
    Size {
        /// The tensor.
        name: &'static str,
        /// What is there.
        found: String,
        /// What its shape should be.
        expected: String,
    },
    /// The input file has no tensor of the name looked for.
    #[error(
        "{path} has no tensor `{INPUT}` (it has: {found}); save the input under that name, f32, [steps, batch, width]",
        path = .path.display()
    )]
    NoInput {
        /// The file.
        path: PathBuf,
        /// The tensors that it has.
        found: String,
    },
    /// The input has a shape that the model does not take.
    #[error(
        "the input `{INPUT}` has shape {found:?}; the model takes [steps, batch, {width}], steps and batch at least 1"
    )]
    Shape {
        /// The input's shape.
        found: Vec<usize>,
        /// The width X that the cell takes.
        width: usize,
    },
    /// Line starts that do not fit the input or the model.
    #[error("the input's `{STARTS}` {found}; expected {expected}")]
    Starts {
        /// What is there.
        found: String,
        /// What would fit.
        expected: String,
    },
    /// An input with an element that is no number.
    #[error(
        "the input `{INPUT}` has {value} at {place:?} (step, sequence, entry); expected finite numbers"
    )]
    NotFinite {
        /// The element.
        value: f32,
        /// Where the first of them is.
        place: Vec<usize>,
    },
    /// A file cannot be read or written, or the parameters do not fit the config.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The model failed.
    #[error(transparent)]
    Model(#[from] ControllerError),
}

impl From<TensorError> for ApplyError {
    fn from(error: TensorError) -> Self {
        Self::Model(error.into())
    }
}

/// The part of a config that describes the core model.
fn core_config(config: &str) -> Result<ModelConfig, ApplyError> {
    let mut table: toml::Table = config.parse().map_err(|error: toml::de::Error| {
        ApplyError::Config(error.to_string().trim_end().to_owned())
    })?;
    let model = match table.remove("model") {
        Some(toml::Value::Table(model)) => model,
        Some(other) => {
            let message = format!("`model` is a {}, not a table", other.type_str());
            return Err(ApplyError::Config(message));
        }
        None => toml::Table::new(),
    };
    from_table(model)
        .map_err(|Misfit { key, message }| ApplyError::Config(format!("`model.{key}`: {message}")))
}

/// The core model of a checkpoint, its encoder left out, and its parameters. `kernel` replaces the config's.
///
/// # Errors
/// [`ApplyError`] if the config cannot be read, or the tensors are not those that it asks for.
pub fn core_model<F: Kernels>(
    checkpoint: &Checkpoint,
    kernel: Option<Kernel>,
) -> Result<(Model<F>, Parameters<Tensor<F>>), ApplyError> {
    let mut model = core_config(&checkpoint.config)?;
    model.kernel = kernel.unwrap_or(model.kernel);
    model.validate()?;
    // The controller sees more than the input (what was read last); how much, a model of input width 1 tells.
    let narrow = Model::<f32>::new(&model, spec(&model, 1), 1)?;
    let seen = |spec: &ParameterSpec| (spec.name == "controller.weight_ih").then(|| spec.shape[1]);
    let fed_back = narrow
        .parameters()
        .iter()
        .find_map(seen)
        .map_or(0, |n| n - 1);
    let columns = extent(checkpoint, "controller.weight_ih", 1)?;
    let Some(width) = columns.checked_sub(fed_back).filter(|width| *width > 0) else {
        return Err(ApplyError::Size {
            name: "controller.weight_ih",
            found: format!("has {columns} columns"),
            expected: format!("more than the {fed_back} that the read takes"),
        });
    };
    let outputs = extent(checkpoint, "output.weight", 0)?;
    let core = Model::new(&model, spec(&model, width), outputs)?;
    let parameters: Parameters<SharedArray<f32>> = checkpoint
        .parameters
        .iter()
        .filter(|(name, _)| !is_encoder(name))
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    check_parameters(&core.parameters(), &parameters)?;
    let tensors = parameters.map(|_, value| Tensor::constant(value.mapv(|x| F::of(x.into()))));
    Ok((core, tensors))
}

/// Vectors of this width, in lines where the model's state ends with them.
fn spec(model: &ModelConfig, width: usize) -> InputSpec {
    match model.recurrence() {
        Recurrence::Line => InputSpec::Lines { width },
        Recurrence::Always | Recurrence::Never => InputSpec::Dense { width },
    }
}

/// The extent of an axis of a matrix of the checkpoint.
fn extent(checkpoint: &Checkpoint, name: &'static str, axis: usize) -> Result<usize, ApplyError> {
    let shape = checkpoint
        .parameters
        .find(name)
        .map(|tensor| tensor.shape());
    match shape {
        Some(&[rows, columns]) => Ok([rows, columns][axis]),
        other => Err(ApplyError::Size {
            name,
            found: other.map_or("is missing".to_owned(), |shape| {
                format!("has shape {shape:?}")
            }),
            expected: "a matrix".to_owned(),
        }),
    }
}

/// Runs the core model of `checkpoint` on `x` `[T, B, X]` from its initial state, without dropout, computing in `precision`.
///
/// `starts` `[T, B]` is for a model whose controller hands its state on within a line alone (`model.recurrence = "line"`): 1 where a
/// line begins, 0 where one goes on. Without it a sequence is one line.
///
/// Gives `logits` `[T, B, K]`, and for a model with a memory `reads` `[T, B, M]`, `rates` `[T, B]`, the meta loss `meta`
/// `[T]` averaged over the batch, and the memory after the last step: `memory.0` .. `[B, out, in]`, and the slots of its rule,
/// `memory.slot.NAME` `[B, rows, columns]`. A slot that keeps the root of a matrix is given as that matrix ([`Slot::meant`](mnm_memory::Slot::meant)).
///
/// # Errors
/// [`ApplyError`] if the checkpoint is not a whole model or `x` not what it takes.
pub fn apply(
    checkpoint: &Checkpoint,
    x: &SharedArray<f32>,
    starts: Option<&SharedArray<f32>>,
    kernel: Option<Kernel>,
    precision: Precision,
) -> Result<Parameters<SharedArray<f32>>, ApplyError> {
    // Chosen here, so that the model is compiled for both once, and not again in every program that calls this.
    match precision {
        Precision::Single => apply_in::<f32>(checkpoint, x, starts, kernel),
        Precision::Double => apply_in::<f64>(checkpoint, x, starts, kernel),
    }
}

fn apply_in<F: Kernels>(
    checkpoint: &Checkpoint,
    x: &SharedArray<f32>,
    starts: Option<&SharedArray<f32>>,
    kernel: Option<Kernel>,
) -> Result<Parameters<SharedArray<f32>>, ApplyError> {
    let (model, parameters) = core_model::<F>(checkpoint, kernel)?;
    let &[steps, batch, width] = x.shape() else {
        return Err(misshapen(x, model.input_width()));
    };
    if width != model.input_width() || steps == 0 || batch == 0 {
        return Err(misshapen(x, model.input_width()));
    }
    if let Some((place, &value)) = x.indexed_iter().find(|(_, value)| !value.is_finite()) {
        let place = place.slice().to_vec();
        return Err(ApplyError::NotFinite { value, place });
    }
    let state = model.initial_state(&parameters, batch)?;
    let vectors = Tensor::constant(x.mapv(|x| F::of(x.into())));
    let starts = starts
        .map(|s| line_starts(s, &x.shape()[..2]))
        .transpose()?;
    let input = match (model.config().recurrence(), starts) {
        (Recurrence::Line, starts) => Input::Lines {
            vectors,
            starts: starts.unwrap_or_default(),
        },
        (_, None) => Input::Dense(vectors),
        (_, Some(_)) => {
            return Err(ApplyError::Starts {
                found: "are there".to_owned(),
                expected: "none: the state of this model does not end with a line".to_owned(),
            });
        }
    };
    let run = model.run(&parameters, &input, &state, &Masks::default())?;
    let rows: Vec<usize> = (0..steps * batch).collect();
    let logits = model.logits(&parameters, &run.outputs, &rows)?;
    let mut results = vec![(
        "logits".to_owned(),
        logits.reshape(&[steps, batch, model.outputs()])?,
    )];
    let config = model.config();
    if config.kind == ModelKind::Mnm {
        // The output layer sees [h ; v].
        let reads = run.outputs.slice(2, config.controller, config.value)?;
        let rates = run
            .trace
            .get("rate")
            .ok_or_else(|| ControllerError::MissingState {
                name: "rate".to_owned(),
            })?;
        results.extend([
            ("reads".to_owned(), reads),
            ("rates".to_owned(), rates.clone()),
            ("meta".to_owned(), run.meta.mean(1)?),
        ]);
        for name in (0..config.layers).map(memory_part) {
            let weight = run.state.get(&name)?;
            // Sequences share a layer that no write touches.
            let each = [&[batch], &weight.shape()[1..]].concat();
            results.push((name, weight.broadcast_to(&each)?));
        }
        for slot in config.slots()? {
            let held = run.state.get(&slot_part(&slot.name))?;
            let (name, value) = slot.meant(held)?;
            results.push((slot_part(name), value));
        }
    }
    Ok(results
        .into_iter()
        .map(|(name, tensor)| {
            let single = tensor.value().mapv(|x| x.as_f64() as f32);
            (name, single.into_shared())
        })
        .collect())
}

/// The places (`step * B + sequence`) where `starts` is 1, if it is of `shape` `[T, B]` and 0 everywhere else.
fn line_starts(starts: &SharedArray<f32>, shape: &[usize]) -> Result<Vec<usize>, ApplyError> {
    let expected = format!("{shape:?}, 1 where a line begins and 0 elsewhere");
    let misfit = |found: String| ApplyError::Starts {
        found,
        expected: expected.clone(),
    };
    if starts.shape() != shape {
        return Err(misfit(format!("have shape {:?}", starts.shape())));
    }
    if let Some(other) = starts.iter().find(|s| ![0.0, 1.0].contains(*s)) {
        return Err(misfit(format!("hold {other}")));
    }
    let places = starts.iter().enumerate();
    Ok(places.filter(|(_, s)| **s == 1.0).map(|(n, _)| n).collect())
}

fn misshapen(x: &SharedArray<f32>, width: usize) -> ApplyError {
    ApplyError::Shape {
        found: x.shape().to_vec(),
        width,
    }
}

/// [`apply`] from file to file: reads `x`, and `starts` if it is there, from the safetensors file `input`, writes the results to
/// `output`.
///
/// # Errors
/// Those of [`apply`], and files that cannot be read or written. Nothing is written unless all went well.
pub fn apply_file(
    checkpoint: &Checkpoint,
    input: &Path,
    output: &Path,
    kernel: Option<Kernel>,
    precision: Precision,
) -> Result<Parameters<SharedArray<f32>>, ApplyError> {
    let file = Container::read(input)?;
    file.refuse_others(input, Some(INPUT))?;
    let Some(x) = file.tensors.find(INPUT) else {
        let mut names: Vec<&str> = file.tensors.names().collect();
        names.extend(file.others.keys().map(String::as_str));
        return Err(ApplyError::NoInput {
            path: input.to_owned(),
            found: if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            },
        });
    };
    file.refuse_others(input, Some(STARTS))?;
    let tensors = apply(checkpoint, x, file.tensors.find(STARTS), kernel, precision)?;
    let results = Container {
        tensors,
        ..Container::default()
    };
    results.write(output)?;
    Ok(results.tensors)
}
