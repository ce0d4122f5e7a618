//! Softmax and its logarithm over the last axis.

use crate::engine::{apply_own, own};
use crate::kernels::Kernels;
use crate::ops::runs::array;
use crate::ops::single::in_place;
use crate::ops::total::total;
use crate::ops::{Outcome, one};
use crate::{Float, Primitive, SharedArray, Tensor, TensorError, dense};

pub(super) const NAMES: &[&str] = &["log_softmax"];

own!(LogSoftmax);

#[derive(Debug)]
struct LogSoftmax;

impl<F: Float> Primitive<F> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let x = one("log_softmax", operands)?;
        let Some(&width) = x.shape().last() else {
            return Err(TensorError::shape(
                "log_softmax",
                &[x.shape()],
                "at least one axis",
            ));
        };
        let mut out = dense(x).into_owned();
        // A row of no elements has nothing to be divided by; chunks of 1 of nothing are none.
        let width = width.max(1);
        for row in out.chunks_exact_mut(width) {
            let largest = row.iter().fold(F::neg_infinity(), |m, &e| m.max(e));
            row.iter_mut().for_each(|e| *e -= largest);
        }
        let mut powers = out.clone();
        if !in_place(&mut powers, f32::exp_slice) {
            powers.iter_mut().for_each(|e| *e = e.exp());
        }
        for (row, powers) in out.chunks_exact_mut(width).zip(powers.chunks_exact(width)) {
            // Subtracted last, not added to the largest: for large logits that sum would lose the logarithm's digits.
            let logarithm = total(powers, |powers| powers.iter().copied().sum()).ln();
            row.iter_mut().for_each(|e| *e -= logarithm);
        }
        array("log_softmax", x.shape(), out)
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
        apply_own(LogSoftmax, &[self])
    }

    /// `e^x / sum e^x` over the last axis, without overflow.
    ///
    /// # Errors
    /// [`TensorError::Shape`] for a tensor of no axes.
    pub fn softmax(&self) -> Outcome<Tensor<F>> {
        self.log_softmax()?.exp()
    }
}
