//! The write rules as the fused kernels see them.

use std::fmt::Debug;

use mnm_tensor::kernels::Kernels;

use super::gradient::Gradient;
use super::layout::Layout;
use super::passes::{AdjointGroup, AdjointPasses, ForwardGroup, ForwardPasses};
use super::perceptron::Perceptron;

/// A write rule with a fused kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FusedRule {
    /// MNM-p, as [`crate::PerceptronRule`].
    Perceptron,
    /// MNM-g, as [`crate::GradientRule`].
    Gradient,
}

impl FusedRule {
    /// The rule that configs call `name`, if it has a fused kernel.
    pub fn named(name: &str) -> Option<FusedRule> {
        match name {
            "mnm-p" => Some(FusedRule::Perceptron),
            "mnm-g" => Some(FusedRule::Gradient),
            _ => None,
        }
    }

    /// Whether the rule has a network that predicts targets.
    pub fn has_targets(self) -> bool {
        self == FusedRule::Perceptron
    }

    pub(super) fn steps<F: Kernels>(self) -> &'static dyn Rule<F> {
        match self {
            FusedRule::Perceptron => &Perceptron,
            FusedRule::Gradient => &Gradient,
        }
    }
}

/// What a rule adds to the fused kernel; everything else is common to all rules of the form W -= beta E^T A.
pub(super) trait Rule<F: Kernels>: Sync {
    /// Rows that wait in each layer, for each head, to be added to the cotangents of the weights.
    fn pending(&self, layer: usize) -> usize;

    /// Fills `errors` of the records, and D = beta E in `changes`; `before` is filled, and the last of `errors` holds f(k^w)
    /// with the weights before the write.
    fn errors(&self, group: &mut ForwardGroup<'_, F>, passes: &mut dyn ForwardPasses<F>);

    /// D = beta E again, from a record.
    fn changes(&self, layout: &Layout, record: &[F], rate: F, changes: &mut [F]);

    /// From dD (`d_changes`) and dA (`carry`) to the cotangents of the write keys (`carry[0]`), the values, the targets and
    /// the rate; leaves what used the weights before the write in the waiting rows.
    fn adjoint(&self, group: &mut AdjointGroup<'_, F>, passes: &mut dyn AdjointPasses<F>);
}
