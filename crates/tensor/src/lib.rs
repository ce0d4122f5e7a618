//! Reverse-mode automatic differentiation over [`ndarray`], to any order.
//!
//! A [`Tensor`] is an immutable value; if it hangs on a [`Tape`], what is computed from it is recorded there, and
//! [`gradient`] walks the recording backwards. The derivative of each primitive of [`ops`]
//! stands beside it and is written in the same primitives, so a gradient taken with [`Order::Higher`] is itself
//! recorded and can be differentiated again.
//!
//! ```
//! use mnm_tensor::{gradient, Order, Tape};
//! use ndarray::array;
//!
//! # fn main() -> Result<(), mnm_tensor::TensorError> {
//! let tape = Tape::new();
//! let x = tape.variable(array![1.0_f64, 2.0]);
//! let y = x.mul(&x)?.mul(&x)?.sum_all()?; // sum of x^3
//! let first = gradient(&y, &[&x], Order::Higher)?.remove(0); // 3 x^2
//! let second = gradient(&first.sum_all()?, &[&x], Order::First)?.remove(0); // 6 x
//! assert_eq!(second.value().as_slice(), Some(&[6.0, 12.0][..]));
//! # Ok(())
//! # }
//! ```

pub mod kernels;
pub mod ops;
pub mod testkit;

mod engine;
mod error;
mod float;
mod gradient;
mod init;
mod into_array;
mod joint;
mod parameter_spec;
mod parameters;
mod primitive;
mod tape;
mod tensor;

/// `ndarray` 0.17, the version that tensors are made of: a program that takes it from here has the same.
pub use ndarray;
/// `rand` 0.10, the version that parameters are drawn with.
pub use rand;

pub use error::TensorError;
pub use float::Float;
pub use gradient::{Order, gradient, pull_back};
pub use init::Init;
pub use into_array::IntoArray;
pub use joint::{Joint, apply_joint};
pub use parameter_spec::ParameterSpec;
pub use parameters::Parameters;
pub use primitive::{Primitive, one_by_one};
pub use tape::{Tape, apply};
pub use tensor::{SharedArray, Tensor, dense};

/// The examples of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
