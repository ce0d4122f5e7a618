//! What the DNC controller says to its memory: the interface vector.

use mnm_tensor::{Float, Init, ParameterSpec, Parameters, Tensor, TensorError};

use crate::ControllerError;
use crate::addressing::SlotMemory;
use crate::error::parameter;

/// The interface vector of one step, cut into its parts.
#[derive(Clone, Debug)]
pub struct Interface<F: Float> {
    /// `k^r`, `[B, R, W]`.
    pub read_keys: Tensor<F>,
    /// `beta^r`, above 1, `[B, R, 1]`.
    pub read_strengths: Tensor<F>,
    /// `k^w`, `[B, 1, W]`.
    pub write_key: Tensor<F>,
    /// `beta^w`, above 1, `[B, 1, 1]`.
    pub write_strength: Tensor<F>,
    /// `e`, in (0, 1), `[B, 1, W]`.
    pub erase: Tensor<F>,
    /// `v`, `[B, 1, W]`.
    pub write_vector: Tensor<F>,
    /// `f`, in (0, 1), `[B, R, 1]`.
    pub free_gates: Tensor<F>,
    /// `g^a`, in (0, 1), `[B, 1]`.
    pub allocation_gate: Tensor<F>,
    /// `g^w`, in (0, 1), `[B, 1]`.
    pub write_gate: Tensor<F>,
    /// `pi`, a distribution over backward, content and forward, `[B, R, 3]`.
    pub read_modes: Tensor<F>,
}

/// The width `R W + 3 W + 5 R + 3` of the interface vector.
fn interface_width(memory: &SlotMemory) -> usize {
    let (width, heads) = (memory.width, memory.read_heads);
    heads * width + 3 * width + 5 * heads + 3
}

/// The parameters `interface.weight` `[RW + 3W + 5R + 3, C]` and `interface.bias`.
pub fn interface_parameters(controller: usize, memory: &SlotMemory) -> Vec<ParameterSpec> {
    let width = interface_width(memory);
    let init = Init::fan_in(controller);
    vec![
        ParameterSpec::new("interface.weight", &[width, controller], init),
        ParameterSpec::new("interface.bias", &[width], init),
    ]
}

/// The interface that the hidden state `[B, C]` asks for.
///
/// ```text
/// xi = W_xi h + b_xi = [k^r (R W); beta^r (R); k^w; beta^w; e; v (W each); f (R); g^a; g^w; pi (3 R)]
/// beta = oneplus(..) = 1 + softplus(..);  e, f, g^a, g^w = sigmoid(..);  pi = softmax(..) of each read head's three
/// ```
///
/// # Errors
/// A shape that does not fit, or a parameter that is missing.
pub fn interface<F: Float>(
    parameters: &Parameters<Tensor<F>>,
    hidden: &Tensor<F>,
    memory: &SlotMemory,
) -> Result<Interface<F>, ControllerError> {
    let &[batch, controller] = hidden.shape() else {
        return Err(TensorError::shape("interface", &[hidden.shape()], "[B, C]").into());
    };
    let all = interface_width(memory);
    let xi = hidden.linear(
        parameter(parameters, "interface.weight", &[all, controller])?,
        Some(parameter(parameters, "interface.bias", &[all])?),
    )?;
    let (width, heads) = (memory.width, memory.read_heads);
    let mut start = 0;
    let mut next = |rows: usize, columns: usize| -> Result<Tensor<F>, ControllerError> {
        let part = xi.slice(1, start, rows * columns)?;
        start += rows * columns;
        Ok(part.reshape(&[batch, rows, columns])?)
    };
    // In the order of the interface vector.
    Ok(Interface {
        read_keys: next(heads, width)?,
        read_strengths: next(heads, 1)?.softplus()?.shift(1.0)?,
        write_key: next(1, width)?,
        write_strength: next(1, 1)?.softplus()?.shift(1.0)?,
        erase: next(1, width)?.sigmoid()?,
        write_vector: next(1, width)?,
        free_gates: next(heads, 1)?.sigmoid()?,
        allocation_gate: next(1, 1)?.sigmoid()?.reshape(&[batch, 1])?,
        write_gate: next(1, 1)?.sigmoid()?.reshape(&[batch, 1])?,
        read_modes: next(heads, 3)?.softmax()?,
    })
}
