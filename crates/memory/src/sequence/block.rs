//! Some sequences of a batch, forward and back, by the fused kernel: step by step, or a memory of one layer in chunks.

use mnm_tensor::kernels::{Kernels, Matrix};

use crate::fused::{
    ChunkSteps, Initial, Linear, LinearCotangents, LinearInputs, LinearOutcome, LinearSaved,
    MemoryAdjoint, MemoryEnd, MemoryForward, MemoryGradients, MemoryOptions, MemorySaved,
    MemorySizes, MemoryStart, PreparedRule, StepAdjoint, StepForward, is_linear,
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
    /// `[T, S, M]`.
    pub reads: Vec<F>,
    /// `[T, S]`.
    pub meta: Vec<F>,
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
    /// Of the sequences of one that went in chunks; they may have begun with shared weights.
    Chunks {
        sequences: Vec<LinearSaved<F>>,
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

/// Cotangents of what went into a block.
pub(super) struct BlockGradients<F> {
    /// Of write keys, values and read keys `[T, S, H M]`.
    pub rows: [Vec<F>; 3],
    /// Of beta, phi and eta `[T, S]`.
    pub gates: [Vec<F>; 3],
    pub memory: MemoryGradients<F>,
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
    options: (bool, ChunkSteps),
) -> Ran<F> {
    match is_linear(&rule.program, rule.momentum) {
        true => in_chunks(rule, sizes, start.weights[0], inputs, part, options.0),
        false => by_steps(rule, sizes, start, inputs, part, options),
    }
}

/// Forward, each sequence in chunks.
fn in_chunks<F: Kernels>(
    rule: &PreparedRule<F>,
    sizes: MemorySizes,
    start: Initial<'_, F>,
    inputs: Batch<'_, F>,
    part: Part,
    save: bool,
) -> Ran<F> {
    let (steps, samples, value) = (sizes.steps, part.count, sizes.shape.value());
    let linear = Linear::new(rule.clone(), sizes);
    let mut ran = Ran {
        part,
        reads: vec![F::zero(); steps * samples * value],
        meta: vec![F::zero(); steps * samples],
        weights: vec![Vec::with_capacity(samples * value * value)],
        momentum: Vec::new(),
        saved: None,
    };
    let mut sequences = Vec::with_capacity(samples);
    for s in 0..samples {
        let b = part.first + s;
        let from = |all: &'_ [F], at: usize| if all.is_empty() { 0 } else { at };
        let [rate, forget, _] = inputs.gates;
        let weights = match start {
            Initial::Shared(w) => w,
            Initial::Each(w) => &w[b * value * value..][..value * value],
        };
        let given = LinearInputs {
            rows: inputs.rows.map(|rows| &rows[b * inputs.width..]),
            row_stride: inputs.batch * inputs.width,
            gates: [&rate[from(rate, b)..], &forget[from(forget, b)..]],
            gate_stride: inputs.batch,
        };
        let outcome = LinearOutcome {
            reads: &mut ran.reads[s * value..],
            read_stride: samples * value,
            meta: &mut ran.meta[s..],
            meta_stride: samples,
        };
        let (last, saved) = linear.forward(weights, given, outcome, save);
        ran.weights[0].extend_from_slice(&last);
        sequences.extend(saved);
    }
    let shared = matches!(start, Initial::Shared(_));
    ran.saved = save.then_some(Saved::Chunks { sequences, shared });
    ran
}

/// Forward, all sequences step by step.
fn by_steps<F: Kernels>(
    rule: &PreparedRule<F>,
    sizes: MemorySizes,
    start: MemoryStart<'_, F>,
    inputs: Batch<'_, F>,
    part: Part,
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
    let (mut reads, mut meta) = (
        vec![F::nan(); steps * samples * value],
        vec![F::nan(); steps * samples],
    );
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
            reads: &mut reads[t * samples * value..][..samples * value],
            read_stride: value,
            meta: &mut meta[t * samples..][..samples],
        });
    }
    let written = rule.program.written();
    Ran {
        part,
        reads,
        meta,
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
    batch: usize,
    part: Part,
    out: OutCotangents<'_, F>,
    gated: [bool; 2],
) -> BlockGradients<F> {
    match saved {
        Saved::Steps(saved) => steps_back(*saved, sizes, batch, part, out, gated),
        Saved::Chunks { sequences, shared } => {
            chunks_back(sequences, sizes, (batch, part), out, gated[0], shared)
        }
    }
}

