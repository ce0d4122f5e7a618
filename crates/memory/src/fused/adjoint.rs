//! The adjoint of the memory, a block of sequences at a time, from the last step to the first.

use mnm_tensor::kernels::{
    AlignedBuffer, Kernels, Matrix, MatrixMut, Store, Write, accumulate, apply_then_undo, matmul,
    matmul_tn,
};

use super::elementwise::{add_scaled, dot, scaled, through_tanh};
use super::forward::{MemorySaved, change, changes_len, unpadded};
use super::layout::{Allocator, Layout, Region};
use super::targets::TargetsGradient;

/// What one step of the adjoint takes and gives, for all sequences of the block.
#[derive(Debug)]
pub struct StepAdjoint<'a, F> {
    /// The step, from T - 1 down to 0.
    pub step: usize,
    /// Cotangents of the reads `[S, M]`.
    pub d_reads: Matrix<'a, F>,
    /// Cotangents of the meta losses `[S]`.
    pub d_meta: &'a [F],
    /// Cotangents of the interaction, replaced: row s is `d_interaction[s * interaction_stride..][..3HM]`.
    pub d_interaction: &'a mut [F],
    /// Elements from one sequence's interaction to the next.
    pub interaction_stride: usize,
    /// Cotangents of the rates `[S]`, replaced.
    pub d_rates: &'a mut [F],
}

/// The regions of the adjoint's own buffers.
#[derive(Debug)]
pub(super) struct AdjointRegions {
    /// Cotangents of layer l's products: of the 2H keys after the write, then the rows that wait since the step after.
    pub cotangents: Vec<Region>,
    /// What was multiplied, row for row as `cotangents`.
    pub inputs: Vec<Region>,
    rows_len: usize,
    /// Cotangents of `before[l]`: dA, then what comes down from the layers above as well.
    pub carry: Vec<Region>,
    carry_len: usize,
    /// Cotangents of layer l's inputs after the write; one for all layers.
    below: Vec<Region>,
    below_len: usize,
}

impl AdjointRegions {
    fn new(layout: &Layout, pending: impl Fn(usize) -> usize) -> Self {
        let (mut rows, mut carry) = (Allocator::default(), Allocator::default());
        let (mut cotangents, mut inputs, mut carries) = (Vec::new(), Vec::new(), Vec::new());
        let mut below: Vec<Region> = Vec::new();
        for (l, w) in layout.weights.iter().enumerate() {
            let count = (2 + pending(l)) * layout.heads;
            cotangents.push(rows.region(count, w.rows));
            inputs.push(rows.region(count, w.columns));
            carries.push(carry.region(layout.heads, w.columns));
            below.push(Region {
                offset: 0,
                ..layout.after[l]
            });
        }
        let below_len = below.iter().map(Region::len).max().unwrap_or(0);
        AdjointRegions {
            cotangents,
            inputs,
            rows_len: rows.0,
            carry: carries,
            carry_len: carry.0,
            below,
            below_len,
        }
    }
}

/// One sequence at one step, on the way back.
pub(super) struct Workspace<'a, F> {
    pub layout: &'a Layout,
    pub regions: &'a AdjointRegions,
    /// The weights: after the write, then before it.
    pub weights: &'a mut [F],
    /// G, the cotangents of the weights but for what waits in `rows`.
    pub gradients: &'a mut [F],
    pub record: &'a [F],
    pub rows: &'a mut [F],
    pub rate: F,
    /// D of every layer.
    pub changes: &'a mut [F],
    /// dD of every layer.
    pub d_changes: &'a mut [F],
    pub carry: &'a mut [F],
    pub below: &'a mut [F],
    /// For a rule's own use, as long as `changes`.
    pub spare: &'a mut [F],
    /// Cotangents of the targets `[H, targets]`; empty for rules without.
    pub d_targets: &'a mut [F],
    /// Cotangents of the interaction `[3HM]`: keys and values, head after head.
    pub d_interaction: &'a mut [F],
    pub d_rate: F,
}

