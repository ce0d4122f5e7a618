//! The fused kernel as one op on the tape, with several results.

use std::any::Any;
use std::borrow::Cow;

use mnm_tensor::kernels::Kernels;
use mnm_tensor::{Joint, Parameters, SharedArray, Tensor, TensorError, apply_joint, dense};
use ndarray::{Array, Array2, Array3, ArrayViewMut, Axis, Dimension, IxDyn, RemoveAxis};
use rayon::prelude::*;

use super::block::{Batch, BlockGradients, OutCotangents, Part, Ran, Saved, back, forward};
use super::{Reads, Sequence};
use crate::error::parameter;
use crate::fused::{
    ChunkSteps, Initial, MemoryGradients, MemorySizes, MemoryStart, Outcome, RuleForm,
};
use crate::{Gate, Memory, MemoryError, Slot, WriteRule};

const OP: &str = "memory sequence";

/// Sequences of a block, each of which one thread takes.
const BLOCK: usize = 8;

/// Keys, values and read keys; then the gates.
const ROWS: usize = 3;
const GATES: usize = 3;

/// Results: reads and meta losses; then the weights of each layer that is written to, and the momentum that is carried.
const OWN_RESULTS: usize = 2;

/// The op.
#[derive(Debug)]
struct Whole {
    form: RuleForm,
    sizes: MemorySizes,
    batch: usize,
    chunk: ChunkSteps,
    /// How many parameters; the layers that are written to, and of them those whose momentum is carried.
    parameters: usize,
    written: Vec<usize>,
    carried: Vec<usize>,
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

/// What blocks of sequences write, `[T, S, ..]` of `[T, B, ..]`, for three arrays at once.
fn by_block<F, D: RemoveAxis>(
    arrays: &mut [Array<F, D>; 3],
) -> impl Iterator<Item = [ArrayViewMut<'_, F, D>; 3]> {
    let [a, b, c] = (arrays.each_mut()).map(|array| array.axis_chunks_iter_mut(Axis(1), BLOCK));
    a.zip(b).zip(c).map(|((a, b), c)| [a, b, c])
}

/// The elements of an array, row-major.
fn elements<F, D: Dimension>(array: Array<F, D>) -> Vec<F> {
    array.into_raw_vec_and_offset().0
}

impl Whole {
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

    /// The first operands that are weights of the memory, and their momentum.
    fn first_weights(&self) -> [usize; 2] {
        let first = ROWS + GATES + self.parameters;
        [first, first + self.sizes.shape.layers()]
    }
}

impl<F: Kernels> Joint<F> for Whole {
    /// What every part of the batch left for its way back.
    type Saved = Vec<(Part, Saved<F>)>;

    fn name(&self) -> &'static str {
        OP
    }

