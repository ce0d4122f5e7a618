//! Fused passes over one sequence's fast weights W \[out, in].
//!
//! W of 100 x 100 fills the nearest cache, so a pass costs its memory traffic unless several things are done in it. Each
//! function goes once over W, a block of rows at a time, and does everything to the block while it is near.

use super::level::Level;
use super::matmul::agree;
use super::scalar::Kernels;
use super::tile::{Rows, Strided, Target};
use super::view::{Matrix, MatrixMut, Store};

/// Rows of W that are taken at a time: 32 rows of 112 `f32` are 14 KiB.
const BLOCK: usize = 32;

/// The factors of a write, W -= D^T A: rank H.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a, F> {
    /// D \[H, out].
    pub d: Matrix<'a, F>,
    /// A \[H, in].
    pub a: Matrix<'a, F>,
}

fn left<F>(m: Matrix<'_, F>) -> Strided<F> {
    Strided {
        data: m.data.as_ptr(),
        row: m.stride,
        column: 1,
    }
}

fn right<F>(m: Matrix<'_, F>) -> Rows<*const F> {
    Rows {
        data: m.data.as_ptr(),
        stride: m.stride,
    }
}

/// Columns `first..` of D^T as a left operand.
fn across<F>(m: Matrix<'_, F>, first: usize) -> Strided<F> {
    Strided {
        data: m.data[first.min(m.data.len())..].as_ptr(),
        row: 1,
        column: m.stride,
    }
}

/// Where columns `first..` of a result start; a result without rows may be shorter than that.
fn columns_from<F>(data: &mut [F], first: usize) -> *mut F {
    let first = first.min(data.len());
    data[first..].as_mut_ptr()
}

/// Splits `rows` into blocks: (first, count).
fn blocks(rows: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows)
        .step_by(BLOCK)
        .map(move |first| (first, BLOCK.min(rows - first)))
}

fn write_fits<F>(what: &str, write: Write<'_, F>, w: (usize, usize)) {
    agree(
        what,
        (write.d.rows, write.d.columns, write.a.columns),
        (write.a.rows, w.0, w.1),
    );
}

/// Writes, then applies: W -= D^T A, then Y = X W^T with X \[R, in], Y \[R, out].
///
/// # Panics
///
/// If the shapes do not agree.
pub fn write_then_apply<F: Kernels>(
    mut w: MatrixMut<'_, F>,
    write: Write<'_, F>,
    x: Matrix<'_, F>,
    y: MatrixMut<'_, F>,
) {
    let (out, input) = (w.rows, w.columns);
    write_fits("write_then_apply, W and the write", write, (out, input));
    agree(
        "write_then_apply, W, X and Y",
        (x.rows, out, x.columns),
        (y.rows, y.columns, input),
    );
    let level = Level::current();
    let w = w.target(Store::Subtract);
    for (first, count) in blocks(out) {
        let block = w.at(first, 0);
        let y = Rows {
            data: columns_from(y.data, first),
            stride: y.stride,
        };
        let size = (count, input, write.d.rows);
        // SAFETY: the views hold what their sizes say, the sizes agree, and the block's rows exist.
        unsafe {
            F::outer(
                level,
                size,
                across(write.d, first),
                right(write.a),
                false,
                block,
            );
            F::dots(
                level,
                (x.rows, count, input),
                right(x),
                block.from,
                y,
                Store::Overwrite,
            );
        }
    }
}

/// Applies the transpose, then undoes a write: dX (op)= dY W with dY \[R, out], dX \[R, in], then W += D^T A.
///
/// # Panics
///
/// If the shapes do not agree.
pub fn apply_then_undo<F: Kernels>(
    mut w: MatrixMut<'_, F>,
    write: Write<'_, F>,
    dy: Matrix<'_, F>,
    mut dx: MatrixMut<'_, F>,
    store: Store,
) {
    let (out, input) = (w.rows, w.columns);
    write_fits("apply_then_undo, W and the write", write, (out, input));
    agree(
        "apply_then_undo, W, dY and dX",
        (dy.rows, out, input),
        (dx.rows, dy.columns, dx.columns),
    );
    let level = Level::current();
    let (w, dx) = (w.target(Store::Add), dx.target(store));
    for (first, count) in blocks(out) {
        let block = w.at(first, 0);
        let rows = Strided {
            data: dy.data[first.min(dy.data.len())..].as_ptr(),
            ..left(dy)
        };
        let store = match dx.store {
            Store::Overwrite if first > 0 => Store::Add,
            other => other,
        };
        // SAFETY: the views hold what their sizes say, the sizes agree, and the block's rows exist.
        unsafe {
            F::outer(
                level,
                (dy.rows, input, count),
                rows,
                block.from,
                false,
                Target { store, ..dx },
            );
            F::outer(
                level,
                (count, input, write.d.rows),
                across(write.d, first),
                right(write.a),
                false,
                block,
            );
        }
    }
}

/// The adjoint of a write, with what was gathered since: G += dY^T X, then dD = -A G^T and dA = -D G.
///
/// G \[out, in] is the cotangent of W; dY \[R, out] and X \[R, in] are the products Y = X W^T that used W after the write;
/// dD \[H, out] and dA \[H, in] are the cotangents of the write's factors.
///
/// # Panics
///
/// If the shapes do not agree.
pub fn accumulate<F: Kernels>(
    mut g: MatrixMut<'_, F>,
    dy: Matrix<'_, F>,
    x: Matrix<'_, F>,
    write: Write<'_, F>,
    dd: MatrixMut<'_, F>,
    mut da: MatrixMut<'_, F>,
) {
    let (out, input) = (g.rows, g.columns);
    let heads = write.d.rows;
    write_fits("accumulate, G and the write", write, (out, input));
    agree(
        "accumulate, G, dY and X",
        (dy.rows, out, input),
        (x.rows, dy.columns, x.columns),
    );
    agree(
        "accumulate, dD and G",
        (heads, out, heads),
        (dd.rows, dd.columns, da.rows),
    );
    agree(
        "accumulate, dA and G",
        (heads, input, heads),
        (da.rows, da.columns, dd.rows),
    );
    let level = Level::current();
    da.data
        .chunks_mut(da.stride.max(1))
        .take(heads)
        .for_each(|row| row[..input].fill(F::zero()));
    dd.data
        .chunks_mut(dd.stride.max(1))
        .take(heads)
        .for_each(|row| row[..out].fill(F::zero()));
    let (g, da) = (g.target(Store::Add), da.target(Store::Subtract));
    for (first, count) in blocks(out) {
        let block = g.at(first, 0);
        let rows = Strided {
            data: write.d.data[first.min(write.d.data.len())..].as_ptr(),
            ..left(write.d)
        };
        let dd = Rows {
            data: columns_from(dd.data, first),
            stride: dd.stride,
        };
        // SAFETY: the views hold what their sizes say, the sizes agree, and the block's rows exist.
        unsafe {
            F::outer(
                level,
                (count, input, dy.rows),
                across(dy, first),
                right(x),
                false,
                block,
            );
            F::dots(
                level,
                (heads, count, input),
                right(write.a),
                block.from,
                dd,
                Store::Subtract,
            );
            F::outer(level, (heads, input, count), rows, block.from, false, da);
        }
    }
}
