//! The instructions that touch no weights, forward and back: each is a few numbers a row.

use mnm_tensor::kernels::{Kernels, dot, vectorised};

use super::layout::{Group, Region};
use super::plan::{Place, Plan, Planned};
use crate::program::{Op, Rows, Scalar};

/// What a step has made so far, record and working memory.
pub(super) struct Values<'a, F> {
    pub record: &'a mut [F],
    pub scratch: &'a mut [F],
}

/// The same, to look at.
#[derive(Clone, Copy)]
pub(super) struct Known<'a, F> {
    pub record: &'a [F],
    pub scratch: &'a [F],
}

impl<'a, F> Known<'a, F> {
    pub fn of(&self, place: Place) -> (&'a [F], Region) {
        let from = if place.kept {
            self.record
        } else {
            self.scratch
        };
        (from, place.region)
    }
}

impl<F> Values<'_, F> {
    /// What lies before a place in its buffer, and the buffer from there on, with the place's region in it.
    pub fn split(&mut self, place: Place) -> (Known<'_, F>, (&mut [F], Region)) {
        let at = place.region.offset;
        let region = place.region.rebased(at);
        if place.kept {
            let (record, to) = self.record.split_at_mut(at);
            let scratch = &*self.scratch;
            (Known { record, scratch }, (to, region))
        } else {
            let (scratch, to) = self.scratch.split_at_mut(at);
            let record = &*self.record;
            (Known { record, scratch }, (to, region))
        }
    }
}

/// The numbers of a step that each sequence has of its own, `[S]` each; `keep` and `momentum` are empty for 1 and 0.
#[derive(Clone, Copy)]
pub(super) struct Numbers<'a, F> {
    pub rates: &'a [F],
    pub keep: &'a [F],
    pub momentum: &'a [F],
}

impl<F: Kernels> Numbers<'_, F> {
    pub fn get(&self, scalar: Scalar, s: usize) -> F {
        match scalar {
            Scalar::Rate => self.rates[s],
            Scalar::Keep => self.keep.get(s).copied().unwrap_or(F::one()),
            Scalar::Momentum => self.momentum.get(s).copied().unwrap_or(F::zero()),
        }
    }
}

/// Rows of `to` from those of two operands, each in a region, for the sequences of a group.
fn rows2<F: Kernels>(
    rows: std::ops::Range<usize>,
    to: (&mut [F], Region),
    a: (&[F], Region),
    b: (&[F], Region),
    f: impl Fn(&mut F, F, F),
) {
    vectorised(|| {
        for r in rows {
            let operands = a.1.row(a.0, r).iter().zip(b.1.row(b.0, r));
            to.1.row_mut(to.0, r)
                .iter_mut()
                .zip(operands)
                .for_each(|(to, (a, b))| f(to, *a, *b));
        }
    });
}

fn rows1<F: Kernels>(
    rows: std::ops::Range<usize>,
    to: (&mut [F], Region),
    a: (&[F], Region),
    f: impl Fn(&mut F, F),
) {
    vectorised(|| {
        for r in rows {
            to.1.row_mut(to.0, r)
                .iter_mut()
                .zip(a.1.row(a.0, r))
                .for_each(|(to, a)| f(to, *a));
        }
    });
}

/// The rows of a group's sequences.
fn rows_of(group: Group, heads: usize) -> std::ops::Range<usize> {
    group.first * heads..(group.first + group.count) * heads
}

