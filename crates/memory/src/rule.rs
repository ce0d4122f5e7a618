//! What a write rule is.

use std::fmt::Debug;

use mnm_tensor::{Float, ParameterSpec, Parameters, Tensor};

use crate::slot::Slot;
use crate::{Gate, Gates, Memory, MemoryError, MemoryShape, Program, reference};

/// What is to be written at one step.
#[derive(Clone, Debug)]
pub struct Write<F: Float> {
    /// The write keys `k^w`, `[B, H, M]`; the last extent is that of the first layer's inputs.
    pub keys: Tensor<F>,
    /// The write values `v^w`, `[B, H, M]`; the last extent is that of the last layer's outputs, which the paper has as wide as
    /// keys.
    pub values: Tensor<F>,
    /// The write rate `beta`, `[B]`: 0 leaves the memory as it is. Any number goes; how far a write of 1 takes the read of its key to
    /// its value is the rule's matter (see [`GradientRule`](crate::GradientRule)). The paper's controllers give 0 to 1.
    pub rate: Tensor<F>,
    /// phi `[B]`, for a rule whose [`Gates`] ask for it.
    pub forget: Option<Tensor<F>>,
    /// eta `[B]`, for a rule whose [`Gates`] ask for it.
    pub momentum: Option<Tensor<F>>,
}

impl<F: Float> Write<F> {
    /// Keys and values `[B, H, M]` at rates `[B]`, without further gates.
    pub fn new(keys: Tensor<F>, values: Tensor<F>, rate: Tensor<F>) -> Self {
        Self {
            keys,
            values,
            rate,
            forget: None,
            momentum: None,
        }
    }

    /// The same with the gate phi `[B]`.
    pub fn with_forget(self, forget: Tensor<F>) -> Self {
        Self {
            forget: Some(forget),
            ..self
        }
    }

    /// The same with the gate eta `[B]`.
    pub fn with_momentum(self, momentum: Tensor<F>) -> Self {
        Self {
            momentum: Some(momentum),
            ..self
        }
    }

    /// Whether this is something to write to `memory`; every rule asks first, since ops would stretch an extent of 1.
    ///
    /// # Errors
    /// [`MemoryError::Write`] naming the part that does not fit.
    pub fn check(&self, memory: &Memory<F>) -> Result<(), MemoryError> {
        let misfit = |part, found: &Tensor<F>, expected: String| MemoryError::Write {
            part,
            found: found.shape().to_vec(),
            expected,
        };
        let [batch, key, value] = memory.extents();
        let heads = match *self.keys.shape() {
            [b, heads, k] if heads > 0 && (b, k) == (batch, key) => heads,
            _ => {
                let expected = format!("[{batch}, H, {key}] with at least one head");
                return Err(misfit("keys", &self.keys, expected));
            }
        };
        if self.values.shape() != [batch, heads, value] {
            let expected = format!("[{batch}, {heads}, {value}]");
            return Err(misfit("values", &self.values, expected));
        }
        if self.rate.shape() != [batch] {
            return Err(misfit("rate", &self.rate, format!("[{batch}]")));
        }
        Ok(())
    }
}

/// The program of a rule for what it supports; `None` for a rule with a [`WriteRule::write`] of its own.
pub(crate) fn program_of<F: Float, R: WriteRule<F> + ?Sized>(
    rule: &R,
    shape: &MemoryShape,
    heads: usize,
) -> Result<Option<Program>, MemoryError> {
    rule.supports(shape, heads)?;
    Ok(rule.program(shape, heads))
}

/// The momentum of every layer that `program` writes to, if there is any.
pub(crate) fn momentum_slots(gates: Gates, program: &Program) -> Vec<Slot> {
    if gates.momentum == Gate::None {
        return Vec::new();
    }
    let slot = |layer| Slot::momentum(layer, program.shape.weight(layer));
    program.written().into_iter().map(slot).collect()
}

/// A rule that changes the weights of a memory, in one shot, so that it maps keys to values.
///
/// Most rules are a [`Program`]: which errors `E` each layer makes and what inputs `A` it saw. It is written once; the
/// definition in tensor ops and the fused kernel, with its adjoint, both read it. A rule that is not of that form implements
/// [`WriteRule::write`] in tensor ops instead, and has no fused kernel.
pub trait WriteRule<F: Float>: Debug + Send + Sync {
    /// The name that configs use.
    fn name(&self) -> &str;

    /// The parameters of the rule itself.
    fn parameters(&self, shape: &MemoryShape) -> Vec<ParameterSpec> {
        let _ = shape;
        Vec::new()
    }

    /// Whether writes forget, and carry momentum.
    fn gates(&self) -> Gates {
        Gates::NONE
    }

    /// Whether keys are divided by their norm before they enter the memory, in writes, reads and meta loss alike.
    fn unit_keys(&self) -> bool {
        false
    }

    /// Whether the rule can write to memories of this shape, with so many heads. It is asked before the program for them is.
    ///
    /// # Errors
    /// [`MemoryError::Unsupported`] that says why not, and what would do.
    fn supports(&self, shape: &MemoryShape, heads: usize) -> Result<(), MemoryError> {
        let _ = (shape, heads);
        Ok(())
    }

    /// What it does at a write; `None` for a rule with a [`WriteRule::write`] of its own.
    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        let _ = (shape, heads);
        None
    }

    /// The state that it keeps beside the weights: with momentum, that of every layer that it writes to. None for what it does not support.
    fn slots(&self, shape: &MemoryShape, heads: usize) -> Vec<Slot> {
        match program_of(self, shape, heads) {
            Ok(Some(program)) => momentum_slots(self.gates(), &program),
            _ => Vec::new(),
        }
    }

    /// The memory after the write.
    ///
    /// # Errors
    /// A shape that does not fit, a gate that is missing, or a parameter that is.
    fn write(
        &self,
        parameters: &Parameters<Tensor<F>>,
        memory: &Memory<F>,
        write: &Write<F>,
    ) -> Result<Memory<F>, MemoryError> {
        write.check(memory)?;
        let memory = memory.clone().with_unit_keys(self.unit_keys());
        let shape = memory.shape()?;
        let heads = write.keys.shape()[1];
        let program = program_of(self, &shape, heads)?.ok_or_else(|| MemoryError::Program {
            rule: self.name().to_owned(),
            misfit: "there is none, and no `write` of the rule's own".to_owned(),
        })?;
        reference::write(
            self.name(),
            &program,
            self.gates(),
            parameters,
            &memory,
            write,
        )
    }
}
