//! The matrix product over the last two axes, the axes before them broadcast.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayD, ArrayView2, Axis, IxDyn};

use crate::ops::{Outcome, broadcast_shape, two};
use crate::{Array, Float, Primitive, Tensor, TensorError, apply};

pub(super) const NAMES: &[&str] = &["matmul"];

const OP: &str = "matmul";

#[derive(Debug)]
struct MatMul;

impl<F: Float> Primitive<F> for MatMul {
    fn name(&self) -> &'static str {
        OP
    }

    fn forward(&self, operands: &[&Array<F>]) -> Outcome<Array<F>> {
        let (a, b) = two(OP, operands)?;
        let misfit =
            || TensorError::shape(OP, &[a.shape(), b.shape()], "[.., m, k] and [.., k, n]");
        let (&[ref a_batch @ .., m, k], &[ref b_batch @ .., k_too, n]) = (a.shape(), b.shape())
        else {
            return Err(misfit());
        };
        if k != k_too {
            return Err(misfit());
        }
        let batch = broadcast_shape(OP, a_batch, b_batch).map_err(|_| misfit())?;
        let extended = |tail: [usize; 2]| [batch.as_slice(), &tail].concat();
        let count: usize = batch.iter().product();
        if m * n * count == 0 {
            return Ok(Array::zeros(IxDyn(&extended([m, n]))));
        }
        // Views with one batch axis; stretched axes have stride zero, and reshaping copies only if they must.
        let flat = |x: &Array<F>, tail: [usize; 2]| -> Outcome<ArrayD<F>> {
            let view = x.broadcast(IxDyn(&extended(tail))).ok_or_else(misfit)?;
            view.to_shape(IxDyn(&[count, tail[0], tail[1]]))
                .map(|x| x.into_owned())
                .map_err(|_| misfit())
        };
        let mut out = ArrayD::<F>::zeros(IxDyn(&[count, m, n]));
        if count == 1 {
            let (a, b) = (
                flat_matrix(a).ok_or_else(misfit)?,
                flat_matrix(b).ok_or_else(misfit)?,
            );
            product(a, b, out.index_axis_mut(Axis(0), 0));
        } else if let Some(b) = flat_matrix(b) {
            let a = flat(a, [m, k])?;
            for (a, out) in a.outer_iter().zip(out.outer_iter_mut()) {
                product(matrix(a), b, out);
            }
        } else {
            let (a, b) = (flat(a, [m, k])?, flat(b, [k, n])?);
            for ((a, b), out) in a.outer_iter().zip(b.outer_iter()).zip(out.outer_iter_mut()) {
                product(matrix(a), matrix(b), out);
            }
        }
        out.into_shape_with_order(IxDyn(&extended([m, n])))
            .map(ArrayD::into_shared)
            .map_err(|_| misfit())
    }

    fn vjp(
        &self,
        argument: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        if argument == 0 {
            g.matmul(&operands[1].transpose()?)
        } else {
            operands[0].transpose()?.matmul(g)
        }
    }
}

fn matrix<F: Float>(view: ndarray::ArrayViewD<'_, F>) -> ArrayView2<'_, F> {
    view.into_dimensionality()
        .expect("a sample of a three-axis array has two axes")
}

/// The array as one matrix if all its batch axes have extent 1.
fn flat_matrix<F: Float>(x: &Array<F>) -> Option<ArrayView2<'_, F>> {
    let mut view = x.view();
    while view.ndim() > 2 {
        if view.shape()[0] != 1 {
            return None;
        }
        view = view.index_axis_move(Axis(0), 0);
    }
    view.into_dimensionality().ok()
}

fn product<F: Float>(
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    out: ndarray::ArrayViewMutD<'_, F>,
) {
    let mut out = out
        .into_dimensionality()
        .expect("a sample of a three-axis array has two axes");
    general_mat_mul(F::one(), &a, &b, F::zero(), &mut out);
}

impl<F: Float> Tensor<F> {
    /// The matrix product `[.., m, k] [.., k, n] -> [.., m, n]`; the axes before the last two are broadcast.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if an operand has fewer than two axes or the extents do not fit.
    pub fn matmul(&self, other: &Tensor<F>) -> Outcome<Tensor<F>> {
        apply(MatMul, &[self, other])
    }

    /// `x W^T + b` with `x` `[.., in]`, `W` `[out, in]`, `b` `[out]`: a linear layer in PyTorch's layout.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the extents do not fit.
    pub fn linear(&self, weight: &Tensor<F>, bias: Option<&Tensor<F>>) -> Outcome<Tensor<F>> {
        let (&[ref batch @ .., inputs], &[outputs, _]) = (self.shape(), weight.shape()) else {
            return Err(TensorError::shape(
                "linear",
                &[self.shape(), weight.shape()],
                "[.., in] and [out, in]",
            ));
        };
        let (batch, rows) = (batch.to_vec(), batch.iter().product());
        let product = self
            .reshape(&[rows, inputs])?
            .matmul(&weight.transpose()?)?
            .reshape(&[batch.as_slice(), &[outputs]].concat())?;
        match bias {
            Some(bias) => product.add(bias),
            None => Ok(product),
        }
    }
}
