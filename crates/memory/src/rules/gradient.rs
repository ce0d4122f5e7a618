//! MNM-g: gradient descent on the update loss (MNM, section 3.2).

use mnm_tensor::Float;

use crate::{MemoryShape, Program, WriteRule};

/// `W^l <- W^l - beta dL_up/dW^l` with `L_up` the mean over heads and entries of `(f(k^w) - v^w)^2`:
///
/// ```text
/// E^L = 2 / (H M) (a^L - v);   E^l = (E^{l+1} W^{l+1}) (1 - a^l a^l);   A^l = a^{l-1}
/// ```
///
/// The inner gradient is written out, so the outer one goes through it exactly (second order). The rule has no parameters.
///
/// The mean makes a write smaller the wider the values are: it takes the read of its own key, with one layer, the part
/// `2 beta |k|^2 / (H M)` of the way to the value. With orthogonal keys, `beta = H M / (2 |k|^2)` stores them exactly.
///
/// Sources: Metalearned Neural Memory (arXiv 1907.09720); [`steps`](Self::steps) as in MAML (arXiv 1703.03400);
/// [`huber`](Self::huber) is Yaad of MIRAS (arXiv 2504.13173).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientRule {
    /// Gradient steps of a write, all at the same rate.
    pub steps: usize,
    /// delta: errors beyond it pull no harder, `E^L = 2 / (H M) clip(a^L - v, -delta, delta)`.
    pub huber: Option<f64>,
}

impl Default for GradientRule {
    fn default() -> Self {
        Self {
            steps: 1,
            huber: None,
        }
    }
}

impl<F: Float> WriteRule<F> for GradientRule {
    fn name(&self) -> &str {
        "mnm-g"
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        let mut p = Program::new(shape, heads);
        let factor = 2.0 / (heads * shape.value()) as f64;
        for _ in 0..self.steps {
            let a = p.activations();
            let (top, values) = (a[shape.layers()], p.values());
            let mut error = match self.huber {
                None => p.difference(factor, top, values),
                Some(delta) => {
                    let miss = p.difference(1.0, top, values);
                    let held = p.clip(delta, miss);
                    p.scale(factor, held)
                }
            };
            let mut errors = vec![error];
            for layer in (1..shape.layers()).rev() {
                let pulled = p.pull(layer, error);
                error = p.through_tanh(pulled, a[layer]);
                errors.push(error);
            }
            for (layer, error) in (0..shape.layers()).rev().zip(errors) {
                p.update(layer, error, a[layer]);
            }
        }
        Some(p)
    }
}
