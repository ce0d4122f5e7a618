//! What forgetting and momentum have made of the weights, the momentum and the writes since a chunk began.
//!
//! With `W_a` and `S_a` at the start of the chunk, and `D_s^T A_s` what step s has written, after i steps
//!
//! ```text
//! W_i = p_i W_a - q_i S_a - sum_s r_is D_s^T A_s          S_i = u_i S_a + sum_s m_is D_s^T A_s
//! m_(i+1)s = eta m_is;   r_(i+1)s = k r_is + m_(i+1)s;   both 1 for the newest
//! p_(i+1) = k p_i;   u_(i+1) = eta u_i;   q_(i+1) = k q_i + u_(i+1)          k = 1 - phi;  p_0 = u_0 = 1;  q_0 = 0
//! ```

use mnm_tensor::kernels::{Kernels, Scratch, vectorised};

/// The numbers of one sequence after some steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version<'a, F> {
    pub p: F,
    pub q: F,
    pub u: F,
    /// r and m of every step of the chunk, of which those already taken count.
    pub r: &'a [F],
    pub m: &'a [F],
}

/// The same, to be added to.
pub(super) struct VersionMut<'a, F> {
    pub p: &'a mut F,
    pub q: &'a mut F,
    pub u: &'a mut F,
    pub r: &'a mut [F],
    pub m: &'a mut [F],
}

/// The numbers of all sequences after every step of a chunk.
#[derive(Debug)]
pub(super) struct Decays<F> {
    steps: usize,
    data: Scratch<F>,
}

fn length(steps: usize) -> usize {
    3 + 2 * steps
}

fn split<F: Copy>(row: &[F], steps: usize) -> Version<'_, F> {
    let (r, m) = row[3..].split_at(steps);
    Version {
        p: row[0],
        q: row[1],
        u: row[2],
        r,
        m,
    }
}

fn split_mut<F>(row: &mut [F], steps: usize) -> VersionMut<'_, F> {
    let (head, rest) = row.split_at_mut(3);
    let (r, m) = rest.split_at_mut(steps);
    let [p, q, u] = head else { unreachable!() };
    VersionMut { p, q, u, r, m }
}

impl<F: Kernels> Decays<F> {
    /// For chunks of at most `steps` steps.
    pub fn new(samples: usize, steps: usize) -> Self {
        Decays {
            steps,
            data: Scratch::new(samples * (steps + 1) * length(steps)),
        }
    }

    fn at(&self, s: usize, step: usize) -> usize {
        (s * (self.steps + 1) + step) * length(self.steps)
    }

    /// Before the first step of a chunk.
    pub fn begin(&mut self, s: usize) {
        let at = self.at(s, 0);
        let first = split_mut(&mut self.data[at..][..length(self.steps)], self.steps);
        (*first.p, *first.q, *first.u) = (F::one(), F::zero(), F::one());
    }

    /// After `step` steps.
    pub fn version(&self, s: usize, step: usize) -> Version<'_, F> {
        split(
            &self.data[self.at(s, step)..][..length(self.steps)],
            self.steps,
        )
    }

    /// From before a step to after it.
    pub fn advance(&mut self, s: usize, step: usize, keep: F, momentum: F) {
        let (steps, at) = (self.steps, self.at(s, step + 1));
        let (known, rest) = self.data.split_at_mut(at);
        let before = split(&known[at - length(steps)..], steps);
        let after = split_mut(&mut rest[..length(steps)], steps);
        let m = after.m[..step].iter_mut().zip(&before.m[..step]);
        let r = after.r[..step].iter_mut().zip(&before.r[..step]);
        vectorised(|| {
            for ((m, m_before), (r, r_before)) in m.zip(r) {
                *m = momentum * *m_before;
                *r = keep * *r_before + *m;
            }
        });
        (after.m[step], after.r[step]) = (F::one(), F::one());
        *after.p = keep * before.p;
        *after.u = momentum * before.u;
        *after.q = keep * before.q + *after.u;
    }
}

