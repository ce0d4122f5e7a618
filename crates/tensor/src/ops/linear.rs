//! A linear layer, `y = x W^T + b`, in PyTorch's layout.

use std::borrow::Borrow;

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::engine::{apply_own, own};
use crate::kernels::{Matrix, MatrixMut, Packed, Store};
use crate::ops::Outcome;
use crate::ops::runs::array;
use crate::ops::single::{back, single};
use crate::ops::total::room;
use crate::{Float, Primitive, SharedArray, Tensor, TensorError, dense};

pub(super) const NAMES: &[&str] = &["linear"];

own!(Linear);

const OP: &str = "linear";

/// x `[rows, in]`, W `[out, in]`, b `[out]`: the bias enters where the product is stored, in no pass of its own.
#[derive(Debug)]
struct Linear;

fn misfit<F: Float>(operands: &[&SharedArray<F>]) -> TensorError {
    let shapes: Vec<&[usize]> = operands.iter().map(|o| o.shape()).collect();
    TensorError::shape(OP, &shapes, "[rows, in], [out, in] and [out]")
}

/// x W^T + b by `product` of (x, W, b, elements of the result).
fn layer<F: Float>(
    operands: &[&SharedArray<F>],
    product: impl Fn(ArrayView2<'_, F>, ArrayView2<'_, F>, &[F], &mut [F]),
) -> Outcome<SharedArray<F>> {
    let &[x, weight, bias] = operands else {
        return Err(misfit(operands));
    };
    let (&[rows, input], &[out, input_too], &[out_too]) = (x.shape(), weight.shape(), bias.shape())
    else {
        return Err(misfit(operands));
    };
    if (input, out) != (input_too, out_too) {
        return Err(misfit(operands));
    }
    let (dense_x, dense_weight, bias) = (dense(x), dense(weight), dense(bias));
    let view =
        |elements, shape| ArrayView2::from_shape(shape, elements).map_err(|_| misfit(operands));
    let (mut y, count) = room(OP, &[rows, out])?;
    y.resize(count, F::zero());
    if y.is_empty() {
        return array(OP, &[rows, out], y);
    }
    product(
        view(&dense_x, (rows, input))?,
        view(&dense_weight, (out, input))?,
        &bias,
        &mut y,
    );
    array(OP, &[rows, out], y)
}

fn by_kernels(x: ArrayView2<'_, f32>, weight: ArrayView2<'_, f32>, bias: &[f32], y: &mut [f32]) {
    let ((rows, input), out) = (x.dim(), weight.nrows());
    let (Some(x), Some(weight)) = (x.to_slice(), weight.to_slice()) else {
        return by_ndarray(x, weight, bias, y);
    };
    let (x, weight) = (
        Matrix::dense(x, rows, input),
        Matrix::dense(weight, out, input),
    );
    // A step of a recurrent model has few rows: laying out its weight anew would take longer than the product.
    let fewer = rows * (input + out) < out * input;
    let by: Way = if fewer { across } else { along };
    by(x, weight, bias, y);
}

/// y = x W^T + b of (x, W, b, y).
type Way = fn(Matrix<'_, f32>, Matrix<'_, f32>, &[f32], &mut [f32]);

/// With the weight laid out for the product.
fn along(x: Matrix<'_, f32>, weight: Matrix<'_, f32>, bias: &[f32], y: &mut [f32]) {
    let y = MatrixMut::dense(y, x.rows(), weight.rows());
    Packed::transposed(weight).multiply_plus(x, bias, y);
}

/// With the input laid out, by y^T = W x^T + b: the same bits.
fn across(x: Matrix<'_, f32>, weight: Matrix<'_, f32>, bias: &[f32], y: &mut [f32]) {
    let (rows, out) = (x.rows(), weight.rows());
    let mut turned = vec![0.0; out * rows];
    let to = MatrixMut::dense(&mut turned, out, rows);
    Packed::transposed(x).multiply(weight, to, Store::Overwrite);
    turn_plus(&turned, bias, y);
}

/// Writes the transpose of a row-major matrix that has a row for each element of `bias`, plus the bias; a cache line of the result at a
/// time.
fn turn_plus(from: &[f32], bias: &[f32], to: &mut [f32]) {
    const LINE: usize = 16;
    let rows = bias.len();
    let columns = to.len() / rows.max(1);
    for (first, bias) in (0..rows).step_by(LINE).zip(bias.chunks(LINE)) {
        for column in 0..columns {
            let lines = from[first * columns + column..].iter().step_by(columns);
            let line = &mut to[column * rows + first..];
            for ((to, from), bias) in line.iter_mut().zip(lines).zip(bias) {
                *to = bias + from;
            }
        }
    }
}

fn by_ndarray<F: Float>(x: ArrayView2<'_, F>, weight: ArrayView2<'_, F>, bias: &[F], y: &mut [F]) {
    let shape = (x.nrows(), weight.nrows());
    let mut y = ArrayViewMut2::from_shape(shape, y).expect("as many elements as the result has");
    y.assign(&ndarray::ArrayView1::from(bias));
    general_mat_mul(F::one(), &x, &weight.t(), F::one(), &mut y);
}

impl<F: Float> Primitive<F> for Linear {
    fn name(&self) -> &'static str {
        OP
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let singles: Option<Vec<&SharedArray<f32>>> = operands.iter().map(|o| single(o)).collect();
        let done = match singles {
            Some(operands) => back(&layer(&operands, by_kernels)?),
            None => None,
        };
        match done {
            Some(done) => Ok(done),
            None => layer(operands, by_ndarray),
        }
    }

    fn vjp(
        &self,
        argument: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        match argument {
            0 => g.matmul(&operands[1]),
            1 => g.transpose()?.matmul(&operands[0]),
            _ => g.sum(0),
        }
    }
}

impl<F: Float> Tensor<F> {
    /// `x W^T + b` with `x` `[.., in]`, `W` `[out, in]`, `b` `[out]`: a linear layer in PyTorch's layout, `[.., out]`.
    ///
    /// The bias is a reference: a `None` of any other type would have to say of which.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the extents do not fit.
    pub fn linear(
        &self,
        weight: impl Borrow<Tensor<F>>,
        bias: Option<&Tensor<F>>,
    ) -> Outcome<Tensor<F>> {
        let weight = weight.borrow();
        let (&[ref batch @ .., inputs], &[outputs, _]) = (self.shape(), weight.shape()) else {
            return Err(TensorError::shape(
                OP,
                &[self.shape(), weight.shape()],
                "[.., in] and [out, in]",
            ));
        };
        let (batch, rows) = (batch.to_vec(), batch.iter().product());
        let x = self.reshape(&[rows, inputs])?;
        let y = match bias {
            Some(bias) => apply_own(Linear, &[&x, weight, bias])?,
            None => x.matmul(&weight.transpose()?)?,
        };
        y.reshape(&[batch.as_slice(), &[outputs]].concat())
    }
}
