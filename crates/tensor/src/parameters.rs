//! Named arrays: what a model has and how each starts.

use std::collections::BTreeMap;

use ndarray::{Axis, Slice};
use rand::{Rng, RngExt};

use crate::{Array, Float, TensorError};

/// Named values in the order of their names: arrays at rest, tensors while a computation runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters<V>(BTreeMap<String, V>);

impl<V> Default for Parameters<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V> Parameters<V> {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value called `name`.
    ///
    /// # Errors
    /// [`TensorError::UnknownParameter`] if there is none.
    pub fn get(&self, name: &str) -> Result<&V, TensorError> {
        self.0
            .get(name)
            .ok_or_else(|| TensorError::UnknownParameter {
                name: name.to_owned(),
                known: self.names().collect::<Vec<_>>().join(", "),
            })
    }

    /// The value called `name`, if there is one.
    pub fn find(&self, name: &str) -> Option<&V> {
        self.0.get(name)
    }

    /// The value called `name`, to be changed.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut V> {
        self.0.get_mut(name)
    }

    /// Sets the value called `name`; gives back the one it replaces.
    pub fn insert(&mut self, name: impl Into<String>, value: V) -> Option<V> {
        self.0.insert(name.into(), value)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Names and values to be changed, sorted by name.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut V)> {
        self.0
            .iter_mut()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same names, each value mapped.
    pub fn map<W>(&self, mut f: impl FnMut(&str, &V) -> W) -> Parameters<W> {
        Parameters(
            self.0
                .iter()
                .map(|(name, value)| (name.clone(), f(name, value)))
                .collect(),
        )
    }
}

impl<V> FromIterator<(String, V)> for Parameters<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl<V> IntoIterator for Parameters<V> {
    type Item = (String, V);
    type IntoIter = std::collections::btree_map::IntoIter<String, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Uniform in `[-bound, bound]`.
    Uniform {
        /// The largest magnitude.
        bound: f64,
    },
    /// Normal of mean zero.
    Normal {
        /// The standard deviation.
        deviation: f64,
    },
    /// Every element the same.
    Constant {
        /// The element.
        value: f64,
    },
    /// Plus one or minus one, with equal chances, in the columns from one up to but not including another, and ones in the others.
    Signs {
        /// The first column of signs.
        from: usize,
        /// The first column behind them.
        to: usize,
    },
    /// Four equal parts, each of one value, as an LSTM's bias has for its gates; elements past the fourth part take its value.
    Quarters {
        /// The values.
        values: [f64; 4],
    },
}

impl Init {
    /// Uniform in `+-1 / sqrt(fan_in)`, as PyTorch starts linear layers and LSTM cells.
    pub fn fan_in(fan_in: usize) -> Self {
        Self::Uniform {
            bound: 1.0 / (fan_in.max(1) as f64).sqrt(),
        }
    }

    /// A draw of `shape`. The same generator state gives the same values in `f32` and `f64`, up to rounding.
    pub fn draw<F: Float>(&self, shape: &[usize], generator: &mut (impl Rng + ?Sized)) -> Array<F> {
        let quarter = (shape.iter().product::<usize>() / 4).max(1);
        let columns = shape.last().copied().unwrap_or(1).max(1);
        let mut drawn = 0;
        let mut element = || match *self {
            Self::Uniform { bound } => bound * (2.0 * generator.random::<f64>() - 1.0),
            // Box-Muller: two uniform draws an element, so that the stream's use does not depend on the values.
            Self::Normal { deviation } => {
                let (u, v) = (1.0 - generator.random::<f64>(), generator.random::<f64>());
                deviation * (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
            }
            Self::Constant { value } => value,
            Self::Signs { from, to } => {
                drawn += 1;
                let sign = f64::from(generator.random::<bool>()) * 2.0 - 1.0;
                if (from..to).contains(&((drawn - 1) % columns)) {
                    sign
                } else {
                    1.0
                }
            }
            Self::Quarters { values } => {
                drawn += 1;
                values[((drawn - 1) / quarter).min(3)]
            }
        };
        Array::from_shape_simple_fn(shape, || F::of(element()))
    }
}

/// What a model says of one of its parameters.
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

    /// The same with first values `gain` times as large.
    #[must_use]
    pub fn with_gain(self, gain: f64) -> Self {
        Self { gain, ..self }
    }

    /// The same with first values `gain` times as large from column `first` on.
    #[must_use]
    pub fn with_tail_gain(self, first: usize, gain: f64) -> Self {
        Self {
            tail_gain: (first, gain),
            ..self
        }
    }

    /// First values from what was drawn: `drawn` times the gains.
    #[must_use]
    pub fn scaled<F: Float>(&self, mut drawn: Array<F>) -> Array<F> {
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
    use ndarray::Axis;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn gains_multiply_all_values_and_those_of_the_last_columns() {
        let spec = ParameterSpec::new("weight", &[2, 3], Init::Constant { value: 1.0 })
            .with_gain(2.0)
            .with_tail_gain(1, 5.0);
        let ones = || Array::<f64>::ones(vec![2, 3]);
        let rows: Vec<f64> = spec.scaled(ones()).iter().copied().collect();
        assert_eq!(rows, [2.0, 10.0, 10.0, 2.0, 10.0, 10.0]);
        let past_the_end = spec.with_tail_gain(3, 5.0).scaled(ones());
        assert!(past_the_end.iter().all(|&x| x == 2.0));
    }

    #[test]
    fn signs_stand_in_their_columns_and_ones_around_them() {
        let mut generator = StdRng::seed_from_u64(1);
        let drawn: Array<f64> = Init::Signs { from: 2, to: 4 }.draw(&[50, 5], &mut generator);
        let sum = |column| drawn.index_axis(Axis(1), column).sum();
        assert!(drawn.iter().all(|x| x.abs() == 1.0));
        assert_eq!((sum(0), sum(1), sum(4)), (50.0, 50.0, 50.0));
        // Fifty fair signs: five deviations are 35.
        assert!((2..4).all(|column| sum(column).abs() < 35.0), "{drawn}");
    }
}
