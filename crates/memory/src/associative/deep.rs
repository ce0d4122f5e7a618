//! A memory of several layers, written by gradient steps that cannot run away.
//!
//! A write lowers `|e|^2 / 2`, `e = f(x) - v`, by a few steps `W^l -= eta d^l a^{l-1 T}` (`d^l` the gradient with respect to `W^l a^{l-1}`). What
//! comes out moves by `-eta J g` to first order, with `g` the whole gradient and `J` the Jacobian, so `eta = rate |g|^2 / |J g|^2` takes
//! the step to where the linearised network is nearest to `v` along `g` at rate 1. With one layer that is the delta rule. The network is not linear: if the error
//! does not shrink, the step is halved until it does, and not taken after eight times.
//!
//! The steps of a write are kept as factors, as the fused kernels do (`W_eff = W - D^T A`), and enter the weights at the end, all at
//! once: a write that is refused has changed nothing, and the weights are gone over in memory once a write, not once a step.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, Scratch, Store, dot, matmul};
use mnm_tensor::{Init, SharedArray};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::state::{State, square};
use super::weights::{Weights, length, overflow, reach};
use super::{AssociativeError, Method};

/// How often a step is halved before it is given up.
const HALVINGS: usize = 8;

/// A pair is stored when the error is below this many roundings of the value.
const STORED: f64 = 16.0;

/// The first weights of a hidden layer: normal, such that keys of length 1 are spread over the bent part of tanh.
pub(super) fn drawn<F: Kernels>(seed: u64, layer: usize, [out, input]: [usize; 2]) -> Weights<F> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(layer as u64);
    // A key of length 1 gives sums of deviation 1; so do tanh activations, which are near 0.6 each.
    let deviation = if layer == 0 {
        1.0
    } else {
        1.6 / (input as f64).sqrt()
    };
    let entries: SharedArray<F> = Init::Normal { deviation }.draw(&[out, input], &mut generator);
    Weights::dense(out, input, &entries.iter().copied().collect::<Vec<_>>())
}

/// What one layer needs for a write.
#[derive(Clone, Debug)]
struct Layer<F> {
    /// What comes out: of the accepted steps, and of the one on trial.
    output: Vec<F>,
    trial: Vec<F>,
    /// The gradient with respect to the sums before tanh.
    gradient: Vec<F>,
    /// How the output moves along the whole gradient.
    motion: Vec<F>,
    /// The steps so far and the one on trial: D \[steps, out] and A \[steps, in].
    d: Vec<F>,
    a: Vec<F>,
}

impl<F: Kernels> Layer<F> {
    fn new([out, input]: [usize; 2], steps: usize) -> Self {
        let zeros = |length| vec![F::zero(); length];
        Self {
            output: zeros(out),
            trial: zeros(out),
            gradient: zeros(out),
            motion: zeros(out),
            d: zeros(steps * out),
            a: zeros(steps * input),
        }
    }
}

/// Network, and working memory of a write.
#[derive(Clone, Debug)]
pub(super) struct Deep<F> {
    steps: usize,
    rate: f64,
    weights: Vec<Weights<F>>,
    layers: Vec<Layer<F>>,
    key: Vec<F>,
    error: Vec<F>,
}

/// `y = (W - D^T A) x` with the first `steps` rows of the factors.
fn apply<F: Kernels>(
    weights: &Weights<F>,
    (d, a): (&[F], &[F]),
    steps: usize,
    x: &[F],
    y: &mut [F],
) {
    weights.apply(x, y);
    let [out, input] = weights.shape();
    for (d, a) in d.chunks_exact(out).zip(a.chunks_exact(input)).take(steps) {
        let coefficient = dot(a, x);
        for (y, &d) in y.iter_mut().zip(d) {
            *y -= coefficient * d;
        }
    }
}

/// `x = (W - D^T A)^T y`.
fn apply_transposed<F: Kernels>(
    weights: &Weights<F>,
    (d, a): (&[F], &[F]),
    steps: usize,
    y: &[F],
    x: &mut [F],
) {
    let [out, input] = weights.shape();
    matmul(
        Matrix::dense(y, 1, out),
        weights.view(),
        MatrixMut::dense(x, 1, input),
        Store::Overwrite,
    );
    for (d, a) in d.chunks_exact(out).zip(a.chunks_exact(input)).take(steps) {
        let coefficient = dot(d, y);
        for (x, &a) in x.iter_mut().zip(a) {
            *x -= coefficient * a;
        }
    }
}

