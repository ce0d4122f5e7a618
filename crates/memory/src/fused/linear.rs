//! A memory of one layer whose keys are known in advance: the steps of a chunk in matrix products, of one sequence after the other.
//!
//! With keys and read keys of a chunk one below the other in X `[2n, M]`, K its upper half, n = C H, and W_a the weights where it begins,
//!
//! ```text
//! before each write:   y_i = p_c (K W_a^T)_i - sum_(s < c) r_cs (K K^T)_ij D_j           E from the rule's program;  D_c = beta_c E_c
//! after all of them:   Z = p' o (X W_a^T) - L D       L_ij = r_(c+1)s (X K^T)_ij for s <= c
//! next chunk:          W_a <- p_C W_a - (r_C D)^T K
//! ```
//!
//! where i is of step c and j of step s; p and r are those of [`super::decay`]. What goes from step to step is one product of a row with the
//! writes before it; all else is products of the whole chunk. A block takes all its sequences through a chunk before the next: a step's rows lie
//! side by side in memory.

use mnm_tensor::kernels::{Kernels, Scratch, Store, dot, matmul, matmul_nt, matmul_tn};
use ndarray::{ArrayViewMut2, ArrayViewMut3, Axis};

use super::decay::{Decays, scale_columns};
use super::elementwise::{add_scaled, difference, scaled};
use super::forward::PreparedRule;
use super::history::Initial;
use super::instructions::{Numbers, Values, forward};
use super::layout::{Allocator, Region, behind, only};
use super::plan::{MemorySizes, Plan, operands};
use super::products::scale;
use crate::memory::unit_row;
use crate::program::{Op, Program, Rows};

/// What goes into a block: row t of each is `[t * stride..]`, those of its sequences one behind the other.
#[derive(Clone, Copy)]
pub(crate) struct LinearInputs<'a, F> {
    /// Write keys, values and read keys, `[H M]` at a step.
    pub rows: [&'a [F]; 3],
    /// Elements from one step to the next.
    pub row_stride: usize,
    /// beta and phi, the last empty without that gate; one number at a step.
    pub gates: [&'a [F]; 2],
    /// Numbers from one step to the next.
    pub gate_stride: usize,
}

/// Where what comes out of a block goes.
pub(crate) struct Outcome<'a, F> {
    /// `[T, S, M]`.
    pub reads: ArrayViewMut3<'a, F>,
    /// `[T, S]`.
    pub meta: ArrayViewMut2<'a, F>,
}

/// Where a chunk keeps what it makes.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// X, of norm one if keys are.
    pub x: Region,
    /// D.
    pub d: Region,
    /// What the memory missed the values by after the writes.
    pub miss: Region,
    /// The norms of X.
    pub norms: Region,
    /// X K^T `[2n, n]`.
    pub g: Region,
    /// W_a.
    pub weights: Region,
    /// Where the record of the program begins; it ends the chunk's part.
    pub record: usize,
    pub length: usize,
}

/// A block that was run forward.
#[derive(Debug)]
pub(crate) struct LinearSaved<F> {
    pub(super) linear: Linear<F>,
    /// Of each sequence what its chunks keep, and the place of one more.
    pub(super) kept: Scratch<F>,
    /// beta and `1 - phi` `[S, T]`; the last empty without that gate.
    pub(super) rates: Vec<F>,
    pub(super) keep: Vec<F>,
}

/// A rule of one layer, laid out for chunks.
#[derive(Clone, Debug)]
pub(crate) struct Linear<F> {
    pub(super) rule: PreparedRule<F>,
    /// As of a block of which each sequence is a step of the chunk.
    pub(super) plan: Plan,
    pub(super) kept: Kept,
    /// Sequences S of the block.
    pub(super) samples: usize,
    pub(super) steps: usize,
    pub(super) width: usize,
    pub(super) heads: usize,
    /// The steps of a chunk C.
    pub(super) chunk: usize,
    /// Whether the program looks at the keys but to write them and to take them through the weights.
    pub(super) looks_at_keys: bool,
}

