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

/// to = a - b.
pub(super) fn difference<F: Kernels>(to: &mut [F], a: &[F], b: &[F]) {
    vectorised(|| {
        for (to, (a, b)) in to.iter_mut().zip(a.iter().zip(b)) {
            *to = *a - *b;
        }
    });
}
