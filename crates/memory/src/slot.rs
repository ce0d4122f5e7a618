//! State beside the weights: the momentum of the last writes, an inverse.

use mnm_tensor::{Float, Tensor, TensorError};

use crate::{Memory, MemoryError};

/// What a part of the state holds before the first write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SlotStart {
    /// Zeros.
    Zeros,
    /// A multiple of the unit matrix.
    Diagonal(f64),
}

/// A part of a memory's state beside its weights: a matrix for each sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Its name; states and files call it `memory.slot.NAME`.
    pub name: String,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// What it starts as.
    pub start: SlotStart,
    /// Where it is R of a `P = R R^T` that the rule's equation is about: the name of P.
    pub root_of: Option<String>,
}

/// The name of the momentum of a layer, counted from 0.
pub fn momentum_name(layer: usize) -> String {
    format!("momentum.{layer}")
}

impl Slot {
    /// Zeros of `shape` at first.
    pub fn zeros(name: impl Into<String>, shape: [usize; 2]) -> Self {
        Self {
            name: name.into(),
            shape,
            start: SlotStart::Zeros,
            root_of: None,
        }
    }

    /// R of a `P = R R^T` called `name`, `[width, width]`, at first `start` times the unit matrix; the slot's own name is `NAME_root`.
    pub fn root(name: impl Into<String>, width: usize, start: f64) -> Self {
        let name = name.into();
        Self {
            start: SlotStart::Diagonal(start),
            root_of: Some(name.clone()),
            ..Self::zeros(format!("{name}_root"), [width, width])
        }
    }

    /// The momentum S of a layer.
    pub(crate) fn momentum(layer: usize, shape: [usize; 2]) -> Self {
        Self::zeros(momentum_name(layer), shape)
    }

    /// What it holds before the first write, `[B, rows, columns]`.
    ///
    /// # Errors
    /// None that a slot of a sane size could give; those of the ops.
    pub fn initial<F: Float>(&self, batch: usize) -> Result<Tensor<F>, MemoryError> {
        let [rows, columns] = self.shape;
        let mut elements = vec![F::zero(); rows * columns];
        if let SlotStart::Diagonal(value) = self.start {
            for element in elements.iter_mut().step_by(columns + 1) {
                *element = F::of(value);
            }
        }
        let one = Tensor::from_vec(&[1, rows, columns], elements)?;
        Ok(one.broadcast_to(&[batch, rows, columns])?)
    }

    /// The name and the value, `[B, rows, columns]`, of what the rule's equation is about where this slot holds `held`: itself, or the P that it is
    /// the root of.
    ///
    /// # Errors
    /// Those of the ops, for a `held` of another shape.
    pub fn meant<F: Float>(&self, held: &Tensor<F>) -> Result<(&str, Tensor<F>), TensorError> {
        Ok(match &self.root_of {
            None => (&self.name, held.clone()),
            Some(name) => (name, held.matmul(&held.transpose()?)?),
        })
    }

    /// What `memory` holds of it, `[B, rows, columns]`; before the first write, what it starts as.
    ///
    /// # Errors
    /// [`MemoryError::Slot`] for another shape.
    pub fn of<F: Float>(&self, memory: &Memory<F>) -> Result<Tensor<F>, MemoryError> {
        let [batch, ..] = memory.extents();
        let [rows, columns] = self.shape;
        match memory.slot(&self.name) {
            None => self.initial(batch),
            Some(held) if held.shape() == [batch, rows, columns] => Ok(held.clone()),
            Some(held) => Err(MemoryError::Slot {
                name: self.name.clone(),
                found: held.shape().to_vec(),
                expected: vec![batch, rows, columns],
            }),
        }
    }
}