fn chunks_back<F: Kernels>(
    sequences: Vec<LinearSaved<F>>,
    sizes: MemorySizes,
    (batch, part): (usize, Part),
    out: OutCotangents<'_, F>,
    gated: bool,
    shared: bool,
) -> BlockGradients<F> {
    let (steps, samples, value) = (sizes.steps, part.count, sizes.shape.value());
    let (width, area) = (sizes.heads * value, value * value);
    let of = |there: bool| vec![F::nan(); if there { steps * samples } else { 0 }];
    let mut found = BlockGradients {
        rows: [(); 3].map(|()| vec![F::zero(); steps * samples * width]),
        gates: [of(true), of(gated), Vec::new()],
        memory: MemoryGradients {
            weights: vec![Vec::new()],
            momentum: Vec::new(),
            matrices: Vec::new(),
        },
    };
    let from = |all: &'_ [F], at: usize| if all.is_empty() { 0 } else { at };
    for (s, saved) in sequences.into_iter().enumerate() {
        let b = part.first + s;
        let weights = out.weights.first().copied().unwrap_or_default();
        let given = LinearCotangents {
            reads: &out.reads[from(out.reads, b * value)..],
            read_stride: batch * value,
            meta: &out.meta[from(out.meta, b)..],
            meta_stride: batch,
            weights: match weights.is_empty() {
                true => weights,
                false => &weights[b * area..][..area],
            },
        };
        let rows = found.rows.each_mut().map(|rows| &mut rows[s * width..]);
        let [rates, forget, weights] = saved.adjoint(given, rows, samples * width);
        for (to, from) in found.gates.iter_mut().zip([rates, forget]) {
            let to = to.iter_mut().skip(s).step_by(samples);
            to.zip(from).for_each(|(to, from)| *to = from);
        }
        let known = &mut found.memory.weights[0];
        match (out.with_weights, shared && s > 0) {
            (false, _) => {}
            (true, false) => known.extend(weights),
            (true, true) => known.iter_mut().zip(weights).for_each(|(k, w)| *k += w),
        }
    }
    found
}

fn steps_back<F: Kernels>(
    saved: MemorySaved<F>,
    sizes: MemorySizes,
    batch: usize,
    part: Part,
    out: OutCotangents<'_, F>,
    gated: [bool; 2],
) -> BlockGradients<F> {
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
    let mut rows = [(); 3].map(|()| vec![F::nan(); steps * samples * width]);
    let of = |there: bool| vec![F::zero(); if there { steps * samples } else { 0 }];
    let [mut d_rates, mut d_forget, mut d_momentum] = [of(true), of(gated[0]), of(gated[1])];
    let stride = sizes.interaction();
    let mut d_interactions = vec![F::nan(); samples * stride];
    let (no_reads, no_meta) = (vec![F::zero(); samples * value], vec![F::zero(); samples]);
    for t in (0..steps).rev() {
        let at = |all: &mut Vec<F>| {
            if all.is_empty() {
                0..0
            } else {
                t * samples..(t + 1) * samples
            }
        };
        let (r, f, m) = (at(&mut d_rates), at(&mut d_forget), at(&mut d_momentum));
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
            d_rates: &mut d_rates[r],
            d_forget: &mut d_forget[f],
            d_momentum: &mut d_momentum[m],
        });
        for s in 0..samples {
            for (which, rows) in rows.iter_mut().enumerate() {
                for h in 0..sizes.heads {
                    let from = s * stride + (3 * h + which) * value;
                    let to = (t * samples + s) * width + h * value;
                    rows[to..to + value].copy_from_slice(&d_interactions[from..from + value]);
                }
            }
        }
    }
    BlockGradients {
        rows,
        gates: [d_rates, d_forget, d_momentum],
        memory: memory.finish(),
    }
}