impl<F: Kernels> Deep<F> {
    pub(super) fn new(weights: Vec<Weights<F>>, steps: usize, rate: f64) -> Self {
        let steps = steps.min(Method::MOST_STEPS);
        let zeros = |width| vec![F::zero(); width];
        let ends = |weights: &[Weights<F>]| {
            let shape = |weights: Option<&Weights<F>>| weights.map_or([0, 0], Weights::shape);
            (shape(weights.first())[1], shape(weights.last())[0])
        };
        let (key, value) = ends(&weights);
        Self {
            steps,
            rate,
            layers: weights
                .iter()
                .map(|w| Layer::new(w.shape(), steps))
                .collect(),
            key: zeros(key),
            error: zeros(value),
            weights,
        }
    }

    /// Activations with `steps` steps, into `trial`; `error = f(x) - v`, its length.
    fn forward(&mut self, steps: usize, v: &[F]) -> F {
        let last = self.weights.len() - 1;
        for (place, weights) in self.weights.iter().enumerate() {
            let (below, here) = self.layers.split_at_mut(place);
            let layer = &mut here[0];
            let x = below.last().map_or(&self.key, |layer| &layer.trial);
            apply(weights, (&layer.d, &layer.a), steps, x, &mut layer.trial);
            if place < last {
                F::tanh_slice(&mut layer.trial);
            }
        }
        let read = &self.layers[last].trial;
        for ((e, &y), &v) in self.error.iter_mut().zip(read).zip(v) {
            *e = y - v;
        }
        length(&self.error)
    }

    /// The activations of the trial become those that the next step starts from.
    fn accept(&mut self) {
        for layer in &mut self.layers {
            std::mem::swap(&mut layer.output, &mut layer.trial);
        }
    }

    /// The gradients of every layer for the error of the accepted activations, divided by its length `distance`; `|g|`.
    fn backward(&mut self, steps: usize, distance: F) -> f64 {
        let last = self.weights.len() - 1;
        for (gradient, &error) in self.layers[last].gradient.iter_mut().zip(&self.error) {
            *gradient = error / distance;
        }
        for place in (1..=last).rev() {
            let (below, here) = self.layers.split_at_mut(place);
            let (below, here) = (&mut below[place - 1], &here[0]);
            let factors = (here.d.as_slice(), here.a.as_slice());
            apply_transposed(
                &self.weights[place],
                factors,
                steps,
                &here.gradient,
                &mut below.gradient,
            );
            slope(&mut below.gradient, &below.output);
        }
        (0..=last)
            .map(|place| {
                let input = self.input(place);
                let gradient = &self.layers[place].gradient;
                reach(gradient) * reach(input)
            })
            .fold(0.0, f64::hypot)
    }

    /// What goes into a layer.
    fn input(&self, place: usize) -> &[F] {
        match place.checked_sub(1) {
            Some(below) => &self.layers[below].output,
            None => &self.key,
        }
    }

    /// `|J g|`: how far what comes out moves for a step along the gradient, to first order.
    fn motion(&mut self, steps: usize) -> f64 {
        let last = self.weights.len() - 1;
        for place in 0..=last {
            let input = self.input(place);
            let square = dot(input, input);
            let (below, here) = self.layers.split_at_mut(place);
            let layer = &mut here[0];
            match below.last() {
                Some(below) => {
                    let factors = (layer.d.as_slice(), layer.a.as_slice());
                    apply(
                        &self.weights[place],
                        factors,
                        steps,
                        &below.motion,
                        &mut layer.motion,
                    );
                }
                None => layer.motion.fill(F::zero()),
            }
            for (motion, &gradient) in layer.motion.iter_mut().zip(&layer.gradient) {
                *motion += gradient * square;
            }
            if place < last {
                slope(&mut layer.motion, &layer.output);
            }
        }
        reach(&self.layers[last].motion)
    }

    /// Row `step` of the factors: a step of length `eta` along the gradients.
    fn propose(&mut self, step: usize, eta: F) {
        for place in 0..self.weights.len() {
            let [out, input] = self.weights[place].shape();
            let (below, here) = self.layers.split_at_mut(place);
            let layer = &mut here[0];
            let from = below.last().map_or(&self.key, |layer| &layer.output);
            layer.a[step * input..][..input].copy_from_slice(from);
            let d = &mut layer.d[step * out..][..out];
            for (d, &gradient) in d.iter_mut().zip(&layer.gradient) {
                *d = eta * gradient;
            }
        }
    }

