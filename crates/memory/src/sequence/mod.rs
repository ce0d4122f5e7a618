//! A sequence of writes and reads whose keys are known in advance: what DeltaNet, TTT and Titans layers are.

mod block;
mod op;

use mnm_tensor::kernels::Kernels;
use mnm_tensor::{Float, Parameters, Tensor};

use crate::fused::RuleForm;
use crate::{Memory, MemoryError, Write, WriteRule};

/// What goes into a sequence of T writes and reads of B memories with H heads.
#[derive(Clone, Debug)]
pub struct Sequence<F: Float> {
    /// Write keys `[T, B, H, M]`.
    pub keys: Tensor<F>,
    /// Write values `[T, B, H, M]`.
    pub values: Tensor<F>,
    /// Read keys `[T, B, H, M]`.
    pub read_keys: Tensor<F>,
    /// beta `[T, B]`.
    pub rate: Tensor<F>,
    /// phi `[T, B]`, for a rule that asks for it.
    pub forget: Option<Tensor<F>>,
    /// eta `[T, B]`, for a rule that asks for it.
    pub momentum: Option<Tensor<F>>,
}

/// What comes out of it.
#[derive(Clone, Debug)]
pub struct Reads<F: Float> {
    /// The mean over heads of `f(k^r)` after each write, `[T, B, M]`.
    pub reads: Tensor<F>,
    /// The meta loss after each write, `[T, B]`.
    pub meta: Tensor<F>,
    /// The memory after the last.
    pub memory: Memory<F>,
}

impl<F: Float> Sequence<F> {
    /// T, B, H and M, if everything fits.
    fn extents(&self, memory: &Memory<F>) -> Result<[usize; 4], MemoryError> {
        let misfit = |part, found: &Tensor<F>, expected: String| MemoryError::Write {
            part,
            found: found.shape().to_vec(),
            expected,
        };
        let [copies, width, value] = memory.extents();
        let &[steps, batch, heads, m] = self.keys.shape() else {
            return Err(misfit("keys", &self.keys, "[T, B, H, M]".to_owned()));
        };
        if value != width {
            let expected = format!(
                "[T, B, H, M] and a memory from M to M (this one: from {width} to {value})"
            );
            return Err(misfit("keys", &self.keys, expected));
        }
        if m != width || [steps, batch, heads].contains(&0) || ![1, batch].contains(&copies) {
            let memories = if copies == 1 {
                "B".to_owned()
            } else {
                copies.to_string()
            };
            let expected =
                format!("[T, {memories}, H, {width}] with at least one step, sequence and head");
            return Err(misfit("keys", &self.keys, expected));
        }
        for (part, given) in [("values", &self.values), ("read keys", &self.read_keys)] {
            if given.shape() != self.keys.shape() {
                return Err(misfit(part, given, format!("{:?}", self.keys.shape())));
            }
        }
        let gates = [
            ("rate", Some(&self.rate)),
            ("forget", self.forget.as_ref()),
            ("momentum", self.momentum.as_ref()),
        ];
        for (part, given) in gates {
            if let Some(given) = given.filter(|given| given.shape() != [steps, batch]) {
                return Err(misfit(part, given, format!("[{steps}, {batch}]")));
            }
        }
        Ok([steps, batch, heads, m])
    }
}

/// Writes and reads a sequence, from `memory`, whose weights are `[B, out, in]` or, shared by all sequences, `[1, out, in]`.
///
/// It is one op on the tape, with the fused kernel behind it, for rules of the form that the kernel knows: one gradient a run, of
/// first order. Other rules take [`sequence_by_steps`]. Memories of a layer with many heads of their own are so many sequences: a
/// batch of `[B x heads]` with H = 1.
///
/// # Errors
/// A shape, a gate or a parameter that does not fit.
pub fn sequence<F: Kernels>(
    rule: &dyn WriteRule<F>,
    parameters: &Parameters<Tensor<F>>,
    memory: &Memory<F>,
    sequence: &Sequence<F>,
) -> Result<Reads<F>, MemoryError> {
    let [_, _, heads, _] = sequence.extents(memory)?;
    let shape = memory.shape()?;
    rule.supports(&shape, heads)?;
    match RuleForm::of(rule, &shape, heads) {
        Some(form) => op::run(rule, form, parameters, memory, sequence),
        None => sequence_by_steps(rule, parameters, memory, sequence),
    }
}

/// [`sequence`] as its definition, write after write in tensor ops: differentiable to any order.
///
/// # Errors
/// A shape, a gate or a parameter that does not fit.
pub fn sequence_by_steps<F: Float>(
    rule: &dyn WriteRule<F>,
    parameters: &Parameters<Tensor<F>>,
    memory: &Memory<F>,
    sequence: &Sequence<F>,
) -> Result<Reads<F>, MemoryError> {
    let [steps, batch, heads, _] = sequence.extents(memory)?;
    rule.supports(&memory.shape()?, heads)?;
    let mut memory = memory.for_each(batch)?.with_unit_keys(rule.unit_keys());
    let (mut reads, mut metas) = (Vec::with_capacity(steps), Vec::with_capacity(steps));
    for t in 0..steps {
        let gate = |gate: &Option<Tensor<F>>| gate.as_ref().map(|g| g.select(0, t)).transpose();
        let write = Write {
            forget: gate(&sequence.forget)?,
            momentum: gate(&sequence.momentum)?,
            ..Write::new(
                sequence.keys.select(0, t)?,
                sequence.values.select(0, t)?,
                sequence.rate.select(0, t)?,
            )
        };
        memory = rule.write(parameters, &memory, &write)?;
        reads.push(memory.read(&sequence.read_keys.select(0, t)?)?.mean(1)?);
        metas.push(memory.discrepancy(&write.keys, &write.values)?);
    }
    Ok(Reads {
        reads: Tensor::stack(&reads)?,
        meta: Tensor::stack(&metas)?,
        memory,
    })
}