/// Carries out an instruction for the sequences of a group.
pub(super) fn forward<F: Kernels>(
    plan: &Plan,
    op: &Op,
    group: Group,
    values: &mut Values<'_, F>,
    numbers: Numbers<'_, F>,
) {
    let heads = plan.sizes.heads;
    let rows = rows_of(group, heads);
    let place = |rows: Rows| plan.places[rows.0];
    match *op {
        Op::Tanh { x, y } => {
            if place(x).region.offset != place(y).region.offset || place(x).kept != place(y).kept {
                let (known, to) = values.split(place(y));
                rows1(rows.clone(), to, known.of(place(x)), |to, x| *to = x);
            }
            let region = place(y).region.group(group, heads);
            let from = if place(y).kept {
                &mut *values.record
            } else {
                &mut *values.scratch
            };
            F::tanh_slice(region.of_mut(from));
        }
        Op::ThroughTanh { e, a, y } => {
            let (known, to) = values.split(place(y));
            rows2(
                rows,
                to,
                known.of(place(e)),
                known.of(place(a)),
                |to, e, a| {
                    *to = e * (F::one() - a * a);
                },
            );
        }
        Op::Difference { scale, a, b, y } => {
            let scale = F::of(scale);
            let (known, to) = values.split(place(y));
            rows2(
                rows,
                to,
                known.of(place(a)),
                known.of(place(b)),
                |to, a, b| *to = scale * (a - b),
            );
        }
        Op::Sum { a, b, y } => {
            let (known, to) = values.split(place(y));
            rows2(
                rows,
                to,
                known.of(place(a)),
                known.of(place(b)),
                |to, a, b| *to = a + b,
            );
        }
        Op::Product { a, b, y } | Op::Quotient { a, b, y } => {
            let divide = matches!(op, Op::Quotient { .. });
            let (known, to) = values.split(place(y));
            let (a, b) = (known.of(place(a)), known.of(place(b)));
            if b.1.columns == a.1.columns && !divide {
                rows2(rows, to, a, b, |to, a, b| *to = a * b);
                return;
            }
            for r in rows {
                let column = b.1.row(b.0, r)[0];
                let factor = if divide { F::one() / column } else { column };
                super::elementwise::scaled(to.1.row_mut(to.0, r), factor, a.1.row(a.0, r));
            }
        }
        Op::Dot { a, b, y } => {
            let (known, to) = values.split(place(y));
            let (a, b) = (known.of(place(a)), known.of(place(b)));
            for r in rows {
                to.1.row_mut(to.0, r)[0] = dot(a.1.row(a.0, r), b.1.row(b.0, r));
            }
        }
        Op::Affine {
            scale,
            offset,
            x,
            y,
        } => {
            let (scale, offset) = (F::of(scale), F::of(offset));
            let (known, to) = values.split(place(y));
            rows1(rows, to, known.of(place(x)), |to, x| {
                *to = scale * x + offset
            });
        }
        Op::Scaled { by, x, y } => {
            let (known, to) = values.split(place(y));
            for s in group.sequences() {
                let factor = numbers.get(by, s);
                let rows = s * heads..(s + 1) * heads;
                rows1(rows, (&mut *to.0, to.1), known.of(place(x)), |to, x| {
                    *to = factor * x
                });
            }
        }
        Op::Clip { bound, x, y } => {
            let bound = F::of(bound);
            let (known, to) = values.split(place(y));
            rows1(rows, to, known.of(place(x)), |to, x| {
                *to = clipped(x, bound)
            });
        }
        // A slice is a part of what it is cut from; the others are not of this kind.
        Op::Slice { .. }
        | Op::Apply { .. }
        | Op::Pull { .. }
        | Op::Linear { .. }
        | Op::Update { .. }
        | Op::Decay { .. } => {}
    }
}

/// NaN stays.
fn clipped<F: Kernels>(x: F, bound: F) -> F {
    if x > bound {
        bound
    } else if x < -bound {
        -bound
    } else {
        x
    }
}

/// Adds to, or where it is the first sets, the cotangent of an operand.
fn put<F: Kernels>(fresh: bool, to: &mut F, x: F) {
    if fresh {
        *to = x;
    } else {
        *to += x;
    }
}

/// The cotangents of the numbers of a step, `[S]` each.
pub(super) struct NumberCotangents<'a, F> {
    pub rates: &'a mut [F],
    pub keep: &'a mut [F],
    pub momentum: &'a mut [F],
}

impl<F: Kernels> NumberCotangents<'_, F> {
    fn add(&mut self, scalar: Scalar, s: usize, x: F) {
        let to = match scalar {
            Scalar::Rate => &mut *self.rates,
            Scalar::Keep => &mut *self.keep,
            Scalar::Momentum => &mut *self.momentum,
        };
        if let Some(to) = to.get_mut(s) {
            *to += x;
        }
    }
}

