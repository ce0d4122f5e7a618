//! Matrices that all sequences share, such as the network of MNM-p that predicts targets, and their gradients.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, Packed, Scratch, Store, matmul_tn};

use super::elementwise::add_scaled;

/// A shared matrix, packed for both directions; made once a training step, shared by all blocks.
#[derive(Clone, Debug)]
pub struct SharedMatrix<F> {
    forward: Packed<F>,
    backward: Packed<F>,
    bias: Option<Vec<F>>,
}

/// The cotangents of a shared matrix `[out, in]`, row-major, and of its bias `[out]`, if it has one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SharedGradient<F> {
    /// Of the matrix.
    pub weight: Vec<F>,
    /// Of the bias.
    pub bias: Option<Vec<F>>,
}

impl<F: Kernels> SharedMatrix<F> {
    /// From `weight` `[out, in]`, row-major, and a bias.
    ///
    /// # Panics
    ///
    /// If the weight is shorter than that.
    pub fn new(weight: &[F], bias: Option<&[F]>, [out, input]: [usize; 2]) -> Self {
        let matrix = Matrix::dense(weight, out, input);
        SharedMatrix {
            forward: Packed::transposed(matrix),
            backward: Packed::new(matrix),
            bias: bias.map(<[F]>::to_vec),
        }
    }

    /// y = x M^T + b.
    pub(super) fn apply(&self, x: Matrix<'_, F>, y: MatrixMut<'_, F>) {
        match &self.bias {
            Some(bias) => self.forward.multiply_plus(x, bias, y),
            None => self.forward.multiply(x, y, Store::Overwrite),
        }
    }

    /// dx (op)= dy M.
    pub(super) fn pull_back(&self, dy: Matrix<'_, F>, dx: MatrixMut<'_, F>, store: Store) {
        self.backward.multiply(dy, dx, store);
    }
}

/// Rows that are gathered before they go into the gradient: twice the depth to which a large product packs its operands,
/// so that gathering more would not make it faster.
const GATHERED: usize = 256;

/// The gradient of a shared matrix, or of a layer that no write touches, on its way back through the steps: cotangents and inputs of a
/// few steps, and what those before have come to. O(1) in T.
#[derive(Debug)]
pub(super) struct SharedSum<F> {
    out: usize,
    input: usize,
    filled: usize,
    room: usize,
    /// Cotangents `[rows, out]`.
    dy: Scratch<F>,
    /// Inputs `[rows, in]`.
    x: Scratch<F>,
    gradient: SharedGradient<F>,
}

impl<F: Kernels> SharedSum<F> {
    /// For a matrix, and at most `rows` rows at a time.
    pub fn new(matrix: &SharedMatrix<F>, rows: usize) -> Self {
        let shape = [matrix.forward.columns(), matrix.forward.rows()];
        Self::of_shape(shape, matrix.bias.is_some(), rows)
    }

    /// For a matrix `[out, in]`, with a bias or without.
    pub fn of_shape([out, input]: [usize; 2], bias: bool, rows: usize) -> Self {
        let room = rows * (GATHERED / rows.max(1)).max(1);
        SharedSum {
            out,
            input,
            filled: 0,
            room,
            dy: Scratch::new(room * out),
            x: Scratch::new(room * input),
            gradient: SharedGradient {
                weight: vec![F::zero(); out * input],
                bias: bias.then(|| vec![F::zero(); out]),
            },
        }
    }

    /// Takes in rows.
    pub fn add(&mut self, dy: Matrix<'_, F>, x: Matrix<'_, F>) {
        if self.filled + dy.rows() > self.room {
            self.flush();
        }
        for r in 0..dy.rows() {
            let at = self.filled + r;
            self.dy[at * self.out..][..self.out].copy_from_slice(dy.row(r));
            self.x[at * self.input..][..self.input].copy_from_slice(x.row(r));
        }
        self.filled += dy.rows();
    }

    fn flush(&mut self) {
        let dy = Matrix::dense(&self.dy, self.filled, self.out);
        let x = Matrix::dense(&self.x, self.filled, self.input);
        let weight = MatrixMut::dense(&mut self.gradient.weight, self.out, self.input);
        matmul_tn(dy, x, weight, Store::Add);
        if let Some(bias) = &mut self.gradient.bias {
            for row in self.dy.chunks_exact(self.out).take(self.filled) {
                add_scaled(bias, F::one(), row);
            }
        }
        self.filled = 0;
    }

    /// The cotangents of the parameters.
    pub fn finish(mut self) -> SharedGradient<F> {
        self.flush();
        self.gradient
    }
}
