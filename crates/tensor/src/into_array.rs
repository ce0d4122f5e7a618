//! What a tensor can be made of.

use ndarray::{ArcArray, ArrayRef, ArrayView, ArrayViewMut, CowArray, Dimension, OwnedRepr};

use crate::{Float, SharedArray};

/// An `ndarray` of any kind and number of axes, owned, shared, viewed or behind a reference. Owned and shared ones are taken as they
/// are; the elements of a view or a reference are copied.
pub trait IntoArray<F: Float> {
    /// The array that a tensor keeps.
    fn into_array(self) -> SharedArray<F>;
}

impl<F: Float, D: Dimension> IntoArray<F> for ArcArray<F, D> {
    fn into_array(self) -> SharedArray<F> {
        self.into_dyn()
    }
}

impl<F: Float, D: Dimension> IntoArray<F> for ndarray::ArrayBase<OwnedRepr<F>, D> {
    fn into_array(self) -> SharedArray<F> {
        self.into_dyn().into_shared()
    }
}

macro_rules! copied {
    ($($array:ty),+) => {
        $(impl<F: Float, D: Dimension> IntoArray<F> for $array {
            fn into_array(self) -> SharedArray<F> {
                self.to_owned().into_array()
            }
        })+
    };
}

copied!(
    ArrayView<'_, F, D>,
    ArrayViewMut<'_, F, D>,
    CowArray<'_, F, D>,
    &ArrayRef<F, D>,
    &ndarray::ArrayBase<OwnedRepr<F>, D>
);

impl<F: Float, D: Dimension> IntoArray<F> for &ArcArray<F, D> {
    fn into_array(self) -> SharedArray<F> {
        self.clone().into_dyn()
    }
}
