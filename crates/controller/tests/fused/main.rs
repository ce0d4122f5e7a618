//! The fused cell against the cell in tensor ops: values, last state, and every gradient, for random cotangents.

mod blocks;
mod cases;
mod equality;
mod numbers;
mod runs;
mod support;
