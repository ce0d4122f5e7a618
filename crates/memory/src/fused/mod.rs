//! The memory over whole sequences, without a tape: forward, and the adjoint written by hand.
//!
//! A write adds a term of rank H to each layer's weights, `W_t = W_{t-1} - D_t^T A_t` with `D_t` `[H, out]` and `A_t`
//! `[H, in]`. So the forward pass keeps only factors and activations, O(T H width) numbers a sequence, and one copy of the
//! weights; the backward pass gets the weights of every step back by undoing the writes in reverse, `W_{t-1} = W_t +
//! D_t^T A_t`, beside one copy of their cotangents G. What the two passes do at a step:
//!
//! ```text
//! forward    before:  a^l of k^w with W_{t-1}                        (H rows)
//!            errors:  E^l, the rule's own business; D^l = beta E^l, A^l = a^{l-1}
//!            after:   W_t = W_{t-1} - D^T A, applied in the same pass to k^w and k^r  (2H rows)
//! backward   after:   cotangents of the 2H rows through W_t; W_{t-1} = W_t + D^T A in the same pass
//!            write:   G += what used W_t; dD = -A G^T, dA = -D G     (one pass over G)
//!            before:  the rule's adjoint, then the H rows through W_{t-1}; what it adds to G waits for the next pass
//! ```
//!
//! [`MemoryForward`] and [`MemoryAdjoint`] advance a block of sequences one step at a time, so that a controller can
//! stand between the steps. Sequences are independent; within a step they come one after the other, so that one
//! sequence's weights stay in the cache for all that is done to them.

mod adjoint;
mod direct;
mod dual;
mod dual_adjoint;
mod elementwise;
mod forward;
mod gradient;
mod layout;
mod passes;
mod perceptron;
mod rule;
mod targets;

pub use adjoint::{MemoryAdjoint, StepAdjoint};
pub use dual::break_even_rows;
pub use forward::{Initial, MemoryForward, MemoryOptions, MemorySaved, StepForward};
pub use layout::MemorySizes;
pub use rule::FusedRule;
pub use targets::{TargetsGradient, TargetsNetwork};
