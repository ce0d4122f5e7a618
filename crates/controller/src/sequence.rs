//! The fused kernel as one op on the tape, with several results: it runs a whole sequence forward when it is applied, and back when its
//! gradient is asked for.

use std::borrow::Cow;
use std::sync::Arc;

use mnm_memory::{Gate, Gates, momentum_name};
use mnm_tensor::kernels::Kernels;
use mnm_tensor::{Float, Joint, Parameters, SharedArray, Tensor, TensorError, apply_joint, dense};
use ndarray::IxDyn;

use crate::cell::{Trace, sequences};
use crate::error::parameter;
use crate::fused::{
    CellSizes, Cotangents, Initial, InitialState, Inputs, Keep, Prepared, PreparedCache, Ran,
    RuleForm, Saved, Wanted, Weights,
};
use crate::mnm::{memory_part, slot_part};
use crate::{ControllerError, State, StateMasks, Unrolled};

const OP: &str = "fused sequence";

/// The first operand that is a parameter: behind inputs and masks.
const FIRST_PARAMETER: usize = 3;

/// How many parameters the op takes of every rule, beside those of its gates and of its own.
const PARAMETERS: usize = 8;

/// How many more, of a rule with gates that the controller fills.
const GATES: usize = 2;

/// How many parts a state has beside the memory.
const STATE: usize = 3;

/// Results that every rule has: outputs, meta losses, hidden state, cell state, read.
const OWN_RESULTS: usize = 5;

/// The parameters of the cell with their shapes, in the order in which the op takes them: those of every rule, of its gates, of the
/// matrices that it shares.
fn parameters(sizes: &CellSizes, rule: &RuleForm) -> Vec<(String, Vec<usize>)> {
    let (c, m, z) = (sizes.controller, sizes.value(), sizes.interaction());
    let (gates, learned) = (4 * c, rule.gates.learned().len());
    let mut all = vec![
        ("controller.weight_ih", vec![gates, sizes.input + m]),
        ("controller.weight_hh", vec![gates, c]),
        ("controller.bias_ih", vec![gates]),
        ("controller.bias_hh", vec![gates]),
        ("interaction.weight", vec![z, c]),
        ("interaction.bias", vec![z]),
        ("rate.weight", vec![1, m]),
        ("rate.bias", vec![1]),
    ];
    if learned > 0 {
        all.push(("gates.weight", vec![learned, m]));
        all.push(("gates.bias", vec![learned]));
    }
    let own = all
        .into_iter()
        .map(|(name, shape)| (name.to_owned(), shape));
    own.chain(rule.parameters()).collect()
}

/// The layers of which a state holds the momentum.
fn carried(rule: &RuleForm) -> Vec<usize> {
    match rule.gates.momentum {
        Gate::None => Vec::new(),
        _ => rule.program.written(),
    }
}

/// The part of `state` called `name`, of exactly `shape`.
fn part<'a, F: Float>(
    state: &'a State<F>,
    name: &str,
    shape: &[usize],
) -> Result<&'a Tensor<F>, ControllerError> {
    let part = state.get(name)?;
    if part.shape() != shape {
        return Err(ControllerError::State {
            name: name.to_owned(),
            found: part.shape().to_vec(),
            expected: shape.to_vec(),
        });
    }
    Ok(part)
}

/// What the adjoint needs.
#[derive(Debug)]
struct Recording<F> {
    /// The packed weights that ran the sequence forward.
    prepared: Arc<Prepared<F>>,
    saved: Saved<F>,
    /// The outputs, shared with the tape.
    outputs: SharedArray<F>,
}

/// The op: operands inputs, masks of hidden and cell state (empty for none), parameters, state.
///
/// Results: outputs, meta losses, hidden state, cell state and read; the memory's layers that the rule writes to; the momentum that is
/// carried; then what has no gradient, rates and the gates that the controller fills.
#[derive(Debug)]
struct Sequence<F> {
    rule: Arc<RuleForm>,
    sizes: CellSizes,
    steps: usize,
    samples: usize,
    packed: Arc<PreparedCache<F>>,
}