/// Whether a program is of the kind: one layer, one write of the keys, which no error comes back through.
pub(crate) fn is_linear(program: &Program, momentum: bool) -> bool {
    let keys = Rows(0);
    let count = |f: fn(&Op) -> bool| program.ops.iter().filter(|op| f(op)).count();
    program.shape.layers() == 1
        && !momentum
        && program.shared.is_empty()
        && count(|op| matches!(op, Op::Update { .. })) == 1
        && count(|op| matches!(op, Op::Apply { .. })) <= 1
        && program.ops.iter().all(|op| match op {
            Op::Apply { x, .. } => *x == keys,
            Op::Update { a, .. } => *a == keys,
            Op::Pull { .. } | Op::Decay { .. } => false,
            _ => true,
        })
}

/// The steps of a chunk: its products cost `14 C H` rows of the width beside `9` of the width squared at every step, and many rows go
/// through a product faster than few.
fn chunk_steps(width: usize, heads: usize) -> usize {
    (width / (4 * heads)).clamp(1, 32)
}

impl<F> LinearInputs<'_, F> {
    /// Those of the block's sequences from one on; each has rows of `width` elements.
    fn starting_at(self, s: usize, width: usize) -> Self {
        LinearInputs {
            rows: self.rows.map(|rows| &rows[s * width..]),
            gates: self.gates.map(|gate| behind(gate, s)),
            ..self
        }
    }
}

impl<F: Kernels> Linear<F> {
    /// For a rule of which [`is_linear`] holds.
    pub fn new(rule: PreparedRule<F>, sizes: MemorySizes) -> Self {
        let (width, heads) = (sizes.shape.value(), sizes.heads);
        let chunk = chunk_steps(width, heads).min(sizes.steps.max(1));
        let plan = Plan::new(
            &rule.program,
            MemorySizes {
                samples: chunk,
                ..sizes
            },
        );
        let looks_at_keys = rule.program.ops.iter().any(|op| match *op {
            Op::Apply { .. } => false,
            Op::Update { e, .. } => e == Rows(0),
            ref op => operands(op).contains(&Some(Rows(0))),
        });
        let (mut all, rows) = (Allocator::default(), chunk * heads);
        let kept = Kept {
            x: all.region(2 * rows, width),
            d: all.region(rows, width),
            miss: all.region(rows, width),
            norms: all.region(1, 2 * rows),
            g: all.region(2 * rows, rows),
            weights: all.region(width, width),
            record: all.0,
            // Behind the values of the program the plan has room for reads, which go another way here.
            length: all.0 + plan.reading[0].offset,
        };
        Linear {
            rule,
            plan,
            kept,
            samples: sizes.samples,
            steps: sizes.steps,
            width,
            heads,
            chunk,
            looks_at_keys,
        }
    }

    /// How many chunks there are.
    pub(super) fn chunks(&self) -> usize {
        self.steps.div_ceil(self.chunk)
    }

    /// The first step of a chunk, and how many it has.
    pub(super) fn extent(&self, chunk: usize) -> (usize, usize) {
        let first = chunk * self.chunk;
        (first, self.chunk.min(self.steps - first))
    }

    /// A block of sequences forward from `[M, M]`, shared or of each: the last weights `[S, M, M]`, and what the way back needs, if `save`.
    pub fn forward(
        self,
        start: Initial<'_, F>,
        inputs: LinearInputs<'_, F>,
        mut outcome: Outcome<'_, F>,
        save: bool,
    ) -> (Vec<F>, Option<LinearSaved<F>>) {
        let (steps, width, samples) = (self.steps, self.width, self.samples);
        let (row, area) = (self.heads * width, width * width);
        let chunks = self.chunks();
        // One more place, or one of two, for the weights that the next chunk begins with.
        let places = if save { chunks + 1 } else { 2 };
        let own = places * self.kept.length;
        let mut kept = Scratch::new(samples * own);
        let of = |gate: &[F], f: fn(F) -> F| -> Vec<F> {
            if gate.is_empty() {
                return Vec::new();
            }
            let all = (0..samples * steps).map(|n| (n / steps, n % steps));
            all.map(|(s, t)| f(gate[t * inputs.gate_stride + s]))
                .collect()
        };
        let rates = of(inputs.gates[0], |beta| beta);
        let keep = of(inputs.gates[1], |phi| F::one() - phi);
        for (s, own) in kept.chunks_exact_mut(own).enumerate() {
            let weights = match start {
                Initial::Shared(weights) => weights,
                Initial::Each(all) => &all[s * area..][..area],
            };
            let dense = (weights, Region::dense(width, width));
            self.kept.weights.copy_from(own, dense);
        }
        let mut work = Work::new(&self);
        for chunk in 0..chunks {
            for (s, own) in kept.chunks_exact_mut(own).enumerate() {
                let (now, then) = self.present_and_next(chunk, own, save);
                let given = inputs.starting_at(s, row);
                let numbers = self.numbers((s, chunk), &rates, &keep);
                self.take_in(chunk, given, now, &mut work);
                self.write(chunk, now, numbers, &mut work);
                self.read((s, chunk), now, &mut work, given, &mut outcome);
                self.fold(chunk, now, then, &mut work);
            }
        }
        let last = if save { chunks } else { chunks % 2 };
        let mut weights = Vec::with_capacity(samples * area);
        for own in kept.chunks_exact(own) {
            let from = &own[last * self.kept.length..];
            let region = self.kept.weights;
            (0..width).for_each(|r| weights.extend_from_slice(region.row(from, r)));
        }
        let saved = save.then(|| LinearSaved {
            linear: self,
            kept,
            rates,
            keep,
        });
        (weights, saved)
    }

