//! Layers that forget row by row, each row of their weights by a number of its own.
//!
//! With `W_a` where the chunk began, after v of its steps
//!
//! ```text
//! W_v = diag(p_v) W_a - D_v^T A          kappa_v = k (1 - beta sum_h x_h)          k = 1 - phi
//! p_(v+1) = kappa_v p_v;  p_0 = 1        D_(v+1) = kappa_v D_v, below it the rows of the newest step as they were written
//! ```
//!
//! D stands once for every v: the way back needs each of them, and could not divide by a kappa near zero.

use mnm_tensor::kernels::{Kernels, Scratch, dot};

use super::elementwise::add_scaled;
use super::layout::{Allocator, Region};
use super::plan::Plan;

/// Where the numbers of a layer lie, of one sequence.
#[derive(Clone, Copy, Debug)]
struct Places {
    /// Rows that a step writes.
    each: usize,
    /// `1 - beta sum_h x_h` of every step.
    kept: Region,
    /// p after every step, and before the first.
    passed: Region,
    /// D likewise, one below the other; that of v has room for what step v writes.
    versions: Region,
}

/// The numbers of all layers of the kind `[S]`, for one chunk.
#[derive(Debug)]
pub(super) struct ByRow<F> {
    places: Vec<Option<Places>>,
    length: usize,
    data: Scratch<F>,
}

/// Those of one sequence and layer.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a, F> {
    places: Places,
    data: &'a [F],
}

/// The same, to be written.
pub(super) struct LayerMut<'a, F> {
    places: Places,
    data: &'a mut [F],
}

impl Places {
    /// D after `version` steps.
    fn version(&self, version: usize) -> Region {
        let first = self.each * version * (version + 1) / 2;
        self.versions.skip(first).first(self.each * (version + 1))
    }
}

/// x *= y.
fn times<F: Kernels>(x: &mut [F], y: &[F]) {
    mnm_tensor::kernels::vectorised(|| x.iter_mut().zip(y).for_each(|(x, y)| *x *= *y));
}

impl<F: Kernels> ByRow<F> {
    /// For chunks of at most `steps` steps.
    pub fn new(plan: &Plan, steps: usize) -> Self {
        let mut all = Allocator::default();
        let mut place = |layer: &super::plan::LayerPlan| {
            let each = layer.updates * plan.sizes.heads;
            layer.by_row.then(|| Places {
                each,
                kept: all.region(steps, layer.out),
                passed: all.region(steps + 1, layer.out),
                versions: all.region(each * (steps + 1) * (steps + 2) / 2, layer.out),
            })
        };
        let places = plan.layers.iter().map(&mut place).collect();
        ByRow {
            places,
            length: all.0,
            data: Scratch::new(plan.sizes.samples * all.0),
        }
    }

    pub fn of(&self, s: usize, l: usize) -> Option<Layer<'_, F>> {
        self.places[l].map(|places| Layer {
            places,
            data: &self.data[s * self.length..][..self.length],
        })
    }

    pub fn of_mut(&mut self, s: usize, l: usize) -> Option<LayerMut<'_, F>> {
        self.places[l].map(|places| LayerMut {
            places,
            data: &mut self.data[s * self.length..][..self.length],
        })
    }

    /// Before the first step of a chunk.
    pub fn begin(&mut self, s: usize) {
        for l in 0..self.places.len() {
            if let Some(layer) = self.of_mut(s, l) {
                layer.places.passed.row_mut(layer.data, 0).fill(F::one());
            }
        }
    }

    /// From before a step of the chunk to after it; `keep` is `1 - phi`.
    pub fn advance(&mut self, s: usize, step: usize, keep: F) {
        for l in 0..self.places.len() {
            if let Some(mut layer) = self.of_mut(s, l) {
                layer.advance(step, keep);
            }
        }
    }
}

impl<'a, F: Kernels> Layer<'a, F> {
    /// p after `version` steps.
    pub fn passed(&self, version: usize) -> &'a [F] {
        self.places.passed.row(self.data, version)
    }

    /// The first `rows` rows of D after `version` steps.
    pub fn at_version(&self, version: usize, rows: usize) -> (&'a [F], Region) {
        (self.data, self.places.version(version).first(rows))
    }

    /// What W kept of itself, row by row: `row` times p after `version` steps.
    pub fn keep(&self, row: &mut [F], version: usize) {
        times(row, self.passed(version));
    }
}

