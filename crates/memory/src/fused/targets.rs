//! The network of MNM-p that predicts what the activations ought to be: `[t^1 .. t^L] = W_t v^w + b_t`.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, Packed, Store, matmul_tn};

/// The targets network, packed for both directions; made once a training step, shared by all blocks.
#[derive(Clone, Debug)]
pub struct TargetsNetwork<F> {
    forward: Packed<F>,
    backward: Packed<F>,
    bias: Vec<F>,
}

/// The cotangents of `targets.weight` `[targets, M]` and `targets.bias` `[targets]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetsGradient<F> {
    /// Of the weight, row-major.
    pub weight: Vec<F>,
    /// Of the bias.
    pub bias: Vec<F>,
}

impl<F: Kernels> TargetsNetwork<F> {
    /// From `weight` `[targets, M]`, row-major, and `bias` `[targets]`.
    ///
    /// # Panics
    ///
    /// If the weight is shorter than that.
    pub fn new(weight: &[F], bias: &[F], value: usize) -> Self {
        let matrix = Matrix::dense(weight, bias.len(), value);
        TargetsNetwork {
            forward: Packed::transposed(matrix),
            backward: Packed::new(matrix),
            bias: bias.to_vec(),
        }
    }

    /// The sum of the layers' widths.
    pub(super) fn width(&self) -> usize {
        self.bias.len()
    }

    /// Targets `[rows, targets]` of values `[rows, M]`.
    pub(super) fn predict(&self, values: Matrix<'_, F>, targets: &mut [F]) {
        let out = MatrixMut::dense(targets, values.rows(), self.width());
        self.forward.multiply_plus(values, &self.bias, out);
    }

    /// The cotangents of the values, replaced.
    pub(super) fn pull_back(&self, d_targets: &[F], d_values: MatrixMut<'_, F>, rows: usize) {
        self.backward.multiply(
            Matrix::dense(d_targets, rows, self.width()),
            d_values,
            Store::Overwrite,
        );
    }

    /// The cotangents of the parameters from those of all targets `[rows, targets]` and all values `[rows, M]`.
    pub(super) fn gradient(
        &self,
        d_targets: &[F],
        values: &[F],
        rows: usize,
    ) -> TargetsGradient<F> {
        let (width, value) = (self.width(), self.backward.columns());
        let mut weight = vec![F::nan(); width * value];
        let out = MatrixMut::dense(&mut weight, width, value);
        let d = Matrix::dense(d_targets, rows, width);
        matmul_tn(d, Matrix::dense(values, rows, value), out, Store::Overwrite);
        let mut bias = vec![F::zero(); width];
        for row in d_targets.chunks_exact(width).take(rows) {
            super::elementwise::add_scaled(&mut bias, F::one(), row);
        }
        TargetsGradient { weight, bias }
    }
}