impl<F: Kernels> Workspace<'_, F> {
    fn head(&self) -> usize {
        3 * self.layout.miss.columns
    }

    /// The cotangents of head h's value.
    pub fn d_value(&mut self, h: usize) -> &mut [F] {
        let (head, value) = (self.head(), self.layout.miss.columns);
        &mut self.d_interaction[h * head + value..][..value]
    }

    /// Where the adjoint of the step starts: the cotangents of the last layer's outputs after the write.
    fn seed(&mut self, d_read: &[F], d_meta: F) {
        let (heads, miss) = (self.layout.heads, self.layout.miss);
        let mean = F::one() / F::of(heads as f64);
        let slope = d_meta * F::of(2.0 / (heads * miss.columns) as f64);
        let top = self.regions.cotangents[self.layout.layers - 1];
        for h in 0..heads {
            let row = miss.row(self.record, h);
            scaled(top.row_mut(self.rows, h), slope, row);
            scaled(top.row_mut(self.rows, heads + h), mean, d_read);
            scaled(self.d_value(h), -slope, row);
        }
    }

    /// Back through what used the weights after the write, and through the write: undoes it, and leaves dD and dA.
    fn after(&mut self) {
        let (heads, head, value) = (self.layout.heads, self.head(), self.layout.miss.columns);
        for l in (0..self.layout.layers).rev() {
            let (cotangents, inputs) = (self.regions.cotangents[l], self.regions.inputs[l]);
            let x = self.layout.after[l];
            inputs
                .first(2 * heads)
                .of_mut(self.rows)
                .copy_from_slice(x.of(self.record));
            let below = self.regions.below[l];
            let write = Write {
                d: change(self.layout, l).view(self.changes),
                a: self.layout.before[l].view(self.record),
            };
            apply_then_undo(
                self.layout.weights[l].view_mut(self.weights),
                write,
                cotangents.first(2 * heads).view(self.rows),
                below.view_mut(self.below),
                Store::Overwrite,
            );
            accumulate(
                self.layout.weights[l].view_mut(self.gradients),
                cotangents.view(self.rows),
                inputs.view(self.rows),
                write,
                change(self.layout, l).view_mut(self.d_changes),
                self.regions.carry[l].view_mut(self.carry),
            );
            if l > 0 {
                let to = self.regions.cotangents[l - 1]
                    .first(2 * heads)
                    .of_mut(self.rows);
                through_tanh(to, below.of(self.below), x.of(self.record));
            } else {
                for h in 0..heads {
                    let d_head = &mut self.d_interaction[h * head..][..head];
                    d_head[..value].copy_from_slice(below.row(self.below, h));
                    d_head[2 * value..].copy_from_slice(below.row(self.below, heads + h));
                }
            }
        }
    }

    /// d beta += sum over heads of dD . E for one layer.
    pub fn rate_from(&mut self, layer: usize, errors: &[F]) {
        let region = Region {
            offset: 0,
            ..self.layout.errors[layer]
        };
        for h in 0..self.layout.heads {
            self.d_rate += dot(
                change(self.layout, layer).row(self.d_changes, h),
                region.row(errors, h),
            );
        }
    }

    /// Back through a^{l+1} = W a^l with the weights before the write: the first pending rows hold the product's
    /// cotangents; a^l joins them, and its cotangent grows.
    pub fn through_weights_before(&mut self, layer: usize) {
        let (heads, layout) = (self.layout.heads, self.layout);
        let inputs = self.regions.inputs[layer].skip(2 * heads).first(heads);
        inputs
            .of_mut(self.rows)
            .copy_from_slice(layout.before[layer].of(self.record));
        matmul(
            self.regions.cotangents[layer]
                .skip(2 * heads)
                .first(heads)
                .view(self.rows),
            layout.weights[layer].view(self.weights),
            self.regions.carry[layer].view_mut(self.carry),
            Store::Add,
        );
    }

    /// What reached the write keys through the weights before the write.
    fn keys(&mut self) {
        let (head, carry) = (self.head(), self.regions.carry[0]);
        for h in 0..self.layout.heads {
            let d_key = &mut self.d_interaction[h * head..][..carry.columns];
            add_scaled(d_key, F::one(), carry.row(self.carry, h));
        }
    }
}

/// The cotangents of a block of sequences on their way back through the steps.
#[derive(Debug)]
pub struct MemoryAdjoint<F> {
    saved: MemorySaved<F>,
    regions: AdjointRegions,
    /// G `[S]`, as the weights.
    gradients: AlignedBuffer<F>,
    /// Cotangents and inputs of products `[S]`; of which the pending rows live from one step to the next.
    rows: AlignedBuffer<F>,
    changes: AlignedBuffer<F>,
    d_changes: AlignedBuffer<F>,
    spare: AlignedBuffer<F>,
    carry: AlignedBuffer<F>,
    below: AlignedBuffer<F>,
    /// Cotangents of the targets `[T, S, H, targets]`.
    d_targets: Vec<F>,
    /// Cotangents of the values through the targets at one step `[S, H, M]`.
    d_values: Vec<F>,
}

