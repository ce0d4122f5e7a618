//! MNM-g: one step of gradient descent on the update loss (paper, section 3.2).

use mnm_tensor::{Float, Order, ParameterSpec, Parameters, Tape, Tensor, gradient};

use crate::fused::FusedRule;
use crate::{Memory, MemoryError, MemoryShape, Write, WriteRule};

/// `W^l <- W^l - beta dL_up/dW^l` with `L_up` the mean over heads and entries of `(f(k^w) - v^w)^2`.
///
/// If the write hangs on a tape the inner gradient is recorded there, so that the outer one goes through it exactly
/// (second order). The rule has no parameters.
///
/// The mean makes a write smaller the wider the values are: it takes the read of its own key, with one layer, the part
/// `2 beta |k|^2 / (H M)` of the way to the value. With orthogonal keys, `beta = H M / (2 |k|^2)` stores them exactly.
#[derive(Clone, Copy, Debug, Default)]
pub struct GradientRule;

impl<F: Float> WriteRule<F> for GradientRule {
    fn name(&self) -> &'static str {
        "mnm-g"
    }

    fn parameters(&self, _: &MemoryShape) -> Vec<ParameterSpec> {
        Vec::new()
    }

    fn fused(&self) -> Option<FusedRule> {
        Some(FusedRule::Gradient)
    }

    fn write(
        &self,
        _: &Parameters<Tensor<F>>,
        memory: &Memory<F>,
        write: &Write<F>,
    ) -> Result<Memory<F>, MemoryError> {
        write.check(memory)?;
        let outer = memory
            .weights()
            .iter()
            .chain([&write.keys, &write.values, &write.rate])
            .find_map(Tensor::tape);
        // Without an outer computation the inner gradient is an end in itself: a tape of its own, first order.
        let (tape, order) = match outer {
            Some(tape) => (tape, Order::Higher),
            None => (Tape::new(), Order::First),
        };
        // Weights that are the same value at a new place, so that the inner gradient stops at this step.
        let weights = memory
            .weights()
            .iter()
            .map(|w| {
                if w.is_recorded() {
                    w.scale(1.0)
                } else {
                    Ok(tape.shared_variable(w.value().clone()))
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let memory = Memory::new(weights)?;
        // Sequences do not mix: the gradient of the sum over the batch is each sequence's own.
        let loss = memory.discrepancy(&write.keys, &write.values)?.sum_all()?;
        let wrt: Vec<&Tensor<F>> = memory.weights().iter().collect();
        let gradients = gradient(&loss, &wrt, order)?;
        let rate = write.rate.reshape(&[write.rate.value().len(), 1, 1])?;
        let written = memory
            .weights()
            .iter()
            .zip(&gradients)
            .map(|(w, g)| w.sub(&g.mul(&rate)?))
            .collect::<Result<Vec<_>, _>>()?;
        let memory = Memory::new(written)?;
        Ok(if order == Order::First {
            memory.detach()
        } else {
            memory
        })
    }
}
