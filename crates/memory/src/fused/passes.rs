//! What the rules' common course asks of the weights, and the sequences that it is asked for.
//!
//! The course through a step is the same whether the weights are there as matrices ([`super::direct`]) or as W_0 and the
//! writes so far ([`super::dual`]); only its products differ. A group is the sequences that go through the products
//! together: one at a time where each has its own weights, all of the block where they share W_0.

use mnm_tensor::kernels::Kernels;

use super::elementwise::{add_scaled, scaled};
use super::layout::Layout;

/// The products of a forward step, each for all sequences of a group.
pub(super) trait ForwardPasses<F> {
    /// y = x W^T with x = `before[l]` and the weights before the write; y goes where layer l + 1 or the errors expect it.
    fn before(&mut self, layer: usize, group: &mut ForwardGroup<'_, F>);

    /// q = E W with E in `changes[l]` and the weights before the write; q goes to `errors[l - 1]`.
    fn inner(&mut self, layer: usize, group: &mut ForwardGroup<'_, F>);

    /// W -= D^T A, then y = x W^T with x = `after[l]`; y goes where layer l + 1 or the outcome expect it.
    fn after(&mut self, layer: usize, group: &mut ForwardGroup<'_, F>);
}

/// The sequences of a forward step.
pub(super) struct ForwardGroup<'a, F> {
    pub layout: &'a Layout,
    pub count: usize,
    /// Records of this step, one after the other.
    pub records: &'a mut [F],
    pub changes: &'a mut [F],
    pub rates: &'a [F],
    /// Targets `[count, H, targets]`; empty for rules without.
    pub targets: &'a [F],
    /// Interaction vectors `[count]`, `interaction_stride` apart.
    pub interactions: &'a [F],
    pub interaction_stride: usize,
}

/// One sequence of a forward step.
pub(super) struct ForwardOne<'a, F> {
    pub layout: &'a Layout,
    pub record: &'a mut [F],
    pub changes: &'a mut [F],
    pub rate: F,
    /// `[H, targets]`.
    pub targets: &'a [F],
    /// `[H, 3M]`.
    pub interaction: &'a [F],
}

impl<F: Kernels> ForwardGroup<'_, F> {
    pub fn one(&mut self, s: usize) -> ForwardOne<'_, F> {
        let layout = self.layout;
        let targets = if self.targets.is_empty() {
            0
        } else {
            layout.heads * layout.targets
        };
        ForwardOne {
            layout,
            record: &mut self.records[s * layout.record_len..][..layout.record_len],
            changes: &mut self.changes[s * layout.changes_len..][..layout.changes_len],
            rate: self.rates[s],
            targets: &self.targets[s * targets..][..targets],
            interaction: &self.interactions[s * self.interaction_stride..]
                [..3 * layout.heads * layout.value],
        }
    }

    /// Does the same to every sequence.
    pub fn each(&mut self, mut body: impl FnMut(ForwardOne<'_, F>)) {
        (0..self.count).for_each(|s| body(self.one(s)));
    }
}

impl<'a, F: Kernels> ForwardOne<'a, F> {
    /// k^w, v^w and k^r of a head.
    pub fn head(&self, h: usize) -> [&'a [F]; 3] {
        let value = self.layout.value;
        let interaction: &'a [F] = self.interaction;
        let head = &interaction[3 * h * value..][..3 * value];
        [&head[..value], &head[value..2 * value], &head[2 * value..]]
    }
}

