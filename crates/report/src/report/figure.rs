//! One figure over several seeds.

use serde::{Deserialize, Serialize};

/// Mean, spread and best of a figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// How many seeds it is taken over.
    pub seeds: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation (n - 1); None for a single seed.
    pub deviation: Option<f64>,
    /// The lowest of them; of rewards the highest.
    pub best: f64,
}

impl Figure {
    /// The figure over `values`, one for each seed, of which the lowest is the best; None without any.
    pub fn of(values: &[f64]) -> Option<Self> {
        Self::with_best(values, f64::min)
    }

    /// The figure over rewards, of which the highest is the best.
    pub fn of_rewards(values: &[f64]) -> Option<Self> {
        Self::with_best(values, f64::max)
    }

    fn with_best(values: &[f64], better: fn(f64, f64) -> f64) -> Option<Self> {
        let best = values.iter().copied().reduce(better)?;
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
        Some(Self {
            seeds: values.len(),
            mean,
            deviation,
            best,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_sample_deviation_and_best() {
        let figure = Figure::of(&[1.0, 2.0, 6.0]).unwrap();
        assert_eq!((figure.seeds, figure.mean, figure.best), (3, 3.0, 1.0));
        assert!(
            (figure.deviation.unwrap() - 7f64.sqrt()).abs() < 1e-15,
            "{figure:?}"
        );
        assert_eq!(
            Figure::of(&[4.0]),
            Some(Figure {
                seeds: 1,
                mean: 4.0,
                deviation: None,
                best: 4.0
            })
        );
        assert_eq!(Figure::of(&[]), None);
        assert_eq!(Figure::of_rewards(&[1.0, 6.0]).unwrap().best, 6.0);
    }
}
