//! Scalars for TensorBoard.
//!
//! Written by hand: a record and the one message that scalars need take fewer lines than the dependencies of the crates
//! that write them (an image library, a protobuf compiler). The format has not changed since 2015.

mod error;
mod event;
mod protobuf;
mod record;
mod writer;

pub use error::TensorboardError;
pub use writer::EventWriter;
