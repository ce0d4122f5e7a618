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

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn gains_multiply_all_values_and_those_of_the_last_columns() {
        let spec = ParameterSpec::new("weight", &[2, 3], Init::Constant { value: 1.0 })
            .with_gain(2.0)
            .with_tail_gain(1, 5.0);
        let ones = || SharedArray::<f64>::ones(vec![2, 3]);
        let rows: Vec<f64> = spec.scaled(ones()).iter().copied().collect();
        assert_eq!(rows, [2.0, 10.0, 10.0, 2.0, 10.0, 10.0]);
        let past_the_end = spec.with_tail_gain(3, 5.0).scaled(ones());
        assert!(past_the_end.iter().all(|&x| x == 2.0));
    }

    #[test]
    fn first_values_are_drawn_with_the_gains_and_gains_multiply() {
        let spec = ParameterSpec::new("weight", &[2, 3], Init::Uniform { bound: 1.0 })
            .with_gain(0.1)
            .with_gain(3.0);
        let mut generators = [0, 0].map(|_| StdRng::seed_from_u64(2));
        let plain: SharedArray<f64> = spec.init.draw(&spec.shape, &mut generators[0]);
        let drawn: SharedArray<f64> = spec.draw(&mut generators[1]);
        let largest = (drawn - plain * 0.3).fold(0.0_f64, |m, x| m.max(x.abs()));
        assert!(largest < 1e-15, "{largest}");
    }
}
