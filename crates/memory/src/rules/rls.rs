//! Recursive least squares of the last layer.

use mnm_tensor::{Float, Parameters, Tensor};

use crate::{Gate, Gates, Memory, MemoryError, MemoryShape, Slot, SlotStart, Write, WriteRule};

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
    /// What the squares of the weights count beside those of the errors; above 0.
    pub ridge: f64,
}

impl Default for LeastSquaresRule {
    fn default() -> Self {
        Self { ridge: 1.0 }
    }
}

impl LeastSquaresRule {
    fn inverse(&self, shape: &MemoryShape) -> Slot {
        let width = shape.width(shape.layers() - 1);
        Slot {
            start: SlotStart::Diagonal(1.0 / self.ridge),
            ..Slot::zeros("inverse", [width, width])
        }
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

    fn slots(&self, shape: &MemoryShape) -> Vec<Slot> {
        vec![self.inverse(shape)]
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
        let forget = WriteRule::<F>::gates(self).forget;
        let phi = forget.value("rls", "forget", write.forget.as_ref(), batch)?;
        let lambda = match phi {
            Some(phi) => phi.affine(-1.0, 1.0)?,
            None => Tensor::ones(&[batch, 1, 1]),
        };
        let rate = write.rate.reshape(&[batch, 1, 1])?;
        let features = memory.activations(&write.keys)?.swap_remove(last);
        let (mut weight, mut inverse) = (
            memory.weights()[last].clone(),
            self.inverse(&shape).of(memory)?,
        );
        for head in 0..heads {
            let a = features.slice(1, head, 1)?; // [B, 1, dim L-1], as all rows below
            let value = write.values.slice(1, head, 1)?;
            let scaled = a.matmul(&inverse)?.mul(&rate)?; // beta a^T P
            let gain = scaled.div(&scaled.matmul(&a.transpose()?)?.add(&lambda)?)?; // g^T
            let miss = value.sub(&a.matmul(&weight.transpose()?)?)?;
            weight = weight.add(&miss.transpose()?.matmul(&gain)?)?;
            let known = gain.transpose()?.matmul(&a.matmul(&inverse)?)?;
            inverse = inverse.sub(&known)?.div(&lambda)?;
        }
        Ok(memory
            .clone()
            .with_slot("inverse", inverse)
            .with_weight(last, weight))
    }
}
