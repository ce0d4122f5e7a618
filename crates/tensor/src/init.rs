//! How a parameter starts.

use rand::{Rng, RngExt};

use crate::{Float, SharedArray};

/// The first values of a parameter.
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
    pub fn draw<F: Float>(
        &self,
        shape: &[usize],
        mut generator: &mut (impl Rng + ?Sized),
    ) -> SharedArray<F> {
        F::draw(self, shape, &mut generator)
    }

    /// [`Init::draw`], compiled for a type by [`Engine`](crate::engine::Engine).
    pub(crate) fn elements<F: Float>(
        &self,
        shape: &[usize],
        generator: &mut dyn Rng,
    ) -> SharedArray<F> {
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
        SharedArray::from_shape_simple_fn(shape, || F::of(element()))
    }
}
