//! A neural network as an associative memory: read by pushing a key through it, written in one shot by changing its
//! weights.
//!
//! [`Memory`] holds the fast weights of a batch of sequences, a [`WriteRule`] changes them. Both are made of tensor
//! ops, so that whatever reads the memory can be differentiated through every write. The rules of Metalearned Neural
//! Memory (arXiv 1907.09720) are [`GradientRule`] (MNM-g) and [`PerceptronRule`] (MNM-p).
//!
//! [`AssociativeMemory`] is a memory in a program: no tape, no batch, plain slices, in place.

pub mod fused;

mod associative;
mod error;
mod gradient_rule;
mod memory;
mod perceptron_rule;
mod rule;
mod shape;

pub use associative::{
    AssociativeError, AssociativeMemory, Drift, Features, Method, Statistics, read_each, write_each,
};
pub use error::MemoryError;
pub use gradient_rule::GradientRule;
pub use memory::Memory;
pub use perceptron_rule::PerceptronRule;
pub use rule::{Write, WriteRule, rule_named, rules};
pub use shape::{MemoryShape, weight_name};

/// The examples of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
