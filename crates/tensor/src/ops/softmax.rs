//! Softmax and its logarithm over the last axis.

use ndarray::Axis;

use crate::ops::{Outcome, one};
use crate::{Array, Float, Primitive, Tensor, TensorError, apply};

pub(super) const NAMES: &[&str] = &["log_softmax"];

#[derive(Debug)]
struct LogSoftmax;

impl<F: Float> Primitive<F> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn forward(&self, operands: &[&Array<F>]) -> Outcome<Array<F>> {
        let x = one("log_softmax", operands)?;
        let Some(last) = x.ndim().checked_sub(1) else {
            return Err(TensorError::shape(
                "log_softmax",
                &[x.shape()],
                "at least one axis",
            ));
        };
        let mut out = x.to_owned();
        for mut row in out.lanes_mut(Axis(last)) {
            let largest = row.fold(F::neg_infinity(), |m, &e| m.max(e));
            let total: F = row.iter().map(|&e| (e - largest).exp()).sum();
            // Not e - (largest + ln total): for large logits the sum would lose the logarithm's digits.
            row.mapv_inplace(|e| (e - largest) - total.ln());
        }
        Ok(out.into_shared())
    }

    fn vjp(&self, _: usize, _: &[Tensor<F>], y: &Tensor<F>, g: &Tensor<F>) -> Outcome<Tensor<F>> {
        let total = g.sum_keep(g.shape().len() - 1)?;
        g.sub(&y.exp()?.mul(&total)?)
    }
}

impl<F: Float> Tensor<F> {
    /// `x - ln(sum e^x)` over the last axis, without overflow.
    ///
    /// # Errors
    /// [`TensorError::Shape`] for a tensor of no axes.
    pub fn log_softmax(&self) -> Outcome<Tensor<F>> {
        apply(LogSoftmax, &[self])
    }

    /// `e^x / sum e^x` over the last axis, without overflow.
    ///
    /// # Errors
    /// [`TensorError::Shape`] for a tensor of no axes.
    pub fn softmax(&self) -> Outcome<Tensor<F>> {
        self.log_softmax()?.exp()
    }
}
