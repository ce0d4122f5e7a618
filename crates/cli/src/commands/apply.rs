//! `mnm apply`: the core model on vectors from a file.

use std::path::{Path, PathBuf};

use anyhow::{Error, Result};
use clap::{Args, ValueEnum};
use mnm_controller::Kernel;
use mnm_trainer::Weights;
use mnm_trainer::apply::{ApplyError, Precision, apply_file};
use mnm_trainer::checkpoint::{Checkpoint, CheckpointError};
use mnm_trainer::run::file_of;

use super::run::weights;
use crate::output::{print, warn};

/// Run the core model on vectors from a file
///
/// Takes the tensor `x` of shape (T, B, X) (steps, batch, width; f32) in a safetensors file as what the controller sees
/// at each step, past the task's encoder, and writes logits (T, B, K), reads (T, B, M), write rates (T, B), the meta loss
/// (T), a mean over the batch, and the memory after the last step to another file: for checks against other
/// implementations, and to use a trained memory elsewhere. The memory is memory.N (B, out, in), and what its rule keeps
/// beside the weights, memory.slot.NAME (B, rows, columns): momentum.N, trace, inverse. A model without such a memory
/// writes logits alone.
///
/// Where the controller hands its state on within a line alone (`model.recurrence = "line"`), a tensor `starts` of shape
/// (T, B) in the same file says where lines begin: 1 there, 0 elsewhere. Without it a sequence is one line.
#[derive(Args)]
#[command(after_long_help = "\
The checkpoint reads like a PyTorch state dict (LSTMCell and Linear layouts).
A checkpoint of another program needs the model's config in its metadata:
  config = open(\"config.toml\").read()
  save_file(state, \"mine.safetensors\", metadata={\"config\": config})

Examples:
  mnm apply runs/qa1 --input in.safetensors --output out.safetensors
  mnm apply mine.safetensors --kernel reference \\
    --input in.safetensors --output out.safetensors")]
pub struct Arguments {
    /// A checkpoint file, or a run folder
    checkpoint: PathBuf,

    /// A safetensors file with the tensor `x`, and `starts` where the model has lines
    #[arg(long, value_name = "FILE")]
    input: PathBuf,

    /// The safetensors file to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Which implementation computes, instead of the config's choice
    #[arg(long)]
    kernel: Option<KernelName>,

    /// What to compute in; files are f32 either way
    #[arg(long, default_value = "double")]
    precision: PrecisionName,

    /// Of a run folder, take the parameters after the last step instead of those with the lowest validation error
    #[arg(long)]
    last: bool,

    /// Take the averaged parameters (train.average): those with the lowest validation error, with --last those after the last
    /// step
    #[arg(long)]
    average: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum PrecisionName {
    /// f32, as training does
    Single,
    /// f64: what is left of a difference to another implementation is the other's rounding
    Double,
}

#[derive(Clone, Copy, ValueEnum)]
enum KernelName {
    /// Whole sequences, written by hand: fast
    Fused,
    /// Step by step in tensor ops: the definition
    Reference,
}

impl From<KernelName> for Kernel {
    fn from(name: KernelName) -> Self {
        match name {
            KernelName::Fused => Self::Fused,
            KernelName::Reference => Self::Reference,
        }
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let weights = weights(arguments.last, arguments.average);
    let path = file(&arguments.checkpoint, weights)?;
    let checkpoint = Checkpoint::read(&path)?;
    let kernel = arguments.kernel.map(Kernel::from);
    let precision = match arguments.precision {
        PrecisionName::Single => Precision::Single,
        PrecisionName::Double => Precision::Double,
    };
    let (input, output) = (&arguments.input, &arguments.output);
    let results = apply_file(&checkpoint, input, output, kernel, precision)
        .map_err(|error| named(error, &path, input))?;
    for (name, tensor) in results.iter() {
        if tensor.iter().any(|value| !value.is_finite()) {
            let output = output.display();
            warn(&format!(
                "{output}: `{name}` has elements that are not finite: the model's numbers overflow on this input"
            ));
        }
    }
    let lines: String = results
        .iter()
        .map(|(name, tensor)| format!("{name} {:?}\n", tensor.shape()))
        .collect();
    print(&lines)
}

/// The error, with the file that it is about in front.
fn named(error: ApplyError, checkpoint: &Path, input: &Path) -> Error {
    let path = match &error {
        ApplyError::Shape { .. } | ApplyError::Starts { .. } | ApplyError::NotFinite { .. } => {
            input
        }
        ApplyError::Checkpoint(CheckpointError::Misfit { .. })
        | ApplyError::Config(_)
        | ApplyError::Size { .. }
        | ApplyError::Model(_) => checkpoint,
        // These name their file themselves.
        _ => return error.into(),
    };
    Error::new(error).context(path.display().to_string())
}

/// The checkpoint file that the path means.
fn file(path: &Path, weights: Weights) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    Ok(file_of(path, weights)?)
}
