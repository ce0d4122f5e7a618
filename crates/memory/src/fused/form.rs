//! A rule as the kernel takes it: its program, its gates and its keys.

use std::sync::Arc;

use mnm_tensor::Float;
use mnm_tensor::kernels::Kernels;

use super::forward::PreparedRule;
use super::shared::SharedMatrix;
use crate::program::{Op, Program};
use crate::rule::program_of;
use crate::{Gate, Gates, MemoryShape, WriteRule};

/// A rule that the kernel can run.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleForm {
    /// What happens at a write.
    pub program: Program,
    /// Whether writes forget, and carry momentum.
    pub gates: Gates,
    /// Whether keys have norm one.
    pub unit_keys: bool,
}

impl RuleForm {
    /// The form of `rule` for memories of this shape and so many heads. `None` if it is not one that the kernel knows, and runs on
    /// the reference: it has a write of its own, asks its weights again after its last update, or forgets row by row and also
    /// carries momentum or pulls errors through the layer that does; or the rule does not support this shape, fixes a gate that is no part, or
    /// keys are of another width than values.
    pub fn of<F: Float>(
        rule: &dyn WriteRule<F>,
        shape: &MemoryShape,
        heads: usize,
    ) -> Option<Self> {
        let program = program_of(rule, shape, heads).ok()??;
        let known = shape.key() == shape.value()
            && program.misfit().is_none()
            && rule.gates().are_parts()
            && in_form(&program, rule.gates());
        known.then(|| RuleForm {
            program,
            gates: rule.gates(),
            unit_keys: rule.unit_keys(),
        })
    }

    /// Whether a write makes those before it fade, by a gate or row by row.
    pub fn fades(&self) -> bool {
        self.gates.forget != Gate::None || self.gates.momentum != Gate::None || self.fades_by_row()
    }

    /// Whether a layer forgets row by row.
    pub(super) fn fades_by_row(&self) -> bool {
        (0..self.program.shape.layers()).any(|l| self.program.decays(l))
    }

    /// The parameters of the matrices that it shares, with their shapes, in the order in which [`RuleForm::prepare`] takes them.
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let mut all = Vec::new();
        for shared in &self.program.shared {
            all.push((shared.weight.clone(), shared.shape.to_vec()));
            if let Some(bias) = &shared.bias {
                all.push((bias.clone(), vec![shared.shape[0]]));
            }
        }
        all
    }

    /// Of each shared matrix, whether it has a bias.
    pub(crate) fn program_shared_biases(&self) -> Vec<bool> {
        self.program
            .shared
            .iter()
            .map(|shared| shared.bias.is_some())
            .collect()
    }

    /// The rule with its matrices packed, from the elements of [`RuleForm::parameters`].
    ///
    /// # Panics
    /// If there are fewer than that.
    pub fn prepare<F: Kernels>(&self, parameters: &[&[F]]) -> PreparedRule<F> {
        let mut given = parameters.iter();
        let mut next = || *given.next().expect("the parameters of the shared matrices");
        let matrices = self.program.shared.iter().map(|shared| {
            let weight = next();
            let bias = shared.bias.as_ref().map(|_| next());
            SharedMatrix::new(weight, bias, shared.shape)
        });
        PreparedRule {
            matrices: Arc::new(matrices.collect()),
            program: self.program.clone(),
            fades: self.fades(),
            forget: self.gates.forget != Gate::None,
            momentum: self.gates.momentum != Gate::None,
            unit_keys: self.unit_keys,
        }
    }
}

/// Whether the kernel knows what the program does.
fn in_form(program: &Program, gates: Gates) -> bool {
    let used_after = |layer: usize| {
        let last = program
            .ops
            .iter()
            .rposition(|op| matches!(op, Op::Update { layer: l, .. } if *l == layer));
        last.is_some_and(|last| {
            program.ops[last..].iter().any(|op| match op {
                Op::Apply { layer: l, .. } | Op::Pull { layer: l, .. } => *l == layer,
                _ => false,
            })
        })
    };
    let pulled = |l: usize| {
        let pulls = |op: &Op| matches!(op, Op::Pull { layer, .. } if *layer == l);
        program.ops.iter().any(pulls)
    };
    let updated = |l: usize| {
        let updates = |op: &Op| matches!(op, Op::Update { layer, .. } if *layer == l);
        program.ops.iter().any(updates)
    };
    let by_row = |l: usize| gates.momentum == Gate::None && updated(l) && !pulled(l);
    (0..program.shape.layers()).all(|l| !used_after(l) && (!program.decays(l) || by_row(l)))
}
