//! The memory over whole sequences, without a tape: a rule's [`Program`](crate::Program) read forward on slices, and backwards
//! instruction by instruction.
//!
//! docs/fused.md writes one rule out with every buffer and its shape. In short:
//!
//! - A write is of rank H: `W_t = (1 - phi) W_{t-1} - S_t`, `S_t = eta S_{t-1} + D_t^T A_t` with `D_t = beta E_t` `[H, out]` and
//!   `A_t` `[H, in]`. Steps go in *chunks*. Within a chunk no weights are touched: a product with them is one with the weights where
//!   the chunk began, and two with the rows of A and D since (`history.rs`). After its last write they are folded into the weights
//!   (`fold.rs`).
//! - What a step makes and the way back needs stands in its record, `[S H, width]` for each value of the program (`plan.rs`).
//! - The way back goes through the chunks in reverse. Where writes fade, each has kept the weights where it began, so that nothing is
//!   undone and forgetting loses nothing; where they last, they come out of the weights again. The cotangents of W (and S) go from chunk
//!   to chunk (`border.rs`).
//!
//! Memories of one layer whose keys are known in advance go another way: `linear.rs` takes the steps of a chunk in products of whole
//! matrices.
//!
//! [`MemoryForward`] and [`MemoryAdjoint`] advance a block of sequences one step at a time, so that a controller can
//! stand between the steps.

mod adjoint;
mod border;
mod by_row;
mod cost;
mod decay;
mod elementwise;
mod faded_base;
mod fold;
mod form;
mod forward;
mod history;
mod history_adjoint;
mod instructions;
mod layout;
mod linear;
mod linear_adjoint;
mod plan;
mod products;
mod shared;

pub use adjoint::{MemoryAdjoint, MemoryEnd, MemoryGradients, StepAdjoint};
pub use form::RuleForm;
pub use forward::{
    MemoryForward, MemoryOptions, MemorySaved, MemoryStart, PreparedRule, StepForward,
};
pub use history::{ChunkSteps, Initial};
pub(crate) use layout::behind;
pub(crate) use linear::{Linear, LinearInputs, LinearSaved, Outcome, is_linear};
pub(crate) use linear_adjoint::LinearCotangents;
pub use plan::MemorySizes;
pub use shared::{SharedGradient, SharedMatrix};
