//! The closed-form memory that one-shot writes are compared with.

use ndarray::{Array2, Axis};
use ndarray_linalg::{JobSvd, SVDDC};

use super::error::{LinalgError, check};
use mnm_openblas::single_threaded;

/// The linear memory W [out, in] of least norm that minimises the sum over n of |W k_n - v_n|^2.
///
/// `keys` is [N, in], `values` [N, out]: one pair in each row. With V = K W^T in rows this is W^T = K^+ V, where K^+
/// is the pseudo-inverse. It sees all pairs at once, so no sequence of one-shot writes to a linear memory recalls them
/// with a smaller mean square; where the keys are linearly independent it recalls them exactly.
///
/// Directions of key space whose singular value is below max(N, in) * eps times the largest count as absent (a key
/// that was written twice is one direction, not two), and W maps them to zero.
///
/// # Errors
/// If there are no pairs or a width is zero, if the row counts differ, if an entry is not finite, or if LAPACK's
/// singular value decomposition (`dgesdd`) does not converge.
pub fn least_squares_memory(
    keys: &Array2<f64>,
    values: &Array2<f64>,
) -> Result<Array2<f64>, LinalgError> {
    check("keys", keys.view())?;
    check("values", values.view())?;
    if keys.nrows() != values.nrows() {
        return Err(LinalgError::Pairs {
            keys: keys.nrows(),
            values: values.nrows(),
        });
    }
    single_threaded()?;
    let operation = "the singular value decomposition of the keys";
    // A copy in row-major order: LAPACK takes no strided memory.
    let (left, singular, right) = keys
        .as_standard_layout()
        .into_owned()
        .svddc(JobSvd::Some)
        .map_err(|source| LinalgError::Lapack { operation, source })?;
    let (Some(left), Some(right)) = (left, right) else {
        let source = ndarray_linalg::error::LinalgError::MemoryNotCont;
        return Err(LinalgError::Lapack { operation, source });
    };
    // K = L S R  =>  W = V^T K^+^T = (V^T L) S^+ R
    let largest = singular.first().copied().unwrap_or(0.0);
    let threshold = largest * keys.nrows().max(keys.ncols()) as f64 * f64::EPSILON;
    let mut coefficients = values.t().dot(&left);
    for (mut column, &value) in coefficients.axis_iter_mut(Axis(1)).zip(&singular) {
        let inverse = if value > threshold {
            value.recip()
        } else {
            0.0
        };
        column.mapv_inplace(|entry| entry * inverse);
    }
    Ok(coefficients.dot(&right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    fn largest_difference(left: &Array2<f64>, right: &Array2<f64>) -> f64 {
        assert_eq!(left.dim(), right.dim());
        left.iter()
            .zip(right)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max)
    }

    fn recall(memory: &Array2<f64>, keys: &Array2<f64>) -> Array2<f64> {
        keys.dot(&memory.t())
    }

    #[test]
    fn an_orthonormal_key_basis_is_recalled_as_a_sum_of_outer_products() {
        let keys = array![[1.0, 0.0, 0.0], [0.0, 0.6, 0.8]];
        let values = array![[2.0, -1.0], [0.5, 3.0]];
        let memory = least_squares_memory(&keys, &values).unwrap();
        assert!(
            largest_difference(&memory, &values.t().dot(&keys)) < 1e-14,
            "{memory}"
        );
    }

    #[test]
    fn one_key_with_two_values_recalls_their_mean() {
        let keys = array![[0.3, -0.7, 0.1], [0.3, -0.7, 0.1], [0.2, 0.2, 0.9]];
        let values = array![[1.0], [3.0], [-5.0]];
        let memory = least_squares_memory(&keys, &values).unwrap();
        let expected = array![[2.0], [2.0], [-5.0]];
        assert!(
            largest_difference(&recall(&memory, &keys), &expected) < 1e-12,
            "{memory}"
        );
    }

    #[test]
    fn zero_keys_leave_a_zero_memory() {
        let memory = least_squares_memory(&Array2::zeros((3, 2)), &Array2::ones((3, 4))).unwrap();
        assert_eq!(memory, Array2::<f64>::zeros((4, 2)));
    }

    fn pairs() -> impl Strategy<Value = (Array2<f64>, Array2<f64>)> {
        (1usize..10, 1usize..10, 1usize..5).prop_flat_map(|(count, width, out)| {
            (
                prop::collection::vec(-2.0f64..2.0, count * width),
                prop::collection::vec(-2.0f64..2.0, count * out),
            )
                .prop_map(move |(keys, values)| {
                    (
                        Array2::from_shape_vec((count, width), keys).unwrap(),
                        Array2::from_shape_vec((count, out), values).unwrap(),
                    )
                })
        })
    }

    proptest! {
        /// Stationary: the error is orthogonal to the keys (the normal equations). Least norm: every row of W lies in
        /// the span of the keys, so projecting it on that span changes nothing.
        #[test]
        fn solves_the_normal_equations_with_the_least_norm((keys, values) in pairs()) {
            // Badly conditioned draws are another test's matter: here rounding must stay far below the tolerance.
            let singular = crate::linalg::singular_values(&keys).unwrap();
            prop_assume!(singular[singular.len() - 1] > 1e-3);
            let memory = least_squares_memory(&keys, &values).unwrap();
            prop_assert_eq!(memory.dim(), (values.ncols(), keys.ncols()));
            let error = recall(&memory, &keys) - &values;
            let normal = keys.t().dot(&error);
            prop_assert!(normal.iter().all(|entry| entry.abs() < 1e-9), "{}", normal);
            if keys.nrows() <= keys.ncols() {
                prop_assert!(error.iter().all(|entry| entry.abs() < 1e-9), "{}", error);
                let onto_span = least_squares_memory(&keys, &keys).unwrap();
                prop_assert!(largest_difference(&memory.dot(&onto_span), &memory) < 1e-8);
            }
        }

        /// Writing every pair twice changes neither the optimum nor the least norm.
        #[test]
        fn repeated_pairs_change_nothing((keys, values) in pairs()) {
            let singular = crate::linalg::singular_values(&keys).unwrap();
            prop_assume!(singular[singular.len() - 1] > 1e-3);
            let twice = |matrix: &Array2<f64>| ndarray::concatenate![Axis(0), matrix.view(), matrix.view()];
            let once = least_squares_memory(&keys, &values).unwrap();
            let doubled = least_squares_memory(&twice(&keys), &twice(&values)).unwrap();
            prop_assert!(largest_difference(&once, &doubled) < 1e-8, "{} {}", once, doubled);
        }
    }

    #[test]
    fn refuses_pairs_that_do_not_pair() {
        let error =
            least_squares_memory(&Array2::zeros((3, 2)), &Array2::zeros((4, 2))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "keys have 3 rows and values 4: expected one value for every key"
        );
        let error =
            least_squares_memory(&Array2::zeros((0, 2)), &Array2::zeros((0, 2))).unwrap_err();
        assert!(
            matches!(
                error,
                LinalgError::Empty {
                    argument: "keys",
                    ..
                }
            ),
            "{error}"
        );
        let infinite = array![[f64::INFINITY]];
        let error = least_squares_memory(&array![[1.0]], &infinite).unwrap_err();
        assert!(
            matches!(
                error,
                LinalgError::NotFinite {
                    argument: "values",
                    ..
                }
            ),
            "{error}"
        );
    }
}
