//! What a model says of one of its parameters.

use ndarray::{Axis, Slice};
use rand::Rng;

use crate::{Float, Init, SharedArray};

/// A parameter of a model: its name, its shape and how it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    /// The name in a checkpoint, such as `controller.weight_ih`.
    pub name: String,
    /// The shape.
    pub shape: Vec<usize>,
    /// How it starts.
    pub init: Init,
    /// What its first values are multiplied by, however they were drawn.
    pub gain: f64,
    /// A column, and what those of its first values that stand in or after it are multiplied by besides.
    pub tail_gain: (usize, f64),
    /// Whether training changes it.
    pub trained: bool,
}

impl ParameterSpec {
    /// A trained parameter.
    pub fn new(name: impl Into<String>, shape: &[usize], init: Init) -> Self {
        Self {
            name: name.into(),
            shape: shape.to_vec(),
            init,
            gain: 1.0,
            tail_gain: (0, 1.0),
            trained: true,
        }
    }

    /// The same with first values `gain` times as large as they were.
    #[must_use]
    pub fn with_gain(self, gain: f64) -> Self {
        Self {
            gain: self.gain * gain,
            ..self
        }
    }

    /// The same with first values `gain` times as large from column `first` on.
    #[must_use]
    pub fn with_tail_gain(self, first: usize, gain: f64) -> Self {
        Self {
            tail_gain: (first, gain),
            ..self
        }
    }

    /// First values: drawn as `init` says, times the gains.
    pub fn draw<F: Float>(&self, generator: &mut (impl Rng + ?Sized)) -> SharedArray<F> {
        self.scaled(self.init.draw(&self.shape, generator))
    }

    /// First values from what was drawn in another way than `init` says: `drawn` times the gains.
    #[must_use]
    pub fn scaled<F: Float>(&self, mut drawn: SharedArray<F>) -> SharedArray<F> {
        let (gain, (first, tail)) = (F::of(self.gain), self.tail_gain);
        drawn.mapv_inplace(|x| x * gain);
        if tail != 1.0 && drawn.ndim() > 0 {
            let columns = drawn.ndim() - 1;
            let last = Axis(columns);
            let first = first.min(drawn.len_of(last));
            drawn
                .slice_axis_mut(last, Slice::from(first..))
                .mapv_inplace(|x| x * F::of(tail));
        }
        drawn
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
