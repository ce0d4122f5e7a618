//! Products with the weights as a chunk sees them, forward; and what a write adds to its rows.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, Scratch, Store, matmul, matmul_nt};

use super::decay::scale_columns;
use super::elementwise::{add_scaled, scaled};
use super::history::{History, Side};
use super::layout::{Group, Region};
use super::plan::{LayerPlan, Plan};

impl<F: Kernels> History<F> {
    /// y = x W_a^T or e W_a, for the rows of a group.
    #[expect(
        clippy::too_many_arguments,
        reason = "an operand, a result, and whose they are"
    )]
    pub fn base(
        &self,
        side: Side,
        l: usize,
        group: Group,
        each: usize,
        x: (&[F], Region),
        y: (&mut [F], Region),
        store: Store,
    ) {
        match (side, &self.shared[l]) {
            (Side::Apply, Some(shared)) if self.own(group.first, l).is_none() => {
                let (x, y) = (
                    x.1.group(group, each).view(x.0),
                    y.1.group(group, each).view_mut(y.0),
                );
                shared.forward.multiply(x, y, store);
            }
            (Side::Pull, Some(shared)) if self.own(group.first, l).is_none() => {
                let (x, y) = (
                    x.1.group(group, each).view(x.0),
                    y.1.group(group, each).view_mut(y.0),
                );
                shared.backward.multiply(x, y, store);
            }
            _ => {
                for s in group.sequences() {
                    let Some((weights, region)) = self.own(s, l) else {
                        continue;
                    };
                    let one = super::layout::only(s);
                    let x = x.1.group(one, each).view(x.0);
                    let y = y.1.group(one, each).view_mut(&mut *y.0);
                    times(side, x, region.view(weights), y, store);
                }
            }
        }
    }

    /// y = x W^T or e W with the weights after `step` steps of the chunk and `updates` updates of the step after them. The
    /// coefficients are kept in rows from `first` on of the step's.
    #[expect(
        clippy::too_many_arguments,
        reason = "an operand, a result, and where in time"
    )]
    pub fn product(
        &mut self,
        side: Side,
        plan: &Plan,
        l: usize,
        group: Group,
        each: usize,
        x: (&[F], Region),
        y: (&mut [F], Region),
        at: (usize, usize, usize),
    ) {
        let (step, updates, row) = at;
        self.weighted(side, plan, l, group, each, x, y, (step, step, updates, row));
    }

    /// y = x W^T with the weights just written: in a step of the chunk, with which the coefficients stand, or those with which the chunk
    /// opens, and there are none.
    #[expect(
        clippy::too_many_arguments,
        reason = "an operand, a result, and where in time"
    )]
    pub fn product_after(
        &mut self,
        plan: &Plan,
        l: usize,
        group: Group,
        each: usize,
        x: (&[F], Region),
        y: (&mut [F], Region),
        (written, row): (Option<usize>, usize),
    ) {
        let (step, version) = written.map_or((0, 0), |step| (step, step + 1));
        self.weighted(
            Side::Apply,
            plan,
            l,
            group,
            each,
            x,
            y,
            (step, version, 0, row),
        );
    }

    /// Either: the coefficients stand with `step`, the weights are those after `version` steps and `updates` updates.
    #[expect(
        clippy::too_many_arguments,
        reason = "an operand, a result, and where in time"
    )]
    fn weighted(
        &mut self,
        side: Side,
        plan: &Plan,
        l: usize,
        group: Group,
        each: usize,
        x: (&[F], Region),
        y: (&mut [F], Region),
        (step, version, updates, row): (usize, usize, usize, usize),
    ) {
        self.base(side, l, group, each, x, (&mut *y.0, y.1), Store::Overwrite);
        let layer = &plan.layers[l];
        let a_step = layer.updates * plan.sizes.heads;
        let rows = version * a_step + updates * plan.sizes.heads;
        for s in group.sequences() {
            let one = super::layout::only(s);
            let (x_s, y_s) = (x.1.group(one, each), y.1.group(one, each));
            if let Some(rows) = self.by_row.of(s, l) {
                (0..each).for_each(|r| rows.keep(y_s.row_mut(y.0, r), version));
            } else if let Some(decays) = &self.decays
                && layer.updates > 0
            {
                let version = decays.version(s, version);
                (0..each).for_each(|r| scale(y_s.row_mut(y.0, r), version.p));
                if let Some((momentum, region)) = self.own_momentum(s, l) {
                    let product = Region::new(each, y.1.columns);
                    let mut faded = Scratch::new(product.len());
                    times(
                        side,
                        x_s.view(x.0),
                        region.view(momentum),
                        product.view_mut(&mut faded),
                        Store::Overwrite,
                    );
                    for r in 0..each {
                        add_scaled(y_s.row_mut(y.0, r), -version.q, product.row(&faded, r));
                    }
                }
            }
            if rows == 0 {
                continue;
            }
            let factors = &self.factors[s * self.places.factors_len..][..self.places.factors_len];
            let a = (factors, self.places.a[l].first(rows));
            let d = match self.by_row.of(s, l) {
                Some(by_row) => by_row.at_version(version, rows),
                None => (factors, self.places.d[l].first(rows)),
            };
            let (near, far) = match side {
                Side::Apply => (a, d),
                Side::Pull => (d, a),
            };
            let (stored, c) = self.coefficients(s, l);
            let at = chunk_row(c, step, layer, row, each).narrow(rows);
            let coefficients = &mut self.stored[stored];
            matmul_nt(
                x_s.view(x.0),
                near.1.view(near.0),
                at.view_mut(coefficients),
                Store::Overwrite,
            );
            match self.decays.as_ref().filter(|_| layer.fades()) {
                None => matmul(
                    at.view(coefficients),
                    far.1.view(far.0),
                    y_s.view_mut(y.0),
                    Store::Subtract,
                ),
                Some(decays) => {
                    let numbers = &decays.version(s, version).r[..version];
                    let faded = Region::new(each, rows);
                    for r in 0..each {
                        let to = faded.row_mut(&mut self.scaled, r);
                        scale_columns(to, at.row(coefficients, r), numbers, a_step);
                    }
                    matmul(
                        faded.view(&self.scaled),
                        far.1.view(far.0),
                        y_s.view_mut(y.0),
                        Store::Subtract,
                    );
                }
            }
        }
    }

    /// What a step forgets of each row of a layer: `x` are the rows of all sequences.
    pub fn decay(
        &mut self,
        l: usize,
        s: usize,
        (step, heads): (usize, usize),
        rate: F,
        x: (&[F], Region),
    ) {
        if let Some(mut by_row) = self.by_row.of_mut(s, l) {
            by_row.decay(step, rate, (x.0, x.1.group(super::layout::only(s), heads)));
        }
    }

    /// From before a step of the chunk to after it: what was written before it fades.
    pub fn fade(&mut self, s: usize, step: usize, keep: F, momentum: F) {
        self.by_row.advance(s, step, keep);
        if let Some(decays) = &mut self.decays {
            decays.advance(s, step, keep, momentum);
        }
    }

    /// Appends a write to the rows of a sequence: D = rate E, A.
    #[expect(clippy::too_many_arguments, reason = "two operands, and where in time")]
    pub fn append(
        &mut self,
        plan: &Plan,
        l: usize,
        s: usize,
        (step, updates): (usize, usize),
        rate: F,
        e: (&[F], Region),
        a: (&[F], Region),
    ) {
        let heads = plan.sizes.heads;
        let row = (step * plan.layers[l].updates + updates) * heads;
        let (to_a, to_d) = (self.places.a[l].skip(row), self.places.d[l].skip(row));
        let factors = &mut self.factors[s * self.places.factors_len..][..self.places.factors_len];
        let one = super::layout::only(s);
        let (e, a) = ((e.0, e.1.group(one, heads)), (a.0, a.1.group(one, heads)));
        for h in 0..heads {
            let e = e.1.row(e.0, h);
            match self.by_row.of_mut(s, l) {
                Some(mut by_row) => scaled(by_row.change_mut(step, row + h), rate, e),
                None => scaled(to_d.row_mut(factors, h), rate, e),
            }
            to_a.row_mut(factors, h).copy_from_slice(a.1.row(a.0, h));
        }
    }
}

/// The rows of coefficients of one product of a step.
pub(super) fn chunk_row(
    c: Region,
    step: usize,
    layer: &LayerPlan,
    row: usize,
    each: usize,
) -> Region {
    c.skip(step * layer.step_rows + row).first(each)
}

/// x W^T or e W with a matrix in memory.
pub(super) fn times<F: Kernels>(
    side: Side,
    x: Matrix<'_, F>,
    w: Matrix<'_, F>,
    y: MatrixMut<'_, F>,
    store: Store,
) {
    match side {
        Side::Apply => matmul_nt(x, w, y, store),
        Side::Pull => matmul(x, w, y, store),
    }
}

/// x *= factor.
pub(super) fn scale<F: Kernels>(x: &mut [F], factor: F) {
    mnm_tensor::kernels::vectorised(|| x.iter_mut().for_each(|x| *x *= factor));
}
