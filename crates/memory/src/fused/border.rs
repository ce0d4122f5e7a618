//! From chunk to chunk, backwards: the fold at the end of one, and what its products say of the weights where it began.

use mnm_tensor::kernels::{Kernels, Scratch, Store, dot, matmul, matmul_nt, matmul_tn};

use super::elementwise::add_scaled;
use super::forward::MemorySaved;
use super::history::{Chunk, History};
use super::history_adjoint::{HistoryCotangents, waiting_row};
use super::layout::Region;
use super::plan::Plan;
use super::products::scale;
use crate::program::{Op, Rows, Scalar};

impl<F: Kernels> HistoryCotangents<F> {
    /// Whether what a step reads belongs to the chunk after its own, which opens with it.
    pub fn opens(&self, saved: &MemorySaved<F>, t: usize) -> bool {
        self.entered && t < saved.history.chunk().first
    }

    /// Goes into the chunk of a step, if the way back has not been there.
    pub fn enter(&mut self, saved: &mut MemorySaved<F>, t: usize) {
        let last = self.entered;
        if last && t >= saved.history.chunk().first {
            return;
        }
        if last {
            self.settle(saved);
            saved.history.chunks.pop();
            rebuild(saved);
            if saved.history.chunk().own && !saved.rule.fades {
                saved.history.unwrite(&saved.plan);
            }
        }
        self.entered = true;
        let MemorySaved { plan, history, .. } = saved;
        let chunk_steps = history.chunk().steps;
        let places = &history.places;
        for own in self.factors.chunks_exact_mut(places.factors_len.max(1)) {
            for (l, layer) in plan.layers.iter().enumerate() {
                let rows = chunk_steps * layer.updates * plan.sizes.heads;
                for region in [places.a[l], places.d[l]] {
                    region.first(rows).of_mut(own).fill(F::zero());
                }
            }
        }
        self.by_row.begin();
        if let Some(decays) = &mut self.decays {
            decays.begin();
        }
        if self.weights.is_empty() {
            return;
        }
        let own = history.chunk().own;
        for s in 0..plan.sizes.samples {
            for l in 0..plan.layers.len() {
                if history.places.weights[l].rows > 0 {
                    self.unfold(plan, history, s, l, chunk_steps);
                    if !own {
                        self.share(history, s, l);
                    }
                }
            }
        }
    }

