//! The delta rule.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut};

use super::AssociativeError;
use super::state::{State, square};
use super::weights::Weights;

/// `W += rate (v - W x) x^T / |x|^2`.
#[derive(Clone, Debug)]
pub(super) struct Delta<F> {
    rate: F,
    weights: Weights<F>,
    error: Vec<F>,
}

impl<F: Kernels> Delta<F> {
    pub(super) fn new(rate: f64, weights: Weights<F>) -> Self {
        Self {
            rate: F::of(rate),
            error: vec![F::zero(); weights.shape()[0]],
            weights,
        }
    }
}

/// One step of the rule; how far from `v` the memory was before. `error` is working memory, as wide as a value.
pub(super) fn step<F: Kernels>(
    weights: &mut Weights<F>,
    error: &mut [F],
    x: &[F],
    v: &[F],
    rate: F,
) -> Result<F, AssociativeError> {
    let square = square(x)?;
    let distance = weights.error(x, v, error);
    let scale = rate / square;
    let factor = distance.as_f64() * scale.as_f64();
    let change = factor * square.as_f64().sqrt();
    // Under a short key the factor is larger than the change.
    weights.admit(change.max(factor))?;
    error.iter_mut().for_each(|e| *e *= scale);
    weights.add(error, x, change);
    Ok(distance)
}

impl<F: Kernels> State<F> for Delta<F> {
    fn read(&self, x: Matrix<'_, F>, y: MatrixMut<'_, F>) {
        self.weights.apply_rows(x, y);
    }

    fn write(&mut self, x: &[F], v: &[F]) -> Result<F, AssociativeError> {
        step(&mut self.weights, &mut self.error, x, v, self.rate)
    }

    fn forget(&mut self, x: &[F], nothing: &[F]) -> Result<F, AssociativeError> {
        let whole = F::one();
        step(&mut self.weights, &mut self.error, x, nothing, whole)
    }

    fn layers(&self) -> &[Weights<F>] {
        std::slice::from_ref(&self.weights)
    }

    fn boxed(&self) -> Box<dyn State<F>> {
        Box::new(self.clone())
    }
}
