//! MNM-p: a learned local rule of the perceptron kind, without an inner backward pass (MNM, section 3.3).

use mnm_tensor::{Float, Init, ParameterSpec};

use crate::{MemoryShape, Program, WriteRule};

/// Every layer by itself moves towards what its activations ought to be, which is predicted from the value:
///
/// ```text
/// [t^1 .. t^L] = W_t v^w + b_t;   E^l = 2 / (H dim a^l) (a^l - t^l);   A^l = a^{l-1}
/// ```
///
/// Parameters: `targets.weight` `[(L-1) U + M, M]` and `targets.bias` `[(L-1) U + M]`.
///
/// Source: Metalearned Neural Memory (arXiv 1907.09720).
#[derive(Clone, Copy, Debug, Default)]
pub struct PerceptronRule;

impl<F: Float> WriteRule<F> for PerceptronRule {
    fn name(&self) -> &str {
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

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        let mut p = Program::new(shape, heads);
        let (name, bias) = ("targets.weight", Some("targets.bias"));
        let targets = p.linear(p.values(), shape.targets(), name, bias);
        let a = p.activations();
        let mut start = 0;
        for layer in 0..shape.layers() {
            let width = shape.width(layer + 1);
            let target = p.slice(targets, start, width);
            let factor = 2.0 / (heads * width) as f64;
            let error = p.difference(factor, a[layer + 1], target);
            p.update(layer, error, a[layer]);
            start += width;
        }
        Some(p)
    }
}
