//! The adjoint of the memory, a block of sequences at a time, from the last step to the first.

use mnm_tensor::kernels::{Kernels, Matrix, Scratch};

use super::elementwise::{add_scaled, scaled};
use super::forward::{MemorySaved, copy_within};
use super::history::Side;
use super::history_adjoint::{BackUse, HistoryCotangents};
use super::instructions::{NumberCotangents, adjoint};
use super::layout::{Allocator, Group, Region, only};
use super::plan::Planned;
use super::shared::{SharedGradient, SharedSum};
use crate::memory::unit_row_adjoint;
use crate::program::{Op, Scalar};

/// What one step of the adjoint takes and gives, for all sequences of the block.
#[derive(Debug)]
pub struct StepAdjoint<'a, F> {
    /// The step, from T - 1 down to 0.
    pub step: usize,
    /// Cotangents of the reads `[S, M]`.
    pub d_reads: Matrix<'a, F>,
    /// Cotangents of the meta losses `[S]`.
    pub d_meta: &'a [F],
    /// Cotangents of the interactions, replaced; laid out as they are.
    pub d_interactions: &'a mut [F],
    /// Elements from one sequence's interaction to the next.
    pub interaction_stride: usize,
    /// Cotangents of the rates `[S]`, replaced.
    pub d_rates: &'a mut [F],
    /// Cotangents of phi `[S]`, replaced, if writes forget.
    pub d_forget: &'a mut [F],
    /// Cotangents of eta `[S]`, replaced, if they carry momentum.
    pub d_momentum: &'a mut [F],
}

/// The cotangents of what the memory was before the first step, and of what its rule shares.
#[derive(Debug)]
pub struct MemoryGradients<F> {
    /// Of the weights, for each layer `[out, in]` summed over the block if they were shared, else `[S, out, in]`; empty if not
    /// asked for.
    pub weights: Vec<Vec<F>>,
    /// Of the momentum likewise, for each layer that is written to.
    pub momentum: Vec<Vec<F>>,
    /// Of the shared matrices, in the order in which the program names them.
    pub matrices: Vec<SharedGradient<F>>,
}

/// What is known of the memory after the last step, and asked of it before the first.
#[derive(Clone, Copy, Debug)]
pub struct MemoryEnd<'a, F> {
    /// Cotangents of the weights after the last step, for each layer that is written to `[S, out, in]`; an empty slice, or none at all,
    /// for zeros.
    pub d_weights: &'a [&'a [F]],
    /// Of the momentum likewise.
    pub d_momentum: &'a [&'a [F]],
    /// Whether the cotangents of the weights before the first step are asked for.
    pub with_weights: bool,
    /// Whether those of the momentum are.
    pub with_momentum: bool,
}

/// The cotangents of a block of sequences on their way back through the steps.
#[derive(Debug)]
pub struct MemoryAdjoint<F> {
    saved: MemorySaved<F>,
    history: HistoryCotangents<F>,
    /// Cotangents of what the program made at one step.
    d: Scratch<F>,
    /// Cotangents of the activations after the write `[S 2H, width]`, and of what the fixed layers make of read keys `[S H, width]`.
    d_reading: Scratch<F>,
    reading: Vec<Region>,
    read: Vec<Region>,
    sums: Vec<SharedSum<F>>,
}

impl<F: Kernels> MemoryAdjoint<F> {
    /// The adjoint before its first step, which is the last one.
    ///
    /// # Panics
    ///
    /// If a cotangent has another length than its weights.
    pub fn new(saved: MemorySaved<F>, end: MemoryEnd<'_, F>) -> Self {
        let plan = &saved.plan;
        let rows = plan.sizes.samples * plan.sizes.heads;
        let mut all = Allocator::default();
        let like = |from: &Region, all: &mut Allocator| all.region(from.rows, from.columns);
        let read = (plan.fixed.read_keys.iter())
            .map(|r| like(r, &mut all))
            .collect();
        let reading = (plan.reading.iter()).map(|r| like(r, &mut all)).collect();
        MemoryAdjoint {
            history: HistoryCotangents::new(&saved, end),
            d: Scratch::new(plan.d_len),
            d_reading: Scratch::new(all.0),
            reading,
            read,
            sums: saved
                .rule
                .matrices
                .iter()
                .map(|m| SharedSum::new(m, rows))
                .collect(),
            saved,
        }
    }

