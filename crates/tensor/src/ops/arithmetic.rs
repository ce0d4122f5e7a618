//! Sum, difference, product and quotient of two broadcast operands, and their forms with a constant.

use std::borrow::Borrow;

use crate::engine::{apply_own, own};
use crate::ops::runs::{Along, Parts, Run, array, runs};
use crate::ops::total::room;
use crate::ops::{Outcome, broadcast_shape, one, two};
use crate::{Float, Primitive, SharedArray, Tensor, dense};

/// `f` of every pair of elements.
pub(super) fn zip<F: Float>(
    op: &'static str,
    operands: &[&SharedArray<F>],
    f: impl Fn(F, F) -> F + Copy,
) -> Outcome<SharedArray<F>> {
    let (a, b) = two(op, operands)?;
    let shape = broadcast_shape(op, a.shape(), b.shape())?;
    let (mut out, count) = room(op, &shape)?;
    if count > 0 {
        let (a_dense, b_dense) = (dense(a), dense(b));
        pairs(&runs(a.shape(), b.shape()), &a_dense, &b_dense, f, &mut out);
    }
    array(op, &shape, out)
}

/// Appends `f` of the pairs along `runs`, of which no extent is zero.
fn pairs<F: Float>(runs: &[Run], a: &[F], b: &[F], f: impl Fn(F, F) -> F + Copy, out: &mut Vec<F>) {
    match *runs {
        [] => out.push(f(a[0], b[0])),
        [(_, Along::Both)] => out.extend(a.iter().zip(b).map(|(&p, &q)| f(p, q))),
        [(_, Along::First)] => {
            let q = b[0];
            out.extend(a.iter().map(|&p| f(p, q)));
        }
        [(_, Along::Second)] => {
            let p = a[0];
            out.extend(b.iter().map(|&q| f(p, q)));
        }
        [(extent, along), ref inner @ ..] => {
            let (a_parts, b_parts) = (
                Parts::of(a, extent, along != Along::Second),
                Parts::of(b, extent, along != Along::First),
            );
            for i in 0..extent {
                pairs(inner, a_parts.at(i), b_parts.at(i), f, out);
            }
        }
    }
}

/// One line a primitive: `Name method: (a, b) => value; (operands a b, output y, cotangent g) => derivatives`.
macro_rules! binary {
    ($($(#[$doc:meta])* $Op:ident $method:ident: ($p:ident, $q:ident) => $value:expr; ($a:ident, $b:ident, $y:ident, $g:ident) => $first:expr, $second:expr)*) => {
        pub(super) const NAMES: &[&str] = &["affine", $(stringify!($method)),*];

    $(
        #[derive(Debug)]
        struct $Op;

        own!($Op);

        impl<F: Float> Primitive<F> for $Op {
            fn name(&self) -> &'static str {
                stringify!($method)
            }

            fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
                zip(stringify!($method), operands, |$p, $q| $value)
            }

            #[allow(unused_variables)]
            fn vjp(&self, argument: usize, operands: &[Tensor<F>], $y: &Tensor<F>, $g: &Tensor<F>) -> Outcome<Tensor<F>> {
                let ($a, $b) = (&operands[0], &operands[1]);
                if argument == 0 { $first } else { $second }
            }
        }

        impl<F: Float> Tensor<F> {
            $(#[$doc])*
            ///
            /// The operands are broadcast.
            ///
            /// # Errors
            /// [`TensorError::Shape`](crate::TensorError::Shape) if the shapes do not broadcast.
            pub fn $method(&self, other: impl Borrow<Tensor<F>>) -> Outcome<Tensor<F>> {
                apply_own($Op, &[self, other.borrow()])
            }
        }
    )*};
}

binary! {
    #[doc = "`a + b`."]
    Add add: (p, q) => p + q; (a, b, y, g) => Ok(g.clone()), Ok(g.clone())
    #[doc = "`a - b`."]
    Sub sub: (p, q) => p - q; (a, b, y, g) => Ok(g.clone()), g.neg()
    #[doc = "`a b`, element by element."]
    Mul mul: (p, q) => p * q; (a, b, y, g) => g.mul(b), g.mul(a)
    #[doc = "`a / b`, element by element."]
    Div div: (p, q) => p / q; (a, b, y, g) => g.div(b), g.mul(y)?.div(b)?.neg()
}

/// `factor x + offset`, the constants being no operands.
#[derive(Debug)]
struct Affine {
    factor: f64,
    offset: f64,
}

own!(Affine);

impl<F: Float> Primitive<F> for Affine {
    fn name(&self) -> &'static str {
        "affine"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let (factor, offset) = (F::of(self.factor), F::of(self.offset));
        let x = one("affine", operands)?;
        let out = dense(x).iter().map(|&x| factor * x + offset).collect();
        array("affine", x.shape(), out)
    }

    fn vjp(&self, _: usize, _: &[Tensor<F>], _: &Tensor<F>, g: &Tensor<F>) -> Outcome<Tensor<F>> {
        g.scale(self.factor)
    }
}

impl<F: Float> Tensor<F> {
    /// `factor x`.
    ///
    /// # Errors
    /// None for a tensor of any shape.
    pub fn scale(&self, factor: f64) -> Outcome<Tensor<F>> {
        self.affine(factor, 0.0)
    }

    /// `x + offset`.
    ///
    /// # Errors
    /// None for a tensor of any shape.
    pub fn shift(&self, offset: f64) -> Outcome<Tensor<F>> {
        self.affine(1.0, offset)
    }

    /// `factor x + offset`.
    ///
    /// # Errors
    /// None for a tensor of any shape.
    pub fn affine(&self, factor: f64, offset: f64) -> Outcome<Tensor<F>> {
        apply_own(Affine { factor, offset }, &[self])
    }
}
