//! Functions of one element: a table of value and derivative.

use crate::engine::{apply_own, own};
use crate::kernels::Kernels;
use crate::ops::runs::array;
use crate::ops::share::share;
use crate::ops::single::in_place;
use crate::ops::{Outcome, one};
use crate::{Float, Primitive, SharedArray, Tensor, dense};

/// One line a primitive: `Name method: x => value; (operand x, output y, cotangent g) => derivative`, and before the
/// semicolon the kernel that computes the value for `f32`, if there is one: `=> by kernel`.
macro_rules! elementwise {
    ($($(#[$doc:meta])* $Op:ident $method:ident: $e:ident => $value:expr $(=> by $kernel:ident)?; ($x:ident, $y:ident, $g:ident) => $vjp:expr)*) => {
        pub(super) const NAMES: &[&str] = &["powf", $(stringify!($method)),*];

    $(
        #[derive(Debug)]
        struct $Op;

        own!($Op);

        impl<F: Float> Primitive<F> for $Op {
            fn name(&self) -> &'static str {
                stringify!($method)
            }

            fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
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
    /// `max(x, 0)`, NaN for NaN; the derivative at 0 is 0, that at NaN 1.
    Relu relu: e => if e < F::zero() { F::zero() } else { e }; (x, y, g) => share(g, x, |e| if e <= F::zero() { F::zero() } else { F::one() })
    /// `|x|`; the derivative at 0 is 0, and so is that at NaN.
    Abs abs: e => e.abs(); (x, y, g) => g.mul(Tensor::shared(x.value().mapv(sign).into_shared()))
    /// `sin(x)`.
    Sin sin: e => e.sin(); (x, y, g) => g.mul(&x.cos()?)
    /// `cos(x)`.
    Cos cos: e => e.cos(); (x, y, g) => g.mul(&x.sin()?.neg()?)
    /// The error function, `2 / sqrt(pi)` times the integral of `e^(-t^2)` from 0 to x.
    Erf erf: e => F::of(libm::erf(e.as_f64())); (x, y, g) => g.mul(&x.square()?.neg()?.exp()?.scale(std::f64::consts::FRAC_2_SQRT_PI)?)
}

/// 1, 0 or -1; 0 for NaN.
fn sign<F: Float>(x: F) -> F {
    if x > F::zero() {
        F::one()
    } else if x < F::zero() {
        -F::one()
    } else {
        F::zero()
    }
}

/// `x^exponent`, the exponent being no operand.
#[derive(Debug)]
struct Power(f64);

own!(Power);

impl<F: Float> Primitive<F> for Power {
    fn name(&self) -> &'static str {
        "powf"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let x = one("powf", operands)?;
        let elements = dense(x);
        let elements = elements.iter();
        let powers = match self.0 as i32 {
            whole if f64::from(whole) == self.0 => elements.map(|x| x.powi(whole)).collect(),
            _ => elements.map(|x| x.powf(F::of(self.0))).collect(),
        };
        array("powf", x.shape(), powers)
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        // A constant has no derivative, also at 0, where a power of -1 would be infinite, and of an infinite cotangent.
        if self.0 == 0.0 {
            return Ok(Tensor::zeros(g.shape()));
        }
        g.mul(&operands[0].powf(self.0 - 1.0)?.scale(self.0)?)
    }
}

impl<F: Float> Tensor<F> {
    /// `x^exponent`; of a negative x only for a whole exponent, else NaN.
    ///
    /// # Errors
    /// None for a tensor of any shape.
    pub fn powf(&self, exponent: f64) -> Outcome<Tensor<F>> {
        apply_own(Power(exponent), &[self])
    }

    /// `x^exponent`.
    ///
    /// # Errors
    /// None for a tensor of any shape.
    pub fn powi(&self, exponent: i32) -> Outcome<Tensor<F>> {
        self.powf(f64::from(exponent))
    }

    /// `x^2`.
    ///
    /// # Errors
    /// None for a tensor of any shape.
    pub fn square(&self) -> Outcome<Tensor<F>> {
        self.mul(self)
    }

    /// `x sigmoid(x)` (also called swish).
    ///
    /// # Errors
    /// None for a tensor of any shape.
    pub fn silu(&self) -> Outcome<Tensor<F>> {
        self.mul(&self.sigmoid()?)
    }

    /// `x (1 + erf(x / sqrt 2)) / 2`: x times the chance that a normal variable is below it.
    ///
    /// # Errors
    /// None for a tensor of any shape.
    pub fn gelu(&self) -> Outcome<Tensor<F>> {
        let below = self.scale(std::f64::consts::FRAC_1_SQRT_2)?.erf()?;
        self.mul(&below.affine(0.5, 0.5)?)
    }
}

fn logistic<F: Float>(x: F) -> F {
    F::one() / (F::one() + (-x).exp())
}
