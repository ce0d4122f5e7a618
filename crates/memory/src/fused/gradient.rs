//! MNM-g: E^l = dL_up/dy^l, the cotangent of what layer l computes before its tanh:
//!
//! ```text
//! E^L = 2 / (H M) (a^L - v^w);   q^l = E^{l+1} W^{l+1};   E^l = q^l (1 - a^l a^l)
//! ```
//!
//! The record keeps E^L, and q^l for the layers below: E^l follows from it, but not the reverse where a tanh is saturated.

use mnm_tensor::kernels::{Kernels, Store, matmul, matmul_nt};

use super::adjoint::Workspace;
use super::elementwise::{add_scaled, scaled, through_tanh};
use super::forward::{change, scale_change};
use super::layout::{Layout, Region};
use super::rule::{ErrorsOf, Rule};

pub(super) struct Gradient;

fn factor<F: Kernels>(layout: &Layout) -> F {
    F::of(2.0 / (layout.heads * layout.miss.columns) as f64)
}

/// E^l to `to`, a buffer laid out as the changes.
fn error<F: Kernels>(layout: &Layout, layer: usize, record: &[F], to: &mut [F]) {
    let to = change(layout, layer).of_mut(to);
    let kept = layout.errors[layer].of(record);
    if layer + 1 < layout.layers {
        through_tanh(to, kept, layout.before[layer + 1].of(record));
    } else {
        to.copy_from_slice(kept);
    }
}

impl<F: Kernels> Rule<F> for Gradient {
    fn pending(&self, layer: usize) -> usize {
        // The inner forward pass uses every layer's weights, the inner backward pass all but the first's.
        if layer == 0 { 1 } else { 2 }
    }

    fn errors(&self, of: ErrorsOf<'_, F>) {
        let layout = of.layout;
        let top = layout.errors[layout.layers - 1];
        for h in 0..layout.heads {
            let value = &of.values[h * of.head_stride..][..top.columns];
            for (e, v) in top.row_mut(of.record, h).iter_mut().zip(value) {
                *e = factor::<F>(layout) * (*e - *v);
            }
        }
        for l in (0..layout.layers).rev() {
            error(layout, l, of.record, of.changes);
            if l > 0 {
                let w = layout.weights[l].view(of.weights);
                let q = layout.errors[l - 1].view_mut(of.record);
                matmul(change(layout, l).view(of.changes), w, q, Store::Overwrite);
            }
            let changes = change(layout, l).of_mut(of.changes);
            changes.iter_mut().for_each(|d| *d *= of.rate);
        }
    }

    fn changes(&self, layout: &Layout, record: &[F], rate: F, changes: &mut [F]) {
        for l in 0..layout.layers {
            if l + 1 < layout.layers {
                error(layout, l, record, changes);
                change(layout, l)
                    .of_mut(changes)
                    .iter_mut()
                    .for_each(|d| *d *= rate);
            } else {
                scale_change(layout, l, record, rate, changes);
            }
        }
    }

    fn adjoint(&self, of: &mut Workspace<'_, F>) {
        let (layout, heads) = (of.layout, of.layout.heads);
        // `changes` is free again: it takes E, and `spare` what the inner backward pass sends to the activations.
        for l in 0..layout.layers {
            error(layout, l, of.record, of.changes);
            let (errors, d_errors) = (change(layout, l), change(layout, l));
            for h in 0..heads {
                of.d_rate += super::elementwise::dot(
                    d_errors.row(of.d_changes, h),
                    errors.row(of.changes, h),
                );
            }
            let rate = of.rate;
            d_errors
                .of_mut(of.d_changes)
                .iter_mut()
                .for_each(|d| *d *= rate);
            if l > 0 {
                // q^{l-1} = E^l W^l, whose cotangent is dE^{l-1} (1 - a a).
                let second = |r: Region| r.skip(3 * heads);
                let d_q = second(of.regions.inputs[l]);
                let activations = layout.before[l].of(of.record);
                let d_below = change(layout, l - 1);
                through_tanh(d_q.of_mut(of.rows), d_below.of(of.d_changes), activations);
                let kept = layout.errors[l - 1].of(of.record);
                let to_activations = d_below.of_mut(of.spare);
                for (((to, d), q), a) in to_activations
                    .iter_mut()
                    .zip(d_below.of(of.d_changes))
                    .zip(kept)
                    .zip(activations)
                {
                    *to = *d * *q * (*a + *a) * -F::one();
                }
                matmul_nt(
                    d_q.view(of.rows),
                    layout.weights[l].view(of.weights),
                    d_errors.view_mut(of.d_changes),
                    Store::Add,
                );
                let e = second(of.regions.cotangents[l]);
                e.of_mut(of.rows).copy_from_slice(errors.of(of.changes));
            }
        }
        for l in (0..layout.layers).rev() {
            let pending = of.regions.cotangents[l].skip(2 * heads).first(heads);
            if l + 1 < layout.layers {
                let carry = of.regions.carry[l + 1];
                add_scaled(
                    carry.of_mut(of.carry),
                    F::one(),
                    change(layout, l).of(of.spare),
                );
                through_tanh(
                    pending.of_mut(of.rows),
                    carry.of(of.carry),
                    layout.before[l + 1].of(of.record),
                );
            } else {
                for h in 0..heads {
                    let d = change(layout, l).row(of.d_changes, h);
                    scaled(pending.row_mut(of.rows, h), factor(layout), d);
                    add_scaled(
                        &mut of.d_interaction[(3 * h + 1) * d.len()..][..d.len()],
                        -factor::<F>(layout),
                        d,
                    );
                }
            }
            of.through_weights_before(l);
        }
    }
}
