//! The Differentiable Neural Computer (Graves et al. 2016, "Hybrid computing using a neural network with dynamic
//! external memory", Nature 538).

mod allocation;
mod interface;
mod links;

use mnm_tensor::{Float, ParameterSpec, Parameters, Tensor};

use crate::addressing::{SlotMemory, content_weighting, erase_and_add, read_rows};
use crate::cell::Trace;
use crate::lstm::{lstm_parameters, lstm_step};
use crate::{Cell, ControllerError, State, Step};

pub use allocation::{allocation, usage, write_weighting};
pub use interface::{Interface, interface, interface_parameters};
pub use links::{links, precedence, read_weightings};

/// An LSTM controller with a memory matrix that allocates rows and remembers the order of writes.
///
/// ```text
/// (h_t, c_t) = LSTM([x_t ; r_{t-1}], (h_{t-1}, c_{t-1}));  xi_t = W_xi h_t + b_xi
/// write: w_t^w from allocation and content;  M_t = M_{t-1} (1 - w_t^w e_t^T) + w_t^w v_t^T;  p_t, L_t follow
/// read: w_t^r from content of M_t and the links, forward and backward;  r_t = M_t^T w_t^r
/// the output layer sees [h_t ; r_t]
/// ```
///
/// The controller is one LSTM layer, as for every model here. Memory, usage, links and weightings start at zero.
/// The links are kept whole, without the paper's sparse approximation. Nothing is clipped: the hidden state is within
/// (-1, 1) and the trainer clips gradients.
#[derive(Clone, Copy, Debug)]
pub struct DncCell {
    input: usize,
    controller: usize,
    memory: SlotMemory,
}

impl DncCell {
    /// Takes `input` wide vectors and has `controller` units and the memory that `memory` describes.
    pub fn new(input: usize, controller: usize, memory: SlotMemory) -> Self {
        Self {
            input,
            controller,
            memory,
        }
    }
}

impl<F: Float> Cell<F> for DncCell {
    fn parameters(&self) -> Vec<ParameterSpec> {
        let mut specs = lstm_parameters(self.input + self.memory.read_width(), self.controller);
        specs.extend(interface_parameters(self.controller, &self.memory));
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
        let zeros = |rest: &[usize]| Tensor::zeros(&[&[batch], rest].concat());
        Ok(State::new([
            ("hidden", zeros(&[self.controller])),
            ("cell", zeros(&[self.controller])),
            ("read", zeros(&[self.memory.read_width()])),
            ("memory", zeros(&[slots, width])),
            ("usage", zeros(&[slots])),
            ("precedence", zeros(&[slots])),
            ("links", zeros(&[slots, slots])),
            ("write_weighting", zeros(&[slots])),
            ("read_weighting", zeros(&[read_heads, slots])),
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
        let said = interface(parameters, &hidden, &self.memory)?;
        let (batch, slots) = (hidden.shape()[0], self.memory.slots);

        let last_reads = state.get("read_weighting")?;
        let used = usage(
            state.get("usage")?,
            state.get("write_weighting")?,
            last_reads,
            &said.free_gates,
        )?;
        let memory = state.get("memory")?;
        let content = content_weighting(memory, &said.write_key, &said.write_strength)?;
        let write = write_weighting(
            &allocation(&used)?,
            &content.reshape(&[batch, slots])?,
            &said.allocation_gate,
            &said.write_gate,
        )?;
        let memory = erase_and_add(
            memory,
            &write.reshape(&[batch, slots, 1])?,
            &said.erase,
            &said.write_vector,
        )?;
        let before = state.get("precedence")?;
        let linked = links(state.get("links")?, before, &write)?;

        let content = content_weighting(&memory, &said.read_keys, &said.read_strengths)?;
        let reads = read_weightings(last_reads, &linked, &content, &said.read_modes)?;
        let read = read_rows(&memory, &reads)?.reshape(&[batch, self.memory.read_width()])?;
        Ok(Step {
            output: Tensor::concat(&[&hidden, &read], 1)?,
            meta: Tensor::zeros(&[batch]),
            trace: Trace::from([
                ("read_weighting", reads.detach()),
                ("write_weighting", write.detach()),
                ("usage", used.detach()),
            ]),
            state: State::new([
                ("hidden", hidden),
                ("cell", cell),
                ("read", read),
                ("memory", memory),
                ("usage", used),
                ("precedence", precedence(before, &write)?),
                ("links", linked),
                ("write_weighting", write),
                ("read_weighting", reads),
            ]),
        })
    }
}
