//! Products with weights that are there: each sequence's own matrices, changed by every write.

use mnm_tensor::kernels::{
    Kernels, Store, Write, accumulate, apply_then_undo, matmul, matmul_nt, matmul_tn,
    write_then_apply,
};

use super::layout::Layout;
use super::passes::{AdjointGroup, AdjointPasses, ForwardGroup, ForwardPasses};

/// The weights of the one sequence of a group.
pub(super) struct DirectForward<'a, F> {
    pub weights: &'a mut [F],
}

impl<F: Kernels> ForwardPasses<F> for DirectForward<'_, F> {
    fn before(&mut self, layer: usize, group: &mut ForwardGroup<'_, F>) {
        let one = group.one(0);
        let layout = one.layout;
        let y = layout.before[layer + 1];
        let (known, rest) = one.record.split_at_mut(y.offset);
        let w = layout.weights[layer].view(self.weights);
        matmul_nt(
            layout.before[layer].view(known),
            w,
            y.after(y.offset).view_mut(rest),
            Store::Overwrite,
        );
    }

    fn inner(&mut self, layer: usize, group: &mut ForwardGroup<'_, F>) {
        let one = group.one(0);
        let w = one.layout.weights[layer].view(self.weights);
        let q = one.layout.errors[layer - 1].view_mut(one.record);
        matmul(
            one.layout.changes[layer].view(one.changes),
            w,
            q,
            Store::Overwrite,
        );
    }

    fn after(&mut self, layer: usize, group: &mut ForwardGroup<'_, F>) {
        let one = group.one(0);
        let layout = one.layout;
        let y = layout.after[layer + 1];
        let (known, rest) = one.record.split_at_mut(y.offset);
        let write = Write {
            d: layout.changes[layer].view(one.changes),
            a: layout.before[layer].view(known),
        };
        let w = layout.weights[layer].view_mut(self.weights);
        write_then_apply(
            w,
            write,
            layout.after[layer].view(known),
            y.after(y.offset).view_mut(rest),
        );
    }
}

/// The weights of the one sequence of a group, and their cotangents but for what waits in the rows.
pub(super) struct DirectAdjoint<'a, F> {
    pub weights: &'a mut [F],
    pub gradients: &'a mut [F],
}

impl<F: Kernels> AdjointPasses<F> for DirectAdjoint<'_, F> {
    fn after(&mut self, layer: usize, group: &mut AdjointGroup<'_, F>) {
        let one = group.one(0);
        let layout = one.layout;
        let write = Write {
            d: layout.changes[layer].view(one.changes),
            a: layout.before[layer].view(one.record),
        };
        apply_then_undo(
            layout.weights[layer].view_mut(self.weights),
            write,
            layout.cotangents[layer]
                .first(2 * layout.heads)
                .view(one.rows),
            layout.below[layer].view_mut(one.below),
            Store::Overwrite,
        );
        accumulate(
            layout.weights[layer].view_mut(self.gradients),
            layout.cotangents[layer].view(one.rows),
            layout.inputs[layer].view(one.rows),
            write,
            layout.changes[layer].view_mut(one.d_changes),
            layout.carry[layer].view_mut(one.carry),
        );
    }

    fn inner(&mut self, layer: usize, group: &mut AdjointGroup<'_, F>) {
        let one = group.one(0);
        let layout = one.layout;
        let d_q = layout.inputs[layer].skip(3 * layout.heads).view(one.rows);
        let w = layout.weights[layer].view(self.weights);
        matmul_nt(
            d_q,
            w,
            layout.changes[layer].view_mut(one.d_changes),
            Store::Add,
        );
    }

    fn before(&mut self, layer: usize, group: &mut AdjointGroup<'_, F>) {
        let one = group.one(0);
        let layout = one.layout;
        let waiting = layout.cotangents[layer]
            .skip(2 * layout.heads)
            .first(layout.heads);
        let w = layout.weights[layer].view(self.weights);
        matmul(
            waiting.view(one.rows),
            w,
            layout.carry[layer].view_mut(one.carry),
            Store::Add,
        );
    }
}

/// Adds what waits in one sequence's rows to its G.
pub(super) fn settle<F: Kernels>(layout: &Layout, rows: &[F], gradients: &mut [F]) {
    for (l, region) in layout.weights.iter().enumerate() {
        let cotangents = layout.cotangents[l].skip(2 * layout.heads).view(rows);
        let inputs = layout.inputs[l].skip(2 * layout.heads).view(rows);
        matmul_tn(cotangents, inputs, region.view_mut(gradients), Store::Add);
    }
}
