//! What a primitive is: a function of arrays and, beside it, its derivative.

use std::fmt::Debug;

use crate::{Array, Float, Tensor, TensorError};

/// An operation of the closed set, with its derivative written in the same operations, so that a gradient can itself
/// be differentiated.
pub trait Primitive<F: Float>: Debug + 'static {
    /// The name that errors use.
    fn name(&self) -> &'static str;

    /// The value.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the operands do not fit.
    fn forward(&self, operands: &[&Array<F>]) -> Result<Array<F>, TensorError>;

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

    /// The cotangents of all operands that are `wanted`. A kernel that finds them together overrides this.
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
        (0..operands.len())
            .map(|argument| {
                wanted[argument]
                    .then(|| self.vjp(argument, operands, output, cotangent))
                    .transpose()
            })
            .collect()
    }
}
