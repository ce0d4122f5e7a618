//! Sums and products element by element, compiled for the machine's vector unit.

use mnm_tensor::kernels::{Kernels, vectorised};

/// to = scale * from.
pub(super) fn scaled<F: Kernels>(to: &mut [F], scale: F, from: &[F]) {
    vectorised(|| {
        for (to, from) in to.iter_mut().zip(from) {
            *to = scale * *from;
        }
    });
}

/// to += scale * from.
pub(super) fn add_scaled<F: Kernels>(to: &mut [F], scale: F, from: &[F]) {
    vectorised(|| {
        for (to, from) in to.iter_mut().zip(from) {
            *to += scale * *from;
        }
    });
}

/// to = scale * (left - right).
pub(super) fn scaled_difference<F: Kernels>(to: &mut [F], scale: F, left: &[F], right: &[F]) {
    vectorised(|| {
        for ((to, left), right) in to.iter_mut().zip(left).zip(right) {
            *to = scale * (*left - *right);
        }
    });
}

/// to = cotangent * (1 - activation^2): back through a = tanh y.
pub(super) fn through_tanh<F: Kernels>(to: &mut [F], cotangent: &[F], activation: &[F]) {
    vectorised(|| {
        for ((to, cotangent), a) in to.iter_mut().zip(cotangent).zip(activation) {
            *to = *cotangent * (F::one() - *a * *a);
        }
    });
}

/// The sum of the products, in sixteen running sums: a fixed order that vectorises.
pub(super) fn dot<F: Kernels>(left: &[F], right: &[F]) -> F {
    vectorised(|| {
        let mut sums = [F::zero(); 16];
        let (left_chunks, right_chunks) = (left.chunks_exact(16), right.chunks_exact(16));
        let (left_rest, right_rest) = (left_chunks.remainder(), right_chunks.remainder());
        for (left, right) in left_chunks.zip(right_chunks) {
            for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
                *sum += *left * *right;
            }
        }
        for ((sum, left), right) in sums.iter_mut().zip(left_rest).zip(right_rest) {
            *sum += *left * *right;
        }
        sums.iter().copied().fold(F::zero(), |a, b| a + b)
    })
}
