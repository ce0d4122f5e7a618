//! The fused kernel as one op on the tape.
//!
//! As the op has several results and an op on the tape one, the op itself yields an empty token, and each result is a small op
//! on that token. On the way back the results leave their cotangents, and the token takes them all through the adjoint at once.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mnm_tensor::kernels::Kernels;
use mnm_tensor::{Parameters, Primitive, SharedArray, Tensor, TensorError, apply, dense};
use ndarray::IxDyn;
use rayon::prelude::*;

use super::block::{Batch, BlockGradients, OutCotangents, Part, Ran, Saved, back, forward};
use super::{Reads, Sequence};
use crate::error::parameter;
use crate::fused::{ChunkSteps, Initial, MemorySizes, MemoryStart, RuleForm, chunk_steps};
use crate::{Gate, Memory, MemoryError, Slot, WriteRule};

const OP: &str = "memory sequence";

/// Sequences of a block, each of which one thread takes.
const BLOCK: usize = 8;

/// Keys, values and read keys; then the gates.
const ROWS: usize = 3;
const GATES: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Reads,
    Meta,
    Weights(usize),
    Momentum(usize),
}

/// What every part of the batch left for its way back.
type SavedParts<F> = Vec<(Part, Saved<F>)>;

/// What passes between the op and its results.
#[derive(Debug)]
struct Passage<F> {
    form: RuleForm,
    sizes: MemorySizes,
    batch: usize,
    chunk: ChunkSteps,
    recorded: bool,
    momentum_recorded: bool,
    /// How many parameters, and layers whose momentum is carried.
    parameters: usize,
    carried: Vec<usize>,
    saved: Mutex<Option<SavedParts<F>>>,
    values: Mutex<Vec<(Port, SharedArray<F>)>>,
    cotangents: Mutex<Vec<(Port, SharedArray<F>)>>,
}

#[derive(Debug)]
struct Whole<F>(Arc<Passage<F>>);

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

fn fail(reason: impl Into<String>) -> TensorError {
    TensorError::Op {
        op: OP,
        reason: reason.into(),
    }
}

fn array<F: Kernels>(shape: &[usize], data: Vec<F>) -> Result<SharedArray<F>, TensorError> {
    SharedArray::from_shape_vec(IxDyn(shape), data).map_err(|e| fail(e.to_string()))
}

/// The rows `[T, S, width]` of blocks, side by side `[T, B, width]`.
fn side_by_side<F: Kernels>(blocks: &[(Part, &[F])], steps: usize, batch: usize) -> Vec<F> {
    let width = blocks
        .first()
        .map_or(0, |(part, x)| x.len() / (steps * part.count).max(1));
    let mut all = Vec::with_capacity(steps * batch * width);
    for t in 0..steps {
        for (part, x) in blocks {
            all.extend_from_slice(&x[t * part.count * width..][..part.count * width]);
        }
    }
    all
}

impl<F: Kernels> Passage<F> {
    fn parts(&self) -> Vec<Part> {
        let count = |first: usize| BLOCK.min(self.batch - first);
        (0..self.batch)
            .step_by(BLOCK)
            .map(|first| Part {
                first,
                count: count(first),
            })
            .collect()
    }

    fn run(&self, operands: &[&SharedArray<F>]) -> Result<(), TensorError> {
        let all: Vec<Cow<'_, [F]>> = operands.iter().map(|a| dense(a)).collect();
        let (steps, m) = (self.sizes.steps, self.sizes.shape.value());
        let own = ROWS + GATES;
        let parameters: Vec<&[F]> = (own..own + self.parameters).map(|n| &*all[n]).collect();
        let rule = self.form.prepare(&parameters);
        let first = own + self.parameters;
        let layers = self.sizes.shape.layers();
        let initial = |n: usize| match operands[n].shape() {
            [1, ..] => Initial::Shared(&all[n]),
            _ => Initial::Each(&all[n]),
        };
        let weights: Vec<_> = (first..first + layers).map(initial).collect();
        let momentum: Vec<_> = (first + layers..all.len()).map(initial).collect();
        let start = MemoryStart {
            weights: &weights,
            momentum: &momentum,
            with_momentum: self.momentum_recorded,
        };
        let inputs = Batch {
            batch: self.batch,
            rows: [&all[0], &all[1], &all[2]],
            width: self.sizes.heads * m,
            gates: [&all[3], &all[4], &all[5]],
        };
        let (options, sizes) = ((self.recorded, self.chunk), self.sizes);
        let mut ran: Vec<Ran<F>> = (self.parts().into_par_iter())
            .map(|part| forward(&rule, sizes, start, inputs, part, options))
            .collect();
        let rows = |of: fn(&Ran<F>) -> &[F]| -> Vec<(Part, &[F])> {
            ran.iter().map(|ran| (ran.part, of(ran))).collect()
        };
        let reads = side_by_side(&rows(|ran| &ran.reads), steps, self.batch);
        let meta = side_by_side(&rows(|ran| &ran.meta), steps, self.batch);
        let mut values = vec![
            (Port::Reads, array(&[steps, self.batch, m], reads)?),
            (Port::Meta, array(&[steps, self.batch], meta)?),
        ];
        let joined = |of: &dyn Fn(&Ran<F>) -> &[F], layer: usize| {
            let [out, input] = self.sizes.shape.weight(layer);
            let data = ran.iter().flat_map(|ran| of(ran).iter().copied()).collect();
            array(&[self.batch, out, input], data)
        };
        for l in 0..layers {
            values.push((Port::Weights(l), joined(&|ran| &ran.weights[l], l)?));
        }
        for (n, l) in self.carried.iter().enumerate() {
            values.push((Port::Momentum(*l), joined(&|ran| &ran.momentum[n], *l)?));
        }
        let saved = ran
            .iter_mut()
            .filter_map(|ran| ran.saved.take().map(|saved| (ran.part, saved)));
        *lock(&self.saved) = self.recorded.then(|| saved.collect());
        *lock(&self.values) = values;
        Ok(())
    }

