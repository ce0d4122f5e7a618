//! Recursive least squares in square-root form.
//!
//! With `l = 1 - forgetting`, the weights after n writes minimise `sum_i l^(n-i) |W x_i - v_i|^2 + l^n ridge |W|^2`. The textbook's
//! recursion keeps `P`, the inverse of `sum_i l^(n-i) x_i x_i^T + l^n ridge I`:
//!
//! ```text
//! q = x^T P x;  g = P x / (l + q);  W += (v - W x) g^T;  P = (P - g x^T P) / l
//! ```
//!
//! It subtracts nearly equal numbers, and in single precision `P` soon has negative eigenvalues, from which the weights diverge. Here
//! `P = s S S^T` is kept through `S` (Potter 1963; Bierman, "Factorization Methods for Discrete Sequential Estimation", 1977):
//!
//! ```text
//! f = S^T x;  q = s |f|^2;  r = l + q;  c = s / r;  p = 1 / (1 + sqrt(l / r))
//! g = S (c f);  W += (v - W x) g^T;  S -= g (p f)^T;  s /= l
//! ```
//!
//! since `(I - p c f f^T)^2 = I - c f f^T`. `S S^T` is symmetric and has no negative eigenvalue whatever is rounded. The factor `s` stands
//! beside `S`, so that forgetting costs no pass over it; it is moved into `S` by powers of two, which round nothing.
//!
//! **Long keys, small ridges.** `P x` is rounded by about `z = epsilon |x|^2 / ridge` where keys have not been. Where z is more than l, this noise
//! would outweigh the pair, and S could become singular. So the pair is given the weight `1 / z` instead of 1, which is as if the ridge were
//! `epsilon |x|^2`: for keys longer than `sqrt(ridge / epsilon)`, 92 in single precision and 2 million in double, at the usual ridge. The first pair
//! under a key is read as exactly as ever, and all pairs under it count for the same.
//!
//! **Where keys do not come.** Directions that no key has had for long are forgotten without end: there `P` grows as `l^-n`, until it overflows.
//! So the mean of its diagonal is held to m, `1 / sqrt(epsilon)` times that of the empty memory (2,900 in single precision, 67 million in
//! double): where it is above, the memory is told what it reads under unit keys, one e in turn after the other, with a weight of 8 / m. That
//! changes no weight; `P` loses `P e e^T P / (m/8 + e^T P e)`. Keys that do come outweigh it by far, and are forgotten in time, as ever.
//!
//! **To forget a key.** With r the ridge, or what is left of it, `P^-1 - r I` is the evidence: what was written. Of the key x only the part `k = (I - r P) x` is
//! known. The most that can be taken out of the evidence along k is `k k^T / (x^T P k)`: it is then without rank in the direction of `P x`, nowhere
//! below zero, and P nowhere above that of the empty memory:
//!
//! ```text
//! g = P k / (x^T P k);  W -= W x g^T;  P += P k k^T P / (r x^T P P k)
//! ```
//!
//! As `g . x = 1`, the key reads zero. To go along `P x` itself, which changes other reads least, would be to go far into directions of which
//! nothing is known, for any part of the key that lies in them. Whatever is rounded, and where P is above `I / r` because keys do not come, P
//! grows by `I / ridge` at most. P stays where the key is as good as new, so that to forget it once more takes nothing from others. A key of which nothing is known is taken out as the delta rule does it.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, Store, dot, matmul, matmul_nt, matmul_tn};

use super::AssociativeError;
use super::delta;
use super::state::{State, square};
use super::weights::{Weights, overflow};

/// Entries of S that are taken at a time, in whole rows, where it has more than twice as many: read and changed while they are in a cache that is
/// near.
const BLOCK: usize = 8192;

/// A key counts as long where q is more than this of what rounding would need to be felt.
const LONG: f64 = 0.1;

/// The known part of a key counts from this many roundings of the whole on.
const ROUNDING: f64 = 32.0;

/// A key is as good as new, and what is known of it is that of others, where q is more than this of what it is in the empty memory.
const UNKNOWN: f64 = 0.25;

/// Where the entries of S are on average smaller than this, they are scaled up by it: a power of two.
const SMALL: f64 = 1.0 / 1024.0;

