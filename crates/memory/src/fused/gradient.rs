//! MNM-g: E^l = dL_up/dy^l, the cotangent of what layer l computes before its tanh:
//!
//! ```text
//! E^L = 2 / (H M) (a^L - v^w);   q^l = E^{l+1} W^{l+1};   E^l = q^l (1 - a^l a^l)
//! ```
//!
//! The record keeps E^L, and q^l for the layers below: E^l follows from it, but not the reverse where a tanh is saturated.

use mnm_tensor::kernels::{Kernels, dot, vectorised};

use super::elementwise::{add_scaled, scaled, through_tanh};
use super::layout::{Layout, Region};
use super::passes::{AdjointGroup, AdjointOne, AdjointPasses, ForwardGroup, ForwardPasses, part};
use super::rule::Rule;

pub(super) struct Gradient;

fn factor<F: Kernels>(layout: &Layout) -> F {
    F::of(2.0 / (layout.heads * layout.value) as f64)
}

/// E^l from a record, where the changes of that layer lie in `to`.
fn error<F: Kernels>(layout: &Layout, layer: usize, record: &[F], to: &mut [F]) {
    let to = layout.changes[layer].of_mut(to);
    let kept = layout.errors[layer].of(record);
    if layer + 1 < layout.layers {
        through_tanh(to, kept, layout.before[layer + 1].of(record));
    } else {
        to.copy_from_slice(kept);
    }
}

fn scale_in_place<F: Kernels>(data: &mut [F], factor: F) {
    vectorised(|| data.iter_mut().for_each(|x| *x *= factor));
}

/// The rows of layer `l` in which E and d_q wait.
fn second_waiting(layout: &Layout, rows: &[Region], l: usize) -> Region {
    rows[l].skip(3 * layout.heads)
}

impl<F: Kernels> Rule<F> for Gradient {
    fn pending(&self, layer: usize) -> usize {
        // The inner forward pass uses every layer's weights, the inner backward pass all but the first's.
        if layer == 0 { 1 } else { 2 }
    }

    fn errors(&self, group: &mut ForwardGroup<'_, F>, passes: &mut dyn ForwardPasses<F>) {
        let layout = group.layout;
        let top = layout.errors[layout.layers - 1];
        group.each(|one| {
            for h in 0..layout.heads {
                let [_, value, _] = one.head(h);
                let row = top.row_mut(one.record, h);
                row.iter_mut()
                    .zip(value)
                    .for_each(|(e, v)| *e = factor::<F>(layout) * (*e - *v));
            }
        });
        for l in (0..layout.layers).rev() {
            group.each(|one| error(layout, l, one.record, one.changes));
            if l > 0 {
                passes.inner(l, group);
            }
        }
        group.each(|one| scale_in_place(one.changes, one.rate));
    }

    fn changes(&self, layout: &Layout, record: &[F], rate: F, changes: &mut [F]) {
        (0..layout.layers).for_each(|l| error(layout, l, record, changes));
        scale_in_place(changes, rate);
    }

    fn adjoint(&self, group: &mut AdjointGroup<'_, F>, passes: &mut dyn AdjointPasses<F>) {
        let layout = group.layout;
        for l in 0..layout.layers {
            group.each(|one| errors_up(one, l));
            if l > 0 {
                passes.inner(l, group);
            }
        }
        for l in (0..layout.layers).rev() {
            group.each(|one| activations_down(one, l));
            passes.before(l, group);
        }
    }
}

/// Turns dD of a layer into what it says of dE and of the rate; then, above the first layer, puts E and d_q of
/// q^{l-1} = E^l W^l into the last waiting rows, and into `spare` what dE^{l-1} says of a^l.
fn errors_up<F: Kernels>(one: AdjointOne<'_, F>, l: usize) {
    let layout = one.layout;
    let change = layout.changes[l];
    // D is done with: its place takes E.
    error(layout, l, one.record, one.changes);
    for h in 0..layout.heads {
        *one.d_rate += dot(change.row(one.d_changes, h), change.row(one.changes, h));
    }
    scale_in_place(change.of_mut(one.d_changes), one.rate);
    if l == 0 {
        return;
    }
    second_waiting(layout, &layout.cotangents, l)
        .of_mut(one.rows)
        .copy_from_slice(change.of(one.changes));
    let activations = layout.before[l].of(one.record);
    let d_error = layout.changes[l - 1].of(one.d_changes);
    let d_q = second_waiting(layout, &layout.inputs, l).of_mut(one.rows);
    through_tanh(d_q, d_error, activations);
    let kept = layout.errors[l - 1].of(one.record);
    let to = layout.changes[l - 1].of_mut(one.spare);
    vectorised(|| {
        for (((to, d), q), a) in to.iter_mut().zip(d_error).zip(kept).zip(activations) {
            *to = -(*d * *q * (*a + *a));
        }
    });
}

/// From dE of the last layer to the value, and down the activations: into the first waiting rows, what went into the tanh.
fn activations_down<F: Kernels>(one: AdjointOne<'_, F>, l: usize) {
    let layout = one.layout;
    let heads = layout.heads;
    let waiting = layout.cotangents[l].skip(2 * heads).first(heads);
    if l + 1 < layout.layers {
        let carry = layout.carry[l + 1].of_mut(one.carry);
        add_scaled(carry, F::one(), layout.changes[l].of(one.spare));
        through_tanh(
            waiting.of_mut(one.rows),
            carry,
            layout.before[l + 1].of(one.record),
        );
        return;
    }
    scaled(
        waiting.of_mut(one.rows),
        factor(layout),
        layout.changes[l].of(one.d_changes),
    );
    for h in 0..heads {
        add_scaled(
            part(one.d_interaction, layout, h, 1),
            -F::one(),
            waiting.row(one.rows, h),
        );
    }
}
