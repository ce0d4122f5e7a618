//! Row-major matrices inside slices, checked once where they are made.

use super::buffer::padded;
use super::tile::Target;

/// A read-only row-major matrix: element (i, j) is `data[i * stride + j]`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, F> {
    pub(super) data: &'a [F],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) stride: usize,
}

/// A writable row-major matrix: element (i, j) is `data[i * stride + j]`.
#[derive(Debug)]
pub struct MatrixMut<'a, F> {
    pub(super) data: &'a mut [F],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) stride: usize,
    /// Whether whole registers may be stored: see [`MatrixMut::padded`].
    pub(super) padded: bool,
}

/// What becomes of the elements that an operation writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// They are replaced; what was there is not read.
    Overwrite,
    /// The result is added to them.
    Add,
    /// The result is subtracted from them.
    Subtract,
}

fn check(length: usize, rows: usize, columns: usize, stride: usize) {
    let fits =
        rows == 0 || columns == 0 || (stride >= columns && (rows - 1) * stride + columns <= length);
    assert!(
        fits,
        "a {rows} x {columns} matrix with row stride {stride} does not fit a slice of {length} elements"
    );
}

impl<'a, F> Matrix<'a, F> {
    /// The matrix whose rows lie `stride` elements apart.
    ///
    /// # Panics
    ///
    /// If `stride < columns` or the slice is too short.
    #[inline]
    pub fn new(data: &'a [F], rows: usize, columns: usize, stride: usize) -> Self {
        check(data.len(), rows, columns, stride);
        Matrix {
            data,
            rows,
            columns,
            stride,
        }
    }

    /// The matrix without padding between its rows.
    ///
    /// # Panics
    ///
    /// If the slice is too short.
    #[inline]
    pub fn dense(data: &'a [F], rows: usize, columns: usize) -> Self {
        Matrix::new(data, rows, columns, columns)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Row `i`.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row(&self, i: usize) -> &'a [F] {
        assert!(i < self.rows, "row {i} of a matrix of {} rows", self.rows);
        &self.data[i * self.stride..][..self.columns]
    }
}

impl<'a, F> MatrixMut<'a, F> {
    /// The matrix whose rows lie `stride` elements apart.
    ///
    /// # Panics
    ///
    /// If `stride < columns` or the slice is too short.
    #[inline]
    pub fn new(data: &'a mut [F], rows: usize, columns: usize, stride: usize) -> Self {
        check(data.len(), rows, columns, stride);
        MatrixMut {
            data,
            rows,
            columns,
            stride,
            padded: false,
        }
    }

    /// The matrix whose rows lie `stride` elements apart, each followed by nobody's numbers up to the next multiple of
    /// [`ROW_MULTIPLE`](super::ROW_MULTIPLE). A product may overwrite them: it then stores whole registers, and needs no
    /// masked stores, which are slow on many processors.
    ///
    /// # Panics
    ///
    /// If `stride` is less than such a row or the slice is too short for them.
    #[inline]
    pub fn padded(data: &'a mut [F], rows: usize, columns: usize, stride: usize) -> Self {
        check(data.len(), rows, padded(columns), stride);
        MatrixMut {
            padded: true,
            ..MatrixMut::new(data, rows, columns, stride)
        }
    }

    /// The matrix without padding between its rows.
    ///
    /// # Panics
    ///
    /// If the slice is too short.
    #[inline]
    pub fn dense(data: &'a mut [F], rows: usize, columns: usize) -> Self {
        MatrixMut::new(data, rows, columns, columns)
    }

    /// The same matrix, for reading.
    pub fn as_ref(&self) -> Matrix<'_, F> {
        Matrix {
            data: self.data,
            rows: self.rows,
            columns: self.columns,
            stride: self.stride,
        }
    }

    /// The same matrix, for a shorter time.
    pub fn reborrow(&mut self) -> MatrixMut<'_, F> {
        MatrixMut {
            data: self.data,
            rows: self.rows,
            columns: self.columns,
            stride: self.stride,
            padded: self.padded,
        }
    }

    /// Where a product goes.
    pub(super) fn target(&mut self, store: Store) -> Target<F> {
        Target::new(self.data.as_mut_ptr(), self.stride, self.padded, store)
    }
}
