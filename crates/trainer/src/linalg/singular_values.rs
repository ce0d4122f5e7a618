//! Singular values: how much of its capacity a memory matrix uses.

use ndarray::{Array1, Array2};
use ndarray_linalg::{JobSvd, SVDDC};

use super::error::{LinalgError, check};
use mnm_openblas::single_threaded;

/// The singular values of `matrix` [rows, columns], largest first: min(rows, columns) of them, none negative.
///
/// # Errors
/// If the matrix is empty or not finite, or if LAPACK (`dgesdd`) does not converge.
pub fn singular_values(matrix: &Array2<f64>) -> Result<Array1<f64>, LinalgError> {
    check("matrix", matrix.view())?;
    single_threaded()?;
    // A copy in row-major order: LAPACK takes no strided memory.
    let rows_in_order = matrix.as_standard_layout().into_owned();
    let (_, values, _) =
        rows_in_order
            .svddc(JobSvd::None)
            .map_err(|source| LinalgError::Lapack {
                operation: "the singular values",
                source,
            })?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{array, s};
    use proptest::prelude::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-12 * (1.0 + left.abs().max(right.abs()))
    }

    #[test]
    fn of_a_diagonal_matrix_are_the_sorted_magnitudes() {
        let values = singular_values(&array![[0.0, -3.0, 0.0], [2.0, 0.0, 0.0]]).unwrap();
        assert_eq!(values.len(), 2);
        assert!(close(values[0], 3.0) && close(values[1], 2.0), "{values}");
    }

    #[test]
    fn of_an_outer_product_are_one_and_zeros() {
        let left = array![[1.0], [2.0], [-2.0]];
        let right = array![[3.0, 4.0]];
        let values = singular_values(&left.dot(&right)).unwrap();
        assert!(
            close(values[0], 15.0) && values[1].abs() < 1e-12,
            "{values}"
        );
    }

    #[test]
    fn memory_order_does_not_matter() {
        let matrix = Array2::from_shape_fn((4, 6), |(row, column)| {
            ((row * 7 + column * 3) as f64).sin()
        });
        let strided = matrix.slice(s![..;-1, ..]).to_owned();
        let columns = matrix.t().as_standard_layout().into_owned().reversed_axes();
        let expected = singular_values(&matrix).unwrap();
        for other in [strided, columns] {
            let found = singular_values(&other).unwrap();
            assert!(
                expected.iter().zip(&found).all(|(a, b)| close(*a, *b)),
                "{expected} {found}"
            );
        }
    }

    #[test]
    fn refuses_what_lapack_must_not_see() {
        let empty = singular_values(&Array2::zeros((0, 3))).unwrap_err();
        assert_eq!(
            empty.to_string(),
            "matrix has shape [0, 3]: expected at least one row and one column"
        );
        let nan = singular_values(&array![[1.0, 2.0], [3.0, f64::NAN]]).unwrap_err();
        assert!(nan.to_string().starts_with("matrix[1, 1] is NaN"), "{nan}");
    }

    proptest! {
        /// The squares add up to the squared Frobenius norm, the largest bounds every column, and they are sorted.
        #[test]
        fn agree_with_the_norms(
            (rows, columns, entries) in (1usize..9, 1usize..9).prop_flat_map(|(rows, columns)| {
                (Just(rows), Just(columns), prop::collection::vec(-10.0f64..10.0, rows * columns))
            })
        ) {
            let matrix = Array2::from_shape_vec((rows, columns), entries).unwrap();
            let values = singular_values(&matrix).unwrap();
            prop_assert_eq!(values.len(), rows.min(columns));
            prop_assert!(values.windows(2).into_iter().all(|pair| pair[0] >= pair[1] && pair[1] >= 0.0));
            let squares: f64 = values.iter().map(|value| value * value).sum();
            let frobenius: f64 = matrix.iter().map(|entry| entry * entry).sum();
            prop_assert!(close(squares, frobenius), "{} {}", squares, frobenius);
            for column in matrix.columns() {
                prop_assert!(column.dot(&column).sqrt() <= values[0] + 1e-12 * (1.0 + values[0]));
            }
        }
    }
}