    /// One step of all sequences, backwards.
    ///
    /// # Panics
    ///
    /// If a shape does not fit.
    pub fn step(&mut self, step: StepAdjoint<'_, F>) {
        let opens = self.history.opens(&self.saved, step.step);
        if !opens {
            self.history.enter(&mut self.saved, step.step);
        }
        let samples = self.saved.plan.sizes.samples;
        step.d_rates.fill(F::zero());
        step.d_forget.fill(F::zero());
        step.d_momentum.fill(F::zero());
        for n in &self.saved.plan.zeros {
            self.saved.plan.d_places[*n]
                .of_mut(&mut self.d)
                .fill(F::zero());
        }
        let StepAdjoint {
            step: t,
            d_reads,
            d_meta,
            d_interactions,
            interaction_stride,
            d_rates,
            d_forget,
            d_momentum,
        } = step;
        self.seed(
            t,
            d_reads,
            d_meta,
            (&mut *d_interactions, interaction_stride),
        );
        let mut d_numbers = NumberCotangents {
            rates: d_rates,
            keep: d_forget,
            momentum: d_momentum,
        };
        let all = Group {
            first: 0,
            count: samples,
        };
        let segments = self.saved.plan.segments.clone();
        if opens || segments.is_empty() {
            let groups = self.saved.history.groups(samples);
            groups.iter().for_each(|group| self.reading_back(t, *group));
        }
        if opens {
            self.history.enter(&mut self.saved, t);
        }
        if segments.is_empty() {
            self.retreat(t, all, &mut d_numbers);
        }
        let groups = self.saved.history.groups(samples);
        for (n, (range, together)) in segments.iter().enumerate().rev() {
            for group in &groups {
                if n + 1 == segments.len() {
                    if !opens {
                        self.reading_back(t, *group);
                    }
                    self.retreat(t, *group, &mut d_numbers);
                }
                if !*together {
                    for op in range.clone().rev() {
                        self.instruction(t, op, *group, &mut d_numbers);
                    }
                }
            }
            if *together {
                for op in range.clone().rev() {
                    self.instruction(t, op, all, &mut d_numbers);
                }
            }
        }
        self.read_fixed_back(t, all);
        self.history.end_step(&mut self.saved, t);
        // k = 1 - phi.
        d_numbers.keep.iter_mut().for_each(|d| *d = -*d);
        self.hand_out(t, d_interactions, interaction_stride);
    }

    fn record(&self, t: usize) -> std::ops::Range<usize> {
        let length = self.saved.plan.record_len;
        t * length..(t + 1) * length
    }

    /// Where a step back starts: the cotangents of the last layer's outputs after the write, and of the values that they missed.
    fn seed(
        &mut self,
        t: usize,
        d_reads: Matrix<'_, F>,
        d_meta: &[F],
        (d_interactions, stride): (&mut [F], usize),
    ) {
        let record = self.record(t);
        let plan = &self.saved.plan;
        let (heads, value) = (plan.sizes.heads, plan.sizes.shape.value());
        let layers = plan.layers.len();
        let (out, top) = (plan.reading[layers], self.reading[layers]);
        let record = &self.saved.records[record];
        let mean = F::one() / F::of(heads as f64);
        for s in 0..plan.sizes.samples {
            let slope = d_meta[s] * F::of(2.0 / (heads * value) as f64);
            for h in 0..heads {
                let row = 2 * s * heads + h;
                let miss = out.row(record, row);
                scaled(top.row_mut(&mut self.d_reading, row), slope, miss);
                scaled(
                    top.row_mut(&mut self.d_reading, row + heads),
                    mean,
                    d_reads.row(s),
                );
                let to = &mut d_interactions[s * stride + (3 * h + 1) * value..][..value];
                scaled(to, -slope, miss);
            }
        }
    }

    /// Back through the weights just written, to the keys, or to what the fixed layers have made of them.
    fn reading_back(&mut self, t: usize, group: Group) {
        let record = self.record(t);
        let each = 2 * self.saved.plan.sizes.heads;
        let depth = self.saved.plan.fixed.depth;
        for l in (depth..self.saved.plan.layers.len()).rev() {
            let (x, dx, dy) = (
                self.saved.plan.reading[l],
                self.reading[l],
                self.reading[l + 1],
            );
            let (to, from) = self.d_reading.split_at_mut(dy.offset);
            let back = BackUse::reading(&self.saved, l, t);
            let values = &self.saved.records[record.clone()];
            self.history.product(
                &mut self.saved.history,
                &self.saved.plan,
                Side::Apply,
                (l, group, each),
                (values, x),
                (&*from, dy.rebased(dy.offset)),
                (&mut *to, dx),
                true,
                back,
            );
            if l > depth {
                let rows = group.first * each..(group.first + group.count) * each;
                through_tanh(rows, (to, dx), (values, x));
            }
        }
        if depth > 0 {
            let to = self.saved.plan.d_places[self.saved.plan.fixed.write_keys.0];
            for s in group.sequences() {
                let (d, heads) = (self.reading[depth].group(only(s), each), each / 2);
                for h in 0..heads {
                    let written = d.row(&self.d_reading, h);
                    to.row_mut(&mut self.d, s * heads + h)
                        .copy_from_slice(written);
                }
                let to = self.read[depth].group(only(s), heads);
                copy_within(&mut self.d_reading, d.skip(heads), to);
            }
        }
    }

