//! `+ - * /` and the minus sign on tensors and references to them, with numbers on either side, as `ndarray` has them: the methods
//! behind them, with a panic instead of an error.
//!
//! A number is an `f64` for tensors of either type, as in [`Tensor::scale`]; so `2.0 * &x` needs no suffix.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::{Float, Tensor};

/// The value, or a panic with the error's message at the line that used the operator.
#[track_caller]
fn fits<F: Float>(result: Result<Tensor<F>, crate::TensorError>) -> Tensor<F> {
    match result {
        Ok(tensor) => tensor,
        Err(error) => panic!("{error}"),
    }
}

macro_rules! operators {
    ($($Trait:ident $operator:ident: $by:ident, |$x:ident, $c:ident| $with_constant:expr, $of_constant:expr;)*) => {$(
        /// # Panics
        /// If the shapes do not broadcast, or the operands hang on different tapes; the method of the same name gives an error
        /// instead.
        impl<F: Float> $Trait for &Tensor<F> {
            type Output = Tensor<F>;

            #[track_caller]
            fn $operator(self, other: Self) -> Tensor<F> {
                fits(self.$by(other))
            }
        }

        impl<F: Float> $Trait<f64> for &Tensor<F> {
            type Output = Tensor<F>;

            #[track_caller]
            fn $operator(self, $c: f64) -> Tensor<F> {
                let $x = self;
                fits($with_constant)
            }
        }

        impl<F: Float> $Trait<&Tensor<F>> for f64 {
            type Output = Tensor<F>;

            #[track_caller]
            fn $operator(self, $x: &Tensor<F>) -> Tensor<F> {
                let $c = self;
                fits($of_constant)
            }
        }

        operators!(by reference $Trait $operator: Tensor<F>, Tensor<F> => |a, b| (&a, &b));
        operators!(by reference $Trait $operator: Tensor<F>, &Tensor<F> => |a, b| (&a, b));
        operators!(by reference $Trait $operator: &Tensor<F>, Tensor<F> => |a, b| (a, &b));
        operators!(by reference $Trait $operator: Tensor<F>, f64 => |a, b| (&a, b));
        operators!(by reference $Trait $operator: f64, Tensor<F> => |a, b| (a, &b));
    )*};
    (by reference $Trait:ident $operator:ident: $left:ty, $right:ty => |$a:ident, $b:ident| ($by_a:expr, $by_b:expr)) => {
        impl<F: Float> $Trait<$right> for $left {
            type Output = Tensor<F>;

            #[track_caller]
            fn $operator(self, other: $right) -> Tensor<F> {
                let ($a, $b) = (self, other);
                $Trait::$operator($by_a, $by_b)
            }
        }
    };
}

operators! {
    Add add: add, |x, c| x.shift(c), x.shift(c);
    Sub sub: sub, |x, c| x.shift(-c), x.affine(-1.0, c);
    Mul mul: mul, |x, c| x.scale(c), x.scale(c);
    Div div: div, |x, c| x.div(Tensor::scalar(F::of(c))), Tensor::div(&Tensor::scalar(F::of(c)), x);
}

impl<F: Float> Neg for &Tensor<F> {
    type Output = Tensor<F>;

    #[track_caller]
    fn neg(self) -> Tensor<F> {
        fits(Tensor::neg(self))
    }
}

impl<F: Float> Neg for Tensor<F> {
    type Output = Tensor<F>;

    #[track_caller]
    fn neg(self) -> Tensor<F> {
        fits(Tensor::neg(&self))
    }
}
