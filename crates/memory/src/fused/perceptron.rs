//! MNM-p: E^l = 2 / (H dim a^l) (a^l - t^l), each layer by itself.

use mnm_tensor::kernels::Kernels;

use super::adjoint::Workspace;
use super::elementwise::{add_scaled, scaled, scaled_difference};
use super::forward::{change, scale_change};
use super::layout::Layout;
use super::rule::{ErrorsOf, Rule};

pub(super) struct Perceptron;

fn factor<F: Kernels>(layout: &Layout, layer: usize) -> F {
    F::of(2.0 / (layout.heads * layout.errors[layer].columns) as f64)
}

impl<F: Kernels> Rule<F> for Perceptron {
    fn pending(&self, _: usize) -> usize {
        1
    }

    fn errors(&self, of: ErrorsOf<'_, F>) {
        let layout = of.layout;
        let width: usize = layout.errors.iter().map(|e| e.columns).sum();
        let mut start = 0;
        for l in 0..layout.layers {
            let errors = layout.errors[l];
            for h in 0..layout.heads {
                let target = &of.targets[h * width + start..][..errors.columns];
                if l + 1 < layout.layers {
                    let (known, rest) = of.record.split_at_mut(errors.offset);
                    let to = &mut rest[h * errors.stride()..][..errors.columns];
                    scaled_difference(
                        to,
                        factor(layout, l),
                        layout.before[l + 1].row(known, h),
                        target,
                    );
                } else {
                    for (e, t) in errors.row_mut(of.record, h).iter_mut().zip(target) {
                        *e = factor::<F>(layout, l) * (*e - *t);
                    }
                }
            }
            scale_change(layout, l, of.record, of.rate, of.changes);
            start += errors.columns;
        }
    }

    fn changes(&self, layout: &Layout, record: &[F], rate: F, changes: &mut [F]) {
        (0..layout.layers).for_each(|l| scale_change(layout, l, record, rate, changes));
    }

    fn adjoint(&self, of: &mut Workspace<'_, F>) {
        let layout = of.layout;
        let width: usize = layout.errors.iter().map(|e| e.columns).sum();
        let mut start = width;
        for l in (0..layout.layers).rev() {
            let (heads, errors) = (layout.heads, layout.errors[l]);
            start -= errors.columns;
            let pending = of.regions.cotangents[l].skip(2 * heads);
            let scale = factor::<F>(layout, l) * of.rate;
            for h in 0..heads {
                let d_change = change(layout, l).row(of.d_changes, h);
                let d_target = &mut of.d_targets[h * width + start..][..errors.columns];
                scaled(d_target, -scale, d_change);
                let to = pending.row_mut(of.rows, h);
                scaled(to, scale, d_change);
                if l + 1 < layout.layers {
                    add_scaled(to, F::one(), of.regions.carry[l + 1].row(of.carry, h));
                    let a = layout.before[l + 1].row(of.record, h);
                    to.iter_mut()
                        .zip(a)
                        .for_each(|(d, a)| *d *= F::one() - *a * *a);
                }
            }
            of.rate_from(l, layout.errors[l].of(of.record));
            of.through_weights_before(l);
        }
    }
}