    fn forward(
        &self,
        operands: &[&SharedArray<F>],
        recorded: &[bool],
    ) -> Result<(Vec<SharedArray<F>>, Option<Self::Saved>), TensorError> {
        let all: Vec<Cow<'_, [F]>> = operands.iter().map(|a| dense(a)).collect();
        let (steps, m) = (self.sizes.steps, self.sizes.shape.value());
        let own = ROWS + GATES;
        let parameters: Vec<&[F]> = (own..own + self.parameters).map(|n| &*all[n]).collect();
        let rule = self.form.prepare(&parameters);
        let [first, first_momentum] = self.first_weights();
        let initial = |n: usize| match operands[n].shape() {
            [1, ..] => Initial::Shared(&all[n]),
            _ => Initial::Each(&all[n]),
        };
        let weights: Vec<_> = (first..first_momentum).map(initial).collect();
        let momentum: Vec<_> = (first_momentum..all.len()).map(initial).collect();
        let start = MemoryStart {
            weights: &weights,
            momentum: &momentum,
            with_momentum: recorded[first_momentum..].contains(&true),
        };
        let inputs = Batch {
            batch: self.batch,
            rows: [&all[0], &all[1], &all[2]],
            width: self.sizes.heads * m,
            gates: [&all[3], &all[4], &all[5]],
        };
        let save = recorded.contains(&true);
        let (options, sizes) = ((save, self.chunk), self.sizes);
        let mut reads = Array3::zeros([steps, self.batch, m]);
        let mut meta = Array2::zeros([steps, self.batch]);
        let blocks = (self.parts().into_iter())
            .zip(reads.axis_chunks_iter_mut(Axis(1), BLOCK))
            .zip(meta.axis_chunks_iter_mut(Axis(1), BLOCK));
        let mut ran: Vec<Ran<F>> = (blocks.collect::<Vec<_>>().into_par_iter())
            .map(|((part, reads), meta)| {
                let outcome = Outcome { reads, meta };
                forward(&rule, sizes, start, inputs, part, outcome, options)
            })
            .collect();
        let mut values = vec![
            reads.into_dyn().into_shared(),
            meta.into_dyn().into_shared(),
        ];
        let joined = |of: &dyn Fn(&Ran<F>) -> &[F], layer: usize| {
            let [out, input] = self.sizes.shape.weight(layer);
            let data = ran.iter().flat_map(|ran| of(ran).iter().copied()).collect();
            array(&[self.batch, out, input], data)
        };
        for (n, l) in self.written.iter().enumerate() {
            values.push(joined(&|ran| &ran.weights[n], *l)?);
        }
        for (n, l) in self.carried.iter().enumerate() {
            values.push(joined(&|ran| &ran.momentum[n], *l)?);
        }
        let saved = ran
            .iter_mut()
            .filter_map(|ran| ran.saved.take().map(|saved| (ran.part, saved)));
        Ok((values, save.then(|| saved.collect())))
    }

