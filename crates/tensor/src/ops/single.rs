//! Single precision, in which models are trained, goes to the vector kernels; double precision, in which gradients are
//! checked, to the standard library and `ndarray`, so that what is checked does not rest on the kernels.

use std::any::Any;

use crate::{Float, SharedArray};

/// Applies `kernel` in place if the elements are `f32`; whether they were.
#[expect(
    clippy::ptr_arg,
    reason = "a type behind `Any` must be sized: the vector can be told apart, its elements cannot"
)]
pub(super) fn in_place<F: Float>(elements: &mut Vec<F>, kernel: fn(&mut [f32])) -> bool {
    match (elements as &mut dyn Any).downcast_mut::<Vec<f32>>() {
        Some(elements) => {
            kernel(elements);
            true
        }
        None => false,
    }
}

/// The array, if it is one of `f32`.
pub(super) fn single<F: Float>(x: &SharedArray<F>) -> Option<&SharedArray<f32>> {
    (x as &dyn Any).downcast_ref()
}

/// The way back from [`single`]; `None` if `F` is not `f32`.
pub(super) fn back<F: Float>(x: &SharedArray<f32>) -> Option<SharedArray<F>> {
    (x as &dyn Any).downcast_ref::<SharedArray<F>>().cloned()
}
