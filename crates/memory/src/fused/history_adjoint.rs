//! The weights of a chunk backwards: the cotangents of W become those of W_a, S_a, of the writes and of what has made them fade.
//!
//! ```text
//! y = x W^T:  dx = p dy W_a - q dy S_a - (P o r) A  with P = dy D^T;    dW_a += p dy^T x;    dS_a -= q dy^T x
//!             dD -= (C o r)^T dy  with C = x A^T;    dA -= (P o r)^T x;    dr -= P o C, summed over rows
//! ```
//!
//! A product y = e W is the same with e in the place of dy and dy in that of x. What says dD, dA and dW_a waits in *batches*, the
//! products with the same weights, and goes into each of them in one product when the way back reaches the write.

use mnm_tensor::kernels::{Kernels, Scratch, Store, matmul, matmul_nt, matmul_tn};

use super::adjoint::MemoryEnd;
use super::by_row::ByRowCotangents;
use super::decay::{DecayCotangents, add_products, scale_columns, scale_columns_in_place};
use super::elementwise::scaled;
use super::forward::MemorySaved;
use super::history::{History, Side};
use super::layout::{Allocator, Group, Region, only};
use super::plan::{LayerPlan, Plan, Use};
use super::products::{chunk_row, scale};
use super::shared::SharedSum;
use crate::program::Scalar;

/// A product on the way back: where in time it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct BackUse {
    /// The step of the chunk with which its coefficients stand.
    step: usize,
    /// The steps, and the updates of the next one, that its weights contain.
    version: usize,
    updates: usize,
    at: Use,
    /// Whether it is of the reads with which the chunk opens, those of the step before its first.
    opens: bool,
}

impl BackUse {
    /// A product of the program of step `t`.
    pub fn of<F: Kernels>(saved: &MemorySaved<F>, t: usize, at: Use) -> Self {
        let step = t - saved.history.chunk().first;
        BackUse {
            step,
            version: step,
            updates: at.updates,
            at,
            opens: false,
        }
    }

    /// The products after its write.
    pub fn reading<F: Kernels>(saved: &MemorySaved<F>, layer: usize, t: usize) -> Self {
        let next = t + 1 - saved.history.chunk().first;
        BackUse {
            step: next.saturating_sub(1),
            version: next,
            updates: 0,
            at: saved.plan.layers[layer].reading,
            opens: next == 0,
        }
    }

    /// Its first row among those that wait: in its batch, or, where all of a chunk wait, in the chunk.
    fn row<F: Kernels>(&self, history: &History<F>, plan: &Plan, l: usize) -> usize {
        match history.own(0, l) {
            Some(_) if self.opens => 0,
            Some(_) => waiting_row(plan, l, self.step, self.at.first),
            None => self.at.in_batch,
        }
    }
}

/// Where a row of a step waits, in a chunk whose rows all wait: below those with which it opens.
pub(super) fn waiting_row(plan: &Plan, l: usize, step: usize, row: usize) -> usize {
    2 * plan.sizes.heads + step * plan.layers[l].step_rows + row
}

/// What the steps back carry.
#[derive(Debug)]
pub(super) struct HistoryCotangents<F> {
    /// Whether a chunk has been entered.
    pub(super) entered: bool,
    pub(super) with_weights: bool,
    pub(super) with_momentum: bool,
    /// Cotangents of W_a `[S]`, laid out as they are; empty while nothing is known of them or asked.
    pub(super) weights: Scratch<F>,
    /// Of S_a likewise.
    pub(super) momentum: Scratch<F>,
    /// Of the weights that all sequences share, layer by layer; empty if not asked for.
    pub(super) base: Vec<Scratch<F>>,
    /// Of those among them that no write touches, what products say: rows of all sequences and of many steps at once.
    pub(super) fixed: Vec<Option<SharedSum<F>>>,
    /// dA and dD `[S]`, laid out as the factors.
    pub(super) factors: Scratch<F>,
    pub(super) decays: Option<DecayCotangents<F>>,
    pub(super) by_row: ByRowCotangents<F>,
    /// What waits `[S]`: rows in the place of dy, in that of x, and P.
    pub(super) waiting: Scratch<F>,
    pub(super) dy: Vec<Region>,
    pub(super) x: Vec<Region>,
    pub(super) p: Vec<Region>,
    pub(super) waiting_len: usize,
    /// For products with W_a where their result is looked at twice, and for coefficients.
    pub(super) product: Scratch<F>,
    pub(super) coefficients: Scratch<F>,
}

