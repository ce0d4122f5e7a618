//! Products in the dual form: W_0, which all sequences share, and the writes so far, which are never carried out.
//!
//! ```text
//! x W_t^T = x W_0^T - (x A^T) D        d W_t = d W_0 - (d D^T) A        with all rows of A and D up to step t
//! ```
//!
//! W_0 multiplies the rows of all sequences of the block in one packed product. A and D `[n, .]` of n = t H rows are small
//! beside W until n comes near the width, and are only read, where a write to W reads and stores all of it.

use mnm_tensor::kernels::{Kernels, Matrix, Packed, Scratch, Store, matmul, matmul_nt, matmul_tn};

use super::forward::{Initial, fill};
use super::layout::{Allocator, Layout, MemorySizes, Region};
use super::passes::{ForwardGroup, ForwardPasses};
use crate::MemoryShape;

/// The rows of writes (steps times heads) up to which the dual form is the cheaper one: w (2/(3H) + 1/6) for layers of
/// width w.
///
/// The cost model, for a layer of w x w and one step of one sequence, forward and back. The direct form goes through W and
/// G five times, whatever H, and does 26 H w^2 operations meanwhile. The dual form multiplies 6 H rows with W_0, together with
/// those of the other sequences and at the full rate of packed products, 12 H w^2 operations, and goes through the n rows of A
/// and D with 36 H n w. With the times measured for w = 100 (docs/performance.md), in units of 10 ns: direct 140 + 88 H, dual
/// 52 H + 2.1 H n. They meet at n = 67 / H + 17, and in proportion for other widths.
pub fn break_even_rows(shape: &MemoryShape, heads: usize) -> usize {
    let weights = (0..shape.layers()).map(|l| shape.weight(l));
    let (area, side) = weights.fold((0, 0), |(area, side), [out, input]| {
        (area + out * input, side + out + input)
    });
    let width = 2 * area / side.max(1);
    2 * width / (3 * heads.max(1)) + width / 6
}