/// What the memory knows of where keys have been: `P = scale S S^T`.
#[derive(Clone, Debug)]
pub(super) struct Evidence<F> {
    /// S, as many rows and columns as there are features.
    pub(super) root: Weights<F>,
    pub(super) scale: f64,
    /// What is left of the ridge, `ridge l^n`, or `1 / m` if that is more.
    pub(super) prior: f64,
    /// The place of the unit key that is told next, where directions are worn.
    pub(super) turn: usize,
    /// Whether a key came that was so long that rounding counts. The lengths of keys are looked at from then on.
    pub(super) long: bool,
    /// The squared norm of S; where nothing is forgotten, what it was some writes ago, as writes only make it smaller. Computed anew every
    /// so many.
    trace: f64,
    since: usize,
}

impl<F: Kernels> Evidence<F> {
    /// Of no key: `P = I / ridge`.
    pub(super) fn none(width: usize, ridge: f64) -> Self {
        Self::new(Weights::identity(width), ridge.recip(), ridge, 0, false)
    }

    pub(super) fn new(root: Weights<F>, scale: f64, prior: f64, turn: usize, long: bool) -> Self {
        let trace = root.norm().powi(2);
        Self {
            root,
            scale,
            prior,
            turn,
            long,
            trace,
            since: 0,
        }
    }

    fn width(&self) -> usize {
        self.root.shape()[1]
    }

    /// The part of the directions of key space that is known: `1 - l^n ridge tr(P) / width`, the effective degrees of freedom of ridge
    /// regression. 0 is empty, 1 is full.
    pub(super) fn known(&self) -> f64 {
        let unknown = self.prior * self.scale * self.root.norm().powi(2) / self.width() as f64;
        (1.0 - unknown).clamp(0.0, 1.0)
    }

    /// `f = S^T x`; `|f|^2`.
    fn project(&self, x: &[F], f: &mut [F]) -> F {
        let width = self.width();
        let (x, to) = (Matrix::dense(x, 1, width), MatrixMut::dense(f, 1, width));
        matmul(x, self.root.view(), to, Store::Overwrite);
        dot(f, f)
    }

    /// `g = S a` and `S -= g f^T`, a block of rows at a time.
    fn change(&mut self, a: &[F], f: &[F], g: &mut [F]) {
        let width = self.width();
        let rows = match width * width <= 2 * BLOCK {
            true => width,
            false => (BLOCK / width).max(8),
        };
        for first in (0..width).step_by(rows) {
            let count = rows.min(width - first);
            let g = &mut g[first..first + count];
            let rows = self.root.block_mut(first, count);
            let to = MatrixMut::dense(g, 1, count);
            matmul_nt(
                Matrix::dense(a, 1, width),
                rows.as_ref(),
                to,
                Store::Overwrite,
            );
            let (g, f) = (Matrix::dense(g, 1, count), Matrix::dense(f, 1, width));
            matmul_tn(g, f, rows, Store::Subtract);
        }
    }

    fn measure(&mut self) {
        self.trace = self.root.norm().powi(2);
        self.since = 0;
    }

    /// Keeps the figures beside S in order after `S -= g f^T`, by which its squared norm has fallen so far.
    fn settle(&mut self, fall: f64) {
        self.trace -= fall;
        self.since += 1;
        let small = SMALL * SMALL * self.width() as f64;
        if self.since >= 8 * self.width() || self.trace < small {
            self.measure();
        }
        while self.trace > 0.0 && self.trace < small {
            self.root.scale(F::of(SMALL.recip()));
            self.scale *= SMALL * SMALL;
            self.trace /= SMALL * SMALL;
        }
    }
}

/// The weights, and the evidence that they rest on.
#[derive(Clone, Debug)]
pub(super) struct LeastSquares<F> {
    ridge: f64,
    keep: f64,
    weights: Weights<F>,
    evidence: Evidence<F>,
    error: Vec<F>,
    /// f, and p f; c f; g.
    projected: Vec<F>,
    scaled: Vec<F>,
    gain: Vec<F>,
}

impl<F: Kernels> LeastSquares<F> {
    pub(super) fn new(
        ridge: f64,
        forgetting: f64,
        weights: Weights<F>,
        evidence: Evidence<F>,
    ) -> Self {
        let [out, input] = weights.shape();
        let zeros = |width| vec![F::zero(); width];
        Self {
            ridge,
            keep: 1.0 - forgetting,
            weights,
            evidence,
            error: zeros(out),
            projected: zeros(input),
            scaled: zeros(input),
            gain: zeros(input),
        }
    }

