//! MNM-p: a learned local rule of the perceptron kind, without an inner backward pass (paper, section 3.3).

use mnm_tensor::{Float, Init, ParameterSpec, Parameters, Tensor};

use crate::error::parameter;
use crate::fused::FusedRule;
use crate::{Memory, MemoryError, MemoryShape, Write, WriteRule};

/// `W^l <- W^l - beta 2 / (H dim a^l) sum over heads of (a^l - t^l) (a^{l-1})^T`, each layer by itself.
///
/// What the activations ought to be is predicted from the value: `[t^1 .. t^L] = W_t v^w + b_t`, with parameters
/// `targets.weight` `[(L-1) U + M, M]` and `targets.bias` `[(L-1) U + M]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PerceptronRule;

impl<F: Float> WriteRule<F> for PerceptronRule {
    fn name(&self) -> &'static str {
        "mnm-p"
    }

    fn parameters(&self, shape: &MemoryShape) -> Vec<ParameterSpec> {
        let (targets, value) = (shape.targets(), shape.value());
        let init = Init::fan_in(value);
        vec![
            ParameterSpec::new("targets.weight", &[targets, value], init),
            ParameterSpec::new("targets.bias", &[targets], init),
        ]
    }

    fn fused(&self) -> Option<FusedRule> {
        Some(FusedRule::Perceptron)
    }

    fn write(
        &self,
        parameters: &Parameters<Tensor<F>>,
        memory: &Memory<F>,
        write: &Write<F>,
    ) -> Result<Memory<F>, MemoryError> {
        write.check(memory)?;
        let all: usize = memory.weights().iter().map(|w| w.shape()[1]).sum();
        let [_, _, value] = memory.extents();
        let weight = parameter(parameters, "targets.weight", &[all, value])?;
        let bias = parameter(parameters, "targets.bias", &[all])?;
        let targets = write.values.linear(weight, Some(bias))?;
        let activations = memory.activations(&write.keys)?;
        let rate = write.rate.reshape(&[write.rate.value().len(), 1, 1])?;
        let mut start = 0;
        let mut written = Vec::with_capacity(memory.weights().len());
        for (weight, pair) in memory.weights().iter().zip(activations.windows(2)) {
            let (below, above) = (&pair[0], &pair[1]);
            let (heads, width) = (above.shape()[1], above.shape()[2]);
            let error = above.sub(&targets.slice(2, start, width)?)?;
            let change = error.transpose()?.matmul(below)?;
            let step = rate.scale(2.0 / (heads * width) as f64)?;
            written.push(weight.sub(&change.mul(&step)?)?);
            start += width;
        }
        Memory::new(written)
    }
}
