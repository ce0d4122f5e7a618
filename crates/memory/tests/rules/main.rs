//! What every write rule promises, in f64 and on random scenes: right gradients, and the same result however the work
//! is cut. A rule that joins `rules()` is held to all of it without a line here.

mod definitions;
mod errors;
mod family;
mod gradients;
mod meaning;
mod plain;
mod promises;
mod scene;
mod sentinel;