impl<F: Kernels> LayerMut<'_, F> {
    /// Row `row` of D before a step has ended.
    pub fn change_mut(&mut self, step: usize, row: usize) -> &mut [F] {
        self.places.version(step).row_mut(self.data, row)
    }

    /// What a step forgets: `x` are its rows `[H, out]`.
    pub fn decay(&mut self, step: usize, rate: F, x: (&[F], Region)) {
        let kept = self.places.kept.row_mut(self.data, step);
        kept.fill(F::one());
        (0..x.1.rows).for_each(|h| add_scaled(kept, -rate, x.1.row(x.0, h)));
    }

    fn advance(&mut self, step: usize, keep: F) {
        let Places {
            each, kept, passed, ..
        } = self.places;
        let (before, after) = (self.places.version(step), self.places.version(step + 1));
        // They lie in this order, each version behind the one before.
        let (known, new) = self.data.split_at_mut(passed.skip(step + 1).offset);
        let kept = kept.row(known, step);
        new[..passed.columns].copy_from_slice(passed.row(known, step));
        fade(&mut new[..passed.columns], keep, kept);
        let (known, new) = self.data.split_at_mut(after.offset);
        let kept = self.places.kept.row(known, step);
        let to = after.rebased(after.offset);
        for r in 0..each * (step + 1) {
            let row = to.row_mut(new, r);
            row.copy_from_slice(before.row(known, r));
            // The newest has not faded yet.
            if r < each * step {
                fade(row, keep, kept);
            }
        }
    }
}

/// The cotangents of p, of the version that the way back has reached, and of what the present step keeps.
#[derive(Debug)]
pub(super) struct ByRowCotangents<F> {
    places: Vec<Option<Region>>,
    length: usize,
    data: Vec<F>,
}

impl<F: Kernels> ByRowCotangents<F> {
    pub fn new(plan: &Plan) -> Self {
        let mut all = Allocator::default();
        let mut place =
            |layer: &super::plan::LayerPlan| layer.by_row.then(|| all.region(2, layer.out));
        let places = plan.layers.iter().map(&mut place).collect();
        ByRowCotangents {
            places,
            length: all.0,
            data: vec![F::zero(); plan.sizes.samples * all.0],
        }
    }

    /// Before the last step of a chunk.
    pub fn begin(&mut self) {
        self.data.fill(F::zero());
    }

    /// Of p.
    pub fn passed(&mut self, s: usize, l: usize) -> Option<&mut [F]> {
        let region = self.places[l]?;
        Some(region.row_mut(&mut self.data[s * self.length..], 0))
    }

    /// Of `1 - beta sum_h x_h` at the present step.
    pub fn kept(&self, s: usize, l: usize) -> Option<&[F]> {
        Some(self.places[l]?.row(&self.data[s * self.length..], 1))
    }

    /// From after a step to before it: `d` are the cotangents of D. The cotangent of k.
    pub fn retreat(
        &mut self,
        (s, l): (usize, usize),
        layer: Layer<'_, F>,
        (step, keep): (usize, F),
        d: (&mut [F], Region),
    ) -> F {
        let Some(region) = self.places[l] else {
            return F::zero();
        };
        let own = &mut self.data[s * self.length..][..self.length];
        let (passed, of_kept) = own[region.offset..].split_at_mut(region.stride);
        let (passed, of_kept) = (
            &mut passed[..region.columns],
            &mut of_kept[..region.columns],
        );
        let kept = layer.places.kept.row(layer.data, step);
        let (before, rows) = layer.at_version(step, layer.places.each * step);
        // First of kappa = k kept.
        of_kept.copy_from_slice(passed);
        times(of_kept, layer.passed(step));
        for r in 0..rows.rows {
            let d = d.1.row_mut(d.0, r);
            let products = d.iter().zip(rows.row(before, r));
            of_kept
                .iter_mut()
                .zip(products)
                .for_each(|(of, (d, x))| *of += *d * *x);
            fade(d, keep, kept);
        }
        fade(passed, keep, kept);
        let of_keep = dot(of_kept, kept);
        of_kept.iter_mut().for_each(|d| *d *= keep);
        of_keep
    }
}

/// x *= k kept.
fn fade<F: Kernels>(x: &mut [F], keep: F, kept: &[F]) {
    mnm_tensor::kernels::vectorised(|| {
        x.iter_mut()
            .zip(kept)
            .for_each(|(x, kept)| *x *= keep * *kept);
    });
}