    /// Back through the fold at the end of a chunk, of one sequence and layer.
    fn unfold(&mut self, plan: &Plan, history: &History<F>, s: usize, l: usize, steps: usize) {
        let places = &history.places;
        let layer = &plan.layers[l];
        let each = layer.updates * plan.sizes.heads;
        let rows = steps * each;
        let region = places.weights[l];
        let at = s * places.weights_len;
        let factors = history.factors(s);
        let to = &mut self.factors[s * places.factors_len..][..places.factors_len];
        let (a, d) = (places.a[l].first(rows), places.d[l].first(rows));
        let g = &mut self.weights[at..][..places.weights_len];
        let weights = |r: usize| match (history.own(s, l), history.dense(l)) {
            (Some((weights, own)), _) => own.row(weights, r),
            (None, Some(dense)) => &dense[r * region.columns..][..region.columns],
            (None, None) => unreachable!("a layer has weights"),
        };
        let Some(decays) = history.decays.as_ref().filter(|_| layer.fades()) else {
            let by_row = history.by_row.of(s, l);
            if rows > 0 {
                matmul_nt(
                    a.view(factors),
                    region.view(g),
                    d.view_mut(to),
                    Store::Subtract,
                );
                let written = by_row.map_or((factors, d), |by_row| by_row.at_version(steps, rows));
                matmul(
                    written.1.view(written.0),
                    region.view(g),
                    a.view_mut(to),
                    Store::Subtract,
                );
            }
            if let (Some(by_row), Some(passed)) = (by_row, self.by_row.passed(s, l)) {
                for (r, (of, factor)) in passed.iter_mut().zip(by_row.passed(steps)).enumerate() {
                    *of += dot(region.row(g, r), weights(r));
                    scale(region.row_mut(g, r), *factor);
                }
            }
            return;
        };
        let version = decays.version(s, steps);
        let Some(cotangents) = &mut self.decays else {
            return;
        };
        let of = cotangents.of(s);
        let mut product = Scratch::new(Region::new(rows, layer.out).len());
        let part = Region::new(rows, layer.out);
        if rows > 0 {
            matmul_nt(
                a.view(factors),
                region.view(g),
                part.view_mut(&mut product),
                Store::Overwrite,
            );
        }
        for r in 0..rows {
            let number = r / each;
            of.r[number] -= dot(d.row(factors, r), part.row(&product, r));
            add_scaled(d.row_mut(to, r), -version.r[number], part.row(&product, r));
        }
        if rows > 0 {
            let faded = history.faded(l, s, rows, each, version.r);
            let d = d.rebased(d.offset);
            matmul(
                d.view(&faded),
                region.view(g),
                a.view_mut(to),
                Store::Subtract,
            );
        }
        let mut gs =
            (!self.momentum.is_empty()).then(|| &mut self.momentum[at..][..places.weights_len]);
        if let Some(gs) = gs.as_deref_mut().filter(|_| rows > 0) {
            matmul_nt(
                a.view(factors),
                region.view(gs),
                part.view_mut(&mut product),
                Store::Overwrite,
            );
            for r in 0..rows {
                let number = r / each;
                of.m[number] += dot(d.row(factors, r), part.row(&product, r));
                add_scaled(d.row_mut(to, r), version.m[number], part.row(&product, r));
            }
            let faded = history.faded(l, s, rows, each, version.m);
            let d = d.rebased(d.offset);
            matmul(d.view(&faded), region.view(gs), a.view_mut(to), Store::Add);
        }
        for r in 0..region.rows {
            *of.p += dot(region.row(g, r), weights(r));
        }
        if let Some((momentum, own)) = history.own_momentum(s, l) {
            for r in 0..region.rows {
                *of.q -= dot(region.row(g, r), own.row(momentum, r));
                if let Some(gs) = gs.as_deref() {
                    *of.u += dot(region.row(gs, r), own.row(momentum, r));
                }
            }
        }
        if let Some(gs) = gs {
            for r in 0..region.rows {
                scale(region.row_mut(gs, r), version.u);
                add_scaled(region.row_mut(gs, r), -version.q, region.row(g, r));
            }
        }
        (0..region.rows).for_each(|r| scale(region.row_mut(g, r), version.p));
    }

    /// What is known of one sequence's weights becomes known of those that all share.
    fn share(&mut self, history: &History<F>, s: usize, l: usize) {
        let (region, at) = (history.places.weights[l], s * history.places.weights_len);
        let g = &mut self.weights[at..][..history.places.weights_len];
        if let Some(base) = self.base.get_mut(l) {
            let to = region.rebased(region.offset);
            (0..region.rows)
                .for_each(|r| add_scaled(to.row_mut(base, r), F::one(), region.row(g, r)));
        }
        region.of_mut(g).fill(F::zero());
    }

    /// At the start of a chunk: what all of its products say of the weights that sequences have of their own.
    fn settle(&mut self, saved: &MemorySaved<F>) {
        let (plan, history) = (&saved.plan, &saved.history);
        let chunk = history.chunk();
        if chunk.first == 0 && !self.with_weights {
            return;
        }
        let places = &history.places;
        for s in 0..plan.sizes.samples {
            for l in 0..plan.layers.len() {
                if history.own(s, l).is_none() {
                    continue;
                }
                let rows = waiting_rows(plan, &chunk, l);
                let rows_of = |all: Region| all.skip(rows.start).first(rows.len());
                let waiting = &self.waiting[s * self.waiting_len..][..self.waiting_len];
                let (dy, x) = (
                    rows_of(self.dy[l]).view(waiting),
                    rows_of(self.x[l]).view(waiting),
                );
                let g = &mut self.weights[s * places.weights_len..][..places.weights_len];
                matmul_tn(dy, x, places.weights[l].view_mut(g), Store::Add);
            }
        }
    }

