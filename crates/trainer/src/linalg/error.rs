//! What can go wrong on the way into LAPACK, and in it.

use ndarray::ArrayView2;
use thiserror::Error;

/// An input that LAPACK must not see, or a failure that LAPACK reports.
#[derive(Debug, Error)]
pub enum LinalgError {
    /// A matrix without rows or without columns.
    #[error("{argument} has shape [{rows}, {columns}]: expected at least one row and one column")]
    Empty {
        /// Which argument of the function.
        argument: &'static str,
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
    /// NaN or an infinity, for which LAPACK promises nothing.
    #[error(
        "{argument}[{row}, {column}] is {value}: expected finite numbers; look for the step where the run diverged"
    )]
    NotFinite {
        /// Which argument of the function.
        argument: &'static str,
        /// Row of the first such entry.
        row: usize,
        /// Its column.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// A gain that is NaN or infinite.
    #[error("gain is {0}: expected a finite number")]
    Gain(f64),
    /// As many keys as values are needed.
    #[error("keys have {keys} rows and values {values}: expected one value for every key")]
    Pairs {
        /// Rows of the keys.
        keys: usize,
        /// Rows of the values.
        values: usize,
    },
    /// LAPACK has no room to work in.
    #[error(transparent)]
    Room(#[from] mnm_openblas::NoRoom),
    /// LAPACK's own report.
    #[error("LAPACK failed in {operation}: {source}")]
    Lapack {
        /// The decomposition that was asked for.
        operation: &'static str,
        /// The report of `ndarray-linalg`.
        source: ndarray_linalg::error::LinalgError,
    },
}

/// Refuses what LAPACK must not see: an empty matrix, or one that is not finite.
pub(super) fn check(
    argument: &'static str,
    matrix: ArrayView2<'_, f64>,
) -> Result<(), LinalgError> {
    let (rows, columns) = matrix.dim();
    if rows == 0 || columns == 0 {
        return Err(LinalgError::Empty {
            argument,
            rows,
            columns,
        });
    }
    match matrix.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &value)) => Err(LinalgError::NotFinite {
            argument,
            row,
            column,
            value,
        }),
        None => Ok(()),
    }
}
