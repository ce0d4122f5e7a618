//! A linear layer, `y = x W^T + b`, in PyTorch's layout.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::kernels::{Matrix, MatrixMut, Packed};
use crate::ops::Outcome;
use crate::ops::runs::array;
use crate::ops::single::{back, single};
use crate::{Array, Float, Primitive, Tensor, TensorError, apply, dense};

pub(super) const NAMES: &[&str] = &["linear"];

const OP: &str = "linear";

/// x `[rows, in]`, W `[out, in]`, b `[out]`: the bias enters where the product is stored, in no pass of its own.
#[derive(Debug)]
struct Linear;

fn misfit<F: Float>(operands: &[&Array<F>]) -> TensorError {
    let shapes: Vec<&[usize]> = operands.iter().map(|o| o.shape()).collect();
    TensorError::shape(OP, &shapes, "[rows, in], [out, in] and [out]")
}

/// x W^T + b by `product` of (x, W, b, elements of the result).
fn layer<F: Float>(
    operands: &[&Array<F>],
    product: impl Fn(ArrayView2<'_, F>, ArrayView2<'_, F>, &[F], &mut [F]),
) -> Outcome<Array<F>> {
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
    let mut y = vec![F::zero(); rows * out];
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
    let packed = Packed::transposed(Matrix::dense(weight, out, input));
    packed.multiply_plus(
        Matrix::dense(x, rows, input),
        bias,
        MatrixMut::dense(y, rows, out),
    );
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

    fn forward(&self, operands: &[&Array<F>]) -> Outcome<Array<F>> {
        let singles: Option<Vec<&Array<f32>>> = operands.iter().map(|o| single(o)).collect();
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
    /// `x W^T + b` with `x` `[.., in]`, `W` `[out, in]`, `b` `[out]`: a linear layer in PyTorch's layout.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the extents do not fit.
    pub fn linear(&self, weight: &Tensor<F>, bias: Option<&Tensor<F>>) -> Outcome<Tensor<F>> {
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
            Some(bias) => apply(Linear, &[&x, weight, bias])?,
            None => x.matmul(&weight.transpose()?)?,
        };
        y.reshape(&[batch.as_slice(), &[outputs]].concat())
    }
}
