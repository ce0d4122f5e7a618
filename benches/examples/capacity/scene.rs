//! Keys, values and errors.

use mnm_tasks::stream;
use ndarray::{Array1, Array2, Axis};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// How keys are drawn.
#[derive(Clone, Copy)]
pub enum Keys {
    /// Directions that have nothing to do with each other.
    Random,
    /// Half of every key is one common vector: any two have a cosine of about 0.5.
    Correlated,
}

impl Keys {
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Correlated => "correlated",
        }
    }
}

/// Normal entries (Box and Muller).
pub fn normal(rows: usize, columns: usize, generator: &mut ChaCha8Rng) -> Array2<f32> {
    Array2::from_shape_simple_fn((rows, columns), || {
        let (u, v) = (1.0 - generator.random::<f64>(), generator.random::<f64>());
        ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
    })
}

fn unit(mut rows: Array2<f32>) -> Array2<f32> {
    for mut row in rows.rows_mut() {
        let length = row.dot(&row).sqrt();
        row /= length;
    }
    rows
}

/// Pairs to store, and the same keys with noise: a tenth of their length in random directions.
pub struct Pairs {
    pub keys: Array2<f32>,
    pub values: Array2<f32>,
    pub noisy: Array2<f32>,
}

impl Pairs {
    pub fn draw(kind: Keys, count: usize, key: usize, value: usize, seed: u64) -> Self {
        let mut generator = stream(seed, kind.name(), key as u64);
        let own = unit(normal(count, key, &mut generator));
        let common: Array1<f32> = unit(normal(1, key, &mut generator)).remove_axis(Axis(0));
        let keys = match kind {
            Keys::Random => own,
            Keys::Correlated => unit(own + &common),
        };
        let noise = unit(normal(count, key, &mut generator)) * 0.1;
        Self {
            noisy: unit(&keys + &noise),
            values: normal(count, value, &mut generator),
            keys,
        }
    }
}

/// The root of the sum of squares of a difference, against that of the values.
pub fn relative(read: &Array2<f32>, expected: &Array2<f32>, values: &Array2<f32>) -> f64 {
    let squares = |rows: &Array2<f32>| rows.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    (squares(&(read - expected)) / squares(values)).sqrt()
}
