//! The MNM cell: an LSTM that writes to and reads from a neural memory at every step (paper, section 3).

use std::sync::Arc;

use mnm_memory::{Memory, MemoryShape, Write, WriteRule};
use mnm_tensor::kernels::Kernels;
use mnm_tensor::{Float, ParameterSpec, Parameters, Tensor};

use crate::cell::{BLOCK_ON_TAPE, BlockCost, Trace};
use crate::fused::{BLOCK_COST, CellSizes, PreparedCache, RuleForm, block_size};
use crate::heads::{fill_gates, gate_parameters, head_parameters, interact};
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
    sizes: CellSizes,
    rule: Box<dyn WriteRule<F>>,
    /// The rule as the fused kernel takes it, if it is of a form that it knows.
    form: Option<Arc<RuleForm>>,
    train_memory: bool,
    kernel: Kernel,
    packed: Arc<PreparedCache<F>>,
}

impl<F: Kernels> MnmCell<F> {
    /// Takes `input` wide vectors, has `controller` units and `heads` interaction heads, and writes by `rule` to a
    /// memory of shape `memory`. Its initial weights are not trained, its LSTM hands on its state, its kernel is the fused one.
    pub fn new(
        input: usize,
        controller: usize,
        heads: usize,
        memory: MemoryShape,
        rule: Box<dyn WriteRule<F>>,
    ) -> Self {
        Self {
            sizes: CellSizes {
                input,
                controller,
                heads,
                memory,
                recurrent: true,
            },
            form: RuleForm::of(rule.as_ref(), &memory, heads).map(Arc::new),
            rule,
            train_memory: false,
            kernel: Kernel::Fused,
            packed: Arc::default(),
        }
    }

    /// The same cell with the initial weights of its memory trained.
    pub fn with_trained_memory(mut self) -> Self {
        self.train_memory = true;
        self
    }

    /// The same cell with its sequences run by `kernel`; a rule without a fused kernel takes the reference.
    pub fn with_kernel(mut self, kernel: Kernel) -> Self {
        self.kernel = kernel;
        self
    }

    /// The same cell, whose LSTM begins every step with zeros instead of its last state: what a step knows of the ones before it is
    /// then the read v_{t-1} and the memory alone.
    pub fn without_recurrence(mut self) -> Self {
        self.sizes.recurrent = false;
        // What is packed of the weights depends on it.
        self.packed = Arc::default();
        self
    }

    /// Whether there is something to compute; the widths of the memory are at least 1 by construction.
    fn check(&self) -> Result<(), ControllerError> {
        let sizes = [
            ("controller", self.sizes.controller),
            ("heads", self.sizes.heads),
        ];
        match sizes.into_iter().find(|(_, size)| *size == 0) {
            Some((key, size)) => Err(ControllerError::Config {
                key,
                value: size.to_string(),
                allowed: "expected at least 1".into(),
            }),
            None => Ok(self.rule.supports(&self.sizes.memory, self.sizes.heads)?),
        }
    }

    /// The kernel that its sequences run by: the reference too where the fused one does not know the rule's form.
    pub fn kernel(&self) -> Kernel {
        match self.fused() {
            Some(_) => Kernel::Fused,
            None => Kernel::Reference,
        }
    }

    /// What the fused kernel needs to know, if it is to run and knows the rule.
    fn fused(&self) -> Option<FusedCell<F>> {
        if self.kernel == Kernel::Reference {
            return None;
        }
        Some(FusedCell {
            rule: Arc::clone(self.form.as_ref()?),
            sizes: self.sizes,
            packed: Arc::clone(&self.packed),
        })
    }
}

/// The name in a state of what a rule keeps beside the weights under `name`.
pub fn slot_part(name: &str) -> String {
    format!("memory.slot.{name}")
}

/// The name of a layer's fast weights in a state, counted from 0.
pub fn memory_part(layer: usize) -> String {
    format!("memory.{layer}")
}