/// The products of a step back, each for all sequences of a group.
pub(super) trait AdjointPasses<F> {
    /// Back through y = x W^T of all keys with the weights after the write, from the first 2H `cotangents[l]` to
    /// `below[l]`; the write is undone; `d_changes[l]` and `carry[l]` get dD and dA, with all that the rows say.
    fn after(&mut self, layer: usize, group: &mut AdjointGroup<'_, F>);

    /// Back through q = E W: `d_changes[l]` += d_q W^T, with d_q in the last H `inputs[l]` and E in the last H `cotangents[l]`.
    fn inner(&mut self, layer: usize, group: &mut AdjointGroup<'_, F>);

    /// Back through y = x W^T with the weights before the write: `carry[l]` += the first waiting H `cotangents[l]` times W.
    fn before(&mut self, layer: usize, group: &mut AdjointGroup<'_, F>);
}

/// The sequences of a step back.
pub(super) struct AdjointGroup<'a, F> {
    pub layout: &'a Layout,
    pub count: usize,
    pub records: &'a [F],
    pub rows: &'a mut [F],
    pub changes: &'a mut [F],
    pub d_changes: &'a mut [F],
    pub spare: &'a mut [F],
    pub carry: &'a mut [F],
    pub below: &'a mut [F],
    pub rates: &'a [F],
    pub d_rates: &'a mut [F],
    /// As the targets of the forward group.
    pub d_targets: &'a mut [F],
    pub d_interactions: &'a mut [F],
    pub interaction_stride: usize,
}

/// One sequence of a step back.
pub(super) struct AdjointOne<'a, F> {
    pub layout: &'a Layout,
    pub record: &'a [F],
    pub rows: &'a mut [F],
    pub changes: &'a mut [F],
    pub d_changes: &'a mut [F],
    pub spare: &'a mut [F],
    pub carry: &'a mut [F],
    pub below: &'a mut [F],
    pub rate: F,
    pub d_rate: &'a mut F,
    pub d_targets: &'a mut [F],
    pub d_interaction: &'a mut [F],
}

impl<F: Kernels> AdjointGroup<'_, F> {
    pub fn one(&mut self, s: usize) -> AdjointOne<'_, F> {
        let layout = self.layout;
        let targets = if self.d_targets.is_empty() {
            0
        } else {
            layout.heads * layout.targets
        };
        let interaction = 3 * layout.heads * layout.value;
        AdjointOne {
            layout,
            record: &self.records[s * layout.record_len..][..layout.record_len],
            rows: &mut self.rows[s * layout.rows_len..][..layout.rows_len],
            changes: &mut self.changes[s * layout.changes_len..][..layout.changes_len],
            d_changes: &mut self.d_changes[s * layout.changes_len..][..layout.changes_len],
            spare: &mut self.spare[s * layout.changes_len..][..layout.changes_len],
            carry: &mut self.carry[s * layout.carry_len..][..layout.carry_len],
            below: &mut self.below[s * layout.below_len..][..layout.below_len],
            rate: self.rates[s],
            d_rate: &mut self.d_rates[s],
            d_targets: &mut self.d_targets[s * targets..][..targets],
            d_interaction: &mut self.d_interactions[s * self.interaction_stride..][..interaction],
        }
    }

    /// Does the same to every sequence.
    pub fn each(&mut self, mut body: impl FnMut(AdjointOne<'_, F>)) {
        (0..self.count).for_each(|s| body(self.one(s)));
    }
}

/// The cotangents of k^w, v^w or k^r (which = 0, 1 or 2) of a head.
pub(super) fn part<'a, F>(
    d_interaction: &'a mut [F],
    layout: &Layout,
    h: usize,
    which: usize,
) -> &'a mut [F] {
    let value = layout.value;
    &mut d_interaction[(3 * h + which) * value..][..value]
}

/// k^w, v^w or k^r (which = 0, 1 or 2) of a head.
pub(super) fn part_of<'a, F>(
    interaction: &'a [F],
    layout: &Layout,
    h: usize,
    which: usize,
) -> &'a [F] {
    &interaction[(3 * h + which) * layout.value..][..layout.value]
}

impl<F: Kernels> AdjointOne<'_, F> {
    /// Where a step back starts: the cotangents of the last layer's outputs after the write.
    pub fn seed(&mut self, d_read: &[F], d_meta: F) {
        let (heads, value) = (self.layout.heads, self.layout.value);
        let out = self.layout.after[self.layout.layers];
        let mean = F::one() / F::of(heads as f64);
        let slope = d_meta * F::of(2.0 / (heads * value) as f64);
        let top = self.layout.cotangents[self.layout.layers - 1];
        for h in 0..heads {
            let row = out.row(self.record, h);
            scaled(top.row_mut(self.rows, h), slope, row);
            scaled(top.row_mut(self.rows, heads + h), mean, d_read);
            scaled(part(self.d_interaction, self.layout, h, 1), -slope, row);
        }
    }

    /// Puts what the layers saw before the write beside the cotangents that are to come.
    pub fn await_cotangents(&mut self) {
        let heads = self.layout.heads;
        for (inputs, before) in self.layout.inputs.iter().zip(&self.layout.before) {
            let waiting = inputs.skip(2 * heads).first(heads);
            waiting
                .of_mut(self.rows)
                .copy_from_slice(before.of(self.record));
        }
    }

    /// What reached the write keys through the weights before the write.
    pub fn keys(&mut self) {
        let carry = self.layout.carry[0];
        for h in 0..self.layout.heads {
            let d_key = part(self.d_interaction, self.layout, h, 0);
            add_scaled(d_key, F::one(), carry.row(self.carry, h));
        }
    }
}
