//! MNM-p: E^l = 2 / (H dim a^l) (a^l - t^l), each layer by itself.

use mnm_tensor::kernels::{Kernels, dot};

use super::elementwise::{add_scaled, scaled, scaled_difference, through_tanh};
use super::layout::Layout;
use super::passes::{AdjointGroup, AdjointOne, AdjointPasses, ForwardGroup, ForwardPasses};
use super::rule::Rule;

pub(super) struct Perceptron;

fn factor<F: Kernels>(layout: &Layout, layer: usize) -> F {
    F::of(2.0 / (layout.heads * layout.errors[layer].columns) as f64)
}

impl<F: Kernels> Rule<F> for Perceptron {
    fn pending(&self, _: usize) -> usize {
        1
    }

    fn errors(&self, group: &mut ForwardGroup<'_, F>, _: &mut dyn ForwardPasses<F>) {
        let width = group.layout.targets;
        group.each(|one| {
            let layout = one.layout;
            let mut start = 0;
            for l in 0..layout.layers {
                let (errors, scale) = (layout.errors[l], factor::<F>(layout, l));
                for h in 0..layout.heads {
                    let target = &one.targets[h * width + start..][..errors.columns];
                    if l + 1 < layout.layers {
                        let (known, rest) = one.record.split_at_mut(errors.offset);
                        let to = &mut rest[h * errors.stride..][..errors.columns];
                        scaled_difference(to, scale, layout.before[l + 1].row(known, h), target);
                    } else {
                        let row = errors.row_mut(one.record, h);
                        row.iter_mut()
                            .zip(target)
                            .for_each(|(e, t)| *e = scale * (*e - *t));
                    }
                }
                start += errors.columns;
            }
            self.changes(layout, one.record, one.rate, one.changes);
        });
    }

    fn changes(&self, layout: &Layout, record: &[F], rate: F, changes: &mut [F]) {
        for (errors, change) in layout.errors.iter().zip(&layout.changes) {
            scaled(change.of_mut(changes), rate, errors.of(record));
        }
    }

    fn adjoint(&self, group: &mut AdjointGroup<'_, F>, passes: &mut dyn AdjointPasses<F>) {
        let layout = group.layout;
        let mut start = layout.targets;
        for l in (0..layout.layers).rev() {
            start -= layout.errors[l].columns;
            group.each(|one| layer(one, l, start));
            passes.before(l, group);
        }
    }
}

/// From dD of a layer to the rate, the targets (at `start`) and, into the first waiting rows, what went into the tanh.
fn layer<F: Kernels>(one: AdjointOne<'_, F>, l: usize, start: usize) {
    let layout = one.layout;
    let (heads, width, errors) = (layout.heads, layout.targets, layout.errors[l]);
    let scale = factor::<F>(layout, l) * one.rate;
    for h in 0..heads {
        let d_target = &mut one.d_targets[h * width + start..][..errors.columns];
        scaled(d_target, -scale, layout.changes[l].row(one.d_changes, h));
    }
    let record = one.record;
    for h in 0..heads {
        *one.d_rate += dot(
            layout.changes[l].row(one.d_changes, h),
            errors.row(record, h),
        );
    }
    let waiting = layout.cotangents[l].skip(2 * heads).first(heads);
    if l + 1 < layout.layers {
        // What came down to a^{l+1}, and what the error sends to it.
        let carry = layout.carry[l + 1].of_mut(one.carry);
        add_scaled(carry, scale, layout.changes[l].of(one.d_changes));
        through_tanh(
            waiting.of_mut(one.rows),
            carry,
            layout.before[l + 1].of(record),
        );
    } else {
        scaled(
            waiting.of_mut(one.rows),
            scale,
            layout.changes[l].of(one.d_changes),
        );
    }
}