impl<F: Kernels> Cell<F> for MnmCell<F> {
    fn parameters(&self) -> Vec<ParameterSpec> {
        let value = self.sizes.memory.value();
        let mut specs = lstm_parameters(self.sizes.input + value, self.sizes.controller);
        specs.extend(head_parameters(
            self.sizes.controller,
            value,
            self.sizes.heads,
        ));
        specs.extend(gate_parameters(self.rule.gates(), value));
        specs.extend(self.rule.parameters(&self.sizes.memory));
        specs.extend(self.sizes.memory.parameters(self.train_memory));
        specs
    }

    fn output_width(&self) -> usize {
        self.sizes.controller + self.sizes.memory.value()
    }

    fn hidden_width(&self) -> usize {
        self.sizes.controller
    }

    fn block(&self, steps: usize) -> usize {
        match self.fused() {
            Some(fused) => block_size(&fused.sizes, steps),
            None => BLOCK_ON_TAPE,
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
        self.rule.supports(&self.sizes.memory, self.sizes.heads)?;
        let zeros = Tensor::zeros(&[batch, self.sizes.controller]);
        let mut state = State::new([
            ("hidden", zeros.clone()),
            ("cell", zeros),
            ("read", Tensor::zeros(&[batch, self.sizes.memory.value()])),
        ]);
        // One copy for all sequences until the first write makes them differ.
        let memory = Memory::initial(parameters, &self.sizes.memory, 1)?;
        for (layer, weight) in memory.weights().iter().enumerate() {
            state = state.with(&memory_part(layer), weight.clone());
        }
        for slot in self.rule.slots(&self.sizes.memory, self.sizes.heads) {
            state = state.with(&slot_part(&slot.name), slot.initial(1)?);
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
        let nothing = Tensor::zeros(&[x.shape()[0], self.sizes.controller]);
        let (before, cell_before) = match self.sizes.recurrent {
            true => (state.get("hidden")?, state.get("cell")?),
            false => (&nothing, &nothing),
        };
        let (hidden, cell) = lstm_step(parameters, &x, before, cell_before)?;
        let said = interact(
            parameters,
            &hidden,
            self.sizes.memory.value(),
            self.sizes.heads,
        )?;
        let batch = hidden.shape()[0];
        let weights = (0..self.sizes.memory.layers())
            .map(|layer| {
                let [out, input] = self.sizes.memory.weight(layer);
                let weight = state.get(&memory_part(layer))?;
                Ok(weight.broadcast_to(&[batch, out, input])?)
            })
            .collect::<Result<_, ControllerError>>()?;
        let mut memory = Memory::new(weights)?.with_unit_keys(self.rule.unit_keys());
        for slot in self.rule.slots(&self.sizes.memory, self.sizes.heads) {
            let [rows, columns] = slot.shape;
            let held = state.get(&slot_part(&slot.name))?;
            memory = memory.with_slot(&slot.name, held.broadcast_to(&[batch, rows, columns])?);
        }
        let gates = fill_gates(self.rule.gates(), parameters, &said.control)?;
        let gate = |wanted: &str| {
            let found = gates.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, gate)| gate.clone())
        };
        let write = Write {
            forget: gate("forget"),
            momentum: gate("momentum"),
            ..Write::new(said.write_key, said.write_value, said.rate)
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
        for (name, slot) in written.slots() {
            next = next.with(&slot_part(name), slot.clone());
        }
        let gates = gates.iter().map(|(name, gate)| (*name, gate.detach()));
        Ok(Step {
            output: Tensor::concat(&[&hidden, &read], 1)?,
            state: next,
            meta,
            trace: Trace::from_iter(gates.chain([
                ("rate", write.rate.detach()),
                // As they enter the memory: so it can be asked for them again.
                ("write_key", memory.keyed(&write.keys.detach())?),
                ("write_value", write.values.detach()),
                ("read_key", memory.keyed(&said.read_key.detach())?),
                ("error_before", before),
            ])),
        })
    }

    fn unroll(
        &self,
        parameters: &Parameters<Tensor<F>>,
        inputs: &Tensor<F>,
        state: &State<F>,
        masks: &StateMasks<F>,
    ) -> Result<Unrolled<F>, ControllerError> {
        self.check()?;
        match self.fused() {
            Some(fused) => fused.unroll(parameters, inputs, state, masks),
            None => unroll_by_steps(self, parameters, inputs, state, masks),
        }
    }
}