    fn backward(
        &self,
        saved: Self::Saved,
        operands: &[&SharedArray<F>],
        wanted: &[bool],
        cotangents: &[Option<SharedArray<F>>],
    ) -> Result<Vec<Option<Vec<F>>>, TensorError> {
        let (sizes, batch) = (self.sizes, self.batch);
        let [first, first_momentum] = self.first_weights();
        let left: Vec<Cow<'_, [F]>> = (cotangents.iter())
            .map(|d| d.as_ref().map_or(Cow::Borrowed(&[][..]), |d| dense(d)))
            .collect();
        let (reads, meta) = (&*left[0], &*left[1]);
        let rest: Vec<&[F]> = left[OWN_RESULTS..].iter().map(|d| &**d).collect();
        let (weights, momentum) = rest.split_at(self.written.len());
        let asked = |range: &[bool]| range.contains(&true);
        let out = OutCotangents {
            reads,
            meta,
            weights,
            momentum,
            with_weights: asked(&wanted[first..first_momentum]),
            with_momentum: asked(&wanted[first_momentum..]),
        };
        let gates = self.form.gates;
        let (steps, width) = (sizes.steps, sizes.heads * sizes.shape.value());
        let mut rows = [(); ROWS].map(|()| Array3::zeros([steps, batch, width]));
        let given = [
            true,
            gates.forget != Gate::None,
            gates.momentum != Gate::None,
        ];
        let mut of_gates = given.map(|given| Array2::zeros([if given { steps } else { 0 }, batch]));
        let blocks = (saved.into_iter())
            .zip(by_block(&mut rows))
            .zip(by_block(&mut of_gates));
        let memories: Vec<MemoryGradients<F>> = (blocks.collect::<Vec<_>>().into_par_iter())
            .map(|(((part, saved), rows), gates)| {
                back(
                    saved,
                    sizes,
                    (batch, part),
                    out,
                    BlockGradients { rows, gates },
                )
            })
            .collect();
        let mut gradients: Vec<Vec<F>> = rows.into_iter().map(elements).collect();
        gradients.extend(of_gates.into_iter().map(elements));
        let over = |of: &dyn Fn(&MemoryGradients<F>) -> &[F], shared: bool| {
            gathered(memories.iter().map(of).collect(), shared)
        };
        for (n, shared) in self.form.program_shared_biases().into_iter().enumerate() {
            gradients.push(over(&|g| &g.matrices[n].weight, true));
            if shared {
                gradients.push(over(
                    &|g| g.matrices[n].bias.as_deref().unwrap_or_default(),
                    true,
                ));
            }
        }
        let is_shared = |n: usize| operands[n].shape()[0] == 1;
        for l in 0..sizes.shape.layers() {
            gradients.push(over(&|g| &g.weights[l], is_shared(first + l)));
        }
        for n in 0..self.carried.len() {
            gradients.push(over(&|g| &g.momentum[n], is_shared(first_momentum + n)));
        }
        let pairs = gradients.into_iter().zip(wanted);
        Ok(pairs
            .map(|(gradient, wanted)| wanted.then_some(gradient))
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

/// [`apply_joint`] for a scalar type, each by a function without a type parameter: the kernel is so compiled once, in this crate, and not
/// again in every program that has a sequence.
fn apply_whole<F: Kernels>(
    whole: Whole,
    operands: Vec<Tensor<F>>,
) -> Result<Vec<Tensor<F>>, TensorError> {
    #[inline(never)]
    fn single(whole: Whole, operands: &[Tensor<f32>]) -> Result<Vec<Tensor<f32>>, TensorError> {
        apply_joint(whole, &operands.iter().collect::<Vec<_>>())
    }
    #[inline(never)]
    fn double(whole: Whole, operands: &[Tensor<f64>]) -> Result<Vec<Tensor<f64>>, TensorError> {
        apply_joint(whole, &operands.iter().collect::<Vec<_>>())
    }
    let operands: Box<dyn Any> = Box::new(operands);
    let results: Box<dyn Any> = if let Some(operands) = operands.downcast_ref::<Vec<_>>() {
        Box::new(single(whole, operands)?)
    } else if let Some(operands) = operands.downcast_ref::<Vec<_>>() {
        Box::new(double(whole, operands)?)
    } else {
        unreachable!("only f32 and f64 have kernels: the trait is sealed")
    };
    match results.downcast::<Vec<Tensor<F>>>() {
        Ok(results) => Ok(*results),
        Err(_) => unreachable!("the results are of the operands' type"),
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
    let none = Tensor::shared(SharedArray::zeros(IxDyn(&[0])));
    let gate = |name, gate: Gate, given: Option<&Tensor<F>>| -> Result<Tensor<F>, MemoryError> {
        gate.check(rule.name(), name, given, &[steps, batch])?;
        Ok(match gate {
            Gate::Fixed(value) => {
                let values = vec![F::of(value); steps * batch];
                Tensor::from_vec(&[steps, batch], values)?
            }
            _ => given.unwrap_or(&none).clone(),
        })
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
    let written = form.program.written();
    let carried = match form.gates.momentum {
        Gate::None => Vec::new(),
        _ => written.clone(),
    };
    for layer in &carried {
        let slot = Slot::momentum(*layer, shape.weight(*layer));
        operands.push(match memory.slot(&slot.name) {
            Some(_) => slot.of(memory)?,
            None => slot.initial(1)?,
        });
    }
    let whole = Whole {
        sizes: MemorySizes {
            shape,
            heads,
            samples: batch,
            steps,
        },
        batch,
        chunk: form.chunk_steps(heads),
        parameters: needed.len(),
        written: form.program.written(),
        carried: carried.clone(),
        form,
    };
    let mut results = apply_whole(whole, operands)?.into_iter();
    let mut next = || results.next().ok_or_else(|| fail("a result is missing"));
    let (reads, meta) = (next()?, next()?);
    let mut weights = Vec::with_capacity(shape.layers());
    for (layer, weight) in memory.weights().iter().enumerate() {
        let [out, input] = shape.weight(layer);
        weights.push(match written.contains(&layer) {
            true => next()?,
            // What it was, for each sequence like the others.
            false => weight.broadcast_to(&[batch, out, input])?,
        });
    }
    let mut last = Memory::new(weights)?.with_unit_keys(rule.unit_keys());
    for (layer, momentum) in carried.into_iter().zip(results) {
        let slot = Slot::momentum(layer, shape.weight(layer));
        last = last.with_slot(&slot.name, momentum);
    }
    Ok(Reads {
        reads,
        meta,
        memory: last,
    })
}
