//! The write rules as the fused kernels see them.

use std::fmt::Debug;

use mnm_tensor::kernels::Kernels;

use super::adjoint::Workspace;
use super::gradient::Gradient;
use super::layout::Layout;
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

/// What the forward step of a rule works on: one sequence, one step.
pub(super) struct ErrorsOf<'a, F> {
    pub layout: &'a Layout,
    /// The sequence's weights before the write.
    pub weights: &'a [F],
    /// The record, with `before` filled and `errors[L-1]` holding f(k^w); the rule fills `errors`.
    pub record: &'a mut [F],
    /// v^w, head after head, `head_stride` apart.
    pub values: &'a [F],
    pub head_stride: usize,
    /// What the targets network predicts, `[H, targets]`; empty for rules without one.
    pub targets: &'a [F],
    /// beta.
    pub rate: F,
    /// For D^l = beta E^l, in regions as `errors`.
    pub changes: &'a mut [F],
}

/// What a rule adds to the fused kernel; everything else is common to all rules of the form W -= beta E^T A.
pub(super) trait Rule<F: Kernels>: Sync {
    /// Rows that wait in each layer to be added to G, for each head.
    fn pending(&self, layer: usize) -> usize;

    /// Fills `errors` of the record and `changes`.
    fn errors(&self, of: ErrorsOf<'_, F>);

    /// D^l = beta E^l again, from the record.
    fn changes(&self, layout: &Layout, record: &[F], rate: F, changes: &mut [F]);

    /// From dD and dA (in the workspace) to the cotangents of the write keys, the values, the targets and the rate; puts
    /// what uses the weights before the write into the pending rows.
    fn adjoint(&self, of: &mut Workspace<'_, F>);
}