    /// From after a step to before it: what its gates have made fade.
    fn retreat(&mut self, t: usize, group: Group, d_numbers: &mut NumberCotangents<'_, F>) {
        for s in group.sequences() {
            let [d_keep, d_momentum] = self.history.retreat(&self.saved, t, s);
            if let Some(d) = d_numbers.keep.get_mut(s) {
                *d += d_keep;
            }
            if let Some(d) = d_numbers.momentum.get_mut(s) {
                *d += d_momentum;
            }
        }
    }

    /// Back through the layers that no write touches, to the read keys.
    fn read_fixed_back(&mut self, t: usize, group: Group) {
        let record = self.record(t);
        let heads = self.saved.plan.sizes.heads;
        for l in (0..self.saved.plan.fixed.depth).rev() {
            let (x, y) = (
                self.saved.plan.fixed.read_keys[l],
                self.saved.plan.fixed.read_keys[l + 1],
            );
            let (dx, dy) = (self.read[l], self.read[l + 1]);
            let back = BackUse::reading(&self.saved, l, t);
            let values = &self.saved.records[record.clone()];
            let rows = group.first * heads..(group.first + group.count) * heads;
            through_tanh(rows, (&mut self.d_reading, dy), (values, y));
            let (to, from) = self.d_reading.split_at_mut(dy.offset);
            self.history.product(
                &mut self.saved.history,
                &self.saved.plan,
                Side::Apply,
                (l, group, heads),
                (values, x),
                (&*from, dy.rebased(dy.offset)),
                (to, dx),
                true,
                back,
            );
        }
    }

    fn instruction(
        &mut self,
        t: usize,
        op: usize,
        group: Group,
        d_numbers: &mut NumberCotangents<'_, F>,
    ) {
        let record = self.record(t);
        let planned: Planned = self.saved.plan.ops[op];
        let heads = self.saved.plan.sizes.heads;
        match planned.op {
            Op::Apply { layer, x, y } | Op::Pull { layer, e: x, y } => {
                let side = match planned.op {
                    Op::Apply { .. } => Side::Apply,
                    _ => Side::Pull,
                };
                let back = BackUse::of(&self.saved, t, planned.at);
                if !planned.live {
                    return self.history.dead(
                        &self.saved.history,
                        &self.saved.plan,
                        layer,
                        group,
                        heads,
                        back,
                    );
                }
                let plan = &self.saved.plan;
                let (x_at, dx, dy) = (
                    plan.places[x.0].region,
                    plan.d_places[x.0],
                    plan.d_places[y.0],
                );
                let (to, from) = self.d.split_at_mut(dy.offset);
                self.history.product(
                    &mut self.saved.history,
                    plan,
                    side,
                    (layer, group, heads),
                    (&self.saved.records[record], x_at),
                    (&*from, dy.rebased(dy.offset)),
                    (to, dx),
                    planned.fresh[0],
                    back,
                );
            }
            Op::Linear { matrix, x, y } if planned.live => {
                let plan = &self.saved.plan;
                let (x_at, dx, dy) = (
                    plan.places[x.0].region,
                    plan.d_places[x.0],
                    plan.d_places[y.0],
                );
                let (to, from) = self.d.split_at_mut(dy.offset);
                let dy = dy.rebased(dy.offset).view(from);
                let store = match planned.fresh[0] {
                    true => mnm_tensor::kernels::Store::Overwrite,
                    false => mnm_tensor::kernels::Store::Add,
                };
                self.saved.rule.matrices[matrix].pull_back(dy, dx.view_mut(to), store);
                self.sums[matrix].add(dy, x_at.view(&self.saved.records[record]));
            }
            Op::Update { layer, e, a } => {
                for s in group.sequences() {
                    let at = (layer, t, planned.at.updates);
                    let (d_d, d_a) = self.history.written(&mut self.saved, at, s);
                    let plan = &self.saved.plan;
                    if planned.at.updates + 1 == plan.layers[layer].updates {
                        let d_keep = self.history.retreat_by_row(&self.saved, layer, t, s);
                        if let Some(d) = d_numbers.keep.get_mut(s) {
                            *d += d_keep;
                        }
                    }
                    let values = &self.saved.records[record.clone()];
                    let (e_at, to_e, to_a) = (
                        plan.places[e.0].region,
                        plan.d_places[e.0],
                        plan.d_places[a.0],
                    );
                    let rate = self.saved.numbers(t).get(Scalar::Rate, s);
                    let factors = self.history.factors(s, &self.saved.history);
                    for h in 0..heads {
                        let (row, r) = (s * heads + h, d_d.row(factors, h));
                        d_numbers.rates[s] += mnm_tensor::kernels::dot(r, e_at.row(values, row));
                        put_row(planned.fresh[0], to_e.row_mut(&mut self.d, row), rate, r);
                        let r = d_a.row(factors, h);
                        put_row(
                            planned.fresh[1],
                            to_a.row_mut(&mut self.d, row),
                            F::one(),
                            r,
                        );
                    }
                }
            }
            Op::Decay { layer, x } => {
                let plan = &self.saved.plan;
                let (x_at, dx) = (plan.places[x.0].region, plan.d_places[x.0]);
                let values = &self.saved.records[record];
                for s in group.sequences() {
                    let Some(d_kept) = self.history.by_row.kept(s, layer) else {
                        continue;
                    };
                    let rate = self.saved.numbers(t).get(Scalar::Rate, s);
                    for row in s * heads..(s + 1) * heads {
                        d_numbers.rates[s] -=
                            mnm_tensor::kernels::dot(d_kept, x_at.row(values, row));
                        let to = dx.row_mut(&mut self.d, row);
                        put_row(planned.fresh[0], to, -rate, d_kept);
                    }
                }
            }
            _ if planned.live => {
                let numbers = self.saved.numbers(t);
                let values = &self.saved.records[record];
                adjoint(
                    &self.saved.plan,
                    &planned,
                    group,
                    values,
                    &mut self.d,
                    numbers,
                    d_numbers,
                );
            }
            _ => {}
        }
    }

