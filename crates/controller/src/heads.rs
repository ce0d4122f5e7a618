//! What the controller says to the memory: keys, values and the write rate.

use mnm_memory::Gates;
use mnm_tensor::{Float, Init, ParameterSpec, Parameters, Tensor, TensorError};

use crate::ControllerError;
use crate::error::parameter;

/// The interaction of one step.
#[derive(Clone, Debug)]
pub struct Interaction<F: Float> {
    /// `k^w`, `[B, H, M]`.
    pub write_key: Tensor<F>,
    /// `v^w`, `[B, H, M]`.
    pub write_value: Tensor<F>,
    /// `k^r`, `[B, H, M]`.
    pub read_key: Tensor<F>,
    /// `beta`, `[B]`, in (0, 1).
    pub rate: Tensor<F>,
    /// `b`, the part of the interaction that rate and gates are made of, `[B, M]`.
    pub control: Tensor<F>,
}

/// What a gate's bias starts as: sigmoid(-4) = 0.018 of the memory is forgotten, sigmoid(-2) = 0.12 of a change goes on.
const FORGET_BIAS: f64 = -4.0;
const MOMENTUM_BIAS: f64 = -2.0;

/// The parameters of the gates that the controller fills, if there are any: `gates.weight` `[G, M]`, `gates.bias` `[G]`, a
/// row for each in the order forget, momentum.
pub fn gate_parameters(gates: Gates, value: usize) -> Vec<ParameterSpec> {
    let learned = gates.learned();
    let first = match learned.first() {
        Some(&"forget") => FORGET_BIAS,
        Some(_) => MOMENTUM_BIAS,
        None => return Vec::new(),
    };
    // Of two elements, each is a part by itself.
    let bias = Init::Quarters {
        values: [first, MOMENTUM_BIAS, MOMENTUM_BIAS, MOMENTUM_BIAS],
    };
    vec![
        ParameterSpec::new("gates.weight", &[learned.len(), value], Init::fan_in(value)),
        ParameterSpec::new("gates.bias", &[learned.len()], bias),
    ]
}

/// The gates that the controller fills, by name, each `[B]`: `sigmoid(W_g b + c_g)` with `b` `[B, M]`.
///
/// # Errors
/// A parameter that is missing or of another shape.
pub fn fill_gates<F: Float>(
    gates: Gates,
    parameters: &Parameters<Tensor<F>>,
    control: &Tensor<F>,
) -> Result<Vec<(&'static str, Tensor<F>)>, ControllerError> {
    let learned = gates.learned();
    if learned.is_empty() {
        return Ok(Vec::new());
    }
    let &[batch, value] = control.shape() else {
        return Err(TensorError::shape("fill_gates", &[control.shape()], "[B, M]").into());
    };
    let weight = parameter(parameters, "gates.weight", &[learned.len(), value])?;
    let bias = parameter(parameters, "gates.bias", &[learned.len()])?;
    let all = control.linear(weight, Some(bias))?.sigmoid()?;
    let one = |(row, name)| Ok((name, all.slice(1, row, 1)?.reshape(&[batch])?));
    learned.into_iter().enumerate().map(one).collect()
}

/// The parameters `interaction.*` and `rate.*`.
pub fn head_parameters(controller: usize, value: usize, heads: usize) -> Vec<ParameterSpec> {
    let width = value + 3 * heads * value;
    let (from_hidden, from_value) = (Init::fan_in(controller), Init::fan_in(value));
    vec![
        ParameterSpec::new("interaction.weight", &[width, controller], from_hidden),
        ParameterSpec::new("interaction.bias", &[width], from_hidden),
        ParameterSpec::new("rate.weight", &[1, value], from_value),
        ParameterSpec::new("rate.bias", &[1], from_value),
    ]
}

/// The interaction that the hidden state `[B, C]` asks for.
///
/// ```text
/// z = tanh(W_z h + b_z) in R^{M + 3HM}: b (M), then head after head k^w, v^w, k^r (M each)
/// beta = sigmoid(W_b b + c_b)
/// ```
///
/// # Errors
/// A shape that does not fit, or a parameter that is missing.
pub fn interact<F: Float>(
    parameters: &Parameters<Tensor<F>>,
    hidden: &Tensor<F>,
    value: usize,
    heads: usize,
) -> Result<Interaction<F>, ControllerError> {
    let &[batch, controller] = hidden.shape() else {
        return Err(TensorError::shape("interact", &[hidden.shape()], "[B, C]").into());
    };
    let width = value + 3 * heads * value;
    let z = hidden
        .linear(
            parameter(parameters, "interaction.weight", &[width, controller])?,
            Some(parameter(parameters, "interaction.bias", &[width])?),
        )?
        .tanh()?;
    let control = z.slice(1, 0, value)?;
    let rate = control
        .linear(
            parameter(parameters, "rate.weight", &[1, value])?,
            Some(parameter(parameters, "rate.bias", &[1])?),
        )?
        .sigmoid()?
        .reshape(&[batch])?;
    let per_head = z
        .slice(1, value, 3 * heads * value)?
        .reshape(&[batch, heads, 3 * value])?;
    let part = |n: usize| per_head.slice(2, n * value, value);
    Ok(Interaction {
        write_key: part(0)?,
        write_value: part(1)?,
        read_key: part(2)?,
        rate,
        control,
    })
}
