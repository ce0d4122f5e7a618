//! The memory function f: a small network without biases, one copy of its weights a sequence.

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
        Ok(Self { weights })
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

    /// All activations `a^0 .. a^L` for `keys` `[B, H, M]`: `a^l` is `[B, H, dim l]`.
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
        let mut activations = vec![keys.clone()];
        let mut below = keys.clone();
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
        }
    }
}
