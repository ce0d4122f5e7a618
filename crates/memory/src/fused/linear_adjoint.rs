//! The adjoint of [`super::linear`], from the last chunk of all sequences to the first.
//!
//! ```text
//! dD = -L^T dZ - r_C (K G^T)           G the cotangent of the weights after the chunk
//! backwards:  dE_c = beta_c dD_c,  through the program to dy_c,  dD_j -= r_cs (K K^T)_ij dy_i for s < c
//! dX = (p_c dy + p' dZ) W_a + dM K;  dK += dM^T X - (r_C D) G        dM = -r_cs dy D^T - r_(c+1)s dZ D^T, the cotangent of X K^T
//! G <- p_C G + (p_c dy + p' dZ)^T X
//! ```

use mnm_tensor::kernels::{Kernels, Scratch, Store, dot, matmul, matmul_nt, matmul_tn};
use ndarray::{ArrayViewMut2, ArrayViewMut3};

use super::decay::DecayCotangents;
use super::elementwise::{add_scaled, scaled};
use super::instructions::{NumberCotangents, adjoint};
use super::layout::{Region, behind, only};
use super::linear::{LinearSaved, Work, row_of, within};
use super::products::scale;
use crate::memory::unit_row_adjoint;
use crate::program::Op;

/// Cotangents of what came out of a block: row t of reads and meta losses is `[t * stride..]`, those of its sequences one behind the other;
/// and the last weights `[S, M, M]`. Empty slices for zeros.
#[derive(Clone, Copy)]
pub(crate) struct LinearCotangents<'a, F> {
    pub reads: &'a [F],
    pub read_stride: usize,
    pub meta: &'a [F],
    pub meta_stride: usize,
    pub weights: &'a [F],
}

/// Where the cotangents of what went into one sequence go.
struct SequenceGradients<'a, 'b, F> {
    /// Of keys, values and read keys, those of the whole block `[T, S, H M]`, and which sequence it is.
    rows: &'a mut [ArrayViewMut3<'b, F>; 3],
    s: usize,
    /// Of beta and phi `[T]`, the last empty without that gate.
    rates: &'a mut [F],
    forget: &'a mut [F],
}

impl<F> LinearCotangents<'_, F> {
    /// Those of the block's sequences from one on.
    fn starting_at(self, s: usize, width: usize) -> Self {
        LinearCotangents {
            reads: behind(self.reads, s * width),
            meta: behind(self.meta, s),
            ..self
        }
    }
}

/// Working memory of the way back.
struct Back<F> {
    /// dZ, then the cotangent of X W_a^T `[2n, M]`.
    dz: Scratch<F>,
    /// dy `[n, M]`.
    dy: Scratch<F>,
    /// dD `[n, M]`.
    dd: Scratch<F>,
    /// K G^T `[n, M]`.
    kg: Scratch<F>,
    /// dX `[2n, M]`.
    dx: Scratch<F>,
    /// dZ D^T, then dM `[2n, n]`, and dy D^T `[n, n]`.
    pz: Scratch<F>,
    py: Scratch<F>,
    /// Cotangents of the program's values.
    d: Scratch<F>,
    decays: Option<DecayCotangents<F>>,
}

