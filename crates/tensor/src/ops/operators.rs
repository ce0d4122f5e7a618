//! `+ - * /` and the minus sign on references to tensors, as `ndarray` has them: the methods behind them, with a panic instead of an error.

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
    ($($Trait:ident $operator:ident: $by:ident, |$x:ident, $c:ident| $with_constant:expr;)*) => {$(
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

        operators!(by reference $Trait $operator: Tensor<F>, Tensor<F> => |a, b| (&a, &b));
        operators!(by reference $Trait $operator: Tensor<F>, &Tensor<F> => |a, b| (&a, b));
        operators!(by reference $Trait $operator: &Tensor<F>, Tensor<F> => |a, b| (a, &b));
        operators!(by reference $Trait $operator: Tensor<F>, f64 => |a, b| (&a, b));
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
    Add add: add, |x, c| x.shift(c);
    Sub sub: sub, |x, c| x.shift(-c);
    Mul mul: mul, |x, c| x.scale(c);
    Div div: div, |x, c| x.div(Tensor::scalar(F::of(c)));
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

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn operators_are_the_methods_behind_them() {
        let (a, b) = (
            Tensor::constant(array![1.0, 4.0]),
            Tensor::constant(array![2.0, 8.0]),
        );
        let elements = |t: Tensor<f64>| t.value().iter().copied().collect::<Vec<_>>();
        assert_eq!(elements(&a + &b), [3.0, 12.0]);
        assert_eq!(elements(&a - &b * 2.0), [-3.0, -12.0]);
        assert_eq!(elements((&a * &b + 1.0) / &b), [1.5, 33.0 / 8.0]);
        assert_eq!(elements(-(&a / 2.0 - 1.0)), [0.5, -1.0]);
        assert_eq!(elements(a.clone() - b.clone()), [-1.0, -4.0]);
        assert_eq!(elements(-&a), [-1.0, -4.0]);
    }

    #[test]
    #[should_panic(expected = "add: shapes [[2], [3]] do not fit")]
    fn a_misfit_panics_with_the_message_of_the_error() {
        let _ = &Tensor::<f64>::zeros(&[2]) + &Tensor::zeros(&[3]);
    }
}
