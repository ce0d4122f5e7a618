//! Products of two matrices in memory.

use super::level::Level;
use super::packed::Packed;
use super::scalar::Kernels;
use super::scratch::Scratch;
use super::tile::{Rows, Strided};
use super::view::{Matrix, MatrixMut, Store};

/// Above this many multiply-adds a product is blocked for the caches, with both operands packed.
const LARGE: usize = 1 << 20;

/// Rows of the shared dimension that are packed at a time: a panel of B of 128 by 48 is 24 KiB, three quarters of the
/// smallest nearest cache.
const DEPTH: usize = 128;

/// Rows of C that are computed together: 512 by 128 of A^T are 256 KiB, which stay in the second-level cache.
const ROWS: usize = 512;

/// Rows of a strip of A^T: a cache line, two of the tallest tiles.
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
pub fn matmul<F: Kernels>(
    a: Matrix<'_, F>,
    b: Matrix<'_, F>,
    mut c: MatrixMut<'_, F>,
    store: Store,
) {
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
    let out = c.target(store);
    // SAFETY: the views hold what their sizes say and the sizes agree.
    unsafe { F::outer(Level::current(), (m, n, k), left, right, false, out) }
}

/// C (op)= A^T B with A \[k, m], B \[k, n], C \[m, n], all row-major: the product of weight gradients, where k is long.
///
/// Large products are packed: half a megabyte or so is allocated and freed. They add up in chunks of 128 of k.
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
        return matmul_tn_packed(a, b, c, store);
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
    let out = c.target(store);
    // SAFETY: the views hold what their sizes say and the sizes agree.
    unsafe { F::outer(Level::current(), (m, n, k), left, right, false, out) }
}

/// A block of A^T is packed once, and each panel of B, which fits the nearest cache at this depth, serves all of it.
fn matmul_tn_packed<F: Kernels>(
    a: Matrix<'_, F>,
    b: Matrix<'_, F>,
    c: MatrixMut<'_, F>,
    store: Store,
) {
    let (m, k) = (a.columns, a.rows);
    let mut right = Packed::default();
    let mut left = Scratch::new(m.min(ROWS).next_multiple_of(HEIGHT) * DEPTH.min(k));
    for first in (0..k).step_by(DEPTH) {
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
        for row in (0..m).step_by(ROWS) {
            let rows = ROWS.min(m - row);
            let from = &a.data[first * a.stride + row..];
            pack_across(from, a.stride, (rows, depth), &mut left);
            for panel in 0..right.panels() {
                for (strip, left) in (0..rows)
                    .step_by(HEIGHT)
                    .zip(left.chunks_exact(HEIGHT * depth))
                {
                    let tile = Strided {
                        data: left.as_ptr(),
                        row: 1,
                        column: HEIGHT,
                    };
                    let height = HEIGHT.min(rows - strip);
                    let to = &mut c.data[(row + strip) * c.stride..];
                    let out = MatrixMut::new(to, height, c.columns, c.stride);
                    // SAFETY: `left` holds `height` rows of `depth` at those strides.
                    unsafe { right.multiply_panel(panel, height, tile, out, store) };
                }
            }
        }
    }
}

/// Lays out the first `rows` columns of `depth` lines of A in strips of [`HEIGHT`], each strip line after line.
fn pack_across<F: Kernels>(from: &[F], stride: usize, (rows, depth): (usize, usize), to: &mut [F]) {
    for p in 0..depth {
        let line = &from[p * stride..][..rows];
        let strips = to[p * HEIGHT..].chunks_mut(HEIGHT * depth);
        for (piece, to) in line.chunks(HEIGHT).zip(strips) {
            match piece.first_chunk::<HEIGHT>() {
                // The length is known here, which makes the copy two or so instructions.
                Some(whole) => to[..HEIGHT].copy_from_slice(whole),
                None => copy_few(to, piece),
            }
        }
    }
}

/// Copies fewer than sixteen elements in pieces whose lengths are known here: a call would cost more than the copy.
fn copy_few<F: Copy>(to: &mut [F], from: &[F]) {
    let mut at = 0;
    macro_rules! piece {
        ($count:literal) => {
            if from.len() & $count != 0 {
                to[at..at + $count].copy_from_slice(&from[at..at + $count]);
                at += $count;
            }
        };
    }
    piece!(8);
    piece!(4);
    piece!(2);
    piece!(1);
    debug_assert_eq!(at, from.len(), "fewer than sixteen elements");
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