/// How many steps, from the first, are taken in the dual form: all that fit if every layer starts from shared weights.
pub(super) fn dual_steps<F>(sizes: &MemorySizes, initial: &[Initial<'_, F>], rows: usize) -> usize {
    let shared = initial.iter().all(|i| matches!(i, Initial::Shared(_)));
    if shared {
        sizes.steps.min(rows / sizes.heads.max(1))
    } else {
        0
    }
}

/// W_0 of a layer.
#[derive(Debug)]
pub(super) struct Base<F> {
    dense: Vec<F>,
    /// W_0^T, for x W_0^T.
    pub forward: Packed<F>,
    /// W_0, for d W_0.
    pub backward: Packed<F>,
}

impl<F: Kernels> Base<F> {
    pub fn new(layout: &Layout, initial: &[Initial<'_, F>]) -> Vec<Base<F>> {
        let layers = layout.weights.iter().zip(initial);
        let one = |(region, initial): (&Region, &Initial<'_, F>)| {
            let (Initial::Shared(w) | Initial::Each(w)) = *initial;
            let matrix = Matrix::dense(w, region.rows, region.columns);
            Base {
                dense: w.to_vec(),
                forward: Packed::transposed(matrix),
                backward: Packed::new(matrix),
            }
        };
        layers.map(one).collect()
    }
}

/// Where A, D and the coefficients of a sequence lie.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// A `[n, in]` and D `[n, out]`, layer by layer; their cotangents lie alike.
    pub a: Vec<Region>,
    pub d: Vec<Region>,
    pub factors_len: usize,
    /// x A^T `[R, n]` of every step, layer by layer: of the H keys before the write, of the H rows of an inner backward pass
    /// if there is one, of the 2H keys after it. From the last of these on, they lie as the rows of the adjoint.
    pub coefficients: Vec<Region>,
    pub coefficients_len: usize,
    /// d D^T `[R, n]` of one step, as the rows of the adjoint.
    pub products: Vec<Region>,
    pub products_len: usize,
}

/// The writes of the steps in the dual form.
#[derive(Debug)]
pub(super) struct History<F> {
    pub base: Vec<Base<F>>,
    /// How many steps, from the first, are in the dual form.
    pub steps: usize,
    pub samples: usize,
    heads: usize,
    pub places: Places,
    /// `[S]` of A and D.
    pub factors: Scratch<F>,
    /// `[S]`.
    pub coefficients: Scratch<F>,
}

impl<F: Kernels> History<F> {
    pub fn new(layout: &Layout, sizes: &MemorySizes, base: Vec<Base<F>>, steps: usize) -> Self {
        let rows = steps * sizes.heads;
        let (mut factors, mut coefficients, mut products) = (
            Allocator::default(),
            Allocator::default(),
            Allocator::default(),
        );
        let places = Places {
            a: factors.regions(rows, layout.weights.iter().map(|w| w.columns)),
            d: factors.regions(rows, layout.weights.iter().map(|w| w.rows)),
            factors_len: factors.0,
            coefficients: layout
                .cotangents
                .iter()
                .map(|c| coefficients.region(steps * c.rows, rows))
                .collect(),
            coefficients_len: coefficients.0,
            products: layout
                .cotangents
                .iter()
                .map(|c| products.region(c.rows, rows))
                .collect(),
            products_len: products.0,
        };
        History {
            base,
            steps,
            samples: sizes.samples,
            heads: sizes.heads,
            factors: Scratch::new(sizes.samples * places.factors_len),
            coefficients: Scratch::new(sizes.samples * places.coefficients_len),
            places,
        }
    }

    pub fn factors(&self, s: usize) -> &[F] {
        &self.factors[s * self.places.factors_len..][..self.places.factors_len]
    }

    /// The weights of one sequence and layer after `steps` steps, into a region.
    fn fold_into(&self, s: usize, layer: usize, steps: usize, region: &Region, to: &mut [F]) {
        fill(region, to, &self.base[layer].dense);
        let (rows, factors) = (steps * self.heads, self.factors(s));
        let (d, a) = (
            self.places.d[layer].first(rows),
            self.places.a[layer].first(rows),
        );
        matmul_tn(
            d.view(factors),
            a.view(factors),
            region.view_mut(to),
            Store::Subtract,
        );
    }

    /// The weights of all sequences after `steps` steps.
    pub fn fold(&self, layout: &Layout, steps: usize) -> Scratch<F> {
        let mut weights = Scratch::new(self.samples * layout.weights_len);
        for (s, weights) in weights.chunks_exact_mut(layout.weights_len).enumerate() {
            for (layer, region) in layout.weights.iter().enumerate() {
                self.fold_into(s, layer, steps, region, weights);
            }
        }
        weights
    }

    /// The same for one layer, without padding.
    pub fn fold_layer(&self, layout: &Layout, layer: usize, steps: usize) -> Vec<F> {
        let region = Region {
            offset: 0,
            ..layout.weights[layer]
        };
        let mut weights = Scratch::new(region.len());
        let mut dense = Vec::with_capacity(self.samples * region.rows * region.columns);
        for s in 0..self.samples {
            self.fold_into(s, layer, steps, &region, &mut weights);
            (0..region.rows).for_each(|r| dense.extend_from_slice(region.row(&weights, r)));
        }
        dense
    }
}

impl<F> History<F> {
    /// How much scratch a step forward needs: a layer's outputs for all sequences, or one sequence's coefficients.
    pub fn scratch_len(&self, layout: &Layout) -> usize {
        let outputs = layout
            .weights
            .iter()
            .map(|w| Region::new(self.samples, w.rows).len());
        outputs
            .chain([Region::new(self.heads, self.rows(self.steps)).len()])
            .max()
            .unwrap_or(0)
    }

    /// The rows of writes before a step.
    pub fn rows(&self, step: usize) -> usize {
        step * self.heads
    }
}

/// The steps forward.
pub(super) struct DualForward<'a, F> {
    pub history: &'a mut History<F>,
    pub step: usize,
    pub scratch: &'a mut [F],
}

