//! The memory forward, a block of sequences at a time.

use std::sync::Arc;

use mnm_tensor::kernels::{Kernels, Matrix, Scratch, dot};

use super::direct::DirectForward;
use super::dual::{Base, DualForward, History, dual_steps};
use super::elementwise::add_scaled;
use super::layout::{Layout, MemorySizes, Region};
use super::passes::{ForwardGroup, ForwardOne, ForwardPasses};
use super::rule::FusedRule;
use super::targets::TargetsNetwork;

/// The weights of a layer before the first step.
#[derive(Clone, Copy, Debug)]
pub enum Initial<'a, F> {
    /// One `[out, in]` for all sequences, W_0.
    Shared(&'a [F]),
    /// Each sequence its own, `[S, out, in]`: a carried state.
    Each(&'a [F]),
}

/// How a block is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryOptions {
    /// Whether to keep what the adjoint needs.
    pub record: bool,
    /// How many rows of writes (steps times heads) at most the dual form carries before they are folded into weights;
    /// see [`super::break_even_rows`].
    pub dual_rows: usize,
}

/// What one step takes and gives, for all sequences of the block.
#[derive(Debug)]
pub struct StepForward<'a, F> {
    /// The step, from 0.
    pub step: usize,
    /// Head after head k^w, v^w, k^r: row s is `interactions[s * interaction_stride..][..3HM]`.
    pub interactions: &'a [F],
    /// Elements from one sequence's interaction to the next.
    pub interaction_stride: usize,
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
    /// Which layers started from weights that all sequences share.
    pub(super) shared: Vec<bool>,
    /// The first steps, in the dual form.
    pub(super) history: Option<History<F>>,
    /// `[S]` of all weights of a sequence, after the last step; empty while the dual form holds them.
    pub(super) weights: Scratch<F>,
    /// `[T, S]` of records; of one step only if nothing is recorded.
    pub(super) records: Scratch<F>,
    /// beta `[T, S]`.
    pub(super) rates: Scratch<F>,
}

/// The memory of a block of sequences on its way through the steps.
#[derive(Debug)]
pub struct MemoryForward<F> {
    state: MemorySaved<F>,
    record: bool,
    /// v^w of a step `[S, H, M]`, for rules with targets.
    values: Scratch<F>,
    /// What the targets network predicts from them, `[S, H, targets]`.
    predicted: Scratch<F>,
    /// D of the sequences of a group.
    changes: Scratch<F>,
    /// For the dual form's products.
    scratch: Scratch<F>,
}

