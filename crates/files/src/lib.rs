//! Files that are written whole or not at all, that say whether they are what was written, and that are read only if they are files.
//!
//! [`write_file`] and [`read_file`] are for every file; [`Draft`] and [`Opened`] are for files of tensors, which are safetensors with a seal.

mod draft;
mod opened;
mod read;
mod seal;
mod write;

pub use draft::Draft;
pub use opened::{Opened, Refused};
pub use read::{
    LARGEST_CONFIG, LARGEST_RECORDS, LARGEST_TENSORS, read_file, read_tensors, read_text,
};
pub use safetensors::Dtype;
pub use seal::Metadata;
pub use write::{is_unfinished, write_file};
