//! The matrix product over the last two axes, the axes before them broadcast.

use std::borrow::{Borrow, Cow};

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, IxDyn};

use crate::engine::{apply_own, own};
use crate::kernels::{self, Matrix, MatrixMut, Store};
use crate::ops::runs::array;
use crate::ops::single::{back, single};
use crate::ops::total::room;
use crate::ops::{Outcome, broadcast_shape, two};
use crate::{Float, Primitive, SharedArray, Tensor, TensorError, dense};

pub(super) const NAMES: &[&str] = &["matmul"];

own!(MatMul);

const OP: &str = "matmul";

#[derive(Debug)]
struct MatMul;

impl<F: Float> Primitive<F> for MatMul {
    fn name(&self) -> &'static str {
        OP
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let (a, b) = two(OP, operands)?;
        let done = match (single(a), single(b)) {
            (Some(a), Some(b)) => back(&multiply(a, b, by_kernels)?),
            _ => None,
        };
        match done {
            Some(done) => Ok(done),
            None => multiply(a, b, by_ndarray),
        }
    }

    fn vjp(
        &self,
        argument: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        // Each comes out laid as its operand is, so that the derivative of a transposed operand is, once it is transposed
        // back, in row-major order like those that it is added to.
        let (a, b) = (&operands[0], &operands[1]);
        match (argument, by_columns(operands[argument].value())) {
            (0, false) => g.matmul(&b.transpose()?),
            (0, true) => b.matmul(&g.transpose()?)?.transpose(),
            (_, false) => a.transpose()?.matmul(g),
            (_, true) => g.transpose()?.matmul(a)?.transpose(),
        }
    }
}

/// Whether the matrices of `x` lie column after column.
fn by_columns<F: Float>(x: &SharedArray<F>) -> bool {
    let rank = x.ndim();
    if rank < 2 || x.is_standard_layout() {
        return false;
    }
    let mut view = x.view();
    view.swap_axes(rank - 2, rank - 1);
    view.is_standard_layout()
}

/// `[.., m, k] [.., k, n]` sample by sample, each a `product` of two matrices into elements `[m, n]`.
fn multiply<F: Float>(
    a: &SharedArray<F>,
    b: &SharedArray<F>,
    product: fn(ArrayView2<'_, F>, ArrayView2<'_, F>, &mut [F]),
) -> Outcome<SharedArray<F>> {
    let misfit = || TensorError::shape(OP, &[a.shape(), b.shape()], "[.., m, k] and [.., k, n]");
    let (&[ref a_batch @ .., m, k], &[ref b_batch @ .., k_too, n]) = (a.shape(), b.shape()) else {
        return Err(misfit());
    };
    if k != k_too {
        return Err(misfit());
    }
    let batch = broadcast_shape(OP, a_batch, b_batch).map_err(|_| misfit())?;
    let shape = [batch.as_slice(), &[m, n]].concat();
    let (mut out, count) = room(OP, &shape)?;
    out.resize(count, F::zero());
    if out.is_empty() || k == 0 {
        return array(OP, &shape, out);
    }
    match (one_matrix(a), one_matrix(b)) {
        (Some(a), Some(b)) => product(a, b, &mut out),
        // One right operand for all samples: their rows are the rows of one matrix.
        (None, Some(b)) if a_batch == batch => {
            let rows = dense(a);
            let a = ArrayView2::from_shape((rows.len() / k, k), &rows).map_err(|_| misfit())?;
            product(a, b, &mut out);
        }
        _ => {
            let (a, b) = (samples(a, &batch)?, samples(b, &batch)?);
            let pairs = a.outer_iter().zip(b.outer_iter());
            for ((a, b), out) in pairs.zip(out.chunks_exact_mut(m * n)) {
                let (a, b) = (a.into_dimensionality(), b.into_dimensionality());
                product(a.map_err(|_| misfit())?, b.map_err(|_| misfit())?, out);
            }
        }
    }
    array(OP, &shape, out)
}