impl<F: Kernels> HistoryCotangents<F> {
    pub fn new(saved: &MemorySaved<F>, end: MemoryEnd<'_, F>) -> Self {
        let (plan, history) = (&saved.plan, &saved.history);
        let (samples, heads) = (plan.sizes.samples, plan.sizes.heads);
        let places = &history.places;
        let mut waiting = Allocator::default();
        let layers = || plan.layers.iter().enumerate();
        let own_steps = history.longest_own();
        let waits = |n: usize, l: &LayerPlan| match places.weights[n].rows {
            0 => 0,
            _ => l.batch_rows.max(waiting_row(plan, n, own_steps, 0)),
        };
        let dy = layers()
            .map(|(n, l)| waiting.region(waits(n, l), l.out))
            .collect();
        let x = layers()
            .map(|(n, l)| waiting.region(waits(n, l), l.input))
            .collect();
        let p = layers()
            .map(|(n, l)| waiting.region(waits(n, l), history.widest(n)))
            .collect();
        let given = |d: &[&[F]]| d.iter().any(|d| !d.is_empty());
        let needed = history.chunks.len() > 1
            || given(end.d_weights)
            || given(end.d_momentum)
            || end.with_weights;
        let length = samples * places.weights_len;
        let mut weights = Scratch::zeros(if needed { length } else { 0 });
        let mut momentum = Scratch::zeros(if needed && saved.rule.momentum {
            length
        } else {
            0
        });
        let base: Vec<Scratch<F>> = match end.with_weights {
            true => plan
                .layers
                .iter()
                .map(|l| Scratch::zeros(Region::new(l.out, l.input).len()))
                .collect(),
            false => Vec::new(),
        };
        let fixed = layers().map(|(n, l)| {
            let asked = end.with_weights && places.weights[n].rows == 0;
            asked.then(|| SharedSum::of_shape([l.out, l.input], false, 2 * samples * heads))
        });
        let fixed = fixed.collect();
        let written = saved.rule.program.written();
        for (given, to) in [
            (end.d_weights, &mut weights),
            (end.d_momentum, &mut momentum),
        ] {
            for (l, d) in written.iter().zip(given).filter(|(_, d)| !d.is_empty()) {
                spread(&places.weights[*l], to, places.weights_len, d);
            }
        }
        let widest = plan
            .layers
            .iter()
            .map(|l| l.out.max(l.input))
            .max()
            .unwrap_or(1);
        let columns = (0..plan.layers.len())
            .map(|l| history.widest(l))
            .max()
            .unwrap_or(1);
        let gated = history.decays.is_some();
        let twice = gated || plan.layers.iter().any(|l| l.by_row);
        HistoryCotangents {
            entered: false,
            with_weights: end.with_weights,
            with_momentum: end.with_momentum,
            weights,
            momentum,
            base,
            fixed,
            factors: Scratch::new(samples * places.factors_len),
            decays: gated.then(|| DecayCotangents::new(samples, longest(history))),
            by_row: ByRowCotangents::new(plan),
            waiting: Scratch::new(samples * waiting.0),
            dy,
            x,
            p,
            waiting_len: waiting.0,
            product: Scratch::new(
                Region::new(if twice { 2 * samples * heads } else { 0 }, widest).len(),
            ),
            coefficients: Scratch::new(2 * Region::new(2 * heads, columns).len()),
        }
    }