impl<F: Kernels> DualForward<'_, F> {
    /// y = x W^T, where x and y are regions of the records, W is that after `rows` rows of writes, and the coefficients go to
    /// the rows from `first` on of the step's.
    fn apply(
        &mut self,
        layer: usize,
        group: &mut ForwardGroup<'_, F>,
        x: Region,
        y: Region,
        rows: usize,
        first: usize,
    ) {
        let (count, record) = (group.count, group.layout.record_len);
        let History {
            base,
            places,
            factors,
            coefficients,
            ..
        } = &mut *self.history;
        let product = Region::new(count, y.columns);
        for r in 0..x.rows {
            let out = product.view_mut(self.scratch);
            base[layer].forward.multiply(
                x.across(r, count, record).view(group.records),
                out,
                Store::Overwrite,
            );
            for s in 0..count {
                y.row_mut(group.one(s).record, r)
                    .copy_from_slice(product.row(self.scratch, s));
            }
        }
        if rows == 0 {
            return;
        }
        let (a, d) = (places.a[layer].first(rows), places.d[layer].first(rows));
        let step = places.coefficients[layer].skip(self.step * places.products[layer].rows);
        let c = step.skip(first).first(x.rows).narrow(rows);
        for s in 0..count {
            let record = group.one(s).record;
            let factors = &factors[s * places.factors_len..][..places.factors_len];
            let coefficients =
                &mut coefficients[s * places.coefficients_len..][..places.coefficients_len];
            matmul_nt(
                x.view(record),
                a.view(factors),
                c.view_mut(coefficients),
                Store::Overwrite,
            );
            matmul(
                c.view(coefficients),
                d.view(factors),
                y.view_mut(record),
                Store::Subtract,
            );
        }
    }
}

impl<F: Kernels> ForwardPasses<F> for DualForward<'_, F> {
    fn before(&mut self, layer: usize, group: &mut ForwardGroup<'_, F>) {
        let (x, y) = (group.layout.before[layer], group.layout.before[layer + 1]);
        self.apply(layer, group, x, y, self.history.rows(self.step), 0);
    }

    fn inner(&mut self, layer: usize, group: &mut ForwardGroup<'_, F>) {
        let layout = group.layout;
        let (e, q) = (layout.changes[layer], layout.errors[layer - 1]);
        let rows = self.history.rows(self.step);
        let History {
            base,
            places,
            factors,
            ..
        } = &*self.history;
        for h in 0..e.rows {
            let e = e
                .across(h, group.count, layout.changes_len)
                .view(group.changes);
            let q = q.across(h, group.count, layout.record_len);
            base[layer]
                .backward
                .multiply(e, q.view_mut(group.records), Store::Overwrite);
        }
        let (a, d) = (places.a[layer].first(rows), places.d[layer].first(rows));
        let p = Region::new(e.rows, rows);
        for s in (0..group.count).filter(|_| rows > 0) {
            let one = group.one(s);
            let factors = &factors[s * places.factors_len..][..places.factors_len];
            let products = &mut self.scratch[..];
            matmul_nt(
                e.view(one.changes),
                d.view(factors),
                p.view_mut(products),
                Store::Overwrite,
            );
            matmul(
                p.view(products),
                a.view(factors),
                q.view_mut(one.record),
                Store::Subtract,
            );
        }
    }

    fn after(&mut self, layer: usize, group: &mut ForwardGroup<'_, F>) {
        let layout = group.layout;
        let (before, after) = (
            self.history.rows(self.step),
            self.history.rows(self.step + 1),
        );
        let History {
            places, factors, ..
        } = &mut *self.history;
        for s in 0..group.count {
            let one = group.one(s);
            let factors = &mut factors[s * places.factors_len..][..places.factors_len];
            let new = |region: Region| region.skip(before).first(after - before);
            new(places.a[layer])
                .of_mut(factors)
                .copy_from_slice(layout.before[layer].of(one.record));
            new(places.d[layer])
                .of_mut(factors)
                .copy_from_slice(layout.changes[layer].of(one.changes));
        }
        let first = places.products[layer].rows - 2 * layout.heads;
        self.apply(
            layer,
            group,
            layout.after[layer],
            layout.after[layer + 1],
            after,
            first,
        );
    }
}
