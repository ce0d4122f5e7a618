//! Sums of outer products.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut};

use super::AssociativeError;
use super::delta;
use super::state::{State, square};
use super::weights::{Weights, reach};

/// `W = (1 - forgetting) W + rate v x^T / |x|^2`.
#[derive(Clone, Debug)]
pub(super) struct Hebbian<F> {
    rate: F,
    keep: F,
    weights: Weights<F>,
    step: Vec<F>,
}

impl<F: Kernels> Hebbian<F> {
    pub(super) fn new(rate: f64, forgetting: f64, weights: Weights<F>) -> Self {
        Self {
            rate: F::of(rate),
            keep: F::of(1.0 - forgetting),
            step: vec![F::zero(); weights.shape()[0]],
            weights,
        }
    }
}

impl<F: Kernels> State<F> for Hebbian<F> {
    fn read(&self, x: Matrix<'_, F>, y: MatrixMut<'_, F>) {
        self.weights.apply_rows(x, y);
    }

    fn write(&mut self, x: &[F], v: &[F]) -> Result<F, AssociativeError> {
        let square = square(x)?;
        let distance = self.weights.error(x, v, &mut self.step);
        let scale = self.rate / square;
        for (step, &v) in self.step.iter_mut().zip(v) {
            *step = v * scale;
        }
        let change = reach(&self.step) * square.as_f64().sqrt();
        // A distance that is not finite says that the memory could not be read.
        self.weights.admit(change + 0.0 * distance.as_f64())?;
        if self.keep < F::one() {
            self.weights.scale(self.keep);
        }
        self.weights.add(&self.step, x, change);
        Ok(distance)
    }

    /// The sum cannot tell one pair's part from the others': what the key reads is taken out, as the delta rule would.
    fn forget(&mut self, x: &[F], nothing: &[F]) -> Result<F, AssociativeError> {
        let whole = F::one();
        delta::step(&mut self.weights, &mut self.step, x, nothing, whole)
    }

    fn layers(&self) -> &[Weights<F>] {
        std::slice::from_ref(&self.weights)
    }

    fn boxed(&self) -> Box<dyn State<F>> {
        Box::new(self.clone())
    }
}
