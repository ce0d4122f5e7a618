//! From chunk to chunk, forward: at the end of one its writes are folded into the weights, with which the next one begins.

use mnm_tensor::kernels::{Kernels, Scratch, Store, matmul_tn, stream};

use super::elementwise::add_scaled;
use super::history::{Chunk, History};
use super::layout::Region;
use super::plan::{LayerPlan, Plan};
use super::products::scale;

/// W_a and S_a `[S]` of the present chunk, each in one place from first to last, where it stays in a cache.
#[derive(Debug)]
pub(super) struct Live<F> {
    pub weights: Scratch<F>,
    pub momentum: Scratch<F>,
}

/// Where in time and in the memory: sequence, layer, heads and steps of the chunk.
type At<'a> = (usize, usize, &'a LayerPlan, usize, usize);

impl<F: Kernels> History<F> {
    /// Whether the program of a step is the last of its chunk, and another chunk comes after it.
    pub fn closes(&self, plan: &Plan, step: usize) -> bool {
        let chunk = self.chunk();
        step + 1 == chunk.first + chunk.steps && step + 1 < plan.sizes.steps
    }

    /// Folds the writes of a chunk, and opens the next: what the last step reads sees the weights with which that one begins. `save`
    /// says whether what each begins with is kept.
    pub fn close(&mut self, plan: &Plan, save: bool) {
        let (sizes, last) = (&plan.sizes, self.chunk());
        self.fold(plan, last.steps, save && self.fading.any);
        let [of_first, of_later] = [0, 1].map(|n| sizes.samples * self.coefficient_places[n].len);
        if !save {
            self.chunks.clear();
        }
        let before = self.chunks.len().saturating_sub(1);
        let first = last.first + last.steps;
        self.chunks.push(Chunk {
            first,
            steps: self.length.own.min(sizes.steps - first),
            own: true,
            moves: self.fading.momentum,
            coefficients: of_first + before * of_later,
        });
        self.begin_decays(sizes.samples);
    }

    /// The weights and momentum `[S]` after `steps` steps of the present chunk, in place of those before it; and, if they are to be kept,
    /// to the anchors. Those wait for the way back, and would only drive the rest out of the caches.
    fn fold(&mut self, plan: &Plan, steps: usize, keep: bool) {
        let Some(mut live) = self.live.take() else {
            return;
        };
        let chunk = self.chunk();
        let next = self.chunks.len() * plan.sizes.samples * self.places.weights_len;
        for s in 0..plan.sizes.samples {
            let own = self.places.own(s);
            let weights = &mut live.weights[own.clone()];
            let momentum = match self.fading.momentum {
                true => &mut live.momentum[own.clone()],
                false => &mut [],
            };
            if !chunk.moves {
                momentum.fill(F::zero());
            }
            for (l, layer) in plan.layers.iter().enumerate() {
                let region = self.places.weights[l];
                if region.rows == 0 {
                    continue;
                }
                let at = (s, l, layer, plan.sizes.heads, steps);
                if !chunk.own {
                    self.begin_with(l, None, &region, weights);
                }
                let held = chunk.moves.then_some(&*momentum);
                self.fold_weights(at, held, &region, weights);
                self.fold_momentum(at, &region, momentum);
            }
            if keep {
                stream(weights, &mut self.anchors[next..][own.clone()]);
                if self.fading.momentum {
                    stream(momentum, &mut self.momenta[next..][own]);
                }
            }
        }
        self.live = Some(live);
    }

    /// From the weights at the end of the present chunk, whose writes last, to those at its start: `W_a = W + D^T A`.
    pub(super) fn unwrite(&mut self, plan: &Plan) {
        let Some(mut live) = self.live.take() else {
            return;
        };
        let written = || {
            plan.layers
                .iter()
                .enumerate()
                .filter(|(_, l)| l.updates > 0)
        };
        for s in 0..plan.sizes.samples {
            let weights = &mut live.weights[self.places.own(s)];
            for (l, layer) in written() {
                let rows = self.chunk().steps * layer.updates * plan.sizes.heads;
                let (d, a) = (self.places.d[l].first(rows), self.places.a[l].first(rows));
                let (d, a) = (d.view(self.factors(s)), a.view(self.factors(s)));
                matmul_tn(d, a, self.places.weights[l].view_mut(weights), Store::Add);
            }
        }
        self.live = Some(live);
    }

