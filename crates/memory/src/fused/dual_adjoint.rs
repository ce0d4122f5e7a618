//! The dual form backwards: the cotangents of W become cotangents of A and D.
//!
//! ```text
//! y = x W^T:      dx = dy W_0 - P A  with P = dy D^T;    dD -= C^T dy  with C = x A^T;    dA -= P^T x
//! ```

use mnm_tensor::kernels::{Kernels, Scratch, Store, matmul, matmul_nt, matmul_tn};

use super::dual::History;
use super::layout::{Layout, Region};
use super::passes::{AdjointGroup, AdjointPasses};

/// What the steps back carry.
#[derive(Debug)]
pub(super) struct DualCotangents<F> {
    /// dA and dD `[S]`, as the factors; those of a step are complete once its write is reached.
    factors: Scratch<F>,
    /// P `[S]`, row for row as the cotangents of the group.
    products: Scratch<F>,
    /// The cotangents of W_0, layer by layer, summed over the block; nothing if not asked for.
    pub base: Vec<Scratch<F>>,
}

impl<F: Kernels> DualCotangents<F> {
    /// Before the last of the steps in the dual form. `gradients` `[S]` are the cotangents of the weights after it; an empty
    /// slice stands for zeros.
    pub fn new(history: &History<F>, layout: &Layout, gradients: &[F], with_base: bool) -> Self {
        let places = &history.places;
        let mut factors = Scratch::zeros(history.samples * places.factors_len);
        let mut base: Vec<Scratch<F>> = match with_base {
            true => layout
                .weights
                .iter()
                .map(|w| Scratch::zeros(w.len()))
                .collect(),
            false => Vec::new(),
        };
        for (s, gradients) in gradients.chunks_exact(layout.weights_len).enumerate() {
            let to = &mut factors[s * places.factors_len..][..places.factors_len];
            let from = history.factors(s);
            for (l, region) in layout.weights.iter().enumerate() {
                let (a, d, g) = (places.a[l], places.d[l], region.view(gradients));
                matmul_nt(a.view(from), g, d.view_mut(to), Store::Subtract);
                matmul(d.view(from), g, a.view_mut(to), Store::Subtract);
                if let Some(base) = base.get_mut(l) {
                    let to = region.after(region.offset);
                    (0..region.rows).for_each(|r| {
                        super::elementwise::add_scaled(
                            to.row_mut(base, r),
                            F::one(),
                            region.row(gradients, r),
                        );
                    });
                }
            }
        }
        let products = Scratch::new(history.samples * places.products_len);
        DualCotangents {
            factors,
            products,
            base,
        }
    }

    /// Adds what waits in the rows of all sequences to the cotangents of W_0, after the first step.
    pub fn settle(&mut self, layout: &Layout, rows: &[F], samples: usize) {
        for (l, base) in self.base.iter_mut().enumerate() {
            let waiting = 2 * layout.heads..layout.cotangents[l].rows;
            add_to_base(layout, l, rows, samples, waiting, base);
        }
    }
}

/// G_0 += dY^T X for some of the rows of all sequences.
fn add_to_base<F: Kernels>(
    layout: &Layout,
    l: usize,
    rows: &[F],
    samples: usize,
    which: std::ops::Range<usize>,
    base: &mut [F],
) {
    let region = layout.weights[l].after(layout.weights[l].offset);
    for r in which {
        let dy = layout.cotangents[l]
            .across(r, samples, layout.rows_len)
            .view(rows);
        let x = layout.inputs[l]
            .across(r, samples, layout.rows_len)
            .view(rows);
        matmul_tn(dy, x, region.view_mut(base), Store::Add);
    }
}

/// The steps back.
pub(super) struct DualAdjoint<'a, F> {
    pub history: &'a mut History<F>,
    pub cotangents: &'a mut DualCotangents<F>,
    pub step: usize,
}

/// One sequence and layer, restricted to the rows of writes that the weights in question contain.
struct Factors<'a, F> {
    a: Region,
    d: Region,
    values: &'a [F],
    cotangents: &'a mut [F],
    /// C of this step and of what follows it.
    coefficients: Region,
    c: &'a mut [F],
    products: Region,
    p: &'a mut [F],
}

impl<F: Kernels> DualAdjoint<'_, F> {
    fn factors(&mut self, s: usize, layer: usize, rows: usize) -> Factors<'_, F> {
        let History {
            places,
            factors,
            coefficients,
            ..
        } = &mut *self.history;
        let products = places.products[layer].narrow(rows);
        Factors {
            a: places.a[layer].first(rows),
            d: places.d[layer].first(rows),
            values: &factors[s * places.factors_len..][..places.factors_len],
            cotangents: &mut self.cotangents.factors[s * places.factors_len..]
                [..places.factors_len],
            coefficients: places.coefficients[layer]
                .skip(self.step * products.rows)
                .narrow(rows),
            c: &mut coefficients[s * places.coefficients_len..][..places.coefficients_len],
            products,
            p: &mut self.cotangents.products[s * places.products_len..][..places.products_len],
        }
    }
}

