//! A neural network as an associative memory: read by pushing a key through it, written in one shot by changing its
//! weights.
//!
//! [`Memory`] holds the fast weights of a batch of sequences, a [`WriteRule`] changes them. Both are made of tensor
//! ops, so that whatever reads the memory can be differentiated through every write. The rules of Metalearned Neural
//! Memory (arXiv 1907.09720) are [`GradientRule`] (MNM-g) and [`PerceptronRule`] (MNM-p); [`rules()`] has the whole family.
//!
//! [`AssociativeMemory`] is a memory in a program: no tape, no batch, plain slices, in place.

pub mod fused;

mod associative;
mod configured;
mod error;
mod gates;
mod memory;
mod program;
mod reference;
mod rule;
mod rules;
mod sequence;
mod shape;
mod slot;
pub mod testkit;

pub use associative::{
    AssociativeError, AssociativeMemory, Drift, Features, Method, Statistics, read_each, write_each,
};
pub use configured::{InnerLoss, RuleOptions, rule_named, rule_names, rule_with, rules};
pub use error::{MemoryError, parameter};
pub use gates::{Gate, Gates};
pub use memory::Memory;
pub use program::{Program, Rows, Scalar};
pub use rule::{Write, WriteRule};
pub use rules::*;
pub use sequence::{Reads, Sequence, sequence, sequence_by_steps};
pub use shape::{MemoryShape, weight_name};
pub use slot::{Slot, SlotStart, momentum_name};

/// The examples of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