    /// Moves from the error `before` towards `v` by one more step; the error afterwards, if it shrank.
    fn step(&mut self, step: usize, before: F, v: &[F]) -> Option<F> {
        let gradient = self.backward(step, before);
        let motion = self.motion(step);
        // Of small keys the squares are not numbers, the ratio is.
        let mut eta = self.rate * (gradient / motion).powi(2);
        if !eta.is_finite() {
            return None;
        }
        for _ in 0..=HALVINGS {
            // The gradients are those of an error of length 1: products of a small error and a small key need not be numbers.
            self.propose(step, F::of(eta * before.as_f64()));
            let after = self.forward(step + 1, v);
            if after < before {
                self.accept();
                return Some(after);
            }
            eta /= 2.0;
        }
        None
    }

    /// Enters the first `steps` rows of the factors into the weights.
    fn commit(&mut self, steps: usize) -> Result<(), AssociativeError> {
        let norm = |layer: &Layer<F>, [out, input]: [usize; 2]| -> f64 {
            let rows = layer.d.chunks_exact(out).zip(layer.a.chunks_exact(input));
            rows.take(steps).map(|(d, a)| reach(d) * reach(a)).sum()
        };
        for (weights, layer) in self.weights.iter_mut().zip(&self.layers) {
            weights.admit(norm(layer, weights.shape()))?;
        }
        for (weights, layer) in self.weights.iter_mut().zip(&self.layers) {
            let [out, input] = weights.shape();
            let (d, a) = (
                Matrix::dense(&layer.d, steps, out),
                Matrix::dense(&layer.a, steps, input),
            );
            weights.change(d, a, Store::Subtract, norm(layer, [out, input]));
        }
        Ok(())
    }
}

/// The gradient, or motion, before tanh from that behind it: times `1 - a^2`.
fn slope<F: Kernels>(x: &mut [F], activations: &[F]) {
    for (x, &a) in x.iter_mut().zip(activations) {
        *x *= F::one() - a * a;
    }
}

impl<F: Kernels> State<F> for Deep<F> {
    fn read(&self, x: Matrix<'_, F>, mut y: MatrixMut<'_, F>) {
        let rows = x.rows();
        let (last, hidden) = match self.weights.split_last() {
            Some(parts) => parts,
            None => return,
        };
        let mut below: Option<Scratch<F>> = None;
        for weights in hidden {
            let [out, input] = weights.shape();
            let mut sums = Scratch::new(rows * out);
            let from = below
                .as_deref()
                .map_or(x, |a| Matrix::dense(a, rows, input));
            weights.apply_rows(from, MatrixMut::dense(&mut sums, rows, out));
            F::tanh_slice(&mut sums);
            below = Some(sums);
        }
        let from = below
            .as_deref()
            .map_or(x, |a| Matrix::dense(a, rows, last.shape()[1]));
        last.apply_rows(from, y.reborrow());
    }

    fn write(&mut self, x: &[F], v: &[F]) -> Result<F, AssociativeError> {
        // A key of zeros has no direction.
        square(x)?;
        self.key.copy_from_slice(x);
        let distance = self.forward(0, v);
        self.accept();
        let stored = F::of(STORED) * F::epsilon() * length(v);
        let (mut taken, mut error) = (0, distance);
        while taken < self.steps && error > stored {
            match self.step(taken, error, v) {
                Some(after) => (taken, error) = (taken + 1, after),
                None => break,
            }
            // The error is now that of the accepted step.
        }
        if !distance.is_finite() {
            return Err(overflow::<F>());
        }
        self.commit(taken)?;
        Ok(distance)
    }

    /// Writes zeros, until the error does not shrink any more or as often as a write may take steps.
    fn forget(&mut self, x: &[F], nothing: &[F]) -> Result<F, AssociativeError> {
        let distance = self.write(x, nothing)?;
        let mut before = distance;
        for _ in 1..Method::MOST_STEPS {
            let Ok(now) = self.write(x, nothing) else {
                break;
            };
            if now >= before || now < F::of(STORED) * F::epsilon() * distance {
                break;
            }
            before = now;
        }
        Ok(distance)
    }

    fn layers(&self) -> &[Weights<F>] {
        &self.weights
    }

    fn boxed(&self) -> Box<dyn State<F>> {
        Box::new(self.clone())
    }
}