    /// Takes the cotangents that the results left through the adjoint.
    fn back(
        &self,
        with_weights: bool,
        with_momentum: bool,
    ) -> Result<Vec<(Part, BlockGradients<F>)>, TensorError> {
        let Some(saved) = lock(&self.saved).take() else {
            return Err(fail(
                "its gradient was taken before; run the sequence again for another",
            ));
        };
        let arrays = std::mem::take(&mut *lock(&self.cotangents));
        let left: Vec<(Port, Cow<'_, [F]>)> =
            arrays.iter().map(|(port, d)| (*port, dense(d))).collect();
        let of = |port: Port| {
            left.iter()
                .find(|(p, _)| *p == port)
                .map_or(&[][..], |(_, d)| &**d)
        };
        let weights: Vec<&[F]> = (0..self.sizes.shape.layers())
            .map(|l| of(Port::Weights(l)))
            .collect();
        let momentum: Vec<&[F]> = self
            .carried
            .iter()
            .map(|l| of(Port::Momentum(*l)))
            .collect();
        let out = OutCotangents {
            reads: of(Port::Reads),
            meta: of(Port::Meta),
            weights: &weights,
            momentum: &momentum,
            with_weights,
            with_momentum,
        };
        let gates = self.form.gates;
        let (sizes, batch) = (self.sizes, self.batch);
        let gated = [gates.forget != Gate::None, gates.momentum != Gate::None];
        Ok(saved
            .into_par_iter()
            .map(|(part, saved)| (part, back(saved, sizes, batch, part, out, gated)))
            .collect())
    }
}

/// The sum of what blocks say of something that they share, or what each says of its own sequences, one after the other.
fn gathered<F: Kernels>(parts: Vec<&[F]>, shared: bool) -> Vec<F> {
    if !shared {
        return parts.concat();
    }
    let mut parts = parts.into_iter();
    let mut sum = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += *x);
    }
    sum
}

