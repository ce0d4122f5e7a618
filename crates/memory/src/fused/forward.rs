//! The memory forward, a block of sequences at a time.

use std::sync::Arc;

use mnm_tensor::kernels::{
    AlignedBuffer, Kernels, Matrix, Store, Write, matmul_nt, write_then_apply,
};

use super::elementwise::{add_scaled, dot, scaled, scaled_difference};
use super::layout::{Allocator, Layout, MemorySizes, Region};
use super::rule::{ErrorsOf, FusedRule};
use super::targets::TargetsNetwork;

/// The weights of a layer before the first step.
#[derive(Clone, Copy, Debug)]
pub enum Initial<'a, F> {
    /// One `[out, in]` for all sequences, W_0.
    Shared(&'a [F]),
    /// Each sequence its own, `[S, out, in]`: a carried state.
    Each(&'a [F]),
}

/// What one step takes and gives, for all sequences of the block.
#[derive(Debug)]
pub struct StepForward<'a, F> {
    /// The step, from 0.
    pub step: usize,
    /// `[S, 3HM]`: head after head k^w, v^w, k^r.
    pub interaction: Matrix<'a, F>,
    /// beta `[S]`.
    pub rates: &'a [F],
    /// v_t, the mean over heads of f(k^r) after the write: row s is `reads[s * read_stride..][..M]`.
    pub reads: &'a mut [F],
    /// Elements from one sequence's read to the next.
    pub read_stride: usize,
    /// The meta losses `[S]`.
    pub meta: &'a mut [F],
}

/// What the backward pass needs: factors and activations of every step, the last weights, the rates.
#[derive(Debug)]
pub struct MemorySaved<F> {
    pub(super) rule: FusedRule,
    pub(super) sizes: MemorySizes,
    pub(super) layout: Layout,
    pub(super) targets: Option<Arc<TargetsNetwork<F>>>,
    /// `[S]` of all weights of a sequence, after the last step.
    pub(super) weights: AlignedBuffer<F>,
    /// `[T, S]` of records; of one step only if nothing is recorded.
    pub(super) records: AlignedBuffer<F>,
    /// beta `[T, S]`.
    pub(super) rates: Vec<F>,
    /// v^w `[T, S, H, M]` for rules with targets.
    pub(super) values: Vec<F>,
}

/// The memory of a block of sequences on its way through the steps.
#[derive(Debug)]
pub struct MemoryForward<F> {
    state: MemorySaved<F>,
    record: bool,
    /// What the targets network predicts at a step, `[S, H, targets]`.
    predicted: Vec<F>,
    /// D^l of one sequence, in regions as the errors' from offset 0.
    changes: AlignedBuffer<F>,
    /// f of the write keys, then of the read keys, after the write.
    out: AlignedBuffer<F>,
    out_region: Region,
}

