//! A count of passes: the proof that the fused kernel ran, and not the definition beside it that gives the same numbers.

use std::cell::Cell;

/// Passes of the fused kernel over a block of sequences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passes {
    /// Forward.
    pub forward: u64,
    /// Back.
    pub adjoint: u64,
}

thread_local! {
    static PASSES: Cell<Passes> = const { Cell::new(Passes { forward: 0, adjoint: 0 }) };
}

/// The passes that this thread has begun so far.
pub fn passes() -> Passes {
    PASSES.get()
}

pub(super) fn count_forward() {
    let so_far = PASSES.get();
    PASSES.set(Passes {
        forward: so_far.forward + 1,
        ..so_far
    });
}

pub(super) fn count_adjoint() {
    let so_far = PASSES.get();
    PASSES.set(Passes {
        adjoint: so_far.adjoint + 1,
        ..so_far
    });
}
