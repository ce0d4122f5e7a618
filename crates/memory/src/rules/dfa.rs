//! Direct feedback alignment: MNM-g whose errors come down by fixed random matrices.

use mnm_tensor::{Float, Init, ParameterSpec};

use crate::{MemoryShape, Program, WriteRule};

/// As MNM-g, but the error of the last layer reaches each layer below by a matrix of its own instead of through the weights:
///
/// ```text
/// E^L = 2 / (H M) (a^L - v);   E^l = (E^L B^{l T}) (1 - a^l a^l);   A^l = a^{l-1}
/// ```
///
/// The feedback `B^l`, `feedback.{l-1}.weight` `[dim l, M]`, is a fixed draw, uniform in `+-1 / sqrt(M)`.
///
/// Source: Nokland 2016 (arXiv 1609.01596).
#[derive(Clone, Copy, Debug, Default)]
pub struct FeedbackRule;

fn weight(layer: usize) -> String {
    format!("feedback.{layer}.weight")
}

impl<F: Float> WriteRule<F> for FeedbackRule {
    fn name(&self) -> &str {
        "dfa"
    }

    fn parameters(&self, shape: &MemoryShape) -> Vec<ParameterSpec> {
        let one = |layer| {
            let sizes = [shape.width(layer + 1), shape.value()];
            ParameterSpec {
                trained: false,
                ..ParameterSpec::new(weight(layer), &sizes, Init::fan_in(shape.value()))
            }
        };
        (0..shape.layers() - 1).map(one).collect()
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        let mut p = Program::new(shape, heads);
        let a = p.activations();
        let last = shape.layers() - 1;
        let factor = 2.0 / (heads * shape.value()) as f64;
        let top = p.difference(factor, a[last + 1], p.values());
        p.update(last, top, a[last]);
        for layer in (0..last).rev() {
            let fed = p.linear(top, shape.width(layer + 1), &weight(layer), None);
            let error = p.through_tanh(fed, a[layer + 1]);
            p.update(layer, error, a[layer]);
        }
        Some(p)
    }
}