impl<F: Kernels> AdjointPasses<F> for DualAdjoint<'_, F> {
    fn after(&mut self, layer: usize, group: &mut AdjointGroup<'_, F>) {
        let (layout, count) = (group.layout, group.count);
        let (now, rows) = (2 * layout.heads, self.history.rows(self.step + 1));
        let (all, below) = (layout.cotangents[layer], layout.below[layer]);
        for r in 0..now {
            let dy = all.across(r, count, layout.rows_len).view(group.rows);
            let dx = below
                .across(r, count, layout.below_len)
                .view_mut(group.below);
            self.history.base[layer]
                .backward
                .multiply(dy, dx, Store::Overwrite);
        }
        // Nothing waits at the last of these steps: what came after it has gone into the cotangents of its weights.
        let live = if self.step + 1 < self.history.steps {
            all.rows
        } else {
            now
        };
        for s in 0..count {
            let one = group.one(s);
            let f = self.factors(s, layer, rows);
            let (dy, x) = (
                all.first(live).view(one.rows),
                layout.inputs[layer].first(live).view(one.rows),
            );
            let p = f.products;
            matmul_nt(
                all.first(now).view(one.rows),
                f.d.view(f.values),
                p.first(now).view_mut(f.p),
                Store::Overwrite,
            );
            matmul(
                p.first(now).view(f.p),
                f.a.view(f.values),
                below.view_mut(one.below),
                Store::Subtract,
            );
            let c = f.coefficients.skip(all.rows - now).first(live);
            matmul_tn(c.view(f.c), dy, f.d.view_mut(f.cotangents), Store::Subtract);
            matmul_tn(
                p.first(live).view(f.p),
                x,
                f.a.view_mut(f.cotangents),
                Store::Subtract,
            );
            let new = |region: Region| region.skip(rows - layout.heads);
            layout.changes[layer]
                .of_mut(one.d_changes)
                .copy_from_slice(new(f.d).of(f.cotangents));
            layout.carry[layer]
                .of_mut(one.carry)
                .copy_from_slice(new(f.a).of(f.cotangents));
        }
        if let Some(base) = self.cotangents.base.get_mut(layer) {
            add_to_base(layout, layer, group.rows, count, 0..live, base);
        }
    }

    fn inner(&mut self, layer: usize, group: &mut AdjointGroup<'_, F>) {
        let (layout, count, heads) = (group.layout, group.count, group.layout.heads);
        let rows = self.history.rows(self.step);
        let last = |region: Region| region.skip(3 * heads);
        let (e, d_q) = (last(layout.cotangents[layer]), last(layout.inputs[layer]));
        let d_e = layout.changes[layer];
        for h in 0..heads {
            let d_q = d_q.across(h, count, layout.rows_len).view(group.rows);
            let d_e = d_e
                .across(h, count, layout.changes_len)
                .view_mut(group.d_changes);
            self.history.base[layer]
                .forward
                .multiply(d_q, d_e, Store::Add);
        }
        for s in (0..count).filter(|_| rows > 0) {
            let one = group.one(s);
            let f = self.factors(s, layer, rows);
            let c = f.coefficients.skip(heads).first(heads);
            matmul_nt(
                d_q.view(one.rows),
                f.a.view(f.values),
                c.view_mut(f.c),
                Store::Overwrite,
            );
            matmul(
                c.view(f.c),
                f.d.view(f.values),
                d_e.view_mut(one.d_changes),
                Store::Subtract,
            );
            matmul_nt(
                e.view(one.rows),
                f.d.view(f.values),
                last(f.products).view_mut(f.p),
                Store::Overwrite,
            );
        }
    }

    fn before(&mut self, layer: usize, group: &mut AdjointGroup<'_, F>) {
        let (layout, count, heads) = (group.layout, group.count, group.layout.heads);
        let rows = self.history.rows(self.step);
        let waiting = |region: Region| region.skip(2 * heads).first(heads);
        let (dy, carry) = (waiting(layout.cotangents[layer]), layout.carry[layer]);
        for h in 0..heads {
            let dy = dy.across(h, count, layout.rows_len).view(group.rows);
            let dx = carry
                .across(h, count, layout.carry_len)
                .view_mut(group.carry);
            self.history.base[layer]
                .backward
                .multiply(dy, dx, Store::Add);
        }
        for s in (0..count).filter(|_| rows > 0) {
            let one = group.one(s);
            let f = self.factors(s, layer, rows);
            let p = waiting(f.products);
            matmul_nt(
                dy.view(one.rows),
                f.d.view(f.values),
                p.view_mut(f.p),
                Store::Overwrite,
            );
            matmul(
                p.view(f.p),
                f.a.view(f.values),
                carry.view_mut(one.carry),
                Store::Subtract,
            );
        }
    }
}