fn fail(reason: impl ToString) -> TensorError {
    TensorError::Op {
        op: OP,
        reason: reason.to_string(),
    }
}

fn array<F: Kernels>(shape: &[usize], data: Vec<F>) -> Result<SharedArray<F>, TensorError> {
    SharedArray::from_shape_vec(IxDyn(shape), data).map_err(fail)
}

/// A mask, if there is one.
fn given<F>(mask: &[F]) -> Option<&[F]> {
    (!mask.is_empty()).then_some(mask)
}

/// The gates that the controller fills beside the rate, by name.
fn learned_gates(gates: Gates) -> [(&'static str, bool); 2] {
    let learned = |gate| gate == Gate::Learned;
    [
        ("forget", learned(gates.forget)),
        ("momentum", learned(gates.momentum)),
    ]
}

impl<F: Kernels> Sequence<F> {
    /// The first operands of the state, of its memory and of its momentum: behind inputs, masks and parameters.
    fn first_state(&self) -> [usize; 3] {
        let state = FIRST_PARAMETER + parameters(&self.sizes, &self.rule).len();
        let memory = state + STATE;
        [state, memory, memory + self.sizes.memory.layers()]
    }
}

impl<F: Kernels> Joint<F> for Sequence<F> {
    type Saved = Recording<F>;

    fn name(&self) -> &'static str {
        OP
    }

    fn forward(
        &self,
        operands: &[&SharedArray<F>],
        recorded: &[bool],
    ) -> Result<(Vec<SharedArray<F>>, Option<Recording<F>>), TensorError> {
        let all: Vec<Cow<'_, [F]>> = operands.iter().map(|a| dense(a)).collect();
        let parameter = |n: usize| &*all[FIRST_PARAMETER + n];
        let [state, first_memory, first_momentum] = self.first_state();
        let gated = !self.rule.gates.learned().is_empty();
        let first = PARAMETERS + if gated { GATES } else { 0 };
        let own: Vec<&[F]> = (first..state - FIRST_PARAMETER).map(parameter).collect();
        let weights = Weights {
            weight_ih: parameter(0),
            weight_hh: parameter(1),
            bias_ih: parameter(2),
            bias_hh: parameter(3),
            interaction_weight: parameter(4),
            interaction_bias: parameter(5),
            rate_weight: parameter(6),
            rate_bias: parameter(7),
            gates_weight: if gated { parameter(PARAMETERS) } else { &[] },
            gates_bias: if gated {
                parameter(PARAMETERS + 1)
            } else {
                &[]
            },
            rule: &own,
        };
        let prepared = self
            .packed
            .get(&operands[FIRST_PARAMETER..state], || {
                Prepared::new(&self.rule, self.sizes, &weights)
            })
            .map_err(fail)?;
        let part = |n: usize| match operands[n].shape() {
            [1, ..] => Initial::Shared(&all[n]),
            _ => Initial::Each(&all[n]),
        };
        let memory: Vec<Initial<'_, F>> = (first_memory..first_momentum).map(part).collect();
        let momentum: Vec<Initial<'_, F>> = (first_momentum..all.len()).map(part).collect();
        let inputs = Inputs {
            steps: self.steps,
            samples: self.samples,
            inputs: &all[0],
            hidden_mask: given(&all[1]),
            cell_mask: given(&all[2]),
        };
        let initial = InitialState {
            hidden: &all[state],
            cell: &all[state + 1],
            read: &all[state + 2],
            memory: &memory,
            momentum: &momentum,
        };
        let keep = Keep {
            save: recorded.contains(&true),
            memory: true,
            momentum: recorded[first_momentum..].contains(&true),
        };
        let done = prepared.forward(&inputs, &initial, keep).map_err(fail)?;
        let (t, s) = (self.steps, self.samples);
        let (c, m) = (self.sizes.controller, self.sizes.value());
        let outputs = array(&[t, s, c + m], done.outputs)?;
        let mut results = vec![
            outputs.clone(),
            array(&[t, s], done.meta)?,
            array(&[s, c], done.hidden)?,
            array(&[s, c], done.cell)?,
            array(&[s, m], done.read)?,
        ];
        for (layer, weights) in self.rule.program.written().into_iter().zip(done.memory) {
            let [out, input] = self.sizes.memory.weight(layer);
            results.push(array(&[s, out, input], weights)?);
        }
        for (layer, momentum) in carried(&self.rule).into_iter().zip(done.momentum) {
            let [out, input] = self.sizes.memory.weight(layer);
            results.push(array(&[s, out, input], momentum)?);
        }
        results.push(array(&[t, s], done.rates)?);
        for ((_, learned), values) in learned_gates(self.rule.gates)
            .into_iter()
            .zip(done.rule_gates)
        {
            if learned {
                results.push(array(&[t, s], values)?);
            }
        }
        let saved = done.saved.map(|saved| Recording {
            prepared,
            saved,
            outputs,
        });
        Ok((results, saved))
    }

    fn backward(
        &self,
        recording: Recording<F>,
        operands: &[&SharedArray<F>],
        wanted: &[bool],
        cotangents: &[Option<SharedArray<F>>],
    ) -> Result<Vec<Option<Vec<F>>>, TensorError> {
        let left: Vec<Cow<'_, [F]>> = (cotangents.iter())
            .map(|c| c.as_ref().map_or(Cow::Borrowed(&[][..]), |c| dense(c)))
            .collect();
        let (own, rest) = left.split_at(OWN_RESULTS);
        let rest: Vec<&[F]> = rest.iter().map(|c| &**c).collect();
        let (memory, rest) = rest.split_at(self.rule.program.written().len());
        let cotangents = Cotangents {
            outputs: &own[0],
            meta: &own[1],
            hidden: &own[2],
            cell: &own[3],
            read: &own[4],
            memory,
            momentum: &rest[..carried(&self.rule).len()],
        };
        let [inputs, hidden_mask, cell_mask] = [0, 1, 2].map(|n| dense(operands[n]));
        let outputs = dense(&recording.outputs);
        let ran = Ran {
            inputs: Inputs {
                steps: self.steps,
                samples: self.samples,
                inputs: &inputs,
                hidden_mask: given(&hidden_mask),
                cell_mask: given(&cell_mask),
            },
            outputs: &outputs,
        };
        let [_, memory, momentum] = self.first_state();
        let asked = Wanted {
            inputs: wanted[0],
            memory: wanted[memory..momentum].contains(&true),
            momentum: wanted[momentum..].contains(&true),
        };
        let found = (recording.saved)
            .adjoint(&recording.prepared, &ran, &cotangents, asked)
            .map_err(fail)?;
        let mut gradients = vec![found.inputs, Vec::new(), Vec::new()];
        gradients.extend([
            found.weight_ih,
            found.weight_hh,
            found.bias.clone(),
            found.bias,
        ]);
        gradients.extend([found.interaction_weight, found.interaction_bias]);
        gradients.extend([found.rate_weight, found.rate_bias]);
        if !found.gates_bias.is_empty() {
            gradients.extend([found.gates_weight, found.gates_bias]);
        }
        for shared in found.rule {
            gradients.push(shared.weight);
            gradients.extend(shared.bias);
        }
        gradients.extend([found.hidden, found.cell, found.read]);
        gradients.extend(found.memory);
        gradients.extend(found.momentum);
        let pairs = gradients.into_iter().zip(wanted).enumerate();
        pairs
            .map(|(n, (gradient, wanted))| match (wanted, n) {
                (false, _) => Ok(None),
                (true, 1 | 2) => Err(fail("the masks are constants; they have no gradient")),
                (true, _) => Ok(Some(gradient)),
            })
            .collect()
    }
}