impl<F: Kernels> MemoryAdjoint<F> {
    /// The adjoint before its first step, which is the last one. `d_memory` holds the cotangents of the weights after the last
    /// step, for each layer `[S, out, in]`; an empty slice stands for zeros.
    ///
    /// # Panics
    ///
    /// If a cotangent has another length than its weights.
    pub fn new(saved: MemorySaved<F>, d_memory: &[&[F]]) -> Self {
        let (layout, sizes) = (&saved.layout, &saved.sizes);
        let rule = saved.rule.steps::<F>();
        let regions = AdjointRegions::new(layout, |l| rule.pending(l));
        let mut gradients = AlignedBuffer::filled(saved.weights.len(), F::nan());
        for (s, gradients) in gradients.chunks_exact_mut(layout.weights_len).enumerate() {
            for (l, region) in layout.weights.iter().enumerate() {
                let length = region.rows * region.columns;
                let from = d_memory.get(l).copied().unwrap_or(&[]);
                assert!(
                    from.is_empty() || from.len() == sizes.samples * length,
                    "cotangent of layer {l}"
                );
                for r in 0..region.rows {
                    let to = region.row_mut(gradients, r);
                    match from.is_empty() {
                        true => to.fill(F::zero()),
                        false => to.copy_from_slice(
                            &from[s * length + r * region.columns..][..region.columns],
                        ),
                    }
                }
            }
        }
        let mut rows = AlignedBuffer::filled(sizes.samples * regions.rows_len, F::nan());
        for rows in rows.chunks_exact_mut(regions.rows_len) {
            for region in regions.cotangents.iter().chain(&regions.inputs) {
                region.skip(2 * layout.heads).of_mut(rows).fill(F::zero());
            }
        }
        let scratch = |length| AlignedBuffer::filled(length, F::nan());
        let width = saved.targets.as_ref().map_or(0, |t| t.width());
        let heads = sizes.samples * sizes.heads;
        MemoryAdjoint {
            gradients,
            rows,
            changes: scratch(changes_len(layout)),
            d_changes: scratch(changes_len(layout)),
            spare: scratch(changes_len(layout)),
            carry: scratch(regions.carry_len),
            below: scratch(regions.below_len),
            d_targets: vec![F::nan(); sizes.steps * heads * width],
            d_values: vec![
                F::nan();
                if width > 0 {
                    heads * sizes.shape.value()
                } else {
                    0
                }
            ],
            regions,
            saved,
        }
    }

    /// One step of all sequences, backwards.
    ///
    /// # Panics
    ///
    /// If a shape does not fit.
    pub fn step(&mut self, step: StepAdjoint<'_, F>) {
        let sizes = self.saved.sizes;
        let layout = &self.saved.layout;
        let rule = self.saved.rule.steps::<F>();
        let index = step.step * sizes.samples;
        let width = self.saved.targets.as_ref().map_or(0, |t| t.width()) * sizes.heads;
        for s in 0..sizes.samples {
            let rate = self.saved.rates[index + s];
            let record =
                &self.saved.records[(index + s) * layout.record_len..][..layout.record_len];
            rule.changes(layout, record, rate, &mut self.changes);
            let mut of = Workspace {
                layout,
                regions: &self.regions,
                weights: &mut self.saved.weights[s * layout.weights_len..][..layout.weights_len],
                gradients: &mut self.gradients[s * layout.weights_len..][..layout.weights_len],
                record,
                rows: &mut self.rows[s * self.regions.rows_len..][..self.regions.rows_len],
                rate,
                changes: &mut self.changes,
                d_changes: &mut self.d_changes,
                carry: &mut self.carry,
                below: &mut self.below,
                spare: &mut self.spare,
                d_targets: &mut self.d_targets[(index + s) * width..][..width],
                d_interaction: &mut step.d_interaction[s * step.interaction_stride..]
                    [..sizes.interaction()],
                d_rate: F::zero(),
            };
            of.seed(step.d_reads.row(s), step.d_meta[s]);
            of.after();
            rule.adjoint(&mut of);
            of.keys();
            step.d_rates[s] = of.d_rate;
        }
        if let Some(network) = &self.saved.targets {
            let (rows, value) = (sizes.samples * sizes.heads, sizes.shape.value());
            let d_targets = &self.d_targets[index * width..][..sizes.samples * width];
            network.pull_back(
                d_targets,
                MatrixMut::dense(&mut self.d_values, rows, value),
                rows,
            );
            for (row, d_value) in self.d_values.chunks_exact(value).enumerate() {
                let (s, h) = (row / sizes.heads, row % sizes.heads);
                let at = s * step.interaction_stride + h * sizes.head() + value;
                add_scaled(&mut step.d_interaction[at..][..value], F::one(), d_value);
            }
        }
    }

    /// After step 0: the cotangents of the initial weights, for each layer `[S, out, in]`, and of the targets network.
    pub fn finish(mut self) -> (Vec<Vec<F>>, Option<TargetsGradient<F>>) {
        let (layout, regions) = (&self.saved.layout, &self.regions);
        let sequences = self.gradients.chunks_exact_mut(layout.weights_len);
        for (gradients, rows) in sequences.zip(self.rows.chunks_exact(regions.rows_len)) {
            for (l, region) in layout.weights.iter().enumerate() {
                let cotangents = regions.cotangents[l].skip(2 * layout.heads).view(rows);
                let inputs = regions.inputs[l].skip(2 * layout.heads).view(rows);
                matmul_tn(cotangents, inputs, region.view_mut(gradients), Store::Add);
            }
        }
        let initial = (0..layout.layers)
            .map(|l| unpadded(&self.gradients, layout, l))
            .collect();
        let sizes = &self.saved.sizes;
        let rows = sizes.steps * sizes.samples * sizes.heads;
        let targets = self.saved.targets.as_ref();
        (
            initial,
            targets.map(|network| network.gradient(&self.d_targets, &self.saved.values, rows)),
        )
    }
}