impl<F: Kernels> LinearSaved<F> {
    /// The block back: the cotangents of keys, values and read keys `[T, S, H M]` and of beta and phi `[T, S]`, the last without steps if there
    /// is no such gate, go where they belong; given back are those of the weights `[S, M, M]`.
    pub fn adjoint(
        self,
        out: LinearCotangents<'_, F>,
        mut rows_to: [ArrayViewMut3<'_, F>; 3],
        gates_to: [ArrayViewMut2<'_, F>; 2],
    ) -> Vec<F> {
        let linear = &self.linear;
        let (steps, width, heads, samples) =
            (linear.steps, linear.width, linear.heads, linear.samples);
        let n = linear.chunk * heads;
        let rows = |rows: usize| Scratch::new(Region::new(rows, width).len());
        let square = |rows: usize| Scratch::new(Region::new(rows, n).len());
        let mut work = Work::new(linear);
        let mut back = Back {
            dz: rows(2 * n),
            dy: rows(n),
            dd: rows(n),
            kg: rows(n),
            dx: rows(2 * n),
            pz: square(2 * n),
            py: square(n),
            d: Scratch::new(linear.plan.d_len),
            decays: (linear.rule.forget).then(|| DecayCotangents::new(1, linear.chunk)),
        };
        let whole = Region::new(width, width);
        let (length, area) = (whole.len(), width * width);
        let mut g = Scratch::zeros(samples * length);
        if !out.weights.is_empty() {
            for (g, given) in g.chunks_exact_mut(length).zip(out.weights.chunks(area)) {
                whole.copy_from(g, (given, Region::dense(width, width)));
            }
        }
        let gates = |there: bool| vec![F::zero(); if there { samples * steps } else { 0 }];
        let (mut rates, mut forget) = (gates(true), gates(linear.rule.forget));
        for chunk in (0..linear.chunks()).rev() {
            for (s, g) in g.chunks_exact_mut(length).enumerate() {
                let forget = match forget.is_empty() {
                    true => &mut [][..],
                    false => &mut forget[s * steps..][..steps],
                };
                let mut found = SequenceGradients {
                    rows: &mut rows_to,
                    s,
                    rates: &mut rates[s * steps..][..steps],
                    forget,
                };
                let given = out.starting_at(s, width);
                self.chunk((s, chunk), given, g, &mut work, &mut back, &mut found);
            }
        }
        let mut weights = Vec::with_capacity(samples * area);
        for g in g.chunks_exact(length) {
            (0..width).for_each(|r| weights.extend_from_slice(whole.row(g, r)));
        }
        for (mut to, of) in gates_to.into_iter().zip([rates, forget]) {
            for (n, d) in of.into_iter().enumerate() {
                to[[n % steps, n / steps]] = d;
            }
        }
        weights
    }

    fn chunk(
        &self,
        (s, chunk): (usize, usize),
        out: LinearCotangents<'_, F>,
        g: &mut [F],
        work: &mut Work<F>,
        back: &mut Back<F>,
        found: &mut SequenceGradients<'_, '_, F>,
    ) {
        let linear = &self.linear;
        let (first, steps) = linear.extent(chunk);
        let (width, heads, kept) = (linear.width, linear.heads, &linear.kept);
        let n = steps * heads;
        let place = s * (linear.chunks() + 1) + chunk;
        let now = &self.kept[place * kept.length..][..kept.length];
        let numbers = linear.numbers((s, chunk), &self.rates, &self.keep);
        let rows = Region::new(2 * n, width);
        let (top, whole) = (rows.first(n), Region::new(width, width));
        let (keys, d) = (kept.x.first(n), kept.d.first(n));
        if linear.rule.forget {
            // Looked at for what it says of p.
            work.base(linear, now, n);
        }
        work.fade(numbers, steps);
        work.mask((now, kept.g), n, heads);
        self.seed(chunk, now, out, back, found);

        // dD of what was read, and of the next chunk's weights; dX of the latter.
        let l = work.l_at.first(2 * n).narrow(n);
        back.dd[..top.len()].fill(F::zero());
        let dd = top.view_mut(&mut back.dd);
        matmul_tn(l.view(&work.l), rows.view(&back.dz), dd, Store::Subtract);
        if let (Some(decays), Some(cotangents)) = (&work.decays, &mut back.decays) {
            let kg = top.view_mut(&mut back.kg);
            matmul_nt(keys.view(now), whole.view(g), kg, Store::Overwrite);
            cotangents.begin();
            let (of, version) = (cotangents.of(0), decays.version(0, steps));
            for row in 0..n {
                let (number, kg) = (row / heads, top.row(&back.kg, row));
                of.r[number] -= dot(d.row(now, row), kg);
                add_scaled(top.row_mut(&mut back.dd, row), -version.r[number], kg);
            }
            for r in 0..width {
                *of.p += dot(whole.row(g, r), kept.weights.row(now, r));
            }
        } else {
            let dd = top.view_mut(&mut back.dd);
            matmul_nt(keys.view(now), whole.view(g), dd, Store::Subtract);
        }
        back.dx[..rows.len()].fill(F::zero());
        let faded = work.faded(now, d, steps, heads);
        matmul(
            faded.1.view(faded.0),
            whole.view(g),
            top.view_mut(&mut back.dx),
            Store::Subtract,
        );

        self.steps_back((s, chunk), now, work, back, found);

        // What the products of the chunk say of X, K, W_a and of what has faded.
        let p = Region::new(2 * n, n);
        let (pz, py) = (p.view_mut(&mut back.pz), p.first(n).view_mut(&mut back.py));
        matmul_nt(rows.view(&back.dz), d.view(now), pz, Store::Overwrite);
        matmul_nt(top.view(&back.dy), d.view(now), py, Store::Overwrite);
        self.fade_back((s, chunk), now, work, back, found);
        self.mask_back(chunk, work, back);
        match &work.decays {
            None => add_scaled(&mut back.dz[..top.len()], F::one(), &back.dy[..top.len()]),
            Some(decays) => {
                for row in 0..2 * n {
                    let c = row % n / heads;
                    let dz = rows.row_mut(&mut back.dz, row);
                    scale(dz, decays.version(0, c + 1).p);
                    if row < n {
                        add_scaled(dz, decays.version(0, c).p, top.row(&back.dy, row));
                    }
                }
            }
        }
        let (base, dm) = (rows.view(&back.dz), p.view(&back.pz));
        let x = kept.x.first(2 * n).view(now);
        let dx = rows.view_mut(&mut back.dx);
        matmul(base, kept.weights.view(now), dx, Store::Add);
        let dx = rows.view_mut(&mut back.dx);
        matmul(dm, keys.view(now), dx, Store::Add);
        matmul_tn(dm, x, top.view_mut(&mut back.dx), Store::Add);
        if let Some(decays) = &work.decays {
            let p = decays.version(0, steps).p;
            (0..width).for_each(|r| scale(whole.row_mut(g, r), p));
        }
        matmul_tn(base, x, whole.view_mut(g), Store::Add);
        self.hand_out(first, now, back, found, n);
    }

    /// dZ, and what the meta losses say of the values.
    fn seed(
        &self,
        chunk: usize,
        now: &[F],
        out: LinearCotangents<'_, F>,
        back: &mut Back<F>,
        found: &mut SequenceGradients<'_, '_, F>,
    ) {
        let linear = &self.linear;
        let (first, steps) = linear.extent(chunk);
        let (width, heads, kept) = (linear.width, linear.heads, &linear.kept);
        let n = steps * heads;
        let rows = Region::new(2 * n, width);
        let mean = F::one() / F::of(heads as f64);
        for row in 0..n {
            let t = first + row / heads;
            let d_meta = out.meta.get(t * out.meta_stride).copied();
            let slope = d_meta.unwrap_or(F::zero()) * F::of(2.0 / (heads * width) as f64);
            let miss = kept.miss.row(now, row);
            scaled(rows.row_mut(&mut back.dz, row), slope, miss);
            let to = &mut row_of(&mut found.rows[1], t, found.s)[row % heads * width..][..width];
            scaled(to, -slope, miss);
            let read = rows.row_mut(&mut back.dz, n + row);
            match out.reads.is_empty() {
                true => read.fill(F::zero()),
                false => scaled(read, mean, &out.reads[t * out.read_stride..][..width]),
            }
        }
    }

    /// Through the writes and the program, step by step.
    fn steps_back(
        &self,
        (s, chunk): (usize, usize),
        now: &[F],
        work: &mut Work<F>,
        back: &mut Back<F>,
        found: &mut SequenceGradients<'_, '_, F>,
    ) {
        let linear = &self.linear;
        let (first, steps) = linear.extent(chunk);
        let (plan, heads) = (&linear.plan, linear.heads);
        let rows = Region::new(steps * heads, linear.width);
        let numbers = linear.numbers((s, chunk), &self.rates, &self.keep);
        let record = &now[linear.kept.record..];
        back.dy[..rows.len()].fill(F::zero());
        // What the write and the product say of the keys goes into dX: nothing else may come to these.
        if linear.looks_at_keys {
            plan.d_places[0].of_mut(&mut back.d).fill(F::zero());
        }
        for at in &plan.zeros {
            plan.d_places[*at].of_mut(&mut back.d).fill(F::zero());
        }
        let forget = match found.forget.is_empty() {
            true => &mut [][..],
            false => &mut found.forget[first..first + steps],
        };
        let mut d_numbers = NumberCotangents {
            rates: &mut found.rates[first..first + steps],
            keep: forget,
            momentum: &mut [],
        };
        for c in (0..steps).rev() {
            let these = c * heads..(c + 1) * heads;
            for planned in plan.ops.iter().rev() {
                match planned.op {
                    Op::Update { e, .. } => {
                        let (e_at, to_e) = (plan.places[e.0].region, plan.d_places[e.0]);
                        for r in these.clone() {
                            let dd = rows.row(&back.dd, r);
                            d_numbers.rates[c] += dot(dd, e_at.row(record, r));
                            let to = to_e.row_mut(&mut back.d, r);
                            super::adjoint::put_row(planned.fresh[0], to, numbers.rates[c], dd);
                        }
                    }
                    Op::Apply { y, .. } if planned.live => {
                        let from = plan.d_places[y.0].group(only(c), heads);
                        let to = rows.group(only(c), heads);
                        to.copy_from(&mut back.dy, (&back.d, from));
                        if c > 0 {
                            let g = (now, linear.kept.g);
                            let within = within(&work.decays, &mut work.scaled, g, c, heads);
                            let dd = rows.first(c * heads).view_mut(&mut back.dd);
                            matmul_tn(within, to.view(&back.dy), dd, Store::Subtract);
                        }
                    }
                    Op::Apply { .. } => {}
                    _ if planned.live => {
                        let (d, of) = (&mut back.d, &mut d_numbers);
                        adjoint(plan, planned, only(c), record, d, numbers, of);
                    }
                    _ => {}
                }
            }
        }
    }

    /// The cotangents of `1 - phi`, then of phi.
    fn fade_back(
        &self,
        (s, chunk): (usize, usize),
        now: &[F],
        work: &Work<F>,
        back: &mut Back<F>,
        found: &mut SequenceGradients<'_, '_, F>,
    ) {
        let (Some(decays), Some(cotangents)) = (&work.decays, &mut back.decays) else {
            return;
        };
        let linear = &self.linear;
        let (first, steps) = linear.extent(chunk);
        let heads = linear.heads;
        let n = steps * heads;
        let (rows, p) = (Region::new(2 * n, linear.width), Region::new(2 * n, n));
        let add = |to: &mut [F], from: &[F], row: usize| {
            let products = from
                .chunks(heads)
                .zip(linear.kept.g.row(now, row).chunks(heads));
            for (to, (p, g)) in to.iter_mut().zip(products) {
                *to -= dot(p, g);
            }
        };
        for c in (0..steps).rev() {
            let of = cotangents.of(0);
            for row in (c * heads..(c + 1) * heads).flat_map(|row| [row, n + row]) {
                add(&mut of.r[..=c], p.row(&back.pz, row), row);
                *of.p += dot(rows.row(&back.dz, row), work.base_at.row(&work.base, row));
            }
            let keep = self.keep[s * linear.steps + first + c];
            let [d_keep, _] = cotangents.retreat(0, c, keep, F::zero(), decays.version(0, c));
            found.forget[first + c] = -(found.forget[first + c] + d_keep);
            let of = cotangents.of(0);
            for row in c * heads..(c + 1) * heads {
                add(&mut of.r[..c], p.row(&back.py, row), row);
                *of.p += dot(rows.row(&back.dy, row), work.base_at.row(&work.base, row));
            }
        }
    }

    /// dM, in the place of dZ D^T.
    fn mask_back(&self, chunk: usize, work: &Work<F>, back: &mut Back<F>) {
        let linear = &self.linear;
        let heads = linear.heads;
        let n = linear.extent(chunk).1 * heads;
        let p = Region::new(2 * n, n);
        for row in 0..2 * n {
            let c = row % n / heads;
            let (known, later) = p.row_mut(&mut back.pz, row).split_at_mut((c + 1) * heads);
            later.fill(F::zero());
            let py = &p.row(&back.py, row % n)[..if row < n { c * heads } else { 0 }];
            match &work.decays {
                None => {
                    known.iter_mut().for_each(|x| *x = -*x);
                    known.iter_mut().zip(py).for_each(|(x, y)| *x -= *y);
                }
                Some(decays) => {
                    let (after, before) = (decays.version(0, c + 1).r, decays.version(0, c).r);
                    for (j, x) in known.iter_mut().enumerate() {
                        *x *= -after[j / heads];
                    }
                    for (j, (x, y)) in known.iter_mut().zip(py).enumerate() {
                        *x -= before[j / heads] * *y;
                    }
                }
            }
        }
    }

    /// dX and what the program says of keys and values, to where the sequence has them.
    fn hand_out(
        &self,
        first: usize,
        now: &[F],
        back: &Back<F>,
        found: &mut SequenceGradients<'_, '_, F>,
        n: usize,
    ) {
        let linear = &self.linear;
        let (plan, width, kept) = (&linear.plan, linear.width, &linear.kept);
        let (rows, of_values) = (Region::new(2 * n, width), plan.reached[1]);
        let [d_keys, d_values, d_read_keys] = &mut found.rows;
        for row in 0..n {
            let (t, head) = (first + row / linear.heads, row % linear.heads * width);
            for (which, to) in [&mut *d_keys, &mut *d_read_keys].into_iter().enumerate() {
                let to = &mut row_of(to, t, found.s)[head..][..width];
                let place = which * n + row;
                to.copy_from_slice(rows.row(&back.dx, place));
                if which == 0 && linear.looks_at_keys {
                    add_scaled(to, F::one(), plan.d_places[0].row(&back.d, row));
                }
                if linear.rule.unit_keys {
                    let norm = now[kept.norms.offset + place];
                    unit_row_adjoint(to, kept.x.row(now, place), norm);
                }
            }
            if of_values {
                let from = plan.d_places[1].row(&back.d, row);
                let to = &mut row_of(d_values, t, found.s)[head..][..width];
                add_scaled(to, F::one(), from);
            }
        }
    }
}
