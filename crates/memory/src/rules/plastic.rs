//! Differentiable plasticity of the last layer.

use mnm_tensor::{Float, Init, ParameterSpec, Parameters, Tensor};

use crate::error::parameter;
use crate::{Gates, Memory, MemoryError, MemoryShape, Slot, Write, WriteRule};

/// A Hebbian trace P beside the weights, and how much each connection listens to it, which is learned:
///
/// ```text
/// P <- (1 - beta) P + beta / H sum over heads of v a^T;   W^L = W_0^L + P o C;   P_0 = 0
/// ```
///
/// `C` is `plasticity.weight` `[M, dim L-1]`, P the slot `trace`. The write is not of the low-rank form that the fused kernel
/// knows: the rule runs on the reference.
///
/// Source: Miconi et al. 2018 (arXiv 1804.02464).
#[derive(Clone, Copy, Debug, Default)]
pub struct PlasticRule;

const WEIGHT: &str = "plasticity.weight";

fn trace(shape: &MemoryShape) -> Slot {
    Slot::zeros("trace", shape.weight(shape.layers() - 1))
}

impl<F: Float> WriteRule<F> for PlasticRule {
    fn name(&self) -> &str {
        "plastic"
    }

    fn parameters(&self, shape: &MemoryShape) -> Vec<ParameterSpec> {
        let [out, input] = shape.weight(shape.layers() - 1);
        vec![ParameterSpec::new(
            WEIGHT,
            &[out, input],
            Init::fan_in(input),
        )]
    }

    fn slots(&self, shape: &MemoryShape, _: usize) -> Vec<Slot> {
        vec![trace(shape)]
    }

    fn write(
        &self,
        parameters: &Parameters<Tensor<F>>,
        memory: &Memory<F>,
        write: &Write<F>,
    ) -> Result<Memory<F>, MemoryError> {
        write.check(memory)?;
        Gates::NONE.check("plastic", write)?;
        let (shape, last) = (memory.shape()?, memory.weights().len() - 1);
        let (batch, heads) = (write.keys.shape()[0], write.keys.shape()[1]);
        let plasticity = parameter(parameters, WEIGHT, &shape.weight(last))?;
        let before = trace(&shape).of(memory)?;
        let features = memory.activations(&write.keys)?.swap_remove(last);
        let rate = write.rate.reshape(&[batch, 1, 1])?;
        let gained = write
            .values
            .transpose()?
            .matmul(&features)?
            .scale(1.0 / heads as f64)?;
        let change = gained.sub(&before)?.mul(&rate)?;
        // W_0 is what W is without the trace so far: what is added is the change alone.
        let weight = memory.weights()[last].add(&change.mul(plasticity)?)?;
        let written = memory.clone().with_slot("trace", before.add(&change)?);
        Ok(written.with_weight(last, weight))
    }
}
