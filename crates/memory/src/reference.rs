//! A rule's program in tensor ops: the definition.

use mnm_tensor::{Float, Parameters, Tensor};

use crate::error::parameter;
use crate::gates::Gates;
use crate::program::{Op, Program, Rows, Scalar};
use crate::slot::Slot;
use crate::{Memory, MemoryError, Write};

/// The numbers of a write, each `[B, 1, 1]`.
pub(crate) struct Scalars<F: Float> {
    pub rate: Tensor<F>,
    /// `1 - phi`; `None` for 1.
    pub keep: Option<Tensor<F>>,
    /// eta; `None` for 0.
    pub momentum: Option<Tensor<F>>,
}

impl<F: Float> Scalars<F> {
    /// What `write` and the rule's `gates` say; `write` has been checked.
    pub fn of(rule: &str, gates: Gates, write: &Write<F>) -> Result<Self, MemoryError> {
        let batch = write.rate.value().len();
        let forget = gates
            .forget
            .value(rule, "forget", write.forget.as_ref(), batch)?;
        let momentum = &write.momentum;
        Ok(Self {
            rate: write.rate.reshape(&[batch, 1, 1])?,
            keep: forget.map(|phi| phi.affine(-1.0, 1.0)).transpose()?,
            momentum: gates
                .momentum
                .value(rule, "momentum", momentum.as_ref(), batch)?,
        })
    }

    fn times(&self, x: &Tensor<F>, scalar: Scalar) -> Result<Tensor<F>, MemoryError> {
        Ok(match scalar {
            Scalar::Rate => x.mul(&self.rate)?,
            Scalar::Keep => match &self.keep {
                Some(keep) => x.mul(keep)?,
                None => x.clone(),
            },
            Scalar::Momentum => match &self.momentum {
                Some(momentum) => x.mul(momentum)?,
                None => x.scale(0.0)?,
            },
        })
    }
}

/// The state of a run of a program.
struct Run<'a, F: Float> {
    parameters: &'a Parameters<Tensor<F>>,
    program: &'a Program,
    scalars: Scalars<F>,
    rows: Vec<Tensor<F>>,
    /// W^l, less what the program has written so far.
    weights: Vec<Tensor<F>>,
    /// beta E^T A of each layer so far.
    changes: Vec<Option<Tensor<F>>>,
    /// `1 - beta sum_h x_hj` of each layer `[B, out, 1]`.
    kept: Vec<Option<Tensor<F>>>,
}

impl<F: Float> Run<'_, F> {
    fn get(&self, rows: Rows) -> &Tensor<F> {
        &self.rows[rows.0]
    }

    fn step(&mut self, op: &Op) -> Result<(), MemoryError> {
        let made = match *op {
            Op::Apply { layer, x, .. } => self.get(x).matmul(&self.weights[layer].transpose()?)?,
            Op::Pull { layer, e, .. } => self.get(e).matmul(&self.weights[layer])?,
            Op::Tanh { x, .. } => self.get(x).tanh()?,
            Op::ThroughTanh { e, a, .. } => {
                let slope = self.get(a).mul(self.get(a))?.affine(-1.0, 1.0)?;
                self.get(e).mul(&slope)?
            }
            Op::Difference { scale, a, b, .. } => self.get(a).sub(self.get(b))?.scale(scale)?,
            Op::Sum { a, b, .. } => self.get(a).add(self.get(b))?,
            Op::Product { a, b, .. } => self.get(a).mul(self.get(b))?,
            Op::Quotient { a, b, .. } => self.get(a).div(self.get(b))?,
            Op::Dot { a, b, .. } => self.get(a).mul(self.get(b))?.sum_keep(2)?,
            Op::Affine {
                scale, offset, x, ..
            } => self.get(x).affine(scale, offset)?,
            Op::Scaled { by, x, .. } => self.scalars.times(self.get(x), by)?,
            Op::Clip { bound, x, .. } => {
                // x + max(-bound - x, 0) - max(x - bound, 0), and exactly x between the bounds.
                let x = self.get(x);
                let above = x.shift(-bound)?.relu()?;
                let below = x.affine(-1.0, -bound)?.relu()?;
                x.add(&below)?.sub(&above)?
            }
            Op::Linear { matrix, x, .. } => {
                let shared = &self.program.shared[matrix];
                let weight = parameter(self.parameters, &shared.weight, &shared.shape)?;
                let bias = match &shared.bias {
                    Some(name) => Some(parameter(self.parameters, name, &shared.shape[..1])?),
                    None => None,
                };
                self.get(x).linear(weight, bias)?
            }
            Op::Slice { start, x, y } => self.get(x).slice(2, start, self.program.width(y))?,
            Op::Update { layer, e, a } => {
                let product = self.get(e).transpose()?.matmul(self.get(a))?;
                let change = product.mul(&self.scalars.rate)?;
                self.weights[layer] = self.weights[layer].sub(&change)?;
                self.changes[layer] = Some(match &self.changes[layer] {
                    Some(before) => before.add(&change)?,
                    None => change,
                });
                return Ok(());
            }
            Op::Decay { layer, x } => {
                let [batch, out] = [self.get(x).shape()[0], self.get(x).shape()[2]];
                let sum = self.get(x).sum(1)?.reshape(&[batch, out, 1])?;
                self.kept[layer] = Some(sum.mul(&self.scalars.rate)?.affine(-1.0, 1.0)?);
                return Ok(());
            }
        };
        self.rows.push(made);
        Ok(())
    }
}

/// The memory after a write by `program`.
///
/// # Errors
/// A write or a parameter that does not fit, or a program that does not fit itself.
pub(crate) fn write<F: Float>(
    rule: &str,
    program: &Program,
    gates: Gates,
    parameters: &Parameters<Tensor<F>>,
    memory: &Memory<F>,
    write: &Write<F>,
) -> Result<Memory<F>, MemoryError> {
    if let Some(misfit) = program.misfit() {
        return Err(MemoryError::Program {
            rule: rule.to_owned(),
            misfit: misfit.to_owned(),
        });
    }
    let layers = memory.weights().len();
    let mut run = Run {
        parameters,
        program,
        scalars: Scalars::of(rule, gates, write)?,
        rows: vec![memory.keyed(&write.keys)?, write.values.clone()],
        weights: memory.weights().to_vec(),
        changes: vec![None; layers],
        kept: vec![None; layers],
    };
    for op in &program.ops {
        run.step(op)?;
    }
    let mut written = memory.clone();
    for layer in program.written() {
        let before = &memory.weights()[layer];
        let mut change = run.changes[layer].clone();
        if let Some(momentum) = &run.scalars.momentum {
            let slot = Slot::momentum(layer, program.shape.weight(layer));
            let carried = slot.of(memory)?.mul(momentum)?;
            let sum = match change {
                Some(change) => carried.add(&change)?,
                None => carried,
            };
            written = written.with_slot(&slot.name, sum.clone());
            change = Some(sum);
        }
        let mut after = match &run.scalars.keep {
            Some(keep) => before.mul(keep)?,
            None => before.clone(),
        };
        if let Some(kept) = &run.kept[layer] {
            after = after.mul(kept)?;
        }
        if let Some(change) = change {
            after = after.sub(&change)?;
        }
        written = written.with_weight(layer, after);
    }
    Ok(written)
}
