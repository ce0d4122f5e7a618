//! Titans: MNM-g with keys of norm one, forgetting and momentum.

use mnm_tensor::Float;

use crate::{Gate, Gates, GradientRule, MemoryShape, Program, WriteRule};

/// The gradient of MNM-g, carried on by momentum, in a memory that forgets:
///
/// ```text
/// S <- eta S + beta dL_up/dW;   W <- (1 - phi) W - S
/// ```
///
/// Keys have norm one. With one layer and no momentum this is the gated delta rule, up to its constant and to where the error is
/// taken.
///
/// Source: Titans (arXiv 2501.00663).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TitansRule {
    /// What is descended, and in how many steps.
    pub descent: GradientRule,
}

impl<F: Float> WriteRule<F> for TitansRule {
    fn name(&self) -> &str {
        "titans"
    }

    fn gates(&self) -> Gates {
        Gates {
            forget: Gate::Learned,
            momentum: Gate::Learned,
        }
    }

    fn unit_keys(&self) -> bool {
        true
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        WriteRule::<F>::program(&self.descent, shape, heads)
    }
}