impl<F: Kernels> MemoryForward<F> {
    /// The memory before the first step, one [`Initial`] for each layer. With `record`, what the adjoint needs is kept.
    ///
    /// # Panics
    ///
    /// If there are not as many initial weights as layers, one has another length than its shape, or the rule has
    /// targets and none are given.
    pub fn new(
        rule: FusedRule,
        sizes: MemorySizes,
        initial: &[Initial<'_, F>],
        targets: Option<Arc<TargetsNetwork<F>>>,
        record: bool,
    ) -> Self {
        let layout = Layout::new(&sizes);
        assert_eq!(
            initial.len(),
            layout.layers,
            "initial weights for each layer"
        );
        assert_eq!(
            targets.is_some(),
            rule.has_targets(),
            "{rule:?}: a targets network"
        );
        let mut weights = AlignedBuffer::filled(sizes.samples * layout.weights_len, F::nan());
        for (s, weights) in weights
            .chunks_exact_mut(layout.weights_len.max(1))
            .enumerate()
        {
            for (region, initial) in layout.weights.iter().zip(initial) {
                let length = region.rows * region.columns;
                let from = match initial {
                    Initial::Shared(w) => *w,
                    Initial::Each(w) => &w[s * length..][..length],
                };
                assert_eq!(
                    from.len(),
                    length,
                    "initial weights {} x {}",
                    region.rows,
                    region.columns
                );
                for (r, row) in from.chunks_exact(region.columns).enumerate() {
                    region.row_mut(weights, r).copy_from_slice(row);
                }
            }
        }
        let kept = if record { sizes.steps } else { 1 };
        let rows = sizes.samples * sizes.heads;
        let width = targets.as_ref().map_or(0, |t| t.width());
        let values = if width > 0 {
            kept * rows * sizes.shape.value()
        } else {
            0
        };
        let out_region = Allocator::default().region(2 * sizes.heads, sizes.shape.value());
        MemoryForward {
            record,
            predicted: vec![F::nan(); rows * width],
            changes: AlignedBuffer::filled(changes_len(&layout), F::nan()),
            out: AlignedBuffer::filled(out_region.len(), F::nan()),
            out_region,
            state: MemorySaved {
                rule,
                sizes,
                targets,
                weights,
                records: AlignedBuffer::filled(kept * sizes.samples * layout.record_len, F::nan()),
                rates: vec![F::nan(); kept * sizes.samples],
                values: vec![F::nan(); values],
                layout,
            },
        }
    }

    /// One step of all sequences: write, then read.
    ///
    /// # Panics
    ///
    /// If a shape does not fit.
    pub fn step(&mut self, step: StepForward<'_, F>) {
        let sizes = self.state.sizes;
        let (samples, heads, value) = (sizes.samples, sizes.heads, sizes.shape.value());
        let kept = if self.record { step.step } else { 0 };
        self.state.rates[kept * samples..][..samples].copy_from_slice(step.rates);
        let width = self.predict(kept, &step);
        let layout = &self.state.layout;
        for s in 0..samples {
            let interaction = step.interaction.row(s);
            let record = &mut self.state.records[(kept * samples + s) * layout.record_len..]
                [..layout.record_len];
            for (h, head) in interaction.chunks_exact(sizes.head()).enumerate() {
                layout.after[0]
                    .row_mut(record, h)
                    .copy_from_slice(&head[..value]);
                layout.after[0]
                    .row_mut(record, heads + h)
                    .copy_from_slice(&head[2 * value..]);
            }
            let mut one = Sequence {
                layout,
                weights: &mut self.state.weights[s * layout.weights_len..][..layout.weights_len],
                record,
                changes: &mut self.changes,
                out: &mut self.out,
                out_region: self.out_region,
            };
            one.before();
            self.state.rule.steps().errors(ErrorsOf {
                layout,
                weights: one.weights,
                record: one.record,
                values: &interaction[value..],
                head_stride: sizes.head(),
                targets: &self.predicted[s * heads * width..][..heads * width],
                rate: step.rates[s],
                changes: one.changes,
            });
            one.after();
            let read = &mut step.reads[s * step.read_stride..][..value];
            step.meta[s] = one.outcome(&interaction[value..], sizes.head(), read);
        }
    }

    /// The targets of all sequences in one product; returns their width.
    fn predict(&mut self, kept: usize, step: &StepForward<'_, F>) -> usize {
        let Some(network) = &self.state.targets else {
            return 0;
        };
        let sizes = self.state.sizes;
        let (rows, value) = (sizes.samples * sizes.heads, sizes.shape.value());
        let values = &mut self.state.values[kept * rows * value..][..rows * value];
        for s in 0..sizes.samples {
            let heads = step.interaction.row(s).chunks_exact(sizes.head());
            for (h, head) in heads.enumerate() {
                values[(s * sizes.heads + h) * value..][..value]
                    .copy_from_slice(&head[value..2 * value]);
            }
        }
        network.predict(Matrix::dense(values, rows, value), &mut self.predicted);
        network.width()
    }

    /// The weights of a layer as they are now, `[S, out, in]` without padding.
    pub fn weights(&self, layer: usize) -> Vec<F> {
        unpadded(&self.state.weights, &self.state.layout, layer)
    }

    /// What the adjoint needs, if it was recorded.
    pub fn into_saved(self) -> Option<MemorySaved<F>> {
        self.record.then_some(self.state)
    }
}

/// How long a buffer for D^l of all layers is.
pub(super) fn changes_len(layout: &Layout) -> usize {
    layout.errors.iter().map(Region::len).sum()
}

/// The regions of D^l: those of the errors, moved to the start of a buffer.
pub(super) fn change(layout: &Layout, layer: usize) -> Region {
    let start = layout.errors.first().map_or(0, |e| e.offset);
    Region {
        offset: layout.errors[layer].offset - start,
        ..layout.errors[layer]
    }
}

/// A layer of all sequences without padding.
pub(super) fn unpadded<F: Kernels>(weights: &[F], layout: &Layout, layer: usize) -> Vec<F> {
    let region = layout.weights[layer];
    let rows = weights
        .chunks_exact(layout.weights_len)
        .flat_map(|weights| (0..region.rows).map(move |r| region.row(weights, r)));
    rows.flatten().copied().collect()
}

/// One sequence at one step.
struct Sequence<'a, F> {
    layout: &'a Layout,
    weights: &'a mut [F],
    record: &'a mut [F],
    changes: &'a mut [F],
    out: &'a mut [F],
    out_region: Region,
}

