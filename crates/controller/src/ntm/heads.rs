//! What the NTM controller says to its heads.

use mnm_tensor::{Float, Init, ParameterSpec, Parameters, Tensor, TensorError};

use crate::ControllerError;
use crate::addressing::{SlotMemory, content_weighting};
use crate::error::parameter;
use crate::ntm::location::{interpolate, sharpen, shift};

/// How far a head can shift in a step: -1, 0, 1.
const SHIFTS: usize = 3;

/// What moves the heads: the R read heads first, the write head last; H = R + 1.
#[derive(Clone, Debug)]
pub struct Focus<F: Float> {
    /// `k`, `[B, H, W]`.
    pub key: Tensor<F>,
    /// `beta`, above 0, `[B, H, 1]`.
    pub strength: Tensor<F>,
    /// `g`, in (0, 1), `[B, H, 1]`: 1 goes where the content is, 0 stays where the head was.
    pub gate: Tensor<F>,
    /// `s`, a distribution over the shifts -1, 0, 1, `[B, H, 3]`.
    pub shifts: Tensor<F>,
    /// `gamma`, above 1, `[B, H, 1]`.
    pub sharpness: Tensor<F>,
}

impl<F: Float> Focus<F> {
    /// The new weightings `[B, H, N]` over the rows of `memory` `[B, N, W]` from the `previous` ones.
    ///
    /// # Errors
    /// A shape that does not fit.
    pub fn address(
        &self,
        memory: &Tensor<F>,
        previous: &Tensor<F>,
    ) -> Result<Tensor<F>, ControllerError> {
        let content = content_weighting(memory, &self.key, &self.strength)?;
        let gated = interpolate(&content, previous, &self.gate)?;
        sharpen(&shift(&gated, &self.shifts)?, &self.sharpness)
    }
}

/// The heads' instructions of one step.
#[derive(Clone, Debug)]
pub struct Instructions<F: Float> {
    /// Where the heads go.
    pub focus: Focus<F>,
    /// `e`, in (0, 1), `[B, 1, W]`.
    pub erase: Tensor<F>,
    /// `a`, in (-1, 1), `[B, 1, W]`.
    pub add: Tensor<F>,
}

/// Numbers that move one head: key, strength, gate, shifts, sharpness.
fn focus_width(memory: &SlotMemory) -> usize {
    memory.width + 3 + SHIFTS
}

/// The width `(R + 1)(W + 6) + 2W` of all instructions.
fn instructions_width(memory: &SlotMemory) -> usize {
    (memory.read_heads + 1) * focus_width(memory) + 2 * memory.width
}

/// The parameters `heads.weight` `[(R + 1)(W + 6) + 2W, C]` and `heads.bias`.
pub fn head_parameters(controller: usize, memory: &SlotMemory) -> Vec<ParameterSpec> {
    let width = instructions_width(memory);
    let init = Init::fan_in(controller);
    vec![
        ParameterSpec::new("heads.weight", &[width, controller], init),
        ParameterSpec::new("heads.bias", &[width], init),
    ]
}

/// The instructions that the hidden state `[B, C]` gives.
///
/// ```text
/// z = W_h h + b_h: head after head (k, beta, g, s, gamma), then e, a
/// k = tanh(..), beta = softplus(..), g = sigmoid(..), s = softmax(..), gamma = 1 + softplus(..)
/// e = sigmoid(..), a = tanh(..)
/// ```
///
/// # Errors
/// A shape that does not fit, or a parameter that is missing.
pub fn instruct<F: Float>(
    parameters: &Parameters<Tensor<F>>,
    hidden: &Tensor<F>,
    memory: &SlotMemory,
) -> Result<Instructions<F>, ControllerError> {
    let &[batch, controller] = hidden.shape() else {
        return Err(TensorError::shape("instruct", &[hidden.shape()], "[B, C]").into());
    };
    let all = instructions_width(memory);
    let z = hidden.linear(
        parameter(parameters, "heads.weight", &[all, controller])?,
        Some(parameter(parameters, "heads.bias", &[all])?),
    )?;
    let (heads, width) = (memory.read_heads + 1, memory.width);
    let moved = heads * focus_width(memory);
    let per_head = z
        .slice(1, 0, moved)?
        .reshape(&[batch, heads, focus_width(memory)])?;
    let part = |start: usize, length: usize| per_head.slice(2, start, length);
    let row = |start: usize| z.slice(1, start, width)?.reshape(&[batch, 1, width]);
    Ok(Instructions {
        focus: Focus {
            key: part(0, width)?.tanh()?,
            strength: part(width, 1)?.softplus()?,
            gate: part(width + 1, 1)?.sigmoid()?,
            shifts: part(width + 2, SHIFTS)?.softmax()?,
            sharpness: part(width + 2 + SHIFTS, 1)?.softplus()?.shift(1.0)?,
        },
        erase: row(moved)?.sigmoid()?,
        add: row(moved + width)?.tanh()?,
    })
}
