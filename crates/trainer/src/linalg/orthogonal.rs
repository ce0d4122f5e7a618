//! Orthogonal initialisation.

use ndarray::{Array2, Axis};
use ndarray_linalg::QR;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::error::{LinalgError, check};
use mnm_openblas::single_threaded;

/// A random matrix [rows, columns] with orthonormal columns (or rows, if there are fewer of them), times `gain`.
///
/// The Q of the QR decomposition of a Gaussian matrix, its columns' signs fixed so that R has a positive diagonal:
/// without that the draw would not be uniform (Mezzadri, "How to generate random matrices from the classical compact
/// groups", 2007). As an initialisation: Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of
/// learning in deep linear neural networks", 2014.
///
/// The same generator state gives the same matrix on the same machine.
///
/// # Errors
/// If a side is zero, if the gain is not finite, or if LAPACK fails.
pub fn orthogonal<R: Rng + ?Sized>(
    rows: usize,
    columns: usize,
    gain: f64,
    rng: &mut R,
) -> Result<Array2<f64>, LinalgError> {
    if !gain.is_finite() {
        return Err(LinalgError::Gain(gain));
    }
    let tall = rows >= columns;
    let shape = if tall {
        (rows, columns)
    } else {
        (columns, rows)
    };
    let gaussian = Array2::from_shape_simple_fn(shape, || StandardNormal.sample(rng));
    check(
        "the orthogonal matrix",
        if tall { gaussian.view() } else { gaussian.t() },
    )?;
    single_threaded()?;
    let (mut q, r) = gaussian.qr().map_err(|source| LinalgError::Lapack {
        operation: "the QR decomposition",
        source,
    })?;
    for (mut column, diagonal) in q.axis_iter_mut(Axis(1)).zip(r.diag()) {
        let scale = gain * diagonal.signum();
        column.mapv_inplace(|entry| entry * scale);
    }
    Ok(if tall {
        q
    } else {
        q.reversed_axes().as_standard_layout().into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn draw(rows: usize, columns: usize, gain: f64, seed: u64) -> Array2<f64> {
        orthogonal(rows, columns, gain, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap()
    }

    proptest! {
        #[test]
        fn the_shorter_side_is_orthonormal(
            rows in 1usize..20, columns in 1usize..20, gain in 0.1f64..4.0, seed in any::<u64>()
        ) {
            let matrix = draw(rows, columns, gain, seed);
            prop_assert_eq!(matrix.dim(), (rows, columns));
            prop_assert!(matrix.is_standard_layout());
            let gram = if rows >= columns { matrix.t().dot(&matrix) } else { matrix.dot(&matrix.t()) };
            for ((row, column), entry) in gram.indexed_iter() {
                let expected = if row == column { gain * gain } else { 0.0 };
                prop_assert!((entry - expected).abs() < 1e-12 * (1.0 + gain * gain), "{}", gram);
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(draw(5, 5, 1.0, 7), draw(5, 5, 1.0, 7));
        assert_ne!(draw(5, 5, 1.0, 7), draw(5, 5, 1.0, 8));
    }

    #[test]
    fn the_gain_only_scales() {
        let (plain, scaled) = (draw(4, 6, 1.0, 3), draw(4, 6, -2.5, 3));
        assert!(
            plain
                .iter()
                .zip(&scaled)
                .all(|(one, other)| (one * -2.5 - other).abs() < 1e-14)
        );
    }

    /// Uniform over the orthogonal group: the trace has mean 0 and variance 1. LAPACK's Q alone fails this, as its
    /// Householder vectors prefer one sign.
    #[test]
    fn the_draw_is_uniform() {
        let count = 2000;
        let traces: Vec<f64> = (0..count)
            .map(|seed| draw(4, 4, 1.0, seed).diag().sum())
            .collect();
        let mean = traces.iter().sum::<f64>() / count as f64;
        let variance = traces
            .iter()
            .map(|trace| (trace - mean).powi(2))
            .sum::<f64>()
            / count as f64;
        // Five standard errors of the mean; the variance's own spread is a few times wider.
        assert!(mean.abs() < 5.0 / (count as f64).sqrt(), "{mean}");
        assert!((variance - 1.0).abs() < 0.2, "{variance}");
    }

    #[test]
    fn refuses_an_empty_side_and_a_gain_that_is_no_number() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let empty = orthogonal(3, 0, 1.0, &mut rng).unwrap_err();
        assert!(
            matches!(
                empty,
                LinalgError::Empty {
                    rows: 3,
                    columns: 0,
                    ..
                }
            ),
            "{empty}"
        );
        let gain = orthogonal(3, 3, f64::NAN, &mut rng).unwrap_err();
        assert_eq!(gain.to_string(), "gain is NaN: expected a finite number");
    }
}
