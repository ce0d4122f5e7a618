//! The extents of a memory network.

use mnm_tensor::{Init, ParameterSpec};

use crate::MemoryError;

/// Widths and depth of a memory network that maps keys to values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryShape {
    key: usize,
    value: usize,
    hidden: usize,
    layers: usize,
}

impl MemoryShape {
    /// Keys and values of width `value` (M), hidden layers of width `hidden` (U), `layers` layers of weights (L).
    ///
    /// # Errors
    /// [`MemoryError::EmptyShape`] if one of them is zero.
    pub fn new(value: usize, hidden: usize, layers: usize) -> Result<Self, MemoryError> {
        for (name, extent) in [("value", value), ("hidden", hidden), ("layers", layers)] {
            if extent == 0 {
                return Err(MemoryError::EmptyShape { name });
            }
        }
        Ok(Self {
            key: value,
            value,
            hidden,
            layers,
        })
    }

    /// The same with keys of another width than values.
    ///
    /// # Errors
    /// [`MemoryError::EmptyShape`] if it is zero.
    pub fn with_key(self, key: usize) -> Result<Self, MemoryError> {
        match key {
            0 => Err(MemoryError::EmptyShape { name: "key" }),
            _ => Ok(Self { key, ..self }),
        }
    }

    /// The width of keys, M unless said otherwise.
    pub fn key(&self) -> usize {
        self.key
    }

    /// The width M of values, and of keys.
    pub fn value(&self) -> usize {
        self.value
    }

    /// The width U of the hidden layers.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// The number L of layers of weights.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// The width of activation `a^l`: M at both ends, U between.
    pub fn width(&self, l: usize) -> usize {
        if l == 0 {
            self.key
        } else if l == self.layers {
            self.value
        } else {
            self.hidden
        }
    }

    /// The shape `[out, in]` of the weights `W^{layer + 1}`.
    pub fn weight(&self, layer: usize) -> [usize; 2] {
        [self.width(layer + 1), self.width(layer)]
    }

    /// The sum of the widths of `a^1 .. a^L`: how many targets MNM-p predicts.
    pub fn targets(&self) -> usize {
        (self.layers - 1) * self.hidden + self.value
    }

    /// The initial weights `memory.N.weight` as parameters, uniform in `+-1 / sqrt(fan-in)`; a fixed random draw
    /// unless `trained`.
    pub fn parameters(&self, trained: bool) -> Vec<ParameterSpec> {
        (0..self.layers)
            .map(|layer| {
                let shape = self.weight(layer);
                ParameterSpec {
                    trained,
                    ..ParameterSpec::new(weight_name(layer), &shape, Init::fan_in(shape[1]))
                }
            })
            .collect()
    }
}

/// The name of the initial weights of a layer, counted from 0.
pub fn weight_name(layer: usize) -> String {
    format!("memory.{layer}.weight")
}