impl<F: Kernels> Primitive<F> for Whole<F> {
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
        let passage = &self.0;
        if operands.iter().any(Tensor::is_recorded) {
            lock(&passage.cotangents).clear();
            return Err(TensorError::NoSecondDerivative { op: OP });
        }
        let (steps, batch) = (passage.sizes.steps, passage.batch);
        let first = ROWS + GATES + passage.parameters;
        let momentum = first + passage.sizes.shape.layers();
        let asked = |range: &[bool]| range.contains(&true);
        let found = passage.back(asked(&wanted[first..momentum]), asked(&wanted[momentum..]))?;
        let each = |of: &dyn Fn(&BlockGradients<F>) -> &[F]| -> Vec<F> {
            let rows: Vec<(Part, &[F])> = found.iter().map(|(part, g)| (*part, of(g))).collect();
            side_by_side(&rows, steps, batch)
        };
        let mut gradients: Vec<Vec<F>> = (0..ROWS).map(|n| each(&|g| &g.rows[n])).collect();
        gradients.extend((0..GATES).map(|n| each(&|g| &g.gates[n])));
        let over = |of: &dyn Fn(&BlockGradients<F>) -> &[F], shared: bool| {
            gathered(found.iter().map(|(_, g)| of(g)).collect(), shared)
        };
        for (n, shared) in passage.form.program_shared_biases().into_iter().enumerate() {
            gradients.push(over(&|g| &g.memory.matrices[n].weight, true));
            if shared {
                gradients.push(over(
                    &|g| g.memory.matrices[n].bias.as_deref().unwrap_or_default(),
                    true,
                ));
            }
        }
        let is_shared = |n: usize| operands[n].shape()[0] == 1;
        for l in 0..passage.sizes.shape.layers() {
            gradients.push(over(&|g| &g.memory.weights[l], is_shared(first + l)));
        }
        for n in 0..passage.carried.len() {
            gradients.push(over(&|g| &g.memory.momentum[n], is_shared(momentum + n)));
        }
        let pairs = gradients.into_iter().zip(operands).zip(wanted);
        pairs
            .map(|((gradient, operand), wanted)| match wanted {
                true => Tensor::from_vec(operand.shape(), gradient).map(Some),
                false => Ok(None),
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
            None => Err(fail(format!("no result {:?}", self.port))),
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

/// [`super::sequence`] by the fused kernel.
pub(super) fn run<F: Kernels>(
    rule: &dyn WriteRule<F>,
    form: RuleForm,
    parameters: &Parameters<Tensor<F>>,
    memory: &Memory<F>,
    given: &Sequence<F>,
) -> Result<Reads<F>, MemoryError> {
    let [steps, batch, heads, _] = given.extents(memory)?;
    let shape = memory.shape()?;
    let none = Tensor::shared(token());
    let gate = |name, gate: Gate, given: Option<&Tensor<F>>| -> Result<Tensor<F>, MemoryError> {
        let misfit = |expected: String| MemoryError::Gate {
            rule: rule.name().to_owned(),
            gate: name,
            expected,
        };
        match (gate, given) {
            (Gate::Learned, Some(given)) => Ok(given.clone()),
            (Gate::Learned, None) => Err(misfit(format!(
                "a value for each step and sequence, [{steps}, {batch}]"
            ))),
            (_, Some(_)) => Err(misfit("no value: the rule does not ask for one".to_owned())),
            (Gate::Fixed(value), None) => Ok(Tensor::from_vec(
                &[steps, batch],
                vec![F::of(value); steps * batch],
            )?),
            (Gate::None, None) => Ok(none.clone()),
        }
    };
    let forget = gate("forget", form.gates.forget, given.forget.as_ref())?;
    let momentum = gate("momentum", form.gates.momentum, given.momentum.as_ref())?;
    let mut operands = vec![
        given.keys.clone(),
        given.values.clone(),
        given.read_keys.clone(),
    ];
    operands.extend([given.rate.clone(), forget, momentum]);
    let needed = form.parameters();
    for (name, shape) in &needed {
        operands.push(parameter(parameters, name, shape)?.clone());
    }
    operands.extend(memory.weights().iter().cloned());
    let carried = match form.gates.momentum {
        Gate::None => Vec::new(),
        _ => form.program.written(),
    };
    let first_momentum = operands.len();
    for layer in &carried {
        let slot = Slot::momentum(*layer, shape.weight(*layer));
        operands.push(match memory.slot(&slot.name) {
            Some(_) => slot.of(memory)?,
            None => slot.initial(1)?,
        });
    }
    let passage = Arc::new(Passage {
        sizes: MemorySizes {
            shape,
            heads,
            samples: batch,
            steps,
        },
        batch,
        chunk: chunk_steps(&shape, heads),
        recorded: operands.iter().any(Tensor::is_recorded),
        momentum_recorded: operands[first_momentum..].iter().any(Tensor::is_recorded),
        parameters: needed.len(),
        carried,
        form,
        saved: Mutex::new(None),
        values: Mutex::new(Vec::new()),
        cotangents: Mutex::new(Vec::new()),
    });
    let done = apply(
        Whole(Arc::clone(&passage)),
        &operands.iter().collect::<Vec<_>>(),
    )?;
    let result = |port: Port| {
        let passage = Arc::clone(&passage);
        apply(Outcome { port, passage }, &[&done])
    };
    let layers = (0..shape.layers()).map(|l| result(Port::Weights(l)));
    let mut last = Memory::new(layers.collect::<Result<_, _>>()?)?.with_unit_keys(rule.unit_keys());
    for layer in &passage.carried {
        let slot = Slot::momentum(*layer, shape.weight(*layer));
        last = last.with_slot(&slot.name, result(Port::Momentum(*layer))?);
    }
    Ok(Reads {
        reads: result(Port::Reads)?,
        meta: result(Port::Meta)?,
        memory: last,
    })
}