    /// Where a chunk of a sequence keeps what it makes, and the next: behind it if all are kept, else the other of two places.
    fn present_and_next<'a>(
        &self,
        chunk: usize,
        own: &'a mut [F],
        save: bool,
    ) -> (&'a mut [F], &'a mut [F]) {
        let length = self.kept.length;
        let (at, next) = match save {
            true => (chunk, chunk + 1),
            false => (chunk % 2, (chunk + 1) % 2),
        };
        let (low, high) = own.split_at_mut(at.max(next) * length);
        match at < next {
            true => (&mut low[at * length..], high),
            false => (high, &mut low[next * length..]),
        }
    }

    /// The gates of a sequence in a chunk, of those of all `[S, T]`.
    pub(super) fn numbers<'a>(
        &self,
        (s, chunk): (usize, usize),
        rates: &'a [F],
        keep: &'a [F],
    ) -> Numbers<'a, F> {
        let (first, steps) = self.extent(chunk);
        let first = s * self.steps + first;
        Numbers {
            rates: &rates[first..first + steps],
            keep: if keep.is_empty() {
                keep
            } else {
                &keep[first..first + steps]
            },
            momentum: &[],
        }
    }

    /// X, and the keys and values of the program.
    fn take_in(
        &self,
        chunk: usize,
        inputs: LinearInputs<'_, F>,
        now: &mut [F],
        work: &mut Work<F>,
    ) {
        let (first, steps) = self.extent(chunk);
        let (heads, width, kept) = (self.heads, self.width, &self.kept);
        let n = steps * heads;
        let (places, record) = (&self.plan.places, kept.record);
        for row in 0..n {
            let from = (first + row / heads) * inputs.row_stride + row % heads * width;
            let [key, value, read_key] = inputs.rows.map(|rows| &rows[from..from + width]);
            for (which, key) in [key, read_key].into_iter().enumerate() {
                let at = which * n + row;
                let to = kept.x.row_mut(now, at);
                to.copy_from_slice(key);
                if self.rule.unit_keys {
                    now[kept.norms.offset + at] = unit_row(to);
                }
            }
            for (place, is_key) in [(places[0], true), (places[1], false)] {
                if is_key && !self.looks_at_keys {
                    continue;
                }
                let (low, high) = now.split_at_mut(record);
                let from = if is_key { kept.x.row(low, row) } else { value };
                let to = if place.kept { high } else { &mut *work.scratch };
                place.region.row_mut(to, row).copy_from_slice(from);
            }
        }
    }

    /// X W_a^T, X K^T, and the writes one after the other.
    fn write(&self, chunk: usize, now: &mut [F], numbers: Numbers<'_, F>, work: &mut Work<F>) {
        let (_, steps) = self.extent(chunk);
        let (heads, kept) = (self.heads, &self.kept);
        let n = steps * heads;
        work.base(self, now, n);
        let (low, high) = now.split_at_mut(kept.g.offset);
        let g = kept.g.first(2 * n).narrow(n).rebased(kept.g.offset);
        let (x, keys) = (kept.x.first(2 * n).view(low), kept.x.first(n).view(low));
        matmul_nt(x, keys, g.view_mut(high), Store::Overwrite);
        work.fade(numbers, steps);
        let (low, record) = now.split_at_mut(kept.record);
        for c in 0..steps {
            let rows = c * heads..(c + 1) * heads;
            for planned in &self.plan.ops {
                match planned.op {
                    Op::Apply { y, .. } => {
                        let place = self.plan.places[y.0];
                        let to = if place.kept {
                            &mut *record
                        } else {
                            &mut *work.scratch
                        };
                        for r in rows.clone() {
                            let from = work.base_at.row(&work.base, r);
                            match &work.decays {
                                None => place.region.row_mut(to, r).copy_from_slice(from),
                                Some(decays) => {
                                    let p = decays.version(0, c).p;
                                    scaled(place.region.row_mut(to, r), p, from);
                                }
                            }
                        }
                        if c > 0 {
                            let known = kept.d.first(c * heads);
                            let to = place.region.group(only(c), heads).view_mut(to);
                            let room = &mut work.scaled;
                            let within = within(&work.decays, room, (low, kept.g), c, heads);
                            matmul(within, known.view(low), to, Store::Subtract);
                        }
                    }
                    Op::Update { e, .. } => {
                        let place = self.plan.places[e.0];
                        let from = if place.kept { &*record } else { &*work.scratch };
                        for r in rows.clone() {
                            let error = place.region.row(from, r);
                            scaled(kept.d.row_mut(low, r), numbers.rates[c], error);
                        }
                    }
                    ref op => {
                        let mut values = Values {
                            record: &mut *record,
                            scratch: &mut work.scratch,
                        };
                        forward(&self.plan, op, only(c), &mut values, numbers);
                    }
                }
            }
        }
    }

    /// Z, the reads and the meta losses.
    fn read(
        &self,
        (s, chunk): (usize, usize),
        now: &mut [F],
        work: &mut Work<F>,
        inputs: LinearInputs<'_, F>,
        outcome: &mut Outcome<'_, F>,
    ) {
        let (first, steps) = self.extent(chunk);
        let (heads, width, kept) = (self.heads, self.width, &self.kept);
        let n = steps * heads;
        work.mask((now, kept.g), n, heads);
        let z = work.base_at.first(2 * n);
        if let Some(decays) = &work.decays {
            for r in 0..2 * n {
                let p = decays.version(0, r % n / heads + 1).p;
                scale(z.row_mut(&mut work.base, r), p);
            }
        }
        let (l, d) = (work.l_at.first(2 * n).narrow(n), kept.d.first(n));
        matmul(
            l.view(&work.l),
            d.view(now),
            z.view_mut(&mut work.base),
            Store::Subtract,
        );
        let mean = F::one() / F::of(heads as f64);
        for c in 0..steps {
            let read = row_of(&mut outcome.reads, first + c, s);
            let mut squares = F::zero();
            for h in 0..heads {
                let row = c * heads + h;
                let found = z.row(&work.base, n + row);
                match h {
                    0 => scaled(read, mean, found),
                    _ => add_scaled(read, mean, found),
                }
                let from = (first + c) * inputs.row_stride + h * width;
                let miss = kept.miss.row_mut(now, row);
                let values = &inputs.rows[1][from..from + width];
                difference(miss, z.row(&work.base, row), values);
                squares += dot(miss, miss);
            }
            outcome.meta[[first + c, s]] = squares / F::of((heads * width) as f64);
        }
    }

    /// The weights that the next chunk begins with.
    fn fold(&self, chunk: usize, now: &[F], then: &mut [F], work: &mut Work<F>) {
        let (_, steps) = self.extent(chunk);
        let (kept, n) = (&self.kept, steps * self.heads);
        let to = kept.weights;
        to.copy_from(then, (now, to));
        if let Some(decays) = &work.decays {
            let p = decays.version(0, steps).p;
            (0..self.width).for_each(|r| scale(to.row_mut(then, r), p));
        }
        let d = work.faded(now, kept.d.first(n), steps, self.heads);
        let keys = kept.x.first(n).view(now);
        matmul_tn(d.1.view(d.0), keys, to.view_mut(then), Store::Subtract);
    }
}