/// The extents and the rule of a sequence that the fused kernel can run.
#[derive(Clone, Debug)]
pub(crate) struct FusedCell<F> {
    pub(crate) rule: Arc<RuleForm>,
    pub(crate) sizes: CellSizes,
    pub(crate) packed: Arc<PreparedCache<F>>,
}

impl<F: Kernels> FusedCell<F> {
    /// [`Cell::unroll`](crate::Cell::unroll) by the fused kernel.
    ///
    /// # Errors
    /// [`ControllerError`] for a parameter, a part of the state, an input or a mask that is missing or of another shape.
    pub(crate) fn unroll(
        &self,
        parameters: &Parameters<Tensor<F>>,
        inputs: &Tensor<F>,
        state: &State<F>,
        masks: &StateMasks<F>,
    ) -> Result<Unrolled<F>, ControllerError> {
        let sizes = &self.sizes;
        let [steps, samples, width] = sequences(inputs)?;
        if width != sizes.input {
            return Err(ControllerError::Input {
                found: format!("shape {:?}", inputs.shape()),
                expected: format!("[T, B, {}]", sizes.input),
            });
        }
        masks.check(steps, samples, sizes.controller)?;
        let no_mask = Tensor::shared(SharedArray::zeros(IxDyn(&[0])));
        let mut operands = vec![
            inputs,
            masks.hidden.as_ref().unwrap_or(&no_mask),
            masks.cell.as_ref().unwrap_or(&no_mask),
        ];
        for (name, shape) in &self::parameters(sizes, &self.rule) {
            operands.push(parameter(parameters, name, shape)?);
        }
        for (name, width) in [
            ("hidden", sizes.controller),
            ("cell", sizes.controller),
            ("read", sizes.value()),
        ] {
            operands.push(part(state, name, &[samples, width])?);
        }
        for layer in 0..sizes.memory.layers() {
            let name = memory_part(layer);
            // One copy for all sequences, or one for each.
            let copies = match state.get(&name)?.shape() {
                [1, ..] => 1,
                _ => samples,
            };
            let [out, input] = sizes.memory.weight(layer);
            operands.push(part(state, &name, &[copies, out, input])?);
        }
        for layer in carried(&self.rule) {
            let name = slot_part(&momentum_name(layer));
            let copies = match state.get(&name)?.shape() {
                [1, ..] => 1,
                _ => samples,
            };
            let [out, input] = sizes.memory.weight(layer);
            operands.push(part(state, &name, &[copies, out, input])?);
        }
        let sequence = Sequence {
            rule: Arc::clone(&self.rule),
            sizes: self.sizes,
            steps,
            samples,
            packed: Arc::clone(&self.packed),
        };
        let mut results = apply_joint(sequence, &operands)?.into_iter();
        let mut next = || results.next().ok_or_else(|| fail("a result is missing"));
        let (outputs, meta) = (next()?, next()?);
        let mut last = State::new([("hidden", next()?), ("cell", next()?), ("read", next()?)]);
        let written = self.rule.program.written();
        for layer in 0..sizes.memory.layers() {
            let name = memory_part(layer);
            let weight = match written.contains(&layer) {
                true => next()?,
                // As it came, one copy for all sequences if it was one: nothing is made of it that nobody may ask for.
                false => state.get(&name)?.clone(),
            };
            last = last.with(&name, weight);
        }
        for layer in carried(&self.rule) {
            last = last.with(&slot_part(&momentum_name(layer)), next()?);
        }
        let gates = learned_gates(self.rule.gates).into_iter();
        let traced = std::iter::once("rate")
            .chain(gates.filter_map(|(name, learned)| learned.then_some(name)));
        let trace = traced
            .map(|name| Ok((name, next()?.detach())))
            .collect::<Result<Trace<F>, TensorError>>()?;
        Ok(Unrolled {
            outputs,
            state: last,
            meta,
            trace,
        })
    }
}
