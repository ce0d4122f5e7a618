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
