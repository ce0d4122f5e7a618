//! The fused kernel as one op on the tape.
//!
//! The op runs a whole sequence forward when it is applied and back when its gradient is asked for. It has several
//! results (outputs, meta losses, last state), while an op on the tape has one; so the op itself yields an empty token,
//! and each result is a small op on that token that hands out what the forward pass left. On the way back the results
//! come first and leave their cotangents; the token comes last and takes them all through the adjoint at once.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mnm_memory::{Gate, Gates, momentum_name};
use mnm_tensor::kernels::Kernels;
use mnm_tensor::{Float, Parameters, Primitive, SharedArray, Tensor, TensorError, apply, dense};
use ndarray::IxDyn;

use crate::cell::{Trace, sequences};
use crate::error::parameter;
use crate::fused::{
    CellSizes, Cotangents, Gradients, Initial, InitialState, Inputs, Keep, Prepared, PreparedCache,
    Ran, RuleForm, Saved, Wanted, Weights,
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

/// A result of the op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Outputs,
    Meta,
    Hidden,
    Cell,
    Read,
    Memory(usize),
    /// The momentum of a layer.
    Momentum(usize),
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

/// What passes between the op and its results.
#[derive(Debug)]
struct Passage<F> {
    rule: Arc<RuleForm>,
    sizes: CellSizes,
    /// Whether the cotangent of the initial momentum may be asked for.
    momentum_recorded: bool,
    steps: usize,
    samples: usize,
    recorded: bool,
    packed: Arc<PreparedCache<F>>,
    saved: Mutex<Option<Recording<F>>>,
    values: Mutex<Vec<(Port, SharedArray<F>)>>,
    /// The rates and the rule's gates, by name.
    rates: Mutex<Vec<(&'static str, SharedArray<F>)>>,
    cotangents: Mutex<Vec<(Port, SharedArray<F>)>>,
}

/// The sequence: operands inputs, masks of hidden and cell state (empty for none), parameters, state; result an empty token.
#[derive(Debug)]
struct Sequence<F>(Arc<Passage<F>>);

/// One result of a sequence.
#[derive(Debug)]
struct Outcome<F> {
    port: Port,
    passage: Arc<Passage<F>>,
}

/// Parts that are handed over whole: a panic elsewhere cannot leave one half changed.
fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

fn token<F: Kernels>() -> SharedArray<F> {
    SharedArray::zeros(IxDyn(&[0]))
}

/// A mask, if there is one.
fn given<F>(mask: &[F]) -> Option<&[F]> {
    (!mask.is_empty()).then_some(mask)
}

impl<F: Kernels> Passage<F> {
    /// The first operand of the state: behind inputs, masks and parameters.
    fn first_state(&self) -> usize {
        FIRST_PARAMETER + parameters(&self.sizes, &self.rule).len()
    }

    fn run(&self, operands: &[&SharedArray<F>]) -> Result<(), TensorError> {
        let fail = |e: crate::fused::LengthError| TensorError::Op {
            op: OP,
            reason: e.to_string(),
        };
        let all: Vec<Cow<'_, [F]>> = operands.iter().map(|a| dense(a)).collect();
        let parameter = |n: usize| &*all[FIRST_PARAMETER + n];
        let state = self.first_state();
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
        let layers = self.sizes.memory.layers();
        let part = |n: usize| match operands[n].shape() {
            [1, ..] => Initial::Shared(&all[n]),
            _ => Initial::Each(&all[n]),
        };
        let first = state + STATE;
        let memory: Vec<Initial<'_, F>> = (first..first + layers).map(part).collect();
        let momentum: Vec<Initial<'_, F>> = (first + layers..all.len()).map(part).collect();
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
            record: self.recorded,
            memory: true,
            momentum: self.momentum_recorded,
        };
        let done = prepared.forward(&inputs, &initial, keep).map_err(fail)?;
        let (t, s) = (self.steps, self.samples);
        let (c, m) = (self.sizes.controller, self.sizes.value());
        let array = |shape: &[usize], data: Vec<F>| {
            SharedArray::from_shape_vec(IxDyn(shape), data).map_err(|e| TensorError::Op {
                op: OP,
                reason: e.to_string(),
            })
        };
        let outputs = array(&[t, s, c + m], done.outputs)?;
        let mut values = vec![
            (Port::Outputs, outputs.clone()),
            (Port::Meta, array(&[t, s], done.meta)?),
            (Port::Hidden, array(&[s, c], done.hidden)?),
            (Port::Cell, array(&[s, c], done.cell)?),
            (Port::Read, array(&[s, m], done.read)?),
        ];
        for (layer, weights) in done.memory.into_iter().enumerate() {
            let [out, input] = self.sizes.memory.weight(layer);
            values.push((Port::Memory(layer), array(&[s, out, input], weights)?));
        }
        for (layer, momentum) in carried(&self.rule).into_iter().zip(done.momentum) {
            let [out, input] = self.sizes.memory.weight(layer);
            values.push((Port::Momentum(layer), array(&[s, out, input], momentum)?));
        }
        *lock(&self.values) = values;
        let mut rates = vec![("rate", array(&[t, s], done.rates)?)];
        let [forget, momentum] = done.rule_gates;
        let Gates {
            forget: phi,
            momentum: eta,
        } = self.rule.gates;
        for (name, gate, values) in [("forget", phi, forget), ("momentum", eta, momentum)] {
            if gate == Gate::Learned {
                rates.push((name, array(&[t, s], values)?));
            }
        }
        *lock(&self.rates) = rates;
        *lock(&self.saved) = done.saved.map(|saved| Recording {
            prepared,
            saved,
            outputs,
        });
        Ok(())
    }

    /// Takes the cotangents that the results left through the adjoint.
    fn back(&self, operands: &[Tensor<F>], wanted: Wanted) -> Result<Gradients<F>, TensorError> {
        let fail = |reason: String| TensorError::Op { op: OP, reason };
        let Some(recording) = lock(&self.saved).take() else {
            return Err(fail(
                "its gradient was taken before; run the sequence again for another".to_owned(),
            ));
        };
        let arrays = std::mem::take(&mut *lock(&self.cotangents));
        let left: Vec<(Port, Cow<'_, [F]>)> = arrays
            .iter()
            .map(|(port, cotangent)| (*port, dense(cotangent)))
            .collect();
        let of = |port: Port| {
            left.iter()
                .find(|(p, _)| *p == port)
                .map_or(&[][..], |(_, c)| &**c)
        };
        let memory: Vec<&[F]> = (0..self.sizes.memory.layers())
            .map(|layer| of(Port::Memory(layer)))
            .collect();
        let momentum: Vec<&[F]> = (carried(&self.rule).into_iter())
            .map(|layer| of(Port::Momentum(layer)))
            .collect();
        let cotangents = Cotangents {
            momentum: &momentum,
            outputs: of(Port::Outputs),
            meta: of(Port::Meta),
            hidden: of(Port::Hidden),
            cell: of(Port::Cell),
            read: of(Port::Read),
            memory: &memory,
        };
        let [inputs, hidden_mask, cell_mask] = [0, 1, 2].map(|n| dense(operands[n].value()));
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
        recording
            .saved
            .adjoint(&recording.prepared, &ran, &cotangents, wanted)
            .map_err(|e| fail(e.to_string()))
    }
}

impl<F: Kernels> Primitive<F> for Sequence<F> {
    fn name(&self) -> &'static str {
        OP
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Result<SharedArray<F>, TensorError> {
        self.0.run(operands)?;
        Ok(token())
    }

    fn vjp(
        &self,
        _: usize,
        _: &[Tensor<F>],
        _: &Tensor<F>,
        _: &Tensor<F>,
    ) -> Result<Tensor<F>, TensorError> {
        Err(TensorError::NoSecondDerivative { op: OP })
    }

    fn cotangents(
        &self,
        wanted: &[bool],
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        _: &Tensor<F>,
    ) -> Result<Vec<Option<Tensor<F>>>, TensorError> {
        // A gradient that is itself recorded asks with operands that hang on the tape.
        if operands.iter().any(Tensor::is_recorded) {
            // What the results have left is of this gradient, and of no later one.
            lock(&self.0.cotangents).clear();
            return Err(TensorError::NoSecondDerivative { op: OP });
        }
        let memory = self.0.first_state() + STATE;
        let momentum = memory + self.0.sizes.memory.layers();
        let asked = Wanted {
            inputs: wanted[0],
            memory: wanted[memory..momentum].contains(&true),
            momentum: wanted[momentum..].contains(&true),
        };
        let found = self.0.back(operands, asked)?;
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
        gradients
            .into_iter()
            .zip(operands)
            .zip(wanted)
            .enumerate()
            .map(|(n, ((gradient, operand), wanted))| match (wanted, n) {
                (false, _) => Ok(None),
                (true, 1 | 2) => Err(TensorError::Op {
                    op: OP,
                    reason: "the masks are constants; they have no gradient".to_owned(),
                }),
                (true, _) => Tensor::from_vec(operand.shape(), gradient).map(Some),
            })
            .collect()
    }
}

impl<F: Kernels> Primitive<F> for Outcome<F> {
    fn name(&self) -> &'static str {
        OP
    }

    fn forward(&self, _: &[&SharedArray<F>]) -> Result<SharedArray<F>, TensorError> {
        let mut values = lock(&self.passage.values);
        match values.iter().position(|(port, _)| *port == self.port) {
            Some(at) => Ok(values.swap_remove(at).1),
            None => Err(TensorError::Op {
                op: OP,
                reason: format!("no result {:?}", self.port),
            }),
        }
    }

    fn vjp(
        &self,
        _: usize,
        _: &[Tensor<F>],
        _: &Tensor<F>,
        cotangent: &Tensor<F>,
    ) -> Result<Tensor<F>, TensorError> {
        let left = (self.port, cotangent.value().clone());
        lock(&self.passage.cotangents).push(left);
        Ok(Tensor::shared(token()))
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
        let no_mask = Tensor::shared(token());
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
        let first_momentum = operands.len();
        for layer in carried(&self.rule) {
            let name = slot_part(&momentum_name(layer));
            let copies = match state.get(&name)?.shape() {
                [1, ..] => 1,
                _ => samples,
            };
            let [out, input] = sizes.memory.weight(layer);
            operands.push(part(state, &name, &[copies, out, input])?);
        }
        let passage = Arc::new(Passage {
            momentum_recorded: operands[first_momentum..].iter().any(|t| t.is_recorded()),
            rule: Arc::clone(&self.rule),
            sizes: self.sizes,
            steps,
            samples,
            recorded: operands.iter().any(|t| t.is_recorded()),
            packed: Arc::clone(&self.packed),
            saved: Mutex::new(None),
            values: Mutex::new(Vec::new()),
            rates: Mutex::new(Vec::new()),
            cotangents: Mutex::new(Vec::new()),
        });
        let done = apply(Sequence(Arc::clone(&passage)), &operands)?;
        let result = |port: Port| {
            let passage = Arc::clone(&passage);
            apply(Outcome { port, passage }, &[&done])
        };
        let mut last = State::new([
            ("hidden", result(Port::Hidden)?),
            ("cell", result(Port::Cell)?),
            ("read", result(Port::Read)?),
        ]);
        for layer in 0..sizes.memory.layers() {
            last = last.with(&memory_part(layer), result(Port::Memory(layer))?);
        }
        for layer in carried(&self.rule) {
            let name = slot_part(&momentum_name(layer));
            last = last.with(&name, result(Port::Momentum(layer))?);
        }
        let rates = std::mem::take(&mut *lock(&passage.rates)).into_iter();
        Ok(Unrolled {
            outputs: result(Port::Outputs)?,
            state: last,
            meta: result(Port::Meta)?,
            trace: rates
                .map(|(name, rates)| (name, Tensor::shared(rates)))
                .collect::<Trace<F>>(),
        })
    }
}
