//! The Neural Turing Machine (Graves, Wayne, Danihelka 2014, arXiv 1410.5401).

mod heads;
mod location;

use mnm_tensor::{Float, ParameterSpec, Parameters, SharedArray, Tensor};

use crate::addressing::{SlotMemory, erase_and_add, read_rows};
use crate::cell::Trace;
use crate::lstm::{lstm_parameters, lstm_step};
use crate::{Cell, ControllerError, State, Step};

pub use heads::{Focus, Instructions, head_parameters, instruct};
pub use location::{interpolate, sharpen, shift};

/// Every element of the memory before the first step: small and constant, found to be the most reliable of the
/// published choices (Collier and Beel 2018, arXiv 1807.08518).
pub const INITIAL_MEMORY: f64 = 1e-6;

/// An LSTM controller with a memory matrix, R read heads and a write head.
///
/// ```text
/// (h_t, c_t) = LSTM([x_t ; r_{t-1}], (h_{t-1}, c_{t-1}))
/// w_t: every head addresses M_{t-1} by content and location
/// r_t(i) = w_t^{read i} M_{t-1};  M_t(i) = M_{t-1}(i) (1 - w_t(i) e_t) + w_t(i) a_t; the output layer sees [h_t ; r_t]
/// ```
///
/// Where the paper leaves a choice: all heads address the memory that the step finds, then read, then write (so
/// one addressing serves all heads); keys and added vectors pass through tanh; nothing is clipped, since the hidden
/// state is within (-1, 1) and the trainer clips gradients; every head starts on the first row with zero read
/// vectors.
#[derive(Clone, Copy, Debug)]
pub struct NtmCell {
    input: usize,
    controller: usize,
    memory: SlotMemory,
}

impl NtmCell {
    /// Takes `input` wide vectors and has `controller` units and the memory that `memory` describes.
    pub fn new(input: usize, controller: usize, memory: SlotMemory) -> Self {
        Self {
            input,
            controller,
            memory,
        }
    }
}

/// `[B, H, N]` with every head on the first row.
fn first_row<F: Float>(
    batch: usize,
    heads: usize,
    slots: usize,
) -> Result<Tensor<F>, ControllerError> {
    let mut elements = vec![F::zero(); batch * heads * slots];
    for weighting in elements.chunks_mut(slots.max(1)) {
        weighting[0] = F::one();
    }
    Ok(Tensor::from_vec(&[batch, heads, slots], elements)?)
}

impl<F: Float> Cell<F> for NtmCell {
    fn parameters(&self) -> Vec<ParameterSpec> {
        let mut specs = lstm_parameters(self.input + self.memory.read_width(), self.controller);
        specs.extend(head_parameters(self.controller, &self.memory));
        specs
    }

    fn output_width(&self) -> usize {
        self.controller + self.memory.read_width()
    }

    fn hidden_width(&self) -> usize {
        self.controller
    }

    fn initial_state(
        &self,
        _: &Parameters<Tensor<F>>,
        batch: usize,
    ) -> Result<State<F>, ControllerError> {
        let SlotMemory {
            slots,
            width,
            read_heads,
        } = self.memory;
        let zeros = Tensor::zeros(&[batch, self.controller]);
        let memory = SharedArray::from_elem(vec![batch, slots, width], F::of(INITIAL_MEMORY));
        Ok(State::new([
            ("hidden", zeros.clone()),
            ("cell", zeros),
            ("read", Tensor::zeros(&[batch, self.memory.read_width()])),
            ("memory", Tensor::shared(memory)),
            ("weighting", first_row(batch, read_heads + 1, slots)?),
        ]))
    }

    fn step(
        &self,
        parameters: &Parameters<Tensor<F>>,
        input: &Tensor<F>,
        state: &State<F>,
    ) -> Result<Step<F>, ControllerError> {
        let SlotMemory {
            slots, read_heads, ..
        } = self.memory;
        let x = Tensor::concat(&[input, state.get("read")?], 1)?;
        let (hidden, cell) = lstm_step(parameters, &x, state.get("hidden")?, state.get("cell")?)?;
        let said = instruct(parameters, &hidden, &self.memory)?;
        let memory = state.get("memory")?;
        let weighting = said.focus.address(memory, state.get("weighting")?)?;
        let reading = weighting.slice(1, 0, read_heads)?;
        let batch = hidden.shape()[0];
        let read = read_rows(memory, &reading)?.reshape(&[batch, self.memory.read_width()])?;
        let writing = weighting
            .slice(1, read_heads, 1)?
            .reshape(&[batch, slots, 1])?;
        let written = erase_and_add(memory, &writing, &said.erase, &said.add)?;
        Ok(Step {
            output: Tensor::concat(&[&hidden, &read], 1)?,
            meta: Tensor::zeros(&[batch]),
            trace: Trace::from([
                ("read_weighting", reading.detach()),
                (
                    "write_weighting",
                    writing.detach().reshape(&[batch, slots])?,
                ),
            ]),
            state: State::new([
                ("hidden", hidden),
                ("cell", cell),
                ("read", read),
                ("memory", written),
                ("weighting", weighting),
            ]),
        })
    }
}
