//! The adjoint of the memory, a block of sequences at a time, from the last step to the first.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, Scratch};

use super::direct::{DirectAdjoint, settle};
use super::dual_adjoint::{DualAdjoint, DualCotangents};
use super::elementwise::{add_scaled, through_tanh};
use super::forward::{MemorySaved, fill, unpadded};
use super::layout::Layout;
use super::passes::{AdjointGroup, AdjointPasses, part, part_of};
use super::rule::Rule;
use super::targets::{TargetsGradient, TargetsSum};

/// What one step of the adjoint takes and gives, for all sequences of the block.
#[derive(Debug)]
pub struct StepAdjoint<'a, F> {
    /// The step, from T - 1 down to 0.
    pub step: usize,
    /// The interactions that the step forward was given: row s is `interactions[s * interaction_stride..][..3HM]`.
    pub interactions: &'a [F],
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
}

/// The cotangents of a block of sequences on their way back through the steps.
#[derive(Debug)]
pub struct MemoryAdjoint<F> {
    saved: MemorySaved<F>,
    with_initial: bool,
    /// G `[S]`, as the weights; empty once the dual form has taken over, or if it need not.
    gradients: Scratch<F>,
    dual: Option<DualCotangents<F>>,
    /// Cotangents and inputs of products `[S]`, of which the waiting rows live from one step to the next.
    rows: Scratch<F>,
    changes: Scratch<F>,
    d_changes: Scratch<F>,
    spare: Scratch<F>,
    carry: Scratch<F>,
    below: Scratch<F>,
    /// The gradient of the targets network, for rules that have one.
    targets: Option<TargetsSum<F>>,
    /// Cotangents of the values through the targets at one step `[S, H, M]`.
    d_values: Scratch<F>,
}

impl<F: Kernels> MemoryAdjoint<F> {
    /// The adjoint before its first step, which is the last one. `d_memory` holds the cotangents of the weights after the last
    /// step, for each layer `[S, out, in]`; an empty slice, or none at all, stands for zeros. Those of the initial weights are
    /// only computed if `with_initial`.
    ///
    /// # Panics
    ///
    /// If a cotangent has another length than its weights.
    pub fn new(saved: MemorySaved<F>, d_memory: &[&[F]], with_initial: bool) -> Self {
        let (layout, sizes) = (&saved.layout, &saved.sizes);
        let needed = !saved.weights.is_empty() || d_memory.iter().any(|d| !d.is_empty());
        let gradients = if needed {
            own_gradients(layout, sizes.samples, d_memory)
        } else {
            Scratch::new(0)
        };
        let mut rows = Scratch::new(sizes.samples * layout.rows_len);
        nothing_waits(layout, &mut rows);
        let scratch = |length| Scratch::new(length);
        let together = if saved.history.is_some() {
            sizes.samples
        } else {
            1
        };
        let rows_of_step = sizes.samples * sizes.heads;
        MemoryAdjoint {
            with_initial,
            gradients,
            dual: None,
            rows,
            changes: scratch(together * layout.changes_len),
            d_changes: scratch(together * layout.changes_len),
            spare: scratch(together * layout.changes_len),
            carry: scratch(together * layout.carry_len),
            below: scratch(together * layout.below_len),
            d_values: scratch(match saved.targets {
                Some(_) => rows_of_step * sizes.shape.value(),
                None => 0,
            }),
            targets: saved
                .targets
                .as_ref()
                .map(|network| TargetsSum::new(network, rows_of_step)),
            saved,
        }
    }

