//! Recursive least squares of the last layer.

use mnm_tensor::{Float, Parameters, Tensor};

use crate::{Gate, Gates, Memory, MemoryError, MemoryShape, Slot, Write, WriteRule};

/// Every write leaves the last layer at the least-squares solution of all pairs so far, old ones fading by lambda = 1 - phi:
///
/// ```text
/// heads in turn:  g = beta P a / alpha with alpha = lambda + beta a^T P a;   W <- W + (v - W a) g^T;   P <- (P - g a^T P) / lambda
/// ```
///
/// P is the inverse of the keys' moments, `P_0 = I / ridge`. As it forgets it would lose its last digits and its sign to rounding, so the slot
/// `inverse_root` keeps R with `P = R R^T`: `R <- (R - beta / (alpha + sqrt(alpha lambda)) P a a^T R) / sqrt(lambda)`. At rate 1
/// without forgetting this is ridge regression towards `W_0`. The rule runs on the reference.
///
/// Sources: Plackett 1950; the root, Potter 1963; as a memory, the Kanerva Machine (arXiv 1804.01756) and MesaNet (arXiv 2506.05233).
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
        vec![Slot::root("inverse", width, self.ridge.sqrt().recip())]
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
        let rate = write.rate.reshape(&[batch, 1, 1])?;
        let lambda = match &write.forget {
            Some(phi) => phi.affine(-1.0, 1.0)?.reshape(&[batch, 1, 1])?,
            None => Tensor::ones(&[batch, 1, 1]),
        };
        let features = memory.activations(&write.keys)?.swap_remove(last);
        let mut weight = memory.weights()[last].clone();
        let mut root = WriteRule::<F>::slots(self, &shape, heads)[0].of(memory)?;
        for head in 0..heads {
            let (a, v) = (features.slice(1, head, 1)?, write.values.slice(1, head, 1)?);
            let seen = a.matmul(&root)?; // a^T R
            let gain = seen.matmul(&root.transpose()?)?; // a^T P
            let alpha = seen.matmul(&seen.transpose()?)?.mul(&rate)?.add(&lambda)?;
            let miss = v.sub(&a.matmul(&weight.transpose()?)?)?;
            weight = weight.add(&miss.transpose()?.matmul(&gain.mul(&rate.div(&alpha)?)?)?)?;
            let part = rate.div(&alpha.mul(&lambda)?.sqrt()?.add(&alpha)?)?;
            let told = gain.transpose()?.matmul(&seen.mul(&part)?)?;
            root = root.sub(&told)?.div(&lambda.sqrt()?)?;
        }
        let written = memory.clone().with_slot("inverse_root", root);
        Ok(written.with_weight(last, weight))
    }
}
