//! The LSTM: the controller of every model, and the first baseline by itself.

use mnm_tensor::{Float, Init, ParameterSpec, Parameters, Tensor, TensorError};

use crate::cell::Trace;
use crate::error::parameter;
use crate::{Cell, ControllerError, State, Step};

/// The parameters `controller.*` of an LSTM that takes `input` and carries `width` units, laid out as PyTorch's
/// `LSTMCell`: gates in the order i, f, g, o.
pub fn lstm_parameters(input: usize, width: usize) -> Vec<ParameterSpec> {
    let init = Init::fan_in(width);
    let spec = |name: &str, shape: &[usize]| ParameterSpec::new(name, shape, init);
    vec![
        spec("controller.weight_ih", &[4 * width, input]),
        spec("controller.weight_hh", &[4 * width, width]),
        spec("controller.bias_ih", &[4 * width]),
        spec("controller.bias_hh", &[4 * width]),
    ]
}

/// One step: `input` `[B, X]`, `hidden` and `cell` `[B, C]` to the next hidden and cell.
///
/// ```text
/// i, f, g, o = W_ih x + b_ih + W_hh h + b_hh
/// c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c')
/// ```
///
/// # Errors
/// A shape that does not fit, or a parameter that is missing.
pub fn lstm_step<F: Float>(
    parameters: &Parameters<Tensor<F>>,
    input: &Tensor<F>,
    hidden: &Tensor<F>,
    cell: &Tensor<F>,
) -> Result<(Tensor<F>, Tensor<F>), ControllerError> {
    let misfit = || {
        let shapes = [input.shape(), hidden.shape(), cell.shape()];
        let expected = "input [B, X], hidden [B, C], cell [B, C]";
        TensorError::shape("lstm_step", &shapes, expected)
    };
    let (&[batch, seen], &[rows, width]) = (input.shape(), hidden.shape()) else {
        return Err(misfit().into());
    };
    if rows != batch || cell.shape() != hidden.shape() {
        return Err(misfit().into());
    }
    let gates = 4 * width;
    let from_input = input.linear(
        parameter(parameters, "controller.weight_ih", &[gates, seen])?,
        Some(parameter(parameters, "controller.bias_ih", &[gates])?),
    )?;
    let from_hidden = hidden.linear(
        parameter(parameters, "controller.weight_hh", &[gates, width])?,
        Some(parameter(parameters, "controller.bias_hh", &[gates])?),
    )?;
    let gates = from_input.add(&from_hidden)?;
    let gate = |n: usize| gates.slice(1, n * width, width);
    let (i, f, g, o) = (
        gate(0)?.sigmoid()?,
        gate(1)?.sigmoid()?,
        gate(2)?.tanh()?,
        gate(3)?.sigmoid()?,
    );
    let cell = f.mul(cell)?.add(&i.mul(&g)?)?;
    let hidden = o.mul(&cell.tanh()?)?;
    Ok((hidden, cell))
}

/// The LSTM as a model of its own, without any memory beside its state.
#[derive(Clone, Copy, Debug)]
pub struct LstmCell {
    input: usize,
    width: usize,
}

impl LstmCell {
    /// Takes `input` wide vectors and carries `width` units.
    pub fn new(input: usize, width: usize) -> Self {
        Self { input, width }
    }
}

impl<F: Float> Cell<F> for LstmCell {
    fn parameters(&self) -> Vec<ParameterSpec> {
        lstm_parameters(self.input, self.width)
    }

    fn output_width(&self) -> usize {
        self.width
    }

    fn hidden_width(&self) -> usize {
        self.width
    }

    fn initial_state(
        &self,
        _: &Parameters<Tensor<F>>,
        batch: usize,
    ) -> Result<State<F>, ControllerError> {
        let zeros = Tensor::zeros(&[batch, self.width]);
        Ok(State::new([("hidden", zeros.clone()), ("cell", zeros)]))
    }

    fn step(
        &self,
        parameters: &Parameters<Tensor<F>>,
        input: &Tensor<F>,
        state: &State<F>,
    ) -> Result<Step<F>, ControllerError> {
        let (hidden, cell) =
            lstm_step(parameters, input, state.get("hidden")?, state.get("cell")?)?;
        Ok(Step {
            output: hidden.clone(),
            meta: Tensor::zeros(&hidden.shape()[..1]),
            state: State::new([("hidden", hidden), ("cell", cell)]),
            trace: Trace::new(),
        })
    }
}
