//! The network of MNM-p that predicts what the activations ought to be: `[t^1 .. t^L] = W_t v^w + b_t`.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, Packed, Scratch, Store, matmul_tn};

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
}

/// Rows of targets that are gathered before they go into the gradient: twice the depth to which a large product packs its operands,
/// so that gathering more would not make it faster.
const GATHERED: usize = 256;

/// The gradient of the targets network on its way back through the steps: cotangents and values of a few steps, and what those
/// before have come to. O(1) in T.
#[derive(Debug)]
pub(super) struct TargetsSum<F> {
    /// Rows of a step, S H.
    rows: usize,
    width: usize,
    value: usize,
    /// Rows that are gathered, of as many as there is room for.
    filled: usize,
    /// Cotangents of targets `[rows, targets]`.
    d_targets: Scratch<F>,
    /// v^w `[rows, M]`.
    values: Scratch<F>,
    gradient: TargetsGradient<F>,
}

impl<F: Kernels> TargetsSum<F> {
    /// For `rows` rows a step.
    pub fn new(network: &TargetsNetwork<F>, rows: usize) -> Self {
        let (width, value) = (network.width(), network.backward.columns());
        let room = rows * (GATHERED / rows.max(1)).max(1);
        TargetsSum {
            rows,
            width,
            value,
            filled: 0,
            d_targets: Scratch::new(room * width),
            values: Scratch::new(room * value),
            gradient: TargetsGradient {
                weight: vec![F::zero(); width * value],
                bias: vec![F::zero(); width],
            },
        }
    }

    /// Where the cotangents of the targets `[rows, targets]` of the next step go, and its values `[rows, M]`.
    pub fn next(&mut self) -> (&mut [F], &mut [F]) {
        (
            &mut self.d_targets[self.filled * self.width..][..self.rows * self.width],
            &mut self.values[self.filled * self.value..][..self.rows * self.value],
        )
    }

    /// Takes in what was put where [`TargetsSum::next`] said.
    pub fn advance(&mut self) {
        self.filled += self.rows;
        if (self.filled + self.rows) * self.width > self.d_targets.len() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let d_targets = Matrix::dense(&self.d_targets, self.filled, self.width);
        let values = Matrix::dense(&self.values, self.filled, self.value);
        let weight = MatrixMut::dense(&mut self.gradient.weight, self.width, self.value);
        matmul_tn(d_targets, values, weight, Store::Add);
        for row in self.d_targets.chunks_exact(self.width).take(self.filled) {
            super::elementwise::add_scaled(&mut self.gradient.bias, F::one(), row);
        }
        self.filled = 0;
    }

    /// The cotangents of the parameters.
    pub fn finish(mut self) -> TargetsGradient<F> {
        self.flush();
        self.gradient
    }
}