impl<F: Kernels> Sequence<'_, F> {
    /// The activations of the write keys with the weights before the write.
    fn before(&mut self) {
        let layers = self.layout.layers;
        for l in 0..layers {
            let to = if l + 1 < layers {
                self.layout.before[l + 1]
            } else {
                self.layout.errors[l]
            };
            let (known, rest) = self.record.split_at_mut(to.offset);
            let x = self.layout.before[l].view(known);
            let w = self.layout.weights[l].view(self.weights);
            let y = Region { offset: 0, ..to };
            matmul_nt(x, w, y.view_mut(rest), Store::Overwrite);
            if l + 1 < layers {
                F::tanh_slice(y.of_mut(rest));
            }
        }
    }

    /// The write, and the activations of all keys with the weights after it.
    fn after(&mut self) {
        let layers = self.layout.layers;
        for l in 0..layers {
            let to = if l + 1 < layers {
                self.layout.after[l + 1]
            } else {
                self.layout.miss
            };
            let (known, rest) = self.record.split_at_mut(to.offset);
            let write = Write {
                d: change(self.layout, l).view(self.changes),
                a: self.layout.before[l].view(known),
            };
            let x = self.layout.after[l].view(known);
            let w = self.layout.weights[l].view_mut(self.weights);
            if l + 1 < layers {
                let y = Region { offset: 0, ..to };
                write_then_apply(w, write, x, y.view_mut(rest));
                F::tanh_slice(y.of_mut(rest));
            } else {
                write_then_apply(w, write, x, self.out_region.view_mut(self.out));
            }
        }
    }

    /// The read, and the meta loss, which is returned.
    fn outcome(&mut self, values: &[F], head_stride: usize, read: &mut [F]) -> F {
        let heads = self.layout.heads;
        let (mean, miss) = (F::one() / F::of(heads as f64), self.layout.miss);
        let mut squares = F::zero();
        read.fill(F::zero());
        for h in 0..heads {
            let value = &values[h * head_stride..][..miss.columns];
            let row = miss.row_mut(self.record, h);
            scaled_difference(row, F::one(), self.out_region.row(self.out, h), value);
            squares += dot(row, row);
            add_scaled(read, mean, self.out_region.row(self.out, heads + h));
        }
        squares / F::of((heads * miss.columns) as f64)
    }
}

/// D = beta E for one layer.
pub(super) fn scale_change<F: Kernels>(
    layout: &Layout,
    layer: usize,
    record: &[F],
    rate: F,
    changes: &mut [F],
) {
    scaled(
        change(layout, layer).of_mut(changes),
        rate,
        layout.errors[layer].of(record),
    );
}
