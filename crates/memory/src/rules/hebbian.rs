//! The Hebbian rule of the last layer.

use mnm_tensor::Float;

use crate::{Gate, Gates, MemoryShape, Program, WriteRule};

/// What fires together wires together, whatever the memory already says; old writes fade:
///
/// ```text
/// E^L = -v / H;   A^L = a^{L-1}:   W <- (1 - phi) W + beta / H sum over heads of v a^T
/// ```
///
/// With a fixed forget the read is attention to the past, `sum_s (1 - phi)^{t-s} beta_s v_s (k_s . k)`.
///
/// Sources: Schmidhuber 1991 (fast weights by outer products), Ba et al. 2016 (arXiv 1610.06258).
#[derive(Clone, Copy, Debug, Default)]
pub struct HebbianRule;

impl<F: Float> WriteRule<F> for HebbianRule {
    fn name(&self) -> &str {
        "hebbian"
    }

    fn gates(&self) -> Gates {
        Gates {
            forget: Gate::Learned,
            momentum: Gate::None,
        }
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        let mut p = Program::new(shape, heads);
        let features = p.features();
        let error = p.scale(-1.0 / heads as f64, p.values());
        p.update(shape.layers() - 1, error, features);
        Some(p)
    }
}