    /// One step of all sequences, backwards.
    ///
    /// # Panics
    ///
    /// If a shape does not fit.
    pub fn step(&mut self, step: StepAdjoint<'_, F>) {
        let samples = self.saved.sizes.samples;
        let dual_steps = self.saved.history.as_ref().map_or(0, |h| h.steps);
        if step.step < dual_steps {
            self.hand_over();
        }
        let saved = &mut self.saved;
        let (layout, rule) = (&saved.layout, saved.rule.steps());
        let index = step.step * samples;
        let width = saved.targets.as_ref().map_or(0, |t| t.width()) * layout.heads;
        let d_targets = match &mut self.targets {
            Some(targets) => targets.next().0,
            None => &mut [],
        };
        let records = &saved.records[index * layout.record_len..][..samples * layout.record_len];
        let rates = &saved.rates[index..][..samples];
        let dual = saved
            .history
            .as_mut()
            .filter(|_| step.step < dual_steps)
            .zip(self.dual.as_mut());
        if let Some((history, cotangents)) = dual {
            let mut group = AdjointGroup {
                layout,
                count: samples,
                records,
                rows: &mut self.rows,
                changes: &mut self.changes,
                d_changes: &mut self.d_changes,
                spare: &mut self.spare,
                carry: &mut self.carry,
                below: &mut self.below,
                rates,
                d_rates: step.d_rates,
                d_targets,
                d_interactions: step.d_interactions,
                interaction_stride: step.interaction_stride,
            };
            (0..samples).for_each(|s| group.one(s).seed(step.d_reads.row(s), step.d_meta[s]));
            retreat(
                &mut group,
                &mut DualAdjoint {
                    history,
                    cotangents,
                    step: step.step,
                },
                rule,
            );
        } else {
            for s in 0..samples {
                let mut group = AdjointGroup {
                    layout,
                    count: 1,
                    records: &records[s * layout.record_len..][..layout.record_len],
                    rows: &mut self.rows[s * layout.rows_len..][..layout.rows_len],
                    changes: &mut self.changes,
                    d_changes: &mut self.d_changes,
                    spare: &mut self.spare,
                    carry: &mut self.carry,
                    below: &mut self.below,
                    rates: &rates[s..=s],
                    d_rates: &mut step.d_rates[s..=s],
                    d_targets: &mut d_targets[s * width..][..width],
                    d_interactions: &mut step.d_interactions[s * step.interaction_stride..],
                    interaction_stride: step.interaction_stride,
                };
                let weights = &mut saved.weights[s * layout.weights_len..][..layout.weights_len];
                let gradients = &mut self.gradients[s * layout.weights_len..][..layout.weights_len];
                group.one(0).seed(step.d_reads.row(s), step.d_meta[s]);
                retreat(&mut group, &mut DirectAdjoint { weights, gradients }, rule);
            }
        }
        self.values(
            step.interactions,
            step.d_interactions,
            step.interaction_stride,
        );
    }

    /// At the last step of the dual form: what is known of the weights after it becomes known of its factors.
    fn hand_over(&mut self) {
        let Some(history) = self.saved.history.as_ref().filter(|_| self.dual.is_none()) else {
            return;
        };
        let layout = &self.saved.layout;
        let sequences = self.gradients.chunks_exact_mut(layout.weights_len);
        for (gradients, rows) in sequences.zip(self.rows.chunks_exact(layout.rows_len)) {
            settle(layout, rows, gradients);
        }
        nothing_waits(layout, &mut self.rows);
        self.dual = Some(DualCotangents::new(
            history,
            layout,
            &self.gradients,
            self.with_initial,
        ));
        self.gradients = Scratch::new(0);
    }

    /// What the targets of a step say of the values, for all sequences in one product, and of their network.
    fn values(&mut self, interactions: &[F], d_interactions: &mut [F], stride: usize) {
        let (Some(network), Some(sum)) = (&self.saved.targets, &mut self.targets) else {
            return;
        };
        let (layout, sizes) = (&self.saved.layout, &self.saved.sizes);
        let (rows, value) = (sizes.samples * sizes.heads, sizes.shape.value());
        let (d_targets, values) = sum.next();
        network.pull_back(
            d_targets,
            MatrixMut::dense(&mut self.d_values, rows, value),
            rows,
        );
        let pairs = self.d_values.chunks_exact(value);
        for (row, (d_value, to)) in pairs.zip(values.chunks_exact_mut(value)).enumerate() {
            let (s, h) = (row / sizes.heads, row % sizes.heads);
            to.copy_from_slice(part_of(&interactions[s * stride..], layout, h, 1));
            add_scaled(
                part(&mut d_interactions[s * stride..], layout, h, 1),
                F::one(),
                d_value,
            );
        }
        sum.advance();
    }