/// r_cs (K K^T) of step c with the steps before it, `[H, c H]`.
pub(super) fn within<'a, F: Kernels>(
    decays: &Option<Decays<F>>,
    room: &'a mut Scratch<F>,
    (g, at): (&'a [F], Region),
    c: usize,
    heads: usize,
) -> mnm_tensor::kernels::Matrix<'a, F> {
    let rows = at.group(only(c), heads).narrow(c * heads);
    let Some(decays) = decays else {
        return rows.view(g);
    };
    let to = Region::new(heads, c * heads);
    for h in 0..heads {
        let numbers = &decays.version(0, c).r[..c];
        scale_columns(to.row_mut(room, h), rows.row(g, h), numbers, heads);
    }
    to.view(room)
}

/// The row of a sequence at a step, of `[T, S, width]`.
pub(super) fn row_of<'a, F>(all: &'a mut ArrayViewMut3<'_, F>, t: usize, s: usize) -> &'a mut [F] {
    let step = all.index_axis_mut(Axis(0), t);
    match step.index_axis_move(Axis(0), s).into_slice() {
        Some(row) => row,
        None => unreachable!("a row lies in one piece"),
    }
}

/// Working memory of a chunk.
pub(super) struct Work<F> {
    /// What the program makes and the way back does not need.
    pub scratch: Scratch<F>,
    /// X W_a^T `[2n, M]`.
    pub base: Scratch<F>,
    pub base_at: Region,
    /// L `[2n, n]`.
    pub l: Scratch<F>,
    pub l_at: Region,
    pub scaled: Scratch<F>,
    /// r D `[n, M]`.
    faded: Scratch<F>,
    pub decays: Option<Decays<F>>,
}

