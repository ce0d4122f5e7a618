//! Files that are written whole or not at all, and that say whether they are what was written.
//!
//! [`write_file`] is for every file; [`Draft`] and [`Opened`] are for files of tensors, which are safetensors with a seal.

mod draft;
mod opened;
mod seal;
mod write;

pub use draft::Draft;
pub use opened::{Opened, Refused};
pub use safetensors::Dtype;
pub use seal::Metadata;
pub use write::{is_unfinished, write_file};