    /// After step 0: the cotangents of the initial weights, for each layer `[out, in]` summed over the block if they were
    /// shared, else `[S, out, in]` (each empty if not asked for), and of the targets network.
    pub fn finish(mut self) -> (Vec<Vec<F>>, Option<TargetsGradient<F>>) {
        if self.saved.history.is_some() {
            // For sequences without a step.
            self.hand_over();
        }
        let layout = &self.saved.layout;
        let sizes = &self.saved.sizes;
        let initial = match &mut self.dual {
            _ if !self.with_initial => vec![Vec::new(); layout.layers],
            Some(dual) => {
                dual.settle(layout, &self.rows, sizes.samples);
                let layers = layout.weights.iter().zip(&dual.base);
                layers
                    .map(|(w, base)| dense_rows(&w.after(w.offset), base))
                    .collect()
            }
            None => {
                let sequences = self.gradients.chunks_exact_mut(layout.weights_len);
                for (gradients, rows) in sequences.zip(self.rows.chunks_exact(layout.rows_len)) {
                    settle(layout, rows, gradients);
                }
                let layer = |l: usize| match self.saved.shared[l] {
                    false => unpadded(&self.gradients, layout, l),
                    true => summed(&self.gradients, layout, l),
                };
                (0..layout.layers).map(layer).collect()
            }
        };
        (initial, self.targets.map(TargetsSum::finish))
    }
}

/// The course of a step back, which all rules share.
fn retreat<F: Kernels>(
    group: &mut AdjointGroup<'_, F>,
    passes: &mut dyn AdjointPasses<F>,
    rule: &dyn Rule<F>,
) {
    let layout = group.layout;
    let heads = layout.heads;
    group.each(|one| rule.changes(layout, one.record, one.rate, one.changes));
    for l in (0..layout.layers).rev() {
        group.each(|one| {
            let inputs = layout.inputs[l].first(2 * heads);
            inputs
                .of_mut(one.rows)
                .copy_from_slice(layout.after[l].of(one.record));
        });
        passes.after(l, group);
        group.each(|one| {
            let below = layout.below[l];
            if l > 0 {
                let to = layout.cotangents[l - 1].first(2 * heads).of_mut(one.rows);
                through_tanh(to, below.of(one.below), layout.after[l].of(one.record));
                return;
            }
            for h in 0..heads {
                part(one.d_interaction, layout, h, 0).copy_from_slice(below.row(one.below, h));
                part(one.d_interaction, layout, h, 2)
                    .copy_from_slice(below.row(one.below, heads + h));
            }
        });
    }
    group.each(|mut one| {
        one.await_cotangents();
        *one.d_rate = F::zero();
    });
    rule.adjoint(group, passes);
    group.each(|mut one| one.keys());
}

/// Zeros where rows wait.
fn nothing_waits<F: Kernels>(layout: &Layout, rows: &mut [F]) {
    for rows in rows.chunks_exact_mut(layout.rows_len) {
        for region in layout.cotangents.iter().chain(&layout.inputs) {
            region.skip(2 * layout.heads).of_mut(rows).fill(F::zero());
        }
    }
}

/// G after the last step.
fn own_gradients<F: Kernels>(layout: &Layout, samples: usize, d_memory: &[&[F]]) -> Scratch<F> {
    let mut gradients = Scratch::new(samples * layout.weights_len);
    for (s, gradients) in gradients.chunks_exact_mut(layout.weights_len).enumerate() {
        for (l, region) in layout.weights.iter().enumerate() {
            let length = region.rows * region.columns;
            let from = d_memory.get(l).copied().unwrap_or(&[]);
            assert!(
                from.is_empty() || from.len() == samples * length,
                "cotangent of layer {l}"
            );
            match from.is_empty() {
                true => region.of_mut(gradients).fill(F::zero()),
                false => fill(region, gradients, &from[s * length..][..length]),
            }
        }
    }
    gradients
}

fn dense_rows<F: Kernels>(region: &super::layout::Region, data: &[F]) -> Vec<F> {
    let mut dense = Vec::with_capacity(region.rows * region.columns);
    (0..region.rows).for_each(|r| dense.extend_from_slice(region.row(data, r)));
    dense
}

/// The sum over the sequences of a layer's cotangents.
fn summed<F: Kernels>(gradients: &[F], layout: &Layout, layer: usize) -> Vec<F> {
    let region = layout.weights[layer];
    let mut sum = vec![F::zero(); region.len()];
    for gradients in gradients.chunks_exact(layout.weights_len) {
        add_scaled(&mut sum, F::one(), region.of(gradients));
    }
    dense_rows(&region.after(region.offset), &sum)
}