/// Takes an instruction back, for the sequences of a group: from the cotangent of what it made, in `d`, to those of its operands.
#[expect(
    clippy::too_many_lines,
    reason = "an arm of few lines for each instruction"
)]
pub(super) fn adjoint<F: Kernels>(
    plan: &Plan,
    planned: &Planned,
    group: Group,
    record: &[F],
    d: &mut [F],
    numbers: Numbers<'_, F>,
    d_numbers: &mut NumberCotangents<'_, F>,
) {
    let heads = plan.sizes.heads;
    let rows = rows_of(group, heads);
    let value = |rows: Rows| (record, plan.places[rows.0].region);
    let d_place = |rows: Rows| plan.d_places[rows.0];
    let [first, second] = planned.fresh;
    // What was made lies behind what it was made of.
    let split = |d: &'_ mut [F], y: Rows| -> usize {
        debug_assert!(d_place(y).offset <= d.len());
        d_place(y).offset
    };
    match planned.op {
        Op::Tanh { x, y } => {
            let (a, to, from) = (value(y), d_place(x), d_place(y));
            if to.offset == from.offset {
                rows1(rows, (d, to), a, |d, a| *d *= F::one() - a * a);
                return;
            }
            let at = split(d, y);
            let (d, dy) = d.split_at_mut(at);
            rows2(rows, (d, to), (dy, from.rebased(at)), a, |d, g, a| {
                put(first, d, g * (F::one() - a * a));
            });
        }
        Op::ThroughTanh { e, a, y } => {
            let at = split(d, y);
            let (d, dy) = d.split_at_mut(at);
            let dy = (&*dy, d_place(y).rebased(at));
            rows2(
                rows.clone(),
                (&mut *d, d_place(e)),
                dy,
                value(a),
                |d, g, a| {
                    put(first, d, g * (F::one() - a * a));
                },
            );
            let (e, a_value) = (value(e), value(a));
            vectorised(|| {
                for r in rows {
                    let known = e.1.row(e.0, r).iter().zip(a_value.1.row(a_value.0, r));
                    let to = d_place(a).row_mut(d, r).iter_mut();
                    for ((d, g), (e, a)) in to.zip(dy.1.row(dy.0, r)).zip(known) {
                        put(second, d, -(*g * *e * (*a + *a)));
                    }
                }
            });
        }
        Op::Difference { a, b, y, .. } | Op::Sum { a, b, y } => {
            let (scale, sign) = match planned.op {
                Op::Difference { scale, .. } => (F::of(scale), -F::one()),
                _ => (F::one(), F::one()),
            };
            let at = split(d, y);
            let (d, dy) = d.split_at_mut(at);
            let dy = (&*dy, d_place(y).rebased(at));
            rows1(rows.clone(), (&mut *d, d_place(a)), dy, |d, g| {
                put(first, d, scale * g)
            });
            let scale = sign * scale;
            rows1(rows, (d, d_place(b)), dy, |d, g| put(second, d, scale * g));
        }
        Op::Product { a, b, y } => {
            let at = split(d, y);
            let (d, dy) = d.split_at_mut(at);
            let dy = (&*dy, d_place(y).rebased(at));
            let (a_value, b_value) = (value(a), value(b));
            if a_value.1.columns == b_value.1.columns {
                rows2(
                    rows.clone(),
                    (&mut *d, d_place(a)),
                    dy,
                    b_value,
                    |d, g, b| put(first, d, g * b),
                );
                rows2(rows, (d, d_place(b)), dy, a_value, |d, g, a| {
                    put(second, d, g * a)
                });
                return;
            }
            for r in rows {
                let column = b_value.1.row(b_value.0, r)[0];
                let g = dy.1.row(dy.0, r);
                let to = d_place(a).row_mut(d, r).iter_mut();
                to.zip(g).for_each(|(d, g)| put(first, d, *g * column));
                let sum = dot(g, a_value.1.row(a_value.0, r));
                put(second, &mut d_place(b).row_mut(d, r)[0], sum);
            }
        }
        Op::Quotient { a, b, y } => {
            let at = split(d, y);
            let (d, dy) = d.split_at_mut(at);
            let dy = (&*dy, d_place(y).rebased(at));
            let (b_value, y_value) = (value(b), value(y));
            for r in rows {
                let inverse = F::one() / b_value.1.row(b_value.0, r)[0];
                let g = dy.1.row(dy.0, r);
                let to = d_place(a).row_mut(d, r).iter_mut();
                to.zip(g).for_each(|(d, g)| put(first, d, *g * inverse));
                let sum = -dot(g, y_value.1.row(y_value.0, r)) * inverse;
                put(second, &mut d_place(b).row_mut(d, r)[0], sum);
            }
        }
        Op::Dot { a, b, y } => {
            let at = split(d, y);
            let (d, dy) = d.split_at_mut(at);
            let dy = (&*dy, d_place(y).rebased(at));
            let (a_value, b_value) = (value(a), value(b));
            for r in rows {
                let g = dy.1.row(dy.0, r)[0];
                let to = d_place(a).row_mut(d, r).iter_mut();
                to.zip(b_value.1.row(b_value.0, r))
                    .for_each(|(d, b)| put(first, d, g * *b));
                let to = d_place(b).row_mut(d, r).iter_mut();
                to.zip(a_value.1.row(a_value.0, r))
                    .for_each(|(d, a)| put(second, d, g * *a));
            }
        }
        Op::Affine { scale, x, y, .. } => {
            let scale = F::of(scale);
            let at = split(d, y);
            let (d, dy) = d.split_at_mut(at);
            let dy = (&*dy, d_place(y).rebased(at));
            rows1(rows, (d, d_place(x)), dy, |d, g| put(first, d, scale * g));
        }
        Op::Scaled { by, x, y } => {
            let at = split(d, y);
            let (d, dy) = d.split_at_mut(at);
            let dy = (&*dy, d_place(y).rebased(at));
            let x_value = value(x);
            for s in group.sequences() {
                let factor = numbers.get(by, s);
                let rows = s * heads..(s + 1) * heads;
                let along = |r: usize| dot(dy.1.row(dy.0, r), x_value.1.row(x_value.0, r));
                let sum = rows.clone().fold(F::zero(), |sum, r| sum + along(r));
                d_numbers.add(by, s, sum);
                rows1(rows, (&mut *d, d_place(x)), dy, |d, g| {
                    put(first, d, factor * g)
                });
            }
        }
        Op::Clip { bound, x, y } => {
            let bound = F::of(bound);
            let at = split(d, y);
            let (d, dy) = d.split_at_mut(at);
            let dy = (&*dy, d_place(y).rebased(at));
            rows2(rows, (d, d_place(x)), dy, value(x), |d, g, x| {
                let inside = x <= bound && x >= -bound;
                put(first, d, if inside { g } else { F::zero() });
            });
        }
        Op::Slice { .. }
        | Op::Apply { .. }
        | Op::Pull { .. }
        | Op::Linear { .. }
        | Op::Update { .. }
        | Op::Decay { .. } => {}
    }
}
