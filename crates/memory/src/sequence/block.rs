//! Some sequences of a batch, forward and back, by the fused kernel: step by step, or a memory of one layer in chunks.

use mnm_tensor::kernels::{Kernels, Matrix};
use ndarray::{ArrayViewMut, ArrayViewMut2, ArrayViewMut3, Axis, RemoveAxis};

use crate::fused::{
    ChunkSteps, Initial, Linear, LinearCotangents, LinearInputs, LinearSaved, MemoryAdjoint,
    MemoryEnd, MemoryForward, MemoryGradients, MemoryOptions, MemorySaved, MemorySizes,
    MemoryStart, Outcome, PreparedRule, StepAdjoint, StepForward, behind, is_linear,
};

/// What goes into all sequences of a batch, row-major.
#[derive(Clone, Copy)]
pub(super) struct Batch<'a, F> {
    /// Sequences B.
    pub batch: usize,
    /// Write keys, values and read keys `[T, B, H M]`.
    pub rows: [&'a [F]; 3],
    pub width: usize,
    /// beta, phi and eta `[T, B]`, the last two empty without those gates.
    pub gates: [&'a [F]; 3],
}

/// The sequences of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub first: usize,
    pub count: usize,
}

/// A block that was run forward.
pub(super) struct Ran<F> {
    pub part: Part,
    /// Of each layer that is written to `[S, out, in]`.
    pub weights: Vec<Vec<F>>,
    pub momentum: Vec<Vec<F>>,
    pub saved: Option<Saved<F>>,
}

/// What a block left for its way back.
#[derive(Debug)]
pub(super) enum Saved<F> {
    /// Of a block that went step by step.
    Steps(Box<MemorySaved<F>>),
    /// Of one that went in chunks; its sequences may have begun with shared weights.
    Chunks {
        block: Box<LinearSaved<F>>,
        shared: bool,
    },
}

/// Cotangents of what came out, empty for zeros; all of the batch, row-major.
#[derive(Clone, Copy)]
pub(super) struct OutCotangents<'a, F> {
    pub reads: &'a [F],
    pub meta: &'a [F],
    pub weights: &'a [&'a [F]],
    pub momentum: &'a [&'a [F]],
    pub with_weights: bool,
    pub with_momentum: bool,
}

/// Where the cotangents of what went into a block go.
pub(super) struct BlockGradients<'a, F> {
    /// Of write keys, values and read keys `[T, S, H M]`.
    pub rows: [ArrayViewMut3<'a, F>; 3],
    /// Of beta, phi and eta `[T, S]`; without steps where there is no such gate.
    pub gates: [ArrayViewMut2<'a, F>; 3],
}

/// A step of all sequences of a block, which lie one behind the other.
fn step_of<'a, F, D: RemoveAxis>(of: &'a mut ArrayViewMut<'_, F, D>, t: usize) -> &'a mut [F] {
    match of.index_axis_mut(Axis(0), t).into_slice() {
        Some(step) => step,
        None => unreachable!("the sequences of a step are not one behind the other"),
    }
}

/// A part's rows of `[B, rest]`.
pub(super) fn of_part<F>(all: &[F], batch: usize, part: Part) -> &[F] {
    let each = all.len() / batch.max(1);
    &all[part.first * each..(part.first + part.count) * each]
}

fn initial_of<'a, F>(initial: &Initial<'a, F>, batch: usize, part: Part) -> Initial<'a, F> {
    match *initial {
        Initial::Shared(w) => Initial::Shared(w),
        Initial::Each(w) => Initial::Each(of_part(w, batch, part)),
    }
}

/// Forward.
pub(super) fn forward<F: Kernels>(
    rule: &PreparedRule<F>,
    sizes: MemorySizes,
    start: MemoryStart<'_, F>,
    inputs: Batch<'_, F>,
    part: Part,
    outcome: Outcome<'_, F>,
    options: (bool, ChunkSteps),
) -> Ran<F> {
    match is_linear(&rule.program, rule.momentum) {
        true => in_chunks(
            rule,
            sizes,
            start.weights[0],
            inputs,
            part,
            outcome,
            options.0,
        ),
        false => by_steps(rule, sizes, start, inputs, part, outcome, options),
    }
}