/// The array as one matrix if all its batch axes have extent 1.
fn one_matrix<F: Float>(x: &SharedArray<F>) -> Option<ArrayView2<'_, F>> {
    let mut view = x.view();
    while view.ndim() > 2 {
        if view.shape()[0] != 1 {
            return None;
        }
        view = view.index_axis_move(Axis(0), 0);
    }
    view.into_dimensionality().ok()
}

/// `x` with its batch axes stretched to `batch` and then made one. A stretched axis has stride zero; of several batch axes
/// the elements are copied.
fn samples<'a, F: Float>(
    x: &'a SharedArray<F>,
    batch: &[usize],
) -> Outcome<ndarray::CowArray<'a, F, IxDyn>> {
    let misfit = || TensorError::shape(OP, &[x.shape(), batch], "axes that stretch to the batch's");
    let tail = x.shape().len().checked_sub(2).ok_or_else(misfit)?;
    let tail = &x.shape()[tail..];
    let stretched = [batch, tail].concat();
    if batch.len() == 1 {
        let view = x.broadcast(IxDyn(&stretched)).ok_or_else(misfit)?;
        return Ok(view.into());
    }
    let (mut copy, _) = room(OP, &stretched)?;
    let view = x.broadcast(IxDyn(&stretched)).ok_or_else(misfit)?;
    match view.as_slice() {
        Some(elements) => copy.extend_from_slice(elements),
        None => copy.extend(view.iter()),
    }
    let flat = [&[batch.iter().product()], tail].concat();
    Ok(array(OP, &flat, copy)?.into_owned().into())
}

fn by_ndarray<F: Float>(a: ArrayView2<'_, F>, b: ArrayView2<'_, F>, out: &mut [F]) {
    let shape = (a.nrows(), b.ncols());
    let mut out =
        ArrayViewMut2::from_shape(shape, out).expect("as many elements as the product has");
    general_mat_mul(F::one(), &a, &b, F::zero(), &mut out);
}

/// How a matrix lies in memory.
enum Lies<'a> {
    /// Row after row.
    Rows(Cow<'a, [f32]>),
    /// Column after column: the rows of the transpose.
    Columns(&'a [f32]),
}

fn lies(x: ArrayView2<'_, f32>) -> Lies<'_> {
    if let Some(rows) = x.to_slice() {
        return Lies::Rows(Cow::Borrowed(rows));
    }
    match x.reversed_axes().to_slice() {
        Some(columns) => Lies::Columns(columns),
        None => Lies::Rows(Cow::Owned(x.iter().copied().collect())),
    }
}

fn by_kernels(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, out: &mut [f32]) {
    let ((m, k), n) = (a.dim(), b.ncols());
    let out = MatrixMut::dense(out, m, n);
    match (lies(a), lies(b)) {
        (Lies::Rows(a), Lies::Rows(b)) => kernels::matmul(
            Matrix::dense(&a, m, k),
            Matrix::dense(&b, k, n),
            out,
            Store::Overwrite,
        ),
        (Lies::Rows(a), Lies::Columns(b)) => kernels::matmul_nt(
            Matrix::dense(&a, m, k),
            Matrix::dense(b, n, k),
            out,
            Store::Overwrite,
        ),
        (Lies::Columns(a), Lies::Rows(b)) => kernels::matmul_tn(
            Matrix::dense(a, k, m),
            Matrix::dense(&b, k, n),
            out,
            Store::Overwrite,
        ),
        (Lies::Columns(_), Lies::Columns(b)) => {
            let a: Vec<f32> = a.iter().copied().collect();
            kernels::matmul_nt(
                Matrix::dense(&a, m, k),
                Matrix::dense(b, n, k),
                out,
                Store::Overwrite,
            );
        }
    }
}

impl<F: Float> Tensor<F> {
    /// The matrix product `[.., m, k] [.., k, n] -> [.., m, n]`; the axes before the last two are broadcast.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if an operand has fewer than two axes or the extents do not fit.
    pub fn matmul(&self, other: impl Borrow<Tensor<F>>) -> Outcome<Tensor<F>> {
        apply_own(MatMul, &[self, other.borrow()])
    }
}
