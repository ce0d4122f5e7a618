//! The memory function f: a small network without biases, one copy of its weights a sequence.

use std::collections::BTreeMap;

use mnm_tensor::{Float, Parameters, Tensor, TensorError};

use crate::error::parameter;
use crate::shape::weight_name;
use crate::{MemoryError, MemoryShape};

/// The fast weights `W^1 .. W^L` of a batch of sequences.
///
/// ```text
/// a^0 = k;  a^l = tanh(W^l a^{l-1}) for l < L;  f(k) = W^L a^{L-1}
/// ```
#[derive(Clone, Debug)]
pub struct Memory<F: Float> {
    weights: Vec<Tensor<F>>,
    /// What rules keep beside them, `[B, rows, columns]` each.
    slots: BTreeMap<String, Tensor<F>>,
    unit_keys: bool,
}

/// Below this square, the norm of a key is no longer told from zero; it keeps the norm's derivative finite there.
const SMALLEST_SQUARE: f64 = 1e-24;

/// What is added to the norm of a key that divides it.
const NORM_OFFSET: f64 = 1e-6;

/// Rows divided by their norm, plus 1e-6: `x / (|x| + 1e-6)` along the last of three axes.
pub(crate) fn unit_rows<F: Float>(x: &Tensor<F>) -> Result<Tensor<F>, TensorError> {
    let squares = x.mul(x)?.sum_keep(2)?.shift(SMALLEST_SQUARE)?;
    x.div(&squares.sqrt()?.shift(NORM_OFFSET)?)
}

/// The same for one row, in place; what divided it, less the offset, is returned.
pub(crate) fn unit_row<F: Float>(row: &mut [F]) -> F {
    let square = row
        .iter()
        .fold(F::of(SMALLEST_SQUARE), |sum, x| sum + *x * *x);
    let norm = square.sqrt();
    let factor = F::one() / (norm + F::of(NORM_OFFSET));
    row.iter_mut().for_each(|x| *x *= factor);
    norm
}

/// Back through [`unit_row`]: replaces the cotangent of `unit` by that of what it was made of, of norm `norm`.
pub(crate) fn unit_row_adjoint<F: Float>(d: &mut [F], unit: &[F], norm: F) {
    let along = d
        .iter()
        .zip(unit)
        .fold(F::zero(), |sum, (d, u)| sum + *d * *u);
    let factor = F::one() / (norm + F::of(NORM_OFFSET));
    // d norm / dx = x / norm, where x = unit / factor.
    let inward = along / norm;
    d.iter_mut()
        .zip(unit)
        .for_each(|(d, u)| *d = *d * factor - inward * *u);
}

impl<F: Float> Memory<F> {
    /// A memory from its weights, layer by layer, each `[B, out, in]`.
    ///
    /// # Errors
    /// [`MemoryError`] if there are none or they do not chain: B alike, `in` of a layer the `out` of the one before.
    pub fn new(weights: Vec<Tensor<F>>) -> Result<Self, MemoryError> {
        if weights.is_empty() {
            return Err(MemoryError::EmptyShape { name: "layers" });
        }
        let mut below: Option<(usize, usize)> = None;
        for (layer, weight) in weights.iter().enumerate() {
            let misfit = |expected: String| MemoryError::Weights {
                layer,
                found: weight.shape().to_vec(),
                expected,
            };
            let &[batch, out, input] = weight.shape() else {
                return Err(misfit("[B, out, in]".to_owned()));
            };
            if let Some((known_batch, width)) = below
                && (batch, input) != (known_batch, width)
            {
                return Err(misfit(format!("[{known_batch}, out, {width}]")));
            }
            below = Some((batch, out));
        }
        Ok(Self {
            weights,
            slots: BTreeMap::new(),
            unit_keys: false,
        })
    }

    /// Every sequence of a batch starts from the weights `W_0` of `parameters` (`memory.N.weight`, each `[out, in]`).
    ///
    /// # Errors
    /// A parameter that is missing or has another shape.
    pub fn initial(
        parameters: &Parameters<Tensor<F>>,
        shape: &MemoryShape,
        batch: usize,
    ) -> Result<Self, MemoryError> {
        let weights = (0..shape.layers())
            .map(|layer| {
                let [out, input] = shape.weight(layer);
                let weight = parameter(parameters, &weight_name(layer), &[out, input])?;
                Ok(weight.broadcast_to(&[batch, out, input])?)
            })
            .collect::<Result<_, MemoryError>>()?;
        Self::new(weights)
    }

    /// The same memory, whose keys are divided by their norm (plus 1e-6) before they enter it, or are not.
    pub fn with_unit_keys(self, unit_keys: bool) -> Self {
        Self { unit_keys, ..self }
    }

    /// The same memory with a part `[B, rows, columns]` beside the weights.
    pub fn with_slot(mut self, name: &str, part: Tensor<F>) -> Self {
        self.slots.insert(name.to_owned(), part);
        self
    }

    /// The part called `name`, if a rule has kept one.
    pub fn slot(&self, name: &str) -> Option<&Tensor<F>> {
        self.slots.get(name)
    }

    /// The parts that rules keep beside the weights, by name, each `[B, rows, columns]`.
    pub fn slots(&self) -> impl Iterator<Item = (&str, &Tensor<F>)> {
        self.slots.iter().map(|(name, part)| (name.as_str(), part))
    }

