//! What a primitive is: a function of arrays and, beside it, its derivative.

use std::fmt::Debug;

use crate::{Float, SharedArray, Tensor, TensorError};

/// An operation, with its derivative written in operations, so that a gradient can itself be differentiated. Those of the
/// crate are made so; one of your own implements this and goes through [`apply`](crate::apply).
///
/// Three things to know:
///
/// - With [`Order::Higher`](crate::Order::Higher), the operands, the output and the cotangent that [`Primitive::vjp`] gets hang on the tape, and the
///   result has to as well: make it of tensor ops. What is computed from their bare arrays is a constant to the second derivative, which
///   is then wrong without a word. A kernel on bare arrays asks whether one of them
///   [is recorded](crate::Tensor::is_recorded), and then answers by ops or with [`TensorError::NoSecondDerivative`].
/// - Arrays come in any layout: `permute` and `slice` copy nothing, so that `as_slice` may be `None`.
/// - [`gradcheck`](crate::testkit::gradcheck) holds both derivatives to differences; give it a permuted operand too.
pub trait Primitive<F: Float>: Debug + Send + Sync + 'static {
    /// The name that errors use.
    fn name(&self) -> &'static str;

    /// The value.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the operands do not fit.
    fn forward(&self, operands: &[&SharedArray<F>]) -> Result<SharedArray<F>, TensorError>;

    /// The cotangent of operand `argument`, given that of the output: `cotangent^T (d output / d operand)`.
    ///
    /// Where the op broadcasts, the result may have the output's shape: the engine sums it back to the operand's.
    ///
    /// # Errors
    /// Those of the ops it is made of.
    fn vjp(
        &self,
        argument: usize,
        operands: &[Tensor<F>],
        output: &Tensor<F>,
        cotangent: &Tensor<F>,
    ) -> Result<Tensor<F>, TensorError>;

    /// An entry for every operand: its cotangent where it is `wanted`, `None` where it is not. A kernel that finds them together
    /// overrides this.
    ///
    /// # Errors
    /// Those of [`Primitive::vjp`].
    fn cotangents(
        &self,
        wanted: &[bool],
        operands: &[Tensor<F>],
        output: &Tensor<F>,
        cotangent: &Tensor<F>,
    ) -> Result<Vec<Option<Tensor<F>>>, TensorError> {
        one_by_one(self, wanted, operands, output, cotangent)
    }
}

/// [`Primitive::cotangents`], each by [`Primitive::vjp`]: for a primitive whose kernel does not
/// serve a gradient that is itself recorded.
///
/// # Errors
/// Those of [`Primitive::vjp`].
pub fn one_by_one<F: Float, P: Primitive<F> + ?Sized>(
    primitive: &P,
    wanted: &[bool],
    operands: &[Tensor<F>],
    output: &Tensor<F>,
    cotangent: &Tensor<F>,
) -> Result<Vec<Option<Tensor<F>>>, TensorError> {
    let of = |argument| primitive.vjp(argument, operands, output, cotangent);
    wanted
        .iter()
        .enumerate()
        .map(|(argument, wanted)| wanted.then(|| of(argument)).transpose())
        .collect()
}