/// Forward, in chunks.
fn in_chunks<F: Kernels>(
    rule: &PreparedRule<F>,
    sizes: MemorySizes,
    start: Initial<'_, F>,
    inputs: Batch<'_, F>,
    part: Part,
    outcome: Outcome<'_, F>,
    save: bool,
) -> Ran<F> {
    let samples = part.count;
    let [rate, forget, _] = inputs.gates;
    let given = LinearInputs {
        rows: inputs.rows.map(|rows| &rows[part.first * inputs.width..]),
        row_stride: inputs.batch * inputs.width,
        gates: [rate, forget].map(|gate| behind(gate, part.first)),
        gate_stride: inputs.batch,
    };
    let start = initial_of(&start, inputs.batch, part);
    let linear = Linear::new(rule.clone(), MemorySizes { samples, ..sizes });
    let (weights, saved) = linear.forward(start, given, outcome, save);
    let shared = matches!(start, Initial::Shared(_));
    Ran {
        part,
        weights: vec![weights],
        momentum: Vec::new(),
        saved: saved.map(|block| Saved::Chunks {
            block: Box::new(block),
            shared,
        }),
    }
}

/// Forward, all sequences step by step.
fn by_steps<F: Kernels>(
    rule: &PreparedRule<F>,
    sizes: MemorySizes,
    start: MemoryStart<'_, F>,
    inputs: Batch<'_, F>,
    part: Part,
    mut outcome: Outcome<'_, F>,
    options: (bool, ChunkSteps),
) -> Ran<F> {
    let sizes = MemorySizes {
        samples: part.count,
        ..sizes
    };
    let weights: Vec<_> = start
        .weights
        .iter()
        .map(|i| initial_of(i, inputs.batch, part))
        .collect();
    let momentum: Vec<_> = start
        .momentum
        .iter()
        .map(|i| initial_of(i, inputs.batch, part))
        .collect();
    let start = MemoryStart {
        weights: &weights,
        momentum: &momentum,
        ..start
    };
    let (save, chunk) = options;
    let (steps, samples, value) = (sizes.steps, part.count, sizes.shape.value());
    let mut memory = MemoryForward::new(rule.clone(), sizes, start, MemoryOptions { save, chunk });
    let stride = sizes.interaction();
    let mut interactions = vec![F::nan(); samples * stride];
    for t in 0..steps {
        for s in 0..samples {
            let row = (t * inputs.batch + part.first + s) * inputs.width;
            for (which, rows) in inputs.rows.iter().enumerate() {
                for h in 0..sizes.heads {
                    let to = s * stride + (3 * h + which) * value;
                    interactions[to..to + value].copy_from_slice(&rows[row + h * value..][..value]);
                }
            }
        }
        let [rates, forget, eta] = inputs.gates.map(|gate| match gate.is_empty() {
            true => gate,
            false => &gate[t * inputs.batch + part.first..][..samples],
        });
        memory.step(StepForward {
            step: t,
            interactions: &interactions,
            interaction_stride: stride,
            rates,
            forget,
            momentum: eta,
            reads: step_of(&mut outcome.reads, t),
            read_stride: value,
            meta: step_of(&mut outcome.meta, t),
        });
    }
    let written = rule.program.written();
    Ran {
        part,
        weights: (written.iter())
            .map(|l| memory.weights(*l, steps))
            .collect(),
        momentum: match rule.momentum {
            true => written.iter().map(|l| memory.momentum(*l, steps)).collect(),
            false => Vec::new(),
        },
        saved: memory
            .into_saved()
            .map(|saved| Saved::Steps(Box::new(saved))),
    }
}