    /// What a write puts in the place of l, the inverse of the weight of its pair, for a key of this q; whether lengths of keys are looked at
    /// from then on.
    fn weighed(&self, x: &[F], q: f64) -> (f64, bool) {
        let l = self.keep;
        // What takes a pass over the key waits for the first long one.
        let long = self.evidence.long || F::epsilon().as_f64() * q > LONG * l;
        let weighed = match long {
            true => l.max(F::epsilon().as_f64() * dot(x, x).as_f64() / self.ridge),
            false => l,
        };
        (weighed, long)
    }

    /// The most that P's diagonal may be on average.
    fn most(&self) -> f64 {
        F::epsilon().as_f64().sqrt().recip() / self.ridge
    }

    fn worn(&self) -> bool {
        self.evidence.scale * self.evidence.trace / self.evidence.width() as f64 > self.most()
    }

    /// Forgets: `P /= l`. Where that is too much, the memory is told what it reads under unit keys.
    fn fade(&mut self) {
        self.evidence.scale /= self.keep;
        self.evidence.prior = (self.evidence.prior * self.keep).max(self.most().recip());
        if !self.worn() {
            return;
        }
        let (width, noise) = (self.evidence.width(), self.most() / 8.0);
        // Once round takes most of it away.
        for _ in 0..width {
            // S^T e is a row of S.
            let row = self.evidence.turn;
            self.evidence.turn = (row + 1) % width;
            self.projected.copy_from_slice(self.evidence.root.row(row));
            let f_square = dot(&self.projected, &self.projected).as_f64();
            let (c, p) = factors(self.evidence.scale, f_square, noise);
            if self.admit(0.0, f_square, c, p).is_ok() {
                self.change(c, p, f_square);
            }
            if !self.worn() {
                return;
            }
        }
    }

    /// `g = S (c f)` and `S -= g (p f)^T`.
    fn change(&mut self, c: f64, p: f64, f_square: f64) {
        let (c_rounded, p_rounded) = (F::of(c), F::of(p));
        for (scaled, f) in self.scaled.iter_mut().zip(&mut self.projected) {
            (*scaled, *f) = (c_rounded * *f, p_rounded * *f);
        }
        self.evidence
            .change(&self.scaled, &self.projected, &mut self.gain);
        // A write only makes S smaller: where nothing is forgotten, its norm from before is as good a bound.
        self.evidence.settle(match self.keep < 1.0 || p < 0.0 {
            true => p * (2.0 / c - p * f_square) * dot(&self.gain, &self.gain).as_f64(),
            false => 0.0,
        });
    }

    /// Refuses a change by which an entry of g, of S or of W might overflow; the most that W changes by. Neither g nor the new S is known
    /// yet, but for `|g| <= c |S| |f|`.
    fn admit(&mut self, e: f64, f_square: f64, c: f64, p: f64) -> Result<f64, AssociativeError> {
        let gain = c * (f_square * self.evidence.trace).sqrt();
        // A write only makes S smaller, to forget makes it larger.
        let root = match p < 0.0 {
            true => (1.0 - p) * self.evidence.trace.sqrt(),
            false => 0.0,
        };
        // Written so that NaN is refused.
        let limit = F::max_value().as_f64() / 4.0;
        if !(c <= limit && -p <= limit && gain <= limit && root <= limit) {
            return Err(overflow::<F>());
        }
        self.weights.admit(e * gain)?;
        Ok(e * gain)
    }

