//! Products of two matrices in memory.

use super::level::Level;
use super::packed::Packed;
use super::scalar::Kernels;
use super::tile::{Rows, Strided, Target};
use super::view::{Matrix, MatrixMut, Store};

/// Above this many multiply-adds a product is blocked for the caches, with both operands packed.
const LARGE: usize = 1 << 20;

/// Rows of the shared dimension that are packed at a time: 256 by 16 of the left operand are 16 KiB, and 256 by a few
/// hundred columns of the right one stay in the second-level cache.
const DEPTH: usize = 256;

/// Rows of the left operand that are packed at a time: a cache line of A^T, two of the tallest tiles.
const HEIGHT: usize = 16;

pub(super) fn agree(what: &str, expected: (usize, usize, usize), found: (usize, usize, usize)) {
    assert!(
        expected == found,
        "{what}: sizes m, n, k from one side are {expected:?}, from the other {found:?}"
    );
}

/// C (op)= A B with A \[m, k], B \[k, n], C \[m, n], all row-major.
///
/// # Panics
///
/// If the shapes do not agree.
pub fn matmul<F: Kernels>(a: Matrix<'_, F>, b: Matrix<'_, F>, c: MatrixMut<'_, F>, store: Store) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    agree("matmul", (m, n, k), (c.rows, c.columns, b.rows));
    if m >= 64 && m * n * k >= LARGE {
        return Packed::new(b).multiply(a, c, store);
    }
    let left = Strided {
        data: a.data.as_ptr(),
        row: a.stride,
        column: 1,
    };
    let right = Rows {
        data: b.data.as_ptr(),
        stride: b.stride,
    };
    let out = Target::new(c.data.as_mut_ptr(), c.stride, store);
    // SAFETY: the views hold what their sizes say and the sizes agree.
    unsafe { F::outer(Level::current(), (m, n, k), left, right, false, out) }
}

/// C (op)= A^T B with A \[k, m], B \[k, n], C \[m, n], all row-major: the product of weight gradients, where k is long.
///
/// Large products are packed: half a megabyte or so is allocated and freed. They add up in chunks of 256 of k.
///
/// # Panics
///
/// If the shapes do not agree.
pub fn matmul_tn<F: Kernels>(
    a: Matrix<'_, F>,
    b: Matrix<'_, F>,
    mut c: MatrixMut<'_, F>,
    store: Store,
) {
    let (m, n, k) = (a.columns, b.columns, a.rows);
    agree("matmul_tn", (m, n, k), (c.rows, c.columns, b.rows));
    if m >= 32 && k >= 32 && m * n * k >= LARGE {
        return matmul_tn_packed(a, b, c.reborrow(), store);
    }
    let left = Strided {
        data: a.data.as_ptr(),
        row: 1,
        column: a.stride,
    };
    let right = Rows {
        data: b.data.as_ptr(),
        stride: b.stride,
    };
    let out = Target::new(c.data.as_mut_ptr(), c.stride, store);
    // SAFETY: the views hold what their sizes say and the sizes agree.
    unsafe { F::outer(Level::current(), (m, n, k), left, right, false, out) }
}

fn matmul_tn_packed<F: Kernels>(
    a: Matrix<'_, F>,
    b: Matrix<'_, F>,
    c: MatrixMut<'_, F>,
    store: Store,
) {
    let (m, k) = (a.columns, a.rows);
    let mut right = Packed::default();
    let mut left = [F::zero(); HEIGHT * DEPTH];
    let mut first = 0;
    while first < k {
        let depth = DEPTH.min(k - first);
        right.repack(Matrix::new(
            &b.data[first * b.stride..],
            depth,
            b.columns,
            b.stride,
        ));
        let store = match store {
            Store::Overwrite if first > 0 => Store::Add,
            other => other,
        };
        let mut row = 0;
        while row < m {
            let height = HEIGHT.min(m - row);
            let from = &a.data[first * a.stride + row..];
            for (p, line) in left.chunks_exact_mut(HEIGHT).take(depth).enumerate() {
                match from[p * a.stride..].first_chunk::<HEIGHT>() {
                    // The length is known here, which makes the copy two or so instructions.
                    Some(whole) if height == HEIGHT => line.copy_from_slice(whole),
                    _ => line[..height].copy_from_slice(&from[p * a.stride..][..height]),
                }
            }
            let tile = Strided {
                data: left.as_ptr(),
                row: 1,
                column: HEIGHT,
            };
            let out = MatrixMut::new(&mut c.data[row * c.stride..], height, c.columns, c.stride);
            // SAFETY: `left` holds `height` rows of `depth` at those strides.
            unsafe { right.multiply_strided(height, tile, out, store) };
            row += height;
        }
        first += depth;
    }
}

/// C (op)= A B^T with A \[m, k], B \[n, k], C \[m, n], all row-major.
///
/// # Panics
///
/// If the shapes do not agree.
pub fn matmul_nt<F: Kernels>(
    a: Matrix<'_, F>,
    b: Matrix<'_, F>,
    c: MatrixMut<'_, F>,
    store: Store,
) {
    let (m, n, k) = (a.rows, b.rows, a.columns);
    agree("matmul_nt", (m, n, k), (c.rows, c.columns, b.columns));
    if m >= 16 && m * n * k >= LARGE {
        return Packed::transposed(b).multiply(a, c, store);
    }
    let x = Rows {
        data: a.data.as_ptr(),
        stride: a.stride,
    };
    let w = Rows {
        data: b.data.as_ptr(),
        stride: b.stride,
    };
    let y = Rows {
        data: c.data.as_mut_ptr(),
        stride: c.stride,
    };
    // SAFETY: the views hold what their sizes say and the sizes agree.
    unsafe { F::dots(Level::current(), (m, n, k), x, w, y, store) }
}

/// The sum of the products of the elements of two vectors.
///
/// # Panics
///
/// If they differ in length.
pub fn dot<F: Kernels>(x: &[F], y: &[F]) -> F {
    assert_eq!(x.len(), y.len(), "dot: lengths");
    // SAFETY: both have that many elements.
    unsafe { F::dot(Level::current(), x.len(), x.as_ptr(), y.as_ptr()) }
}
