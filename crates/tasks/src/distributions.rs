//! Random numbers that `rand` itself does not draw.

use std::f64::consts::TAU;

use rand::{Rng, RngExt};

/// A standard normal number (Box and Muller, 1958; the second of the pair is dropped, so that no state is kept).
pub(crate) fn normal(generator: &mut impl Rng) -> f64 {
    // In (0, 1], so that the logarithm is finite.
    let radius = 1.0 - generator.random::<f64>();
    (-2.0 * radius.ln()).sqrt() * (TAU * generator.random::<f64>()).cos()
}

/// A number of the gamma distribution of scale 1 and a shape of 1 or more (Marsaglia and Tsang, "A simple method for
/// generating gamma variables", 2000).
pub(crate) fn gamma(shape: f64, generator: &mut impl Rng) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(generator);
        let v = (1.0 + c * x).powi(3);
        let u = 1.0 - generator.random::<f64>();
        if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// A number of the beta distribution; both parameters 1 or more.
pub(crate) fn beta(a: f64, b: f64, generator: &mut impl Rng) -> f64 {
    let (x, y) = (gamma(a, generator), gamma(b, generator));
    x / (x + y)
}

/// Probabilities of the Dirichlet distribution into `into`, which holds its parameters, each 1 or more.
pub(crate) fn dirichlet(into: &mut [f64], generator: &mut impl Rng) {
    for entry in into.iter_mut() {
        *entry = gamma(*entry, generator);
    }
    let sum: f64 = into.iter().sum();
    into.iter_mut().for_each(|entry| *entry /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream;

    /// Mean and variance of 20000 draws.
    fn moments(mut draw: impl FnMut(&mut rand_chacha::ChaCha8Rng) -> f64) -> (f64, f64) {
        let mut generator = stream(1, "distributions", 0);
        let draws: Vec<f64> = (0..20_000).map(|_| draw(&mut generator)).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        (
            mean,
            draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0,
        )
    }

    /// Within five standard errors of the mean, and 10 % of the variance.
    fn check((mean, variance): (f64, f64), expected_mean: f64, expected_variance: f64) {
        let error = (expected_variance / 20_000.0).sqrt();
        assert!(
            (mean - expected_mean).abs() < 5.0 * error,
            "mean {mean}, expected {expected_mean}"
        );
        assert!(
            (variance / expected_variance - 1.0).abs() < 0.1,
            "variance {variance}, expected {expected_variance}"
        );
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        check(moments(normal), 0.0, 1.0);
        check(moments(|g| gamma(1.0, g)), 1.0, 1.0);
        check(moments(|g| gamma(7.5, g)), 7.5, 7.5);
        check(moments(|g| beta(2.0, 3.0, g)), 0.4, 0.04);
        check(
            moments(|g| {
                let mut parameters = [1.0, 2.0, 3.0];
                dirichlet(&mut parameters, g);
                assert!((parameters.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                parameters[2]
            }),
            0.5,
            0.25 / 7.0,
        );
    }
}
