//! LSTM+SALU: the MNM controller and heads with a soft-attention look-up table in place of the neural memory.

use mnm_tensor::{Float, ParameterSpec, Parameters, Tensor};

use crate::cell::Trace;
use crate::heads::{Interaction, head_parameters, interact};
use crate::lstm::{lstm_parameters, lstm_step};
use crate::{Cell, ControllerError, State, Step};

/// Keeps the quotient of a read finite when nothing at all was written; far below any rate that a sigmoid gives.
const TINY: f64 = 1e-30;

/// Everything written so far. It grows by H entries a step.
#[derive(Clone, Debug)]
pub struct LookUpTable<F: Float> {
    /// `k^w`, `[B, E, M]`.
    pub keys: Tensor<F>,
    /// `v^w`, `[B, E, M]`.
    pub values: Tensor<F>,
    /// `beta` of the write, `[B, E]`; an entry of rate 0 is as good as not there.
    pub rates: Tensor<F>,
}

impl<F: Float> LookUpTable<F> {
    /// The table with the H pairs of one interaction behind those it has.
    ///
    /// # Errors
    /// A shape that does not fit.
    pub fn write(&self, said: &Interaction<F>) -> Result<Self, ControllerError> {
        let &[batch, heads, _] = said.write_key.shape() else {
            return Err(ControllerError::Input {
                found: format!("write keys of shape {:?}", said.write_key.shape()),
                expected: "[B, H, M]".to_owned(),
            });
        };
        let rates = said
            .rate
            .reshape(&[batch, 1])?
            .broadcast_to(&[batch, heads])?;
        Ok(Self {
            keys: Tensor::concat(&[&self.keys, &said.write_key], 1)?,
            values: Tensor::concat(&[&self.values, &said.write_value], 1)?,
            rates: Tensor::concat(&[&self.rates, &rates], 1)?,
        })
    }

    /// What each of `keys` `[B, H, M]` finds, `[B, H, M]`: attention over all entries, each counted with its rate.
    ///
    /// ```text
    /// f(k) = sum over e of beta_e exp(k . k^w_e / sqrt(M)) v^w_e / sum over e of beta_e exp(k . k^w_e / sqrt(M))
    /// ```
    ///
    /// # Errors
    /// A shape that does not fit.
    pub fn read(&self, keys: &Tensor<F>) -> Result<Tensor<F>, ControllerError> {
        let width = keys.shape().last().copied().unwrap_or(1).max(1);
        let scores = keys
            .scale(1.0 / (width as f64).sqrt())?
            .matmul(&self.keys.transpose()?)?;
        let &[batch, entries] = self.rates.shape() else {
            return Err(ControllerError::Input {
                found: format!("rates of shape {:?}", self.rates.shape()),
                expected: "[B, E]".to_owned(),
            });
        };
        let rates = self.rates.reshape(&[batch, 1, entries])?;
        let shares = scores.softmax()?.mul(&rates)?;
        let total = shares.sum_keep(2)?.shift(TINY)?;
        Ok(shares.matmul(&self.values)?.div(&total)?)
    }
}

/// A controller with a soft-attention look-up table.
///
/// ```text
/// (h_t, c_t) = LSTM([x_t ; v_{t-1}], (h_{t-1}, c_{t-1}))
/// append (k^w, v^w, beta) of every head, then v_t = mean over heads of f(k^r); the output layer sees [h_t ; v_t]
/// ```
///
/// Interaction and parameters are those of [`MnmCell`](crate::MnmCell), so that only the memory differs. All heads
/// share the table, as they share the neural memory. Published descriptions leave open what the write rate does to
/// a table: here an entry counts in the softmax as often as its rate says, so that a write that MNM would not make
/// (rate near 0) is one that no read finds, and `rate.*` is trained here too. There is no meta loss: a look-up
/// table recalls by construction.
#[derive(Clone, Copy, Debug)]
pub struct LstmSaluCell {
    input: usize,
    controller: usize,
    heads: usize,
    value: usize,
}

impl LstmSaluCell {
    /// Takes `input` wide vectors, has `controller` units and `heads` heads with keys and values `value` wide.
    pub fn new(input: usize, controller: usize, heads: usize, value: usize) -> Self {
        Self {
            input,
            controller,
            heads,
            value,
        }
    }
}

impl<F: Float> Cell<F> for LstmSaluCell {
    fn parameters(&self) -> Vec<ParameterSpec> {
        let mut specs = lstm_parameters(self.input + self.value, self.controller);
        specs.extend(head_parameters(self.controller, self.value, self.heads));
        specs
    }

    fn output_width(&self) -> usize {
        self.controller + self.value
    }

    fn hidden_width(&self) -> usize {
        self.controller
    }

    fn initial_state(
        &self,
        _: &Parameters<Tensor<F>>,
        batch: usize,
    ) -> Result<State<F>, ControllerError> {
        let zeros = Tensor::zeros(&[batch, self.controller]);
        let empty = Tensor::zeros(&[batch, 0, self.value]);
        Ok(State::new([
            ("hidden", zeros.clone()),
            ("cell", zeros),
            ("read", Tensor::zeros(&[batch, self.value])),
            ("table.key", empty.clone()),
            ("table.value", empty),
            ("table.rate", Tensor::zeros(&[batch, 0])),
        ]))
    }

    fn step(
        &self,
        parameters: &Parameters<Tensor<F>>,
        input: &Tensor<F>,
        state: &State<F>,
    ) -> Result<Step<F>, ControllerError> {
        let x = Tensor::concat(&[input, state.get("read")?], 1)?;
        let (hidden, cell) = lstm_step(parameters, &x, state.get("hidden")?, state.get("cell")?)?;
        let said = interact(parameters, &hidden, self.value, self.heads)?;
        let table = LookUpTable {
            keys: state.get("table.key")?.clone(),
            values: state.get("table.value")?.clone(),
            rates: state.get("table.rate")?.clone(),
        }
        .write(&said)?;
        let read = table.read(&said.read_key)?.mean(1)?;
        Ok(Step {
            output: Tensor::concat(&[&hidden, &read], 1)?,
            meta: Tensor::zeros(&hidden.shape()[..1]),
            state: State::new([
                ("hidden", hidden),
                ("cell", cell),
                ("read", read),
                ("table.key", table.keys),
                ("table.value", table.values),
                ("table.rate", table.rates),
            ]),
            trace: Trace::from([
                ("rate", said.rate.detach()),
                ("write_key", said.write_key.detach()),
                ("write_value", said.write_value.detach()),
                ("read_key", said.read_key.detach()),
            ]),
        })
    }
}
