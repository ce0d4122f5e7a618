//! Functions of one element: a table of value and derivative.

use crate::engine::{apply_own, own};
use crate::kernels::Kernels;
use crate::ops::runs::array;
use crate::ops::single::in_place;
use crate::ops::{Outcome, one};
use crate::{Array, Float, Primitive, Tensor, dense};

/// One line a primitive: `Name method: x => value; (operand x, output y, cotangent g) => derivative`, and before the
/// semicolon the kernel that computes the value for `f32`, if there is one: `=> by kernel`.
macro_rules! elementwise {
    ($($(#[$doc:meta])* $Op:ident $method:ident: $e:ident => $value:expr $(=> by $kernel:ident)?; ($x:ident, $y:ident, $g:ident) => $vjp:expr)*) => {
        pub(super) const NAMES: &[&str] = &[$(stringify!($method)),*];

    $(
        #[derive(Debug)]
        struct $Op;

        own!($Op);

        impl<F: Float> Primitive<F> for $Op {
            fn name(&self) -> &'static str {
                stringify!($method)
            }

            fn forward(&self, operands: &[&Array<F>]) -> Outcome<Array<F>> {
                let x = one(stringify!($method), operands)?;
                $(
                    let mut elements = dense(x).into_owned();
                    if in_place(&mut elements, <f32 as Kernels>::$kernel) {
                        return array(stringify!($method), x.shape(), elements);
                    }
                )?
                let elements = dense(x).iter().map(|&$e| $value).collect();
                array(stringify!($method), x.shape(), elements)
            }

            #[allow(unused_variables)]
            fn vjp(&self, _: usize, operands: &[Tensor<F>], $y: &Tensor<F>, $g: &Tensor<F>) -> Outcome<Tensor<F>> {
                let $x = &operands[0];
                $vjp
            }
        }

        impl<F: Float> Tensor<F> {
            $(#[$doc])*
            ///
            /// # Errors
            /// None for a tensor of any shape; the result type is that of every op.
            pub fn $method(&self) -> Outcome<Tensor<F>> {
                apply_own($Op, &[self])
            }
        }
    )*};
}

elementwise! {
    /// `-x`.
    Neg neg: e => -e; (x, y, g) => g.neg()
    /// `e^x`.
    Exp exp: e => e.exp() => by exp_slice; (x, y, g) => g.mul(y)
    /// The natural logarithm.
    Ln ln: e => e.ln(); (x, y, g) => g.div(x)
    /// `sqrt(x)`; the derivative is infinite at 0.
    Sqrt sqrt: e => e.sqrt(); (x, y, g) => g.div(&y.scale(2.0)?)
    /// `tanh(x)`.
    Tanh tanh: e => e.tanh() => by tanh_slice; (x, y, g) => g.mul(&y.mul(y)?.neg()?.shift(1.0)?)
    /// The logistic function `1 / (1 + e^-x)`.
    Sigmoid sigmoid: e => logistic(e) => by sigmoid_slice; (x, y, g) => g.mul(&y.mul(&y.neg()?.shift(1.0)?)?)
    /// `ln(1 + e^x)`, without overflow.
    Softplus softplus: e => e.max(F::zero()) + (-e.abs()).exp().ln_1p(); (x, y, g) => g.mul(&x.sigmoid()?)
    /// `max(x, 0)`, NaN for NaN; the derivative at 0 is 0.
    Relu relu: e => if e < F::zero() { F::zero() } else { e }; (x, y, g) => g.mul(&Tensor::shared(x.value().mapv(|e| if e > F::zero() { F::one() } else { F::zero() }).into_shared()))
}

fn logistic<F: Float>(x: F) -> F {
    F::one() / (F::one() + (-x).exp())
}
