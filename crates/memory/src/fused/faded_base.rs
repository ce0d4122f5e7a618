//! Products with the weights in which a chunk began, backwards, where they have faded since.

use mnm_tensor::kernels::{Kernels, Store, dot};

use super::elementwise::{add_scaled, scaled};
use super::history::{History, Side};
use super::history_adjoint::HistoryCotangents;
use super::layout::{Group, Region, only};
use super::products::times;

impl<F: Kernels> HistoryCotangents<F> {
    /// dx (op)= p dy W_a - q dy S_a, and what that says of p and q.
    #[expect(
        clippy::too_many_arguments,
        reason = "two operands, a result, and where in time"
    )]
    pub fn faded_base(
        &mut self,
        history: &History<F>,
        other: Side,
        (l, group, each): (usize, Group, usize),
        x: (&[F], Region),
        dy: (&[F], Region),
        dx: (&mut [F], Region),
        fresh: bool,
        version: usize,
    ) {
        let (Some(decays), Some(cotangents)) = (&history.decays, &mut self.decays) else {
            return;
        };
        let z = Region::new(dx.1.rows, dx.1.columns);
        history.base(
            other,
            l,
            group,
            each,
            dy,
            (&mut self.product, z),
            Store::Overwrite,
        );
        for s in group.sequences() {
            let version = decays.version(s, version);
            let of = cotangents.of(s);
            for r in s * each..(s + 1) * each {
                let from = z.row(&self.product, r);
                *of.p += dot(from, x.1.row(x.0, r));
                match fresh {
                    true => scaled(dx.1.row_mut(dx.0, r), version.p, from),
                    false => add_scaled(dx.1.row_mut(dx.0, r), version.p, from),
                }
            }
            if let Some((momentum, region)) = history.own_momentum(s, l) {
                let dy = dy.1.group(only(s), each).view(dy.0);
                let part = z.group(only(s), each);
                times(
                    other,
                    dy,
                    region.view(momentum),
                    part.view_mut(&mut self.product),
                    Store::Overwrite,
                );
                for r in s * each..(s + 1) * each {
                    let from = z.row(&self.product, r);
                    *of.q -= dot(from, x.1.row(x.0, r));
                    add_scaled(dx.1.row_mut(dx.0, r), -version.q, from);
                }
            }
        }
    }

    /// dx (op)= (dy o p) W_a of a layer that forgets row by row, and what dy says of p: dp += dy o (x W_a^T).
    #[expect(
        clippy::too_many_arguments,
        reason = "two operands, a result, and where in time"
    )]
    pub fn by_row_base(
        &mut self,
        history: &History<F>,
        (l, group, each): (usize, Group, usize),
        x: (&[F], Region),
        dy: (&[F], Region),
        dx: (&mut [F], Region),
        fresh: bool,
        version: usize,
    ) {
        let y = Region::new(dy.1.rows, dy.1.columns);
        let base = (&mut *self.product, y);
        history.base(Side::Apply, l, group, each, x, base, Store::Overwrite);
        for s in group.sequences() {
            let (Some(by_row), Some(of)) = (history.by_row.of(s, l), self.by_row.passed(s, l))
            else {
                continue;
            };
            for r in s * each..(s + 1) * each {
                let row = y.row_mut(&mut self.product, r);
                let known = row.iter().zip(dy.1.row(dy.0, r));
                of.iter_mut()
                    .zip(known)
                    .for_each(|(of, (x, d))| *of += *x * *d);
                row.copy_from_slice(dy.1.row(dy.0, r));
                by_row.keep(row, version);
            }
        }
        let store = if fresh { Store::Overwrite } else { Store::Add };
        let kept = (&*self.product, y);
        history.base(Side::Pull, l, group, each, kept, dx, store);
    }
}