impl<F: Kernels> Work<F> {
    pub fn new(linear: &Linear<F>) -> Self {
        let (n, width) = (linear.chunk * linear.heads, linear.width);
        let (base_at, l_at) = (Region::new(2 * n, width), Region::new(2 * n, n));
        Work {
            scratch: Scratch::new(linear.plan.scratch_len),
            base: Scratch::new(base_at.len()),
            base_at,
            l: Scratch::new(l_at.len()),
            l_at,
            scaled: Scratch::new(Region::new(linear.heads, n).len()),
            faded: Scratch::new(Region::new(n, width).len()),
            decays: linear.rule.forget.then(|| Decays::new(1, linear.chunk)),
        }
    }

    /// X W_a^T.
    pub fn base(&mut self, linear: &Linear<F>, now: &[F], n: usize) {
        let x = linear.kept.x.first(2 * n).view(now);
        let base = self.base_at.first(2 * n).view_mut(&mut self.base);
        matmul_nt(x, linear.kept.weights.view(now), base, Store::Overwrite);
    }

    /// p and r of all steps.
    pub fn fade(&mut self, numbers: Numbers<'_, F>, steps: usize) {
        if let Some(decays) = &mut self.decays {
            decays.begin(0);
            (0..steps).for_each(|c| decays.advance(0, c, numbers.keep[c], F::zero()));
        }
    }

    /// L from X K^T.
    pub fn mask(&mut self, (g, at): (&[F], Region), n: usize, heads: usize) {
        for row in 0..2 * n {
            let steps = row % n / heads + 1;
            let from = &at.row(g, row)[..n];
            let (known, later) =
                self.l_at.row_mut(&mut self.l, row)[..n].split_at_mut(steps * heads);
            match &self.decays {
                None => known.copy_from_slice(&from[..steps * heads]),
                Some(decays) => {
                    let numbers = &decays.version(0, steps).r[..steps];
                    scale_columns(known, &from[..steps * heads], numbers, heads);
                }
            }
            later.fill(F::zero());
        }
    }

    /// r D as the chunk ends.
    pub fn faded<'a>(
        &'a mut self,
        now: &'a [F],
        d: Region,
        steps: usize,
        heads: usize,
    ) -> (&'a [F], Region) {
        let Some(decays) = &self.decays else {
            return (now, d);
        };
        let (to, version) = (Region::new(d.rows, d.columns), decays.version(0, steps));
        for r in 0..d.rows {
            let number = version.r[r / heads];
            scaled(to.row_mut(&mut self.faded, r), number, d.row(now, r));
        }
        (&self.faded, to)
    }
}
