//! Recursive least squares of the last layer.

use mnm_tensor::{Float, Parameters, Tensor};

use super::rls_recursion::{Known, inverse};
use crate::{Gate, Gates, Memory, MemoryError, MemoryShape, Slot, Write, WriteRule};

/// Every write leaves the last layer at the least-squares solution of all pairs so far, old ones fading by lambda = 1 - phi:
///
/// ```text
/// heads in turn:  g = beta P a / (lambda + beta a^T P a);   W <- W + (v - W a) g^T;   P <- (P - g a^T P) / lambda
/// ```
///
/// P, the slot `inverse`, is the inverse of the keys' moments, `P_0 = I / ridge`. At rate 1 without forgetting this is
/// ridge regression towards `W_0`. The rule runs on the reference.
///
/// Sources: Plackett 1950; as a memory, the Kanerva Machine (arXiv 1804.01756) and MesaNet (arXiv 2506.05233).
#[derive(Clone, Copy, Debug)]
pub struct LeastSquaresRule {
    /// What the squares of the weights count beside those of the errors, above 0.
    pub ridge: f64,
}

impl Default for LeastSquaresRule {
    fn default() -> Self {
        Self { ridge: 1.0 }
    }
}

impl<F: Float> WriteRule<F> for LeastSquaresRule {
    fn name(&self) -> &str {
        "rls"
    }

    fn gates(&self) -> Gates {
        Gates {
            forget: Gate::Learned,
            momentum: Gate::None,
        }
    }

    fn slots(&self, shape: &MemoryShape, _: usize) -> Vec<Slot> {
        vec![inverse(shape, self.ridge)]
    }

    fn write(
        &self,
        _: &Parameters<Tensor<F>>,
        memory: &Memory<F>,
        write: &Write<F>,
    ) -> Result<Memory<F>, MemoryError> {
        write.check(memory)?;
        let (shape, last) = (memory.shape()?, memory.weights().len() - 1);
        let (batch, heads) = (write.keys.shape()[0], write.keys.shape()[1]);
        WriteRule::<F>::gates(self).check("rls", write)?;
        let lambda = match &write.forget {
            Some(phi) => phi.affine(-1.0, 1.0)?.reshape(&[batch, 1, 1])?,
            None => Tensor::ones(&[batch, 1, 1]),
        };
        let rate = write.rate.reshape(&[batch, 1, 1])?;
        let features = memory.activations(&write.keys)?.swap_remove(last);
        let mut known = Known {
            weight: memory.weights()[last].clone(),
            inverse: inverse(&shape, self.ridge).of(memory)?,
        };
        for head in 0..heads {
            let [a, v] = [&features, &write.values].map(|rows| rows.slice(1, head, 1));
            known = known.with(&a?, &v?, &rate, &lambda)?;
        }
        let written = memory.clone().with_slot("inverse", known.inverse);
        Ok(written.with_weight(last, known.weight))
    }
}