    /// The cotangents of W and S before the first step.
    pub fn finish(mut self, saved: &MemorySaved<F>) -> (Vec<Vec<F>>, Vec<Vec<F>>) {
        self.settle(saved);
        let (plan, places) = (&saved.plan, &saved.history.places);
        let each = |from: &[F], l: usize| -> Vec<F> {
            let region = places.weights[l];
            let mut dense = Vec::with_capacity(plan.sizes.samples * region.rows * region.columns);
            for g in from.chunks_exact(places.weights_len.max(1)) {
                (0..region.rows).for_each(|r| dense.extend_from_slice(region.row(g, r)));
            }
            dense
        };
        let summed = |mut all: Vec<F>, size: usize| -> Vec<F> {
            let mut sum = vec![F::zero(); size];
            all.chunks_exact_mut(size)
                .for_each(|one| add_scaled(&mut sum, F::one(), one));
            sum
        };
        let layers = 0..plan.layers.len();
        let weights = layers.clone().map(|l| {
            if !self.with_weights {
                return Vec::new();
            }
            let layer = &plan.layers[l];
            let own = if self.weights.is_empty() {
                Vec::new()
            } else {
                each(&self.weights, l)
            };
            if !saved.shared[l] {
                return own;
            }
            let mut sum = summed(own, layer.out * layer.input);
            let region = Region::new(layer.out, layer.input);
            for (r, row) in sum.chunks_exact_mut(layer.input).enumerate() {
                add_scaled(row, F::one(), region.row(&self.base[l], r));
            }
            if let Some(fixed) = self.fixed[l].take() {
                add_scaled(&mut sum, F::one(), &fixed.finish().weight);
            }
            sum
        });
        let written = layers.filter(|l| plan.layers[*l].updates > 0);
        let momentum = written.zip(&saved.shared_momentum).map(|(l, shared)| {
            if !self.with_momentum || self.momentum.is_empty() {
                return Vec::new();
            }
            let own = each(&self.momentum, l);
            match shared {
                true => summed(own, plan.layers[l].out * plan.layers[l].input),
                false => own,
            }
        });
        let momentum = momentum.collect();
        (weights.collect(), momentum)
    }
}

/// The rows of a layer that have waited for the start of a chunk: what it opens with, then its steps'; the reads of its last step open the
/// next chunk, if there is one. Layers through which read keys go before the write are read in their own step.
fn waiting_rows(plan: &Plan, chunk: &Chunk, l: usize) -> std::ops::Range<usize> {
    let [opening, end] = [0, chunk.steps].map(|step| waiting_row(plan, l, step, 0));
    if l < plan.fixed.depth {
        return opening..end;
    }
    let last = chunk.first + chunk.steps == plan.sizes.steps;
    let start = if chunk.first == 0 { opening } else { 0 };
    start..if last { end } else { end - opening }
}

/// The writes of the present chunk, and what made them fade, once more from what was recorded.
fn rebuild<F: Kernels>(saved: &mut MemorySaved<F>) {
    let (first, steps) = (saved.history.chunk().first, saved.history.chunk().steps);
    let samples = saved.plan.sizes.samples;
    saved.history.begin_decays(samples);
    for step in 0..steps {
        let t = first + step;
        for s in 0..samples {
            let numbers = saved.numbers(t);
            let (rate, keep) = (numbers.get(Scalar::Rate, s), numbers.get(Scalar::Keep, s));
            let momentum = numbers.get(Scalar::Momentum, s);
            let plan = &saved.plan;
            let record = &saved.records[t * plan.record_len..][..plan.record_len];
            for planned in &plan.ops {
                let of = |rows: Rows| (record, plan.places[rows.0].region);
                match planned.op {
                    Op::Update { layer, e, a } => {
                        let at = (step, planned.at.updates);
                        saved.history.append(plan, layer, s, at, rate, of(e), of(a));
                    }
                    Op::Decay { layer, x } => {
                        let at = (step, plan.sizes.heads);
                        saved.history.decay(layer, s, at, rate, of(x));
                    }
                    _ => {}
                }
            }
            saved.history.fade(s, step, keep, momentum);
        }
    }
}