    /// Another matrix of the same shape in place of a layer's.
    pub(crate) fn with_weight(mut self, layer: usize, weight: Tensor<F>) -> Self {
        self.weights[layer] = weight;
        self
    }

    /// The same memory with weights and slots for each of `batch` sequences, which may have shared them (`[1, ..]`).
    ///
    /// # Errors
    /// Another number of sequences than one and `batch`.
    pub fn for_each(&self, batch: usize) -> Result<Self, MemoryError> {
        let spread = |part: &Tensor<F>| match *part.shape() {
            [_, rows, columns] => part.broadcast_to(&[batch, rows, columns]),
            ref shape => Err(TensorError::shape(
                "for_each",
                &[shape],
                "[B, rows, columns]",
            )),
        };
        let weights = self.weights.iter().map(spread).collect::<Result<_, _>>()?;
        let slots = self
            .slots
            .iter()
            .map(|(name, part)| Ok((name.clone(), spread(part)?)));
        Ok(Self {
            weights,
            slots: slots.collect::<Result<_, TensorError>>()?,
            unit_keys: self.unit_keys,
        })
    }

    /// Widths and depth.
    ///
    /// # Errors
    /// [`MemoryError::Weights`] if hidden layers differ in width.
    pub fn shape(&self) -> Result<MemoryShape, MemoryError> {
        let [_, key, value] = self.extents();
        let layers = self.weights.len();
        let hidden = self.weights[0].shape()[1];
        for (layer, weight) in self.weights.iter().enumerate().take(layers - 1) {
            if weight.shape()[1] != hidden {
                return Err(MemoryError::Weights {
                    layer,
                    found: weight.shape().to_vec(),
                    expected: format!("[B, {hidden}, in], as wide as the first hidden layer"),
                });
            }
        }
        MemoryShape::new(value, hidden, layers)?.with_key(key)
    }

    /// Keys as they enter the first layer: those of norm one, in a memory with unit keys.
    ///
    /// # Errors
    /// Those of the ops.
    pub fn keyed(&self, keys: &Tensor<F>) -> Result<Tensor<F>, TensorError> {
        match self.unit_keys {
            true => unit_rows(keys),
            false => Ok(keys.clone()),
        }
    }

    /// The weights, layer by layer, each `[B, out, in]`.
    pub fn weights(&self) -> &[Tensor<F>] {
        &self.weights
    }

    /// Sequences, width of a key and width of a value.
    pub(crate) fn extents(&self) -> [usize; 3] {
        // `new` has seen at least one layer, each of three axes.
        let axis = |weight: Option<&Tensor<F>>, axis: usize| weight.map_or(0, |w| w.shape()[axis]);
        let (first, last) = (self.weights.first(), self.weights.last());
        [axis(first, 0), axis(first, 2), axis(last, 1)]
    }

    /// All activations `a^0 .. a^L` for `keys`, `a^0` being the keys or, in a memory with unit keys, those of norm one, `[B, H, M]`: `a^l` is `[B, H, dim l]`.
    ///
    /// # Errors
    /// [`MemoryError::Keys`] if they are not of that shape: ops would stretch an extent of 1, and an axis that is missing.
    pub fn activations(&self, keys: &Tensor<F>) -> Result<Vec<Tensor<F>>, MemoryError> {
        let [batch, key, _] = self.extents();
        if !matches!(*keys.shape(), [b, _, k] if (b, k) == (batch, key)) {
            return Err(MemoryError::Keys {
                found: keys.shape().to_vec(),
                expected: format!("[{batch}, H, {key}]"),
            });
        }
        let mut below = self.keyed(keys)?;
        let mut activations = vec![below.clone()];
        for (layer, weight) in self.weights.iter().enumerate() {
            let sum = below.matmul(&weight.transpose()?)?;
            below = if layer + 1 < self.weights.len() {
                sum.tanh()?
            } else {
                sum
            };
            activations.push(below.clone());
        }
        Ok(activations)
    }

    /// Reads the memory: `f(k)` `[B, H, M]` for `keys` `[B, H, M]`.
    ///
    /// # Errors
    /// Those of [`Memory::activations`].
    pub fn read(&self, keys: &Tensor<F>) -> Result<Tensor<F>, MemoryError> {
        let mut activations = self.activations(keys)?;
        // There are at least the keys and a layer's activations.
        Ok(activations.swap_remove(activations.len() - 1))
    }

    /// How far the memory is from mapping `keys` to `values`, both `[B, H, M]`: the mean over heads and entries of
    /// `(f(k) - v)^2`, `[B]`. Before a write it is the update loss `L_up`, after it the meta loss.
    ///
    /// # Errors
    /// Those of [`Memory::activations`], and values of another shape.
    pub fn discrepancy(
        &self,
        keys: &Tensor<F>,
        values: &Tensor<F>,
    ) -> Result<Tensor<F>, MemoryError> {
        let read = self.read(keys)?;
        if read.shape() != values.shape() {
            let shapes = [read.shape(), values.shape()];
            return Err(TensorError::shape("discrepancy", &shapes, "a value for every key").into());
        }
        let difference = read.sub(values)?;
        Ok(difference.mul(&difference)?.mean(2)?.mean(1)?)
    }

    /// The same weights, off the tape.
    pub fn detach(&self) -> Self {
        Self {
            weights: self.weights.iter().map(Tensor::detach).collect(),
            slots: (self.slots.iter())
                .map(|(name, part)| (name.clone(), part.detach()))
                .collect(),
            unit_keys: self.unit_keys,
        }
    }
}
