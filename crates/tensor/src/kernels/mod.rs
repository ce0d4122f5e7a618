//! The numerical kernels that the fused recurrent-memory kernels are built from.
//!
//! Small matrix products and activations, on slices, for `f32` and `f64`. No
//! tape, no threads, no allocation beyond what a signature shows (large products pack their operands). Every sum is
//! taken in an order that depends on the shapes and the [`Level`] alone, so results are the same bits from run to run
//! and for any number of threads around them.
//!
//! # Instruction sets
//!
//! `f32` runs at the widest [`Level`] of the machine, found at run time; a plain `cargo build` is enough. `f64`, which
//! is for checking gradients, runs the same code at [`Level::Portable`]. All `unsafe` of this crate is in this module's
//! innermost files: one trait of vector operations (`simd`, `x86`), two register tiles (`tile`) and the loops around
//! them (`blocks`).
//!
//! # Layout of fast weights
//!
//! A fast-weight matrix W is \[out, in], row-major, its rows padded with [`padded`] to whole cache lines: the layout of
//! `torch.nn.Linear`, and of the initial weights in a checkpoint. Products with keys (W x) then sum across lanes, which
//! [`matmul_nt`] does for eight sums at once; products with cotangents (d W) and writes (W -= D^T A) run along the rows.
//! The transposed layout would only exchange the two, and both are needed equally often. Padding is neither read nor
//! written, but for that of a [`MatrixMut::padded`], which holds anything afterwards.
//!
//! # Panics
//!
//! The functions are for use inside kernels whose shapes are already validated: they panic when matrices do not fit
//! together. They never read or write outside of a matrix (and its padding, if it gives that away), whatever the arguments.

mod activation;
mod blocks;
mod buffer;
mod level;
mod matmul;
mod packed;
mod scalar;
mod scratch;
mod simd;
mod stream;
mod tile;
mod view;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use buffer::{AlignedBuffer, ROW_MULTIPLE, padded};
pub use level::{Level, vectorised, with_level};
pub use matmul::{dot, matmul, matmul_nt, matmul_tn};
pub use packed::Packed;
pub use scalar::Kernels;
pub use scratch::{KEPT, Scratch};
pub use stream::stream;
pub use view::{Matrix, MatrixMut, Store};
