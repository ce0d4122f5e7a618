//! A value, and its place on a tape if it has one.

use std::borrow::Cow;

use ndarray::{ArcArray, Array1, Array2, IxDyn};

use crate::ops::room;
use crate::tape::Place;
use crate::{Float, IntoArray, Tape, TensorError};

/// The array under a tensor, of any number of axes: shared, copied only when written to.
pub type SharedArray<F> = ArcArray<F, IxDyn>;

/// An immutable n-dimensional value. If it hangs on a [`Tape`], whatever is computed from it is recorded there.
///
/// Cloning is cheap: the array is shared. Tensors are `Send` and `Sync`, so parameters and memories can live in a server's state.
#[derive(Clone, Debug)]
pub struct Tensor<F: Float> {
    pub(crate) value: SharedArray<F>,
    pub(crate) place: Option<Place<F>>,
}

impl<F: Float> Tensor<F> {
    /// A value that hangs on no tape; what is owned or shared already is not copied.
    pub fn constant(value: impl IntoArray<F>) -> Self {
        Self::shared(value.into_array())
    }

    /// [`Tensor::constant`] of an array as tensors keep it.
    pub fn shared(value: impl IntoArray<F>) -> Self {
        Self {
            value: value.into_array(),
            place: None,
        }
    }

    /// A constant of no dimensions.
    pub fn scalar(value: F) -> Self {
        Self::shared(ArcArray::from_elem(IxDyn(&[]), value))
    }

    /// A constant of `shape` filled with zero.
    ///
    /// # Panics
    /// If memory has no room for it; [`broadcast_to`](Self::broadcast_to) of a [`scalar`](Self::scalar) is refused instead.
    pub fn zeros(shape: &[usize]) -> Self {
        // Memory is asked before, and the zeros made after: those of `zeros` come from the system and are not written.
        expect_room::<F>("zeros", shape);
        Self::shared(ArcArray::zeros(IxDyn(shape)))
    }

    /// A constant of `shape` filled with one.
    ///
    /// # Panics
    /// As [`zeros`](Self::zeros).
    pub fn ones(shape: &[usize]) -> Self {
        expect_room::<F>("ones", shape);
        Self::shared(ArcArray::from_elem(IxDyn(shape), F::one()))
    }

    /// A constant of `shape` filled with `value`.
    ///
    /// # Panics
    /// As [`zeros`](Self::zeros).
    pub fn full(shape: &[usize], value: F) -> Self {
        expect_room::<F>("full", shape);
        Self::shared(ArcArray::from_elem(IxDyn(shape), value))
    }

    /// The identity matrix `[n, n]`.
    ///
    /// # Panics
    /// If memory has no room for it.
    pub fn eye(n: usize) -> Self {
        expect_room::<F>("eye", &[n, n]);
        Self::constant(Array2::eye(n))
    }

    /// `0, 1, .. n - 1`, `[n]`.
    ///
    /// # Panics
    /// If memory has no room for it.
    pub fn arange(n: usize) -> Self {
        expect_room::<F>("arange", &[n]);
        Self::constant((0..n).map(|i| F::of(i as f64)).collect::<Array1<F>>())
    }

    /// A constant of `shape` from its elements in row-major order.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the number of elements is not the product of `shape`.
    pub fn from_vec(shape: &[usize], elements: Vec<F>) -> Result<Self, TensorError> {
        let count = elements.len();
        ArcArray::from_shape_vec(IxDyn(shape), elements)
            .map(Self::shared)
            .map_err(|_| {
                TensorError::shape("from_vec", &[shape], format!("{count} elements were given"))
            })
    }

    /// The value.
    pub fn value(&self) -> &SharedArray<F> {
        &self.value
    }

    /// The extent of every axis.
    pub fn shape(&self) -> &[usize] {
        self.value.shape()
    }

    /// The only element of a tensor that has just one.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is not exactly one element.
    pub fn item(&self) -> Result<F, TensorError> {
        match (self.value.len(), self.value.first()) {
            (1, Some(&x)) => Ok(x),
            _ => Err(TensorError::shape("item", &[self.shape()], "one element")),
        }
    }

    /// The same value, off the tape: nothing computed from it is recorded.
    pub fn detach(&self) -> Self {
        Self::shared(self.value.clone())
    }

    /// The tape that this tensor hangs on.
    pub fn tape(&self) -> Option<Tape<F>> {
        self.place.as_ref().map(|place| place.tape.clone())
    }

    /// Whether this tensor hangs on a tape.
    pub fn is_recorded(&self) -> bool {
        self.place.is_some()
    }
}

impl<F: Float> From<SharedArray<F>> for Tensor<F> {
    fn from(value: SharedArray<F>) -> Self {
        Self::shared(value)
    }
}

/// # Panics
/// If memory has no room for the elements of `shape`.
fn expect_room<F: Float>(maker: &str, shape: &[usize]) {
    // Less is had, or nothing is; asking for it every time would cost more than a small tensor does.
    const LITTLE: usize = 1 << 20;
    let bytes = shape
        .iter()
        .try_fold(size_of::<F>(), |n, &extent| n.checked_mul(extent.max(1)));
    if bytes.is_none_or(|bytes| bytes > LITTLE) && room::<F>("room", shape).is_err() {
        panic_without_room(maker, shape, bytes);
    }
}

fn panic_without_room(maker: &str, shape: &[usize], bytes: Option<usize>) -> ! {
    let bytes = bytes.map_or("more bytes than can be counted".to_owned(), |bytes| {
        format!("{bytes} bytes")
    });
    panic!("Tensor::{maker}: memory has no room for shape {shape:?}, {bytes}");
}

/// The elements in row-major order, copied only where they do not lie so already.
pub fn dense<F: Float>(x: &SharedArray<F>) -> Cow<'_, [F]> {
    F::dense(x)
}

/// [`dense`], compiled for a type by [`Engine`](crate::engine::Engine).
pub(crate) fn elements<F: Float>(x: &SharedArray<F>) -> Cow<'_, [F]> {
    if let Some(elements) = x.as_slice() {
        return Cow::Borrowed(elements);
    }
    let mut elements = Vec::with_capacity(x.len());
    for row in x.rows() {
        match row.to_slice() {
            Some(row) => elements.extend_from_slice(row),
            None => elements.extend(row.iter()),
        }
    }
    Cow::Owned(elements)
}
