//! The MNM cell over whole sequences, without a tape: forward, and the adjoint written by hand.
//!
//! [`Prepared`] packs the weights once a training step and is shared by all threads. [`Prepared::forward`] runs a *block* of
//! sequences through all steps; [`Saved::adjoint`] takes it back. The caller cuts the batch into blocks, may
//! run them on any threads, and adds up their [`Gradients`] in a fixed order.
//!
//! What depends on the step is done step by step for the block: the products with `[v_{t-1} ; h_{t-1}]`, with `h_t`, and the
//! memory ([`mnm_memory::fused`]). What does not is done for all steps at once: the product with the inputs, and every
//! weight gradient, as one large product of the gathered cotangents with the gathered activations.

mod adjoint;
mod block;
mod cache;
mod count;
mod error;
mod forward;
mod lstm;
mod prepared;
mod states;

pub use adjoint::{Cotangents, Gradients, Ran, Wanted};
pub use block::{BLOCK_COST, block_size};
pub use cache::PreparedCache;
pub use count::{Passes, passes};
pub use error::LengthError;
pub use forward::{Forward, InitialState, Inputs, Keep, Saved};
pub use mnm_memory::fused::{ChunkSteps, Initial, RuleForm, SharedGradient};
pub use prepared::{CellSizes, Prepared, Weights};