    /// Puts `S^T k` in the place of `f = S^T x`, k the part of x that is known; `f . S^T k`, `|S^T k|^2`, and by what S is to grow along it. None where
    /// k is not more than rounding, or not to be told from the rest.
    fn known_part(&mut self) -> Option<(f64, f64, f64)> {
        let (s, root) = (self.evidence.scale, &self.evidence.root);
        let ratio = F::of(self.evidence.prior * s);
        root.apply(&self.projected, &mut self.gain);
        self.evidence.project(&self.gain, &mut self.scaled);
        // In double precision: the squares of short and of long keys are numbers there.
        let (mut all, mut along, mut square, mut cross) = (0.0, 0.0, 0.0, 0.0);
        for (f, &z) in self.projected.iter_mut().zip(&self.scaled) {
            let known = *f - ratio * z;
            let [x, k, z] = [*f, known, z].map(F::as_f64);
            all += x * x;
            along += x * k;
            square += k * k;
            cross += z * k;
            *f = known;
        }
        let rounding = ROUNDING * F::epsilon().as_f64();
        if !(along > rounding * all && square > 0.0 && square <= 2.0 * along) {
            return None;
        }
        root.apply(&self.projected, &mut self.gain);
        let reach: f64 = self.gain.iter().map(|g| g.as_f64().powi(2)).sum();
        let most = (self.evidence.prior * cross).max(self.ridge * reach);
        Some((along, square, (1.0 + square / (s * most)).sqrt()))
    }

    /// `g = S (c f)`, `W += (v - W x) g^T` and `S -= g (p f)^T`, with f and v - W x from before.
    fn correct(
        &mut self,
        distance: F,
        f_square: f64,
        (c, p): (f64, f64),
    ) -> Result<(), AssociativeError> {
        let e = distance.as_f64();
        let most = match self.admit(e, f_square, c, p) {
            Ok(most) => most,
            Err(_) => {
                self.evidence.measure();
                self.admit(e, f_square, c, p)?
            }
        };
        self.change(c, p, f_square);
        self.weights.add(&self.error, &self.gain, most);
        Ok(())
    }
}

/// `c = s / r` and `p = 1 / (1 + sqrt(l / r))` with `r = l + s |f|^2`.
fn factors(s: f64, f_square: f64, l: f64) -> (f64, f64) {
    let r = l + s * f_square;
    (s / r, (1.0 + (l / r).sqrt()).recip())
}

impl<F: Kernels> State<F> for LeastSquares<F> {
    fn read(&self, x: Matrix<'_, F>, y: MatrixMut<'_, F>) {
        self.weights.apply_rows(x, y);
    }

    fn write(&mut self, x: &[F], v: &[F]) -> Result<F, AssociativeError> {
        let distance = self.weights.error(x, v, &mut self.error);
        let f_square = self.evidence.project(x, &mut self.projected).as_f64();
        let s = self.evidence.scale;
        let q = s * f_square;
        if q == 0.0 {
            return Err(AssociativeError::ZeroKey);
        }
        if !q.is_finite() {
            return Err(overflow::<F>());
        }
        let (weighed, long) = self.weighed(x, q);
        self.correct(distance, f_square, factors(s, f_square, weighed))?;
        self.evidence.long = long;
        if self.keep < 1.0 {
            self.fade();
        }
        Ok(distance)
    }

    /// Takes what the key reads out of the memory, and what is known of it: see the head of the module.
    fn forget(&mut self, x: &[F], nothing: &[F]) -> Result<F, AssociativeError> {
        let x_square = square(x)?;
        let distance = self.weights.error(x, nothing, &mut self.error);
        let f_square = self.evidence.project(x, &mut self.projected).as_f64();
        let q = self.evidence.scale * f_square;
        if q == 0.0 {
            return Err(AssociativeError::ZeroKey);
        }
        let Some((along, square, growth)) = self.known_part() else {
            // As the delta rule: no evidence stands behind what is read.
            return delta::step(&mut self.weights, &mut self.error, x, nothing, F::one());
        };
        let growth = match q * self.ridge > UNKNOWN * x_square.as_f64() {
            true => 1.0,
            false => growth,
        };
        let factors = (along.recip(), (1.0 - growth) * along / square);
        self.correct(distance, square, factors)?;
        Ok(distance)
    }

    fn layers(&self) -> &[Weights<F>] {
        std::slice::from_ref(&self.weights)
    }

    fn evidence(&self) -> Option<&Evidence<F>> {
        Some(&self.evidence)
    }

    /// `q / (w + q)`, with the w that the next write would take.
    fn novelty(&self, x: &[F], f: &mut [F]) -> Option<F> {
        let q = self.evidence.scale * self.evidence.project(x, f).as_f64();
        let part = q / (self.weighed(x, q).0 + q);
        // Where q is infinite, no key like this one was written.
        Some(F::of(if part.is_finite() { part } else { 1.0 }))
    }

    fn boxed(&self) -> Box<dyn State<F>> {
        Box::new(self.clone())
    }
}
