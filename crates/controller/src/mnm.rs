//! The MNM cell: an LSTM that writes to and reads from a neural memory at every step (paper, section 3).

use std::sync::Arc;

use mnm_memory::fused::FusedRule;
use mnm_memory::{Memory, MemoryShape, Write, WriteRule};
use mnm_tensor::kernels::Kernels;
use mnm_tensor::{Float, ParameterSpec, Parameters, Tensor};

use crate::cell::{BlockCost, Trace};
use crate::fused::{BLOCK_COST, PreparedCache, block_size};
use crate::heads::{head_parameters, interact};
use crate::lstm::{lstm_parameters, lstm_step};
use crate::sequence::FusedCell;
use crate::{Cell, ControllerError, Kernel, State, StateMasks, Step, Unrolled, unroll_by_steps};

/// A controller with a neural memory.
///
/// ```text
/// (h_t, c_t) = LSTM([x_t ; v_{t-1}], (h_{t-1}, c_{t-1}))
/// write (k^w, v^w) at rate beta, then v_t = mean over heads of f(k^r); the output layer sees [h_t ; v_t]
/// meta loss: mean over heads and entries of (f(k^w) - v^w)^2 with the weights just written
/// ```
#[derive(Debug)]
pub struct MnmCell<F: Float> {
    pub(crate) input: usize,
    pub(crate) controller: usize,
    pub(crate) heads: usize,
    pub(crate) memory: MemoryShape,
    pub(crate) train_memory: bool,
    pub(crate) rule: Box<dyn WriteRule<F>>,
    pub(crate) recurrent: bool,
    pub(crate) kernel: Kernel,
    pub(crate) packed: Arc<PreparedCache<F>>,
}

impl<F: Kernels> MnmCell<F> {
    /// Takes `input` wide vectors, has `controller` units and `heads` interaction heads, and writes by `rule` to a
    /// memory of shape `memory`, whose initial weights are trained if `train_memory`.
    pub fn new(
        input: usize,
        controller: usize,
        heads: usize,
        memory: MemoryShape,
        rule: Box<dyn WriteRule<F>>,
        train_memory: bool,
    ) -> Self {
        Self {
            input,
            controller,
            heads,
            memory,
            train_memory,
            rule,
            recurrent: true,
            kernel: Kernel::Fused,
            packed: Arc::default(),
        }
    }

    /// The same cell with its sequences run by `kernel`; a rule without a fused kernel takes the reference.
    pub fn with_kernel(mut self, kernel: Kernel) -> Self {
        self.kernel = kernel;
        self
    }

    /// The same cell, whose LSTM hands its state to its next step or, if not `recurrent`, begins every step with zeros: what a step
    /// knows of the ones before it is then the read v_{t-1} and the memory alone.
    pub fn with_recurrence(mut self, recurrent: bool) -> Self {
        self.recurrent = recurrent;
        self
    }

    /// What the fused kernel needs to know, if it is to run and knows the rule.
    fn fused(&self) -> Option<FusedCell<F>> {
        if self.kernel == Kernel::Reference {
            return None;
        }
        Some(FusedCell {
            rule: FusedRule::named(self.rule.name())?,
            input: self.input,
            controller: self.controller,
            heads: self.heads,
            memory: self.memory,
            recurrent: self.recurrent,
            packed: Arc::clone(&self.packed),
        })
    }
}

/// The name of a layer's fast weights in a state, counted from 0.
pub fn memory_part(layer: usize) -> String {
    format!("memory.{layer}")
}

impl<F: Kernels> Cell<F> for MnmCell<F> {
    fn parameters(&self) -> Vec<ParameterSpec> {
        let value = self.memory.value();
        let mut specs = lstm_parameters(self.input + value, self.controller);
        specs.extend(head_parameters(self.controller, value, self.heads));
        specs.extend(self.rule.parameters(&self.memory));
        specs.extend(self.memory.parameters(self.train_memory));
        specs
    }

    fn output_width(&self) -> usize {
        self.controller + self.memory.value()
    }

    fn hidden_width(&self) -> usize {
        self.controller
    }

    fn block(&self, steps: usize) -> usize {
        match self.fused() {
            Some(fused) => block_size(&fused.sizes(), steps),
            None => 16,
        }
    }

    fn block_cost(&self) -> BlockCost {
        match self.fused() {
            Some(_) => BLOCK_COST,
            None => BlockCost::ON_TAPE,
        }
    }

    fn initial_state(
        &self,
        parameters: &Parameters<Tensor<F>>,
        batch: usize,
    ) -> Result<State<F>, ControllerError> {
        let zeros = Tensor::zeros(&[batch, self.controller]);
        let mut state = State::new([
            ("hidden", zeros.clone()),
            ("cell", zeros),
            ("read", Tensor::zeros(&[batch, self.memory.value()])),
        ]);
        // One copy for all sequences until the first write makes them differ.
        let memory = Memory::initial(parameters, &self.memory, 1)?;
        for (layer, weight) in memory.weights().iter().enumerate() {
            state = state.with(&memory_part(layer), weight.clone());
        }
        Ok(state)
    }

    fn step(
        &self,
        parameters: &Parameters<Tensor<F>>,
        input: &Tensor<F>,
        state: &State<F>,
    ) -> Result<Step<F>, ControllerError> {
        let x = Tensor::concat(&[input, state.get("read")?], 1)?;
        let nothing = Tensor::zeros(&[x.shape()[0], self.controller]);
        let (before, cell_before) = match self.recurrent {
            true => (state.get("hidden")?, state.get("cell")?),
            false => (&nothing, &nothing),
        };
        let (hidden, cell) = lstm_step(parameters, &x, before, cell_before)?;
        let said = interact(parameters, &hidden, self.memory.value(), self.heads)?;
        let batch = hidden.shape()[0];
        let weights = (0..self.memory.layers())
            .map(|layer| {
                let [out, input] = self.memory.weight(layer);
                let weight = state.get(&memory_part(layer))?;
                Ok(weight.broadcast_to(&[batch, out, input])?)
            })
            .collect::<Result<_, ControllerError>>()?;
        let memory = Memory::new(weights)?;
        let write = Write {
            keys: said.write_key,
            values: said.write_value,
            rate: said.rate,
        };
        let written = self.rule.write(parameters, &memory, &write)?;
        let read = written.read(&said.read_key)?.mean(1)?;
        let meta = written.discrepancy(&write.keys, &write.values)?;
        let before = memory
            .detach()
            .discrepancy(&write.keys.detach(), &write.values.detach())?;
        let mut next = State::new([
            ("hidden", hidden.clone()),
            ("cell", cell),
            ("read", read.clone()),
        ]);
        for (layer, weight) in written.weights().iter().enumerate() {
            next = next.with(&memory_part(layer), weight.clone());
        }
        Ok(Step {
            output: Tensor::concat(&[&hidden, &read], 1)?,
            state: next,
            meta,
            trace: Trace::from([
                ("rate", write.rate.detach()),
                ("write_key", write.keys.detach()),
                ("write_value", write.values.detach()),
                ("read_key", said.read_key.detach()),
                ("error_before", before),
            ]),
        })
    }

    fn unroll(
        &self,
        parameters: &Parameters<Tensor<F>>,
        inputs: &Tensor<F>,
        state: &State<F>,
        masks: &StateMasks<F>,
    ) -> Result<Unrolled<F>, ControllerError> {
        match self.fused() {
            Some(fused) => fused.unroll(parameters, inputs, state, masks),
            None => unroll_by_steps(self, parameters, inputs, state, masks),
        }
    }
}