/// Back.
pub(super) fn back<F: Kernels>(
    saved: Saved<F>,
    sizes: MemorySizes,
    of: (usize, Part),
    out: OutCotangents<'_, F>,
    found: BlockGradients<'_, F>,
) -> MemoryGradients<F> {
    match saved {
        Saved::Steps(saved) => steps_back(*saved, sizes, of, out, found),
        Saved::Chunks { block, shared } => chunks_back(*block, sizes, of, out, found, shared),
    }
}

fn chunks_back<F: Kernels>(
    block: LinearSaved<F>,
    sizes: MemorySizes,
    (batch, part): (usize, Part),
    out: OutCotangents<'_, F>,
    found: BlockGradients<'_, F>,
    shared: bool,
) -> MemoryGradients<F> {
    let value = sizes.shape.value();
    let area = value * value;
    let weights = out.weights.first().copied().unwrap_or_default();
    let given = LinearCotangents {
        reads: behind(out.reads, part.first * value),
        read_stride: batch * value,
        meta: behind(out.meta, part.first),
        meta_stride: batch,
        weights: match weights.is_empty() {
            true => weights,
            false => of_part(weights, batch, part),
        },
    };
    let [rates, forget, _] = found.gates;
    let known = block.adjoint(given, found.rows, [rates, forget]);
    let mut weights = if out.with_weights { known } else { Vec::new() };
    if shared && out.with_weights {
        let (sum, others) = weights.split_at_mut(area);
        for one in others.chunks_exact(area) {
            sum.iter_mut().zip(one).for_each(|(sum, w)| *sum += *w);
        }
        weights.truncate(area);
    }
    MemoryGradients {
        weights: vec![weights],
        momentum: Vec::new(),
        matrices: Vec::new(),
    }
}

fn steps_back<F: Kernels>(
    saved: MemorySaved<F>,
    sizes: MemorySizes,
    (batch, part): (usize, Part),
    out: OutCotangents<'_, F>,
    mut found: BlockGradients<'_, F>,
) -> MemoryGradients<F> {
    let (steps, samples, value) = (sizes.steps, part.count, sizes.shape.value());
    let own = |all: &&'_ [F]| -> Vec<F> { of_part(all, batch, part).to_vec() };
    let weights: Vec<Vec<F>> = out.weights.iter().map(own).collect();
    let momentum: Vec<Vec<F>> = out.momentum.iter().map(own).collect();
    let weights: Vec<&[F]> = weights.iter().map(Vec::as_slice).collect();
    let momentum: Vec<&[F]> = momentum.iter().map(Vec::as_slice).collect();
    let end = MemoryEnd {
        d_weights: &weights,
        d_momentum: &momentum,
        with_weights: out.with_weights,
        with_momentum: out.with_momentum,
    };
    let mut memory = MemoryAdjoint::new(saved, end);
    let width = sizes.heads * value;
    let stride = sizes.interaction();
    let mut d_interactions = vec![F::nan(); samples * stride];
    let (no_reads, no_meta) = (vec![F::zero(); samples * value], vec![F::zero(); samples]);
    for t in (0..steps).rev() {
        let [d_rates, d_forget, d_momentum] =
            (found.gates.each_mut()).map(|gate| match gate.is_empty() {
                true => &mut [],
                false => step_of(gate, t),
            });
        let first = t * batch + part.first;
        let d_reads = match out.reads.is_empty() {
            true => &no_reads[..],
            false => &out.reads[first * value..][..samples * value],
        };
        memory.step(StepAdjoint {
            step: t,
            d_reads: Matrix::dense(d_reads, samples, value),
            d_meta: match out.meta.is_empty() {
                true => &no_meta,
                false => &out.meta[first..][..samples],
            },
            d_interactions: &mut d_interactions,
            interaction_stride: stride,
            d_rates,
            d_forget,
            d_momentum,
        });
        for (which, rows) in found.rows.iter_mut().enumerate() {
            let rows = step_of(rows, t);
            for s in 0..samples {
                for h in 0..sizes.heads {
                    let from = s * stride + (3 * h + which) * value;
                    let to = s * width + h * value;
                    rows[to..to + value].copy_from_slice(&d_interactions[from..from + value]);
                }
            }
        }
    }
    memory.finish()
}