    /// Takes one product back; `x` is its operand, `dy` the cotangent of its result, `dx` that of the operand, replaced if it is the
    /// first.
    #[expect(
        clippy::too_many_arguments,
        reason = "two operands, a result, and where in time"
    )]
    pub fn product(
        &mut self,
        history: &mut History<F>,
        plan: &Plan,
        side: Side,
        (l, group, each): (usize, Group, usize),
        x: (&[F], Region),
        dy: (&[F], Region),
        dx: (&mut [F], Region),
        fresh: bool,
        back: BackUse,
    ) {
        let layer = &plan.layers[l];
        let heads = plan.sizes.heads;
        let other = match side {
            Side::Apply => Side::Pull,
            Side::Pull => Side::Apply,
        };
        let faded = history.decays.is_some() && layer.fades();
        if layer.by_row {
            self.by_row_base(
                history,
                (l, group, each),
                x,
                dy,
                (&mut *dx.0, dx.1),
                fresh,
                back.version,
            );
        } else if faded {
            self.faded_base(
                history,
                other,
                (l, group, each),
                x,
                dy,
                (&mut *dx.0, dx.1),
                fresh,
                back.version,
            );
        } else {
            let store = if fresh { Store::Overwrite } else { Store::Add };
            history.base(other, l, group, each, dy, (&mut *dx.0, dx.1), store);
        }
        let rows = back.version * layer.updates * heads + back.updates * heads;
        let columns = layer.updates * heads;
        let places = &history.places;
        // Weights that all sequences share and no write has made: nobody waits for what a product says of them, or many steps' go
        // into one product.
        if places.weights[l].rows == 0 {
            if let Some(sum) = &mut self.fixed[l] {
                let of = |(from, region): (_, Region)| region.group(group, each).view(from);
                match side {
                    Side::Apply => sum.add(of(dy), of(x)),
                    Side::Pull => sum.add(of(x), of(dy)),
                }
            }
            return;
        }
        for s in group.sequences() {
            let (x_s, dy_s, dx_s) = (
                x.1.group(only(s), each),
                dy.1.group(only(s), each),
                dx.1.group(only(s), each),
            );
            let waiting = &mut self.waiting[s * self.waiting_len..][..self.waiting_len];
            let (as_dy, as_x) = match side {
                Side::Apply => ((dy.0, dy_s), (x.0, x_s)),
                Side::Pull => ((x.0, x_s), (dy.0, dy_s)),
            };
            let first = back.row(history, plan, l);
            let here = |region: Region| region.skip(first).first(each);
            here(self.dy[l]).copy_from(waiting, as_dy);
            here(self.x[l]).copy_from(waiting, as_x);
            if rows == 0 {
                continue;
            }
            let factors = &history.factors[s * places.factors_len..][..places.factors_len];
            let a = (factors, places.a[l].first(rows));
            let d = match history.by_row.of(s, l) {
                Some(by_row) => by_row.at_version(back.version, rows),
                None => (factors, places.d[l].first(rows)),
            };
            let (near, far) = match side {
                Side::Apply => (d, a),
                Side::Pull => (a, d),
            };
            // P stands in the waiting rows, C with the coefficients.
            let p = here(self.p[l]).narrow(rows);
            matmul_nt(
                dy_s.view(dy.0),
                near.1.view(near.0),
                p.view_mut(waiting),
                Store::Overwrite,
            );
            let (range, c) = history.coefficients(s, l);
            let at = chunk_row(c, back.step, layer, back.at.first, each).narrow(rows);
            let stored = &mut history.stored[range];
            let numbers = history
                .decays
                .as_ref()
                .filter(|_| faded)
                .map(|d| &d.version(s, back.version).r[..back.version]);
            if let (Some(_), Some(cotangents)) = (numbers, &mut self.decays) {
                let of = cotangents.of(s);
                for r in 0..each {
                    let (new, old) = (p.row(waiting, r), at.row(stored, r));
                    add_products(&mut of.r[..back.version], -F::one(), new, old, columns);
                }
            }
            let faded = Region::new(each, rows);
            let new = match numbers {
                None => p.view(waiting),
                Some(numbers) => {
                    for r in 0..each {
                        let to = faded.row_mut(&mut self.coefficients, r);
                        scale_columns(to, p.row(waiting, r), numbers, columns);
                    }
                    faded.view(&self.coefficients)
                }
            };
            matmul(new, far.1.view(far.0), dx_s.view_mut(dx.0), Store::Subtract);
            if side == Side::Pull {
                // Here the operands have changed places, and so do the coefficients.
                for r in 0..each {
                    p.row_mut(waiting, r).swap_with_slice(at.row_mut(stored, r));
                }
            }
        }
    }

    /// A product whose result nobody looks at.
    pub fn dead(
        &mut self,
        history: &History<F>,
        plan: &Plan,
        l: usize,
        group: Group,
        each: usize,
        back: BackUse,
    ) {
        if history.places.weights[l].rows == 0 {
            return;
        }
        let first = back.row(history, plan, l);
        for s in group.sequences() {
            let waiting = &mut self.waiting[s * self.waiting_len..][..self.waiting_len];
            for region in [self.dy[l], self.x[l], self.p[l]] {
                region
                    .skip(first)
                    .first(each)
                    .of_mut(waiting)
                    .fill(F::zero());
            }
        }
    }

    /// At an update: all that its weights were used for goes into dD, dA and dW_a. Where dD and dA of its rows lie.
    pub fn written(
        &mut self,
        saved: &mut MemorySaved<F>,
        (l, t, update): (usize, usize, usize),
        s: usize,
    ) -> (Region, Region) {
        let MemorySaved { plan, history, .. } = saved;
        let (layer, heads) = (&plan.layers[l], plan.sizes.heads);
        let chunk = history.chunk();
        let step = t - chunk.first;
        let first_row = (step * layer.updates + update) * heads;
        let (row, count, version, updates) = if update + 1 == layer.updates {
            let count = match (step + 1 < chunk.steps, t + 1 < plan.sizes.steps) {
                (true, _) => 2 * heads + layer.early_rows,
                (false, false) => 2 * heads,
                // The next chunk has them.
                (false, true) => 0,
            };
            (layer.reading.first, count, step + 1, 0)
        } else {
            let (first, count) = layer.between[update];
            (first, count, step, update + 1)
        };
        let first = match history.own(s, l) {
            Some(_) => waiting_row(plan, l, step, row),
            None => 0,
        };
        self.flush(
            plan,
            history,
            (l, s),
            (first, step * layer.step_rows + row, count),
            (version, updates),
        );
        let places = &history.places;
        (
            places.d[l].skip(first_row).first(heads),
            places.a[l].skip(first_row).first(heads),
        )
    }

    /// Where the cotangents of a sequence's writes lie.
    pub fn factors(&self, s: usize, history: &History<F>) -> &[F] {
        &self.factors[s * history.places.factors_len..][..history.places.factors_len]
    }

    /// Takes in a batch: `count` waiting rows from `first` on, whose coefficients stand from row `start` on.
    fn flush(
        &mut self,
        plan: &Plan,
        history: &mut History<F>,
        (l, s): (usize, usize),
        (first, start, count): (usize, usize, usize),
        (version, updates): (usize, usize),
    ) {
        if count == 0 {
            return;
        }
        let layer = &plan.layers[l];
        let columns = layer.updates * plan.sizes.heads;
        let rows = version * columns + updates * plan.sizes.heads;
        let places = &history.places;
        let waiting = &mut self.waiting[s * self.waiting_len..][..self.waiting_len];
        let batch = |region: Region| region.skip(first).first(count);
        let (dy, x) = (batch(self.dy[l]), batch(self.x[l]));
        let number = history
            .decays
            .as_ref()
            .filter(|_| layer.fades())
            .map(|d| d.version(s, version));
        if rows > 0 {
            let p = batch(self.p[l]).narrow(rows);
            let (range, c) = history.coefficients(s, l);
            let c = c.skip(start).first(count).narrow(rows);
            let stored = &mut history.stored[range];
            if let Some(number) = number {
                for r in 0..count {
                    scale_columns_in_place(p.row_mut(waiting, r), &number.r[..version], columns);
                    scale_columns_in_place(c.row_mut(stored, r), &number.r[..version], columns);
                }
            }
            let to = &mut self.factors[s * places.factors_len..][..places.factors_len];
            let (a, d) = (places.a[l].first(rows), places.d[l].first(rows));
            matmul_tn(
                c.view(stored),
                dy.view(waiting),
                d.view_mut(to),
                Store::Subtract,
            );
            matmul_tn(
                p.view(waiting),
                x.view(waiting),
                a.view_mut(to),
                Store::Subtract,
            );
        }
        let own = history.own(s, l).is_some();
        let of_start = history.chunk().first == 0;
        let momentum = history.own_momentum(s, l).is_some() && (!of_start || self.with_momentum);
        if let (Some(number), true) = (number, momentum && !self.momentum.is_empty()) {
            let region = places.weights[l];
            let mut faded = Scratch::new(dy.len());
            let to = dy.rebased(dy.offset);
            (0..count)
                .for_each(|r| scaled(to.row_mut(&mut faded, r), number.q, dy.row(waiting, r)));
            let gs = &mut self.momentum[s * places.weights_len..][..places.weights_len];
            matmul_tn(
                to.view(&faded),
                x.view(waiting),
                region.view_mut(gs),
                Store::Subtract,
            );
        }
        if of_start && !self.with_weights {
            return;
        }
        if let Some(number) = number {
            (0..count).for_each(|r| scale(dy.row_mut(waiting, r), number.p));
        }
        if let Some(by_row) = history.by_row.of(s, l) {
            (0..count).for_each(|r| by_row.keep(dy.row_mut(waiting, r), version));
        }
        // What sequences have of their own waits for the rest of its chunk.
        if own {
            return;
        }
        if let Some(base) = self.base.get_mut(l) {
            let to = Region::new(layer.out, layer.input);
            matmul_tn(
                dy.view(waiting),
                x.view(waiting),
                to.view_mut(base),
                Store::Add,
            );
        }
    }

    /// What no write of the step has taken in: of layers that nobody writes to, and at the start of a chunk.
    pub fn end_step(&mut self, saved: &mut MemorySaved<F>, t: usize) {
        let MemorySaved { plan, history, .. } = saved;
        let heads = plan.sizes.heads;
        let step = t - history.chunk().first;
        for (l, layer) in plan.layers.iter().enumerate() {
            if history.places.weights[l].rows == 0 {
                continue;
            }
            for s in 0..plan.sizes.samples {
                let batch = if layer.updates == 0 {
                    (waiting_row(plan, l, step, 0), 0, layer.step_rows)
                } else if step == 0 {
                    (2 * heads, 0, layer.early_rows)
                } else {
                    continue;
                };
                self.flush(plan, history, (l, s), batch, (0, 0));
            }
        }
    }

    /// From after a step to before it, in a layer that forgets row by row, once all that used its weights is known: the cotangent
    /// of k.
    pub fn retreat_by_row(&mut self, saved: &MemorySaved<F>, l: usize, t: usize, s: usize) -> F {
        let history = &saved.history;
        let Some(by_row) = history.by_row.of(s, l) else {
            return F::zero();
        };
        let keep = saved.numbers(t).get(Scalar::Keep, s);
        let at = (t - history.chunk().first, keep);
        let places = &history.places;
        let own = &mut self.factors[s * places.factors_len..][..places.factors_len];
        self.by_row.retreat((s, l), by_row, at, (own, places.d[l]))
    }

    /// From after a step to before it: the cotangents of k and eta.
    pub fn retreat(&mut self, saved: &MemorySaved<F>, t: usize, s: usize) -> [F; 2] {
        let (Some(cotangents), Some(decays)) = (&mut self.decays, &saved.history.decays) else {
            return [F::zero(); 2];
        };
        let step = t - saved.history.chunk().first;
        let numbers = saved.numbers(t);
        let (keep, momentum) = (
            numbers.get(Scalar::Keep, s),
            numbers.get(Scalar::Momentum, s),
        );
        cotangents.retreat(s, step, keep, momentum, decays.version(s, step))
    }
}

/// The steps of the longest chunk.
fn longest<F>(history: &History<F>) -> usize {
    history.chunks.iter().map(|c| c.steps).max().unwrap_or(0)
}

/// Copies `[S, rows, columns]` into each sequence's region.
fn spread<F: Kernels>(region: &Region, to: &mut [F], each: usize, from: &[F]) {
    let size = region.rows * region.columns;
    assert_eq!(
        from.len() * each,
        to.len() * size,
        "a cotangent of the memory"
    );
    for (to, from) in to.chunks_exact_mut(each).zip(from.chunks_exact(size)) {
        for (r, row) in from.chunks_exact(region.columns).enumerate() {
            region.row_mut(to, r).copy_from_slice(row);
        }
    }
}