    /// W_a of a layer, into a region: a sequence's own, or those that all share.
    fn begin_with(&self, l: usize, own: Option<&[F]>, region: &Region, to: &mut [F]) {
        match (own, &self.shared[l]) {
            (Some(own), _) => region.copy_from(to, (own, self.places.weights[l])),
            (None, Some(shared)) => {
                let dense = Region::dense(region.rows, region.columns);
                region.copy_from(to, (&shared.dense, dense));
            }
            (None, None) => unreachable!("a layer has weights"),
        }
    }

    /// From W_a of one sequence and layer to W after `steps` steps of the present chunk, in place; `held` is S_a of the sequence, if it has
    /// one.
    fn fold_weights(
        &self,
        (s, l, layer, heads, steps): At<'_>,
        held: Option<&[F]>,
        region: &Region,
        w: &mut [F],
    ) {
        if layer.updates == 0 {
            return;
        }
        let own = self.places.weights[l];
        let rows = steps * layer.updates * heads;
        let factors = self.factors(s);
        let (d, a) = (
            self.places.d[l].first(rows),
            self.places.a[l].first(rows).view(factors),
        );
        if let Some(by_row) = self.by_row.of(s, l) {
            let (written, d) = by_row.at_version(steps, rows);
            let passed = by_row.passed(steps).iter().enumerate();
            passed.for_each(|(r, passed)| scale(region.row_mut(w, r), *passed));
            return matmul_tn(d.view(written), a, region.view_mut(w), Store::Subtract);
        }
        let Some(decays) = &self.decays else {
            return matmul_tn(d.view(factors), a, region.view_mut(w), Store::Subtract);
        };
        let numbers = decays.version(s, steps);
        for r in 0..region.rows {
            scale(region.row_mut(w, r), numbers.p);
            if let Some(held) = held {
                add_scaled(region.row_mut(w, r), -numbers.q, own.row(held, r));
            }
        }
        let faded = self.faded(l, s, rows, layer.updates * heads, numbers.r);
        let d = d.rebased(d.offset);
        matmul_tn(d.view(&faded), a, region.view_mut(w), Store::Subtract);
    }

    /// S likewise.
    fn fold_momentum(
        &self,
        (s, l, layer, heads, steps): At<'_>,
        region: &Region,
        momentum: &mut [F],
    ) {
        let Some(decays) = self
            .decays
            .as_ref()
            .filter(|_| layer.updates > 0 && self.fading.momentum)
        else {
            return;
        };
        let version = decays.version(s, steps);
        (0..region.rows).for_each(|r| scale(region.row_mut(momentum, r), version.u));
        let rows = steps * layer.updates * heads;
        let faded = self.faded(l, s, rows, layer.updates * heads, version.m);
        let d = self.places.d[l].first(rows);
        let a = self.places.a[l].first(rows).view(self.factors(s));
        matmul_tn(
            d.rebased(d.offset).view(&faded),
            a,
            region.view_mut(momentum),
            Store::Add,
        );
    }

    /// The weights of a layer after the last step, `[S, out, in]`.
    pub fn last_weights(&self, plan: &Plan, l: usize, taken: usize) -> Vec<F> {
        let steps = taken - self.chunk().first;
        self.last(plan, l, |s, layer, region, to| {
            let held = self.own_momentum(s, l).map(|(held, _)| held);
            self.begin_with(l, self.own(s, l).map(|(own, _)| own), region, to);
            self.fold_weights((s, l, layer, plan.sizes.heads, steps), held, region, to);
        })
    }

    /// Its momentum, if there is momentum.
    pub fn last_momentum(&self, plan: &Plan, l: usize, taken: usize) -> Vec<F> {
        let steps = taken - self.chunk().first;
        self.last(plan, l, |s, layer, region, to| {
            match self.own_momentum(s, l) {
                Some(held) => region.copy_from(to, held),
                None => region.of_mut(to).fill(F::zero()),
            }
            self.fold_momentum((s, l, layer, plan.sizes.heads, steps), region, to);
        })
    }

    fn last(
        &self,
        plan: &Plan,
        l: usize,
        fill: impl Fn(usize, &LayerPlan, &Region, &mut [F]),
    ) -> Vec<F> {
        let layer = &plan.layers[l];
        let region = Region::new(layer.out, layer.input);
        let mut one = Scratch::new(region.len());
        let mut dense = Vec::with_capacity(plan.sizes.samples * layer.out * layer.input);
        for s in 0..plan.sizes.samples {
            fill(s, layer, &region, &mut one);
            (0..region.rows).for_each(|r| dense.extend_from_slice(region.row(&one, r)));
        }
        dense
    }
}
