//! Recursive least squares of the last layer.

use mnm_tensor::{Float, Parameters, Tensor};

use crate::{Gate, Gates, Memory, MemoryError, MemoryShape, Slot, SlotStart, Write, WriteRule};

/// Every write leaves the last layer at the least-squares solution of all pairs so far, old ones fading by lambda = 1 - phi:
///
/// ```text
/// heads in turn:  g = s P a with s = beta / (lambda + beta a^T P a);   W <- W + (v - W a) g^T;   P <- (P - s P a a^T P) / lambda
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
        let (forget, momentum) = (Gate::Learned, Gate::None);
        Gates { forget, momentum }
    }

    fn slots(&self, shape: &MemoryShape, _: usize) -> Vec<Slot> {
        let width = shape.width(shape.layers() - 1);
        let start = SlotStart::Diagonal(1.0 / self.ridge);
        let zeros = Slot::zeros("inverse", [width, width]);
        vec![Slot { start, ..zeros }]
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
        let mut weight = memory.weights()[last].clone();
        let mut inverse = WriteRule::<F>::slots(self, &shape, heads)[0].of(memory)?;
        for head in 0..heads {
            let [a, v] = [&features, &write.values].map(|rows| rows.slice(1, head, 1));
            let (a, v) = (a?, v?);
            let seen = a.matmul(&inverse)?; // a^T P
            let told = seen.matmul(&a.transpose()?)?.mul(&rate)?;
            let share = rate.div(&told.add(&lambda)?)?; // s
            let miss = v.sub(&a.matmul(&weight.transpose()?)?)?;
            weight = weight.add(&miss.transpose()?.matmul(&seen.mul(&share)?)?)?;
            // A row's product with itself keeps P symmetric to the bit: what of it is not would grow by 1 / lambda each time.
            let known = seen.transpose()?.matmul(&seen)?.mul(&share)?;
            inverse = inverse.sub(&known)?.div(&lambda)?;
        }
        let written = memory.clone().with_slot("inverse", inverse);
        Ok(written.with_weight(last, weight))
    }
}