    /// The cotangents of keys and values to where the interactions have them.
    fn hand_out(&mut self, t: usize, d_interactions: &mut [F], stride: usize) {
        let record = self.record(t);
        let plan = &self.saved.plan;
        let record = &self.saved.records[record];
        let (heads, value) = (plan.sizes.heads, plan.sizes.shape.value());
        let (d_keys, keys) = (self.reading[0], plan.reading[0]);
        for s in 0..plan.sizes.samples {
            for h in 0..heads {
                let row = s * heads + h;
                let head = &mut d_interactions[s * stride + 3 * h * value..][..3 * value];
                for which in [0, 1] {
                    let at = (2 * s + which) * heads + h;
                    let to = &mut head[2 * which * value..][..value];
                    match (which, self.read.first()) {
                        (_, None) => to.copy_from_slice(d_keys.row(&self.d_reading, at)),
                        (0, Some(_)) => to.fill(F::zero()),
                        (_, Some(d)) => to.copy_from_slice(d.row(&self.d_reading, row)),
                    }
                    if which == 0 && plan.reached[0] {
                        add_scaled(to, F::one(), plan.d_places[0].row(&self.d, row));
                    }
                    if self.saved.rule.unit_keys {
                        let norm = record[plan.norms.offset + at];
                        unit_row_adjoint(to, keys.row(record, at), norm);
                    }
                }
                if plan.reached[1] {
                    let from = plan.d_places[1].row(&self.d, row);
                    add_scaled(&mut head[value..2 * value], F::one(), from);
                }
            }
        }
    }

    /// After step 0.
    pub fn finish(mut self) -> MemoryGradients<F> {
        // For sequences without a step.
        self.history.enter(&mut self.saved, 0);
        let (weights, momentum) = self.history.finish(&self.saved);
        MemoryGradients {
            weights,
            momentum,
            matrices: self.sums.into_iter().map(SharedSum::finish).collect(),
        }
    }
}

/// d *= 1 - a a, for some rows of a tanh's cotangents and results.
fn through_tanh<F: Kernels>(
    rows: std::ops::Range<usize>,
    d: (&mut [F], Region),
    a: (&[F], Region),
) {
    mnm_tensor::kernels::vectorised(|| {
        for r in rows {
            let row = d.1.row_mut(d.0, r).iter_mut();
            row.zip(a.1.row(a.0, r))
                .for_each(|(d, a)| *d *= F::one() - *a * *a);
        }
    });
}

/// Sets, or adds to, a row.
pub(super) fn put_row<F: Kernels>(fresh: bool, to: &mut [F], factor: F, from: &[F]) {
    if fresh {
        scaled(to, factor, from);
    } else {
        add_scaled(to, factor, from);
    }
}
