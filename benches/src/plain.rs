//! The same memories in thirty plain lines on the public kernels, without checks, errors or files: what `AssociativeMemory` must not be much
//! slower than.

use mnm_tensor::kernels::{
    AlignedBuffer, Matrix, MatrixMut, Store, dot, matmul_nt, matmul_tn, padded,
};

/// W \[out, in] by the delta rule and, with P, by least squares in the recursion of the textbooks.
pub struct Plain {
    widths: (usize, usize),
    w: AlignedBuffer<f32>,
    p: AlignedBuffer<f32>,
    error: Vec<f32>,
    gain: Vec<f32>,
    scaled: Vec<f32>,
}

impl Plain {
    /// Empty, with a ridge of 0.001.
    pub fn new(out: usize, input: usize) -> Self {
        let stride = padded(input);
        let mut p = AlignedBuffer::zeros(input * stride);
        (0..input).for_each(|i| p[i * stride + i] = 1e3);
        Plain {
            widths: (out, input),
            w: AlignedBuffer::zeros(out * stride),
            p,
            error: vec![0.0; out],
            gain: vec![0.0; input],
            scaled: vec![0.0; input],
        }
    }

    /// `v = W k`.
    pub fn read(&self, k: &[f32], v: &mut [f32]) {
        let (out, input) = self.widths;
        let w = Matrix::new(&self.w, out, input, padded(input));
        let y = MatrixMut::dense(v, 1, out);
        matmul_nt(Matrix::dense(k, 1, input), w, y, Store::Overwrite);
    }

    fn look(&mut self, k: &[f32], v: &[f32]) {
        let mut error = std::mem::take(&mut self.error);
        self.read(k, &mut error);
        error.iter_mut().zip(v).for_each(|(e, v)| *e = v - *e);
        self.error = error;
    }

    fn add(&mut self, k: &[f32]) {
        let (out, input) = self.widths;
        let w = MatrixMut::padded(&mut self.w, out, input, padded(input));
        let e = Matrix::dense(&self.error, 1, out);
        matmul_tn(e, Matrix::dense(k, 1, input), w, Store::Add);
    }

    /// `W += (v - W k) k^T / |k|^2`.
    pub fn delta(&mut self, k: &[f32], v: &[f32]) {
        self.look(k, v);
        let scale = 1.0 / dot(k, k);
        self.error.iter_mut().for_each(|e| *e *= scale);
        self.add(k);
    }

    /// `g = P k / (1 + k^T P k); W += (v - W k) g^T; P -= g (P k)^T`.
    pub fn least_squares(&mut self, k: &[f32], v: &[f32]) {
        self.look(k, v);
        let n = self.widths.1;
        let p = Matrix::new(&self.p, n, n, padded(n));
        let y = MatrixMut::dense(&mut self.gain, 1, n);
        matmul_nt(Matrix::dense(k, 1, n), p, y, Store::Overwrite);
        let scale = 1.0 / (1.0 + dot(k, &self.gain));
        let scaled = self.scaled.iter_mut().zip(&self.gain);
        scaled.for_each(|(to, g)| *to = g * scale);
        let p = MatrixMut::padded(&mut self.p, n, n, padded(n));
        let (g, pk) = (
            Matrix::dense(&self.scaled, 1, n),
            Matrix::dense(&self.gain, 1, n),
        );
        matmul_tn(g, pk, p, Store::Subtract);
        let gain = std::mem::take(&mut self.scaled);
        self.add(&gain);
        self.scaled = gain;
    }
}
