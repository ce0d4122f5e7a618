//! The delta rule of the last layer, plain and gated.

use mnm_tensor::Float;

use crate::{Gate, Gates, MemoryShape, Program, Scalar, WriteRule};

/// The last layer alone is written; the layers below it are a fixed feature map:
///
/// ```text
/// E^L = (a^L - v) / H;   A^L = a^{L-1}
/// ```
///
/// Gated, the error is that of the weights already decayed, `a^L = (1 - phi) W^L a^{L-1}`. With keys of norm one, one layer
/// and one head, a rate of 1 stores the value exactly.
///
/// Sources: linear transformers as fast weight programmers (arXiv 2102.11174), DeltaNet (arXiv 2406.06484); gated, Gated
/// DeltaNet (arXiv 2412.06464).
#[derive(Clone, Copy, Debug, Default)]
pub struct DeltaRule {
    gated: bool,
}

impl DeltaRule {
    /// Gated DeltaNet: the memory forgets before it is asked what it gets wrong.
    pub fn gated() -> Self {
        Self { gated: true }
    }
}

impl<F: Float> WriteRule<F> for DeltaRule {
    fn name(&self) -> &str {
        if self.gated { "gated-delta" } else { "delta" }
    }

    fn gates(&self) -> Gates {
        Gates {
            forget: if self.gated {
                Gate::Learned
            } else {
                Gate::None
            },
            momentum: Gate::None,
        }
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        let mut p = Program::new(shape, heads);
        let last = shape.layers() - 1;
        let a = p.activations();
        let mut read = a[last + 1];
        if self.gated {
            read = p.scaled(Scalar::Keep, read);
        }
        let error = p.difference(1.0 / heads as f64, read, p.values());
        p.update(last, error, a[last]);
        Some(p)
    }
}