/// The cotangents of the numbers of all sequences, of the version that the way back has reached.
#[derive(Debug)]
pub(super) struct DecayCotangents<F> {
    steps: usize,
    data: Vec<F>,
}

impl<F: Kernels> DecayCotangents<F> {
    pub fn new(samples: usize, steps: usize) -> Self {
        DecayCotangents {
            steps,
            data: vec![F::zero(); samples * length(steps)],
        }
    }

    /// Before the last step of a chunk.
    pub fn begin(&mut self) {
        self.data.fill(F::zero());
    }

    pub fn of(&mut self, s: usize) -> VersionMut<'_, F> {
        split_mut(
            &mut self.data[s * length(self.steps)..][..length(self.steps)],
            self.steps,
        )
    }

    /// From after a step to before it, of which `before` are the numbers; the cotangents of k and eta.
    pub fn retreat(
        &mut self,
        s: usize,
        step: usize,
        keep: F,
        momentum: F,
        before: Version<'_, F>,
    ) -> [F; 2] {
        let d = self.of(s);
        let (mut d_keep, mut d_momentum) = (F::zero(), F::zero());
        *d.u += *d.q;
        d_keep += *d.q * before.q + *d.p * before.p;
        d_momentum += *d.u * before.u;
        *d.q *= keep;
        *d.p *= keep;
        *d.u *= momentum;
        for n in 0..step {
            d_keep += d.r[n] * before.r[n];
            d.m[n] += d.r[n];
            d_momentum += d.m[n] * before.m[n];
            d.r[n] *= keep;
            d.m[n] *= momentum;
        }
        // The newest were constants.
        (d.r[step], d.m[step]) = (F::zero(), F::zero());
        [d_keep, d_momentum]
    }
}

/// `to` = `from` times the number of the step that each column belongs to; each step has `each` columns, those past the last
/// number are of the present step and stay.
pub(super) fn scale_columns<F: Kernels>(to: &mut [F], from: &[F], numbers: &[F], each: usize) {
    let known = (numbers.len() * each).min(to.len());
    let (to, to_rest) = to.split_at_mut(known);
    let (from, from_rest) = from.split_at(known);
    to_rest.copy_from_slice(from_rest);
    vectorised(|| match each {
        1 => {
            for ((to, from), number) in to.iter_mut().zip(from).zip(numbers) {
                *to = *number * *from;
            }
        }
        _ => {
            let steps = to.chunks_mut(each).zip(from.chunks(each));
            for ((to, from), number) in steps.zip(numbers) {
                let pairs = to.iter_mut().zip(from);
                pairs.for_each(|(to, from)| *to = *number * *from);
            }
        }
    });
}

/// The same in place.
pub(super) fn scale_columns_in_place<F: Kernels>(row: &mut [F], numbers: &[F], each: usize) {
    vectorised(|| match each {
        1 => {
            for (x, number) in row.iter_mut().zip(numbers) {
                *x *= *number;
            }
        }
        _ => {
            for (row, number) in row.chunks_mut(each).zip(numbers) {
                row.iter_mut().for_each(|x| *x *= *number);
            }
        }
    });
}

/// `to` += or -= the sums over each step's columns of the products of `left` and `right`.
pub(super) fn add_products<F: Kernels>(
    to: &mut [F],
    sign: F,
    left: &[F],
    right: &[F],
    each: usize,
) {
    vectorised(|| match each {
        1 => {
            for (to, (l, r)) in to.iter_mut().zip(left.iter().zip(right)) {
                *to += sign * (*l * *r);
            }
        }
        _ => {
            let columns = left.chunks(each).zip(right.chunks(each));
            for (to, (left, right)) in to.iter_mut().zip(columns) {
                let products = left.iter().zip(right);
                *to += sign * products.fold(F::zero(), |sum, (l, r)| sum + *l * *r);
            }
        }
    });
}