impl<F: Kernels> MemoryForward<F> {
    /// The memory before the first step, one [`Initial`] for each layer.
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
        options: MemoryOptions,
    ) -> Self {
        let steps = rule.steps::<F>();
        let layout = Layout::new(&sizes, |l| steps.pending(l));
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
        let dual = dual_steps(&sizes, initial, options.dual_rows);
        let history =
            (dual > 0).then(|| History::new(&layout, &sizes, Base::new(&layout, initial), dual));
        let weights = match dual {
            0 => own_weights(&layout, &sizes, initial),
            _ => Scratch::new(0),
        };
        let kept = if options.record { sizes.steps } else { 1 };
        let rows = sizes.samples * sizes.heads;
        let width = targets.as_ref().map_or(0, |t| t.width());
        let values = if width > 0 {
            rows * sizes.shape.value()
        } else {
            0
        };
        let together = if dual > 0 { sizes.samples } else { 1 };
        let scratch = |length| Scratch::new(length);
        MemoryForward {
            record: options.record,
            values: scratch(values),
            predicted: scratch(rows * width),
            changes: scratch(together * layout.changes_len),
            scratch: scratch(history.as_ref().map_or(0, |h| h.scratch_len(&layout))),
            state: MemorySaved {
                rule,
                sizes,
                targets,
                shared: initial
                    .iter()
                    .map(|i| matches!(i, Initial::Shared(_)))
                    .collect(),
                history,
                weights,
                records: scratch(kept * sizes.samples * layout.record_len),
                rates: scratch(kept * sizes.samples),
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
        let samples = self.state.sizes.samples;
        let kept = if self.record { step.step } else { 0 };
        self.state.rates[kept * samples..][..samples].copy_from_slice(step.rates);
        self.predict(&step);
        let state = &mut self.state;
        let (layout, rule) = (&state.layout, state.rule.steps());
        let records =
            &mut state.records[kept * samples * layout.record_len..][..samples * layout.record_len];
        let targets = layout.heads
            * if self.predicted.is_empty() {
                0
            } else {
                layout.targets
            };
        let dual = state.history.as_ref().map_or(0, |h| h.steps);
        if let Some(history) = state.history.as_mut().filter(|_| step.step < dual) {
            let mut group = ForwardGroup {
                layout,
                count: samples,
                records,
                changes: &mut self.changes,
                rates: step.rates,
                targets: &self.predicted,
                interactions: step.interactions,
                interaction_stride: step.interaction_stride,
            };
            let mut passes = DualForward {
                history,
                step: step.step,
                scratch: &mut self.scratch,
            };
            advance(&mut group, &mut passes, rule);
            (0..samples).for_each(|s| {
                let read = &mut step.reads[s * step.read_stride..][..layout.value];
                step.meta[s] = outcome(group.one(s), read);
            });
            return;
        }
        if let Some(history) = state.history.as_ref().filter(|_| state.weights.is_empty()) {
            state.weights = history.fold(layout, dual);
        }
        for s in 0..samples {
            let mut group = ForwardGroup {
                layout,
                count: 1,
                records: &mut records[s * layout.record_len..][..layout.record_len],
                changes: &mut self.changes,
                rates: &step.rates[s..=s],
                targets: &self.predicted[s * targets..][..targets],
                interactions: &step.interactions[s * step.interaction_stride..],
                interaction_stride: step.interaction_stride,
            };
            let weights = &mut state.weights[s * layout.weights_len..][..layout.weights_len];
            advance(&mut group, &mut DirectForward { weights }, rule);
            let read = &mut step.reads[s * step.read_stride..][..layout.value];
            step.meta[s] = outcome(group.one(0), read);
        }
    }

    /// The targets of all sequences in one product.
    fn predict(&mut self, step: &StepForward<'_, F>) {
        let Some(network) = &self.state.targets else {
            return;
        };
        let sizes = self.state.sizes;
        let (rows, value) = (sizes.samples * sizes.heads, sizes.shape.value());
        for (row, to) in self.values.chunks_exact_mut(value).enumerate() {
            let (s, h) = (row / sizes.heads, row % sizes.heads);
            let at = s * step.interaction_stride + (3 * h + 1) * value;
            to.copy_from_slice(&step.interactions[at..at + value]);
        }
        network.predict(
            Matrix::dense(&self.values, rows, value),
            &mut self.predicted,
        );
    }

    /// The weights of a layer after `steps` steps, which must be all that were taken, `[S, out, in]` without padding.
    pub fn weights(&self, layer: usize, steps: usize) -> Vec<F> {
        let state = &self.state;
        match &state.history {
            Some(history) if state.weights.is_empty() => {
                history.fold_layer(&state.layout, layer, steps)
            }
            _ => unpadded(&state.weights, &state.layout, layer),
        }
    }

    /// What the adjoint needs, if it was recorded.
    pub fn into_saved(self) -> Option<MemorySaved<F>> {
        self.record.then_some(self.state)
    }
}

/// The course of a step, which all rules share.
fn advance<F: Kernels>(
    group: &mut ForwardGroup<'_, F>,
    passes: &mut dyn ForwardPasses<F>,
    rule: &dyn super::rule::Rule<F>,
) {
    let layout = group.layout;
    let heads = layout.heads;
    group.each(|one| {
        for h in 0..heads {
            let [write, _, read] = one.head(h);
            layout.after[0]
                .row_mut(one.record, h)
                .copy_from_slice(write);
            layout.after[0]
                .row_mut(one.record, heads + h)
                .copy_from_slice(read);
        }
    });
    for l in 0..layout.layers {
        passes.before(l, group);
        if l + 1 < layout.layers {
            group.each(|one| F::tanh_slice(layout.before[l + 1].of_mut(one.record)));
        }
    }
    rule.errors(group, passes);
    for l in 0..layout.layers {
        passes.after(l, group);
        if l + 1 < layout.layers {
            group.each(|one| F::tanh_slice(layout.after[l + 1].of_mut(one.record)));
        }
    }
}

/// The read, and the meta loss, which is returned.
fn outcome<F: Kernels>(one: ForwardOne<'_, F>, read: &mut [F]) -> F {
    let (heads, out) = (one.layout.heads, one.layout.after[one.layout.layers]);
    let mean = F::one() / F::of(heads as f64);
    let mut squares = F::zero();
    read.fill(F::zero());
    for h in 0..heads {
        add_scaled(read, mean, out.row(one.record, heads + h));
        let [_, value, _] = one.head(h);
        let miss = out.row_mut(one.record, h);
        add_scaled(miss, -F::one(), value);
        squares += dot(miss, miss);
    }
    squares / F::of((heads * out.columns) as f64)
}

/// Weights for each sequence from what they start as.
fn own_weights<F: Kernels>(
    layout: &Layout,
    sizes: &MemorySizes,
    initial: &[Initial<'_, F>],
) -> Scratch<F> {
    let mut weights = Scratch::new(sizes.samples * layout.weights_len);
    for (s, weights) in weights.chunks_exact_mut(layout.weights_len).enumerate() {
        for (region, initial) in layout.weights.iter().zip(initial) {
            let length = region.rows * region.columns;
            let from = match initial {
                Initial::Shared(w) => *w,
                Initial::Each(w) => &w[s * length..][..length],
            };
            fill(region, weights, from);
        }
    }
    weights
}

/// Copies a matrix without padding into a region.
pub(super) fn fill<F: Kernels>(region: &Region, to: &mut [F], from: &[F]) {
    assert_eq!(
        from.len(),
        region.rows * region.columns,
        "weights {} x {}",
        region.rows,
        region.columns
    );
    for (r, row) in from.chunks_exact(region.columns).enumerate() {
        region.row_mut(to, r).copy_from_slice(row);
    }
}

/// A layer of all sequences without padding.
pub(super) fn unpadded<F: Kernels>(weights: &[F], layout: &Layout, layer: usize) -> Vec<F> {
    let region = layout.weights[layer];
    let sequences = weights.len() / layout.weights_len;
    let mut dense = Vec::with_capacity(sequences * region.rows * region.columns);
    for weights in weights.chunks_exact(layout.weights_len) {
        (0..region.rows).for_each(|r| dense.extend_from_slice(region.row(weights, r)));
    }
    dense
}
