//! What is compiled once for each scalar type, in this crate, however many crates use it.
//!
//! Generic code is compiled anew in every crate that uses it for a type. An op alone brings its value, its derivative and whatever array
//! code they need, so a program of a few lines used to compile most of this crate again. Two things end that: the methods of [`Engine`]
//! are those of the concrete types `f32` and `f64`, and an op of this crate goes to them as an [`Op`], which
//! is made by a function without a type parameter.

use std::borrow::Cow;
use std::sync::Arc;

use rand::Rng;

use crate::gradient::{Order, walk_back};
use crate::tape::record;
use crate::tensor::elements;
use crate::{Float, Init, Primitive, SharedArray, Tensor, TensorError};

/// A primitive of this crate, for either scalar type.
pub struct Op(Arc<dyn Both>);

trait Both {
    fn single(self: Arc<Self>) -> Arc<dyn Primitive<f32>>;
    fn double(self: Arc<Self>) -> Arc<dyn Primitive<f64>>;
}

impl<P: Primitive<f32> + Primitive<f64>> Both for P {
    fn single(self: Arc<Self>) -> Arc<dyn Primitive<f32>> {
        self
    }

    fn double(self: Arc<Self>) -> Arc<dyn Primitive<f64>> {
        self
    }
}

impl Op {
    /// Only for [`own`], whose functions have no type parameter: whoever calls this compiles the primitive.
    pub(crate) fn new(primitive: impl Primitive<f32> + Primitive<f64>) -> Self {
        Op(Arc::new(primitive))
    }
}

/// Says that these primitives are the crate's own: [`apply_own`] takes them.
macro_rules! own {
    ($($primitive:ty),+) => {
        $(impl From<$primitive> for $crate::engine::Op {
            #[inline(never)]
            fn from(primitive: $primitive) -> Self {
                $crate::engine::Op::new(primitive)
            }
        })+
    };
}
pub(crate) use own;

/// [`apply`](crate::apply) for a primitive of this crate.
pub(crate) fn apply_own<F: Float>(
    primitive: impl Into<Op>,
    operands: &[&Tensor<F>],
) -> Result<Tensor<F>, TensorError> {
    F::record(F::primitive(primitive.into()), operands)
}

/// The engine for one scalar type; only `f32` and `f64` have it.
#[doc(hidden)]
pub trait Engine: Sized {
    /// The primitive that an op of this crate is for this type.
    fn primitive(op: Op) -> Arc<dyn Primitive<Self>>
    where
        Self: Float;

    /// Applies a primitive, and records it if an operand hangs on a tape.
    fn record(
        primitive: Arc<dyn Primitive<Self>>,
        operands: &[&Tensor<Self>],
    ) -> Result<Tensor<Self>, TensorError>
    where
        Self: Float;

    /// A vector-Jacobian product.
    fn pull_back(
        output: &Tensor<Self>,
        cotangent: &Tensor<Self>,
        wrt: &[&Tensor<Self>],
        order: Order,
    ) -> Result<Vec<Tensor<Self>>, TensorError>
    where
        Self: Float;

    /// First values.
    fn draw(init: &Init, shape: &[usize], generator: &mut dyn Rng) -> SharedArray<Self>
    where
        Self: Float;

    /// The elements in row-major order.
    fn dense(x: &SharedArray<Self>) -> Cow<'_, [Self]>
    where
        Self: Float;
}

macro_rules! engine {
    ($($float:ty: $primitive:ident),+) => {
        $(impl Engine for $float {
            fn primitive(op: Op) -> Arc<dyn Primitive<Self>> {
                op.0.$primitive()
            }

            fn record(
                primitive: Arc<dyn Primitive<Self>>,
                operands: &[&Tensor<Self>],
            ) -> Result<Tensor<Self>, TensorError> {
                record(primitive, operands)
            }

            fn pull_back(
                output: &Tensor<Self>,
                cotangent: &Tensor<Self>,
                wrt: &[&Tensor<Self>],
                order: Order,
            ) -> Result<Vec<Tensor<Self>>, TensorError> {
                walk_back(output, cotangent, wrt, order)
            }

            fn draw(init: &Init, shape: &[usize], generator: &mut dyn Rng) -> SharedArray<Self> {
                init.elements(shape, generator)
            }

            fn dense(x: &SharedArray<Self>) -> Cow<'_, [Self]> {
                elements(x)
            }
        })+
    };
}

engine!(f32: single, f64: double);
