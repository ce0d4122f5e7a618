//! What can go wrong with an associative memory.

use std::path::PathBuf;

use thiserror::Error;

use crate::MemoryError;

/// An error of an [`AssociativeMemory`](super::AssociativeMemory). Whatever it says, the memory is as it was before, but for
/// the rows of a batch before the one that an [`AssociativeError::Row`] names.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AssociativeError {
    /// A setting out of its range.
    #[error("{name} is {found}: expected {expected}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// Its value.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// A vector of another width than the memory's.
    #[error("{what} is {found} wide: this memory takes {expected}")]
    Width {
        /// "the key", "the value", "the result".
        what: &'static str,
        /// Its width.
        found: usize,
        /// The memory's.
        expected: usize,
    },
    /// NaN or an infinity in a key or a value.
    #[error("{what}[{index}] is {value}: expected finite numbers")]
    NotFinite {
        /// "key" or "value".
        what: &'static str,
        /// The first such entry.
        index: usize,
        /// What it is.
        value: f64,
    },
    /// A key of zeros, or so small that its square is zero: nothing can be stored under it.
    #[error("the key is zero, or too small to be squared: nothing can be stored under it")]
    ZeroKey,
    /// The result would not be finite.
    #[error(
        "{what} would overflow {scalar}: scale keys and values down, or take f64; the memory is as it was"
    )]
    Overflow {
        /// What would.
        what: &'static str,
        /// The scalar type.
        scalar: &'static str,
    },
    /// As many rows of values (or memories) as rows of keys are needed.
    #[error("{keys} rows of keys and {others} {what}: expected one for every key")]
    Rows {
        /// Rows of the keys.
        keys: usize,
        /// What does not fit: "rows of values" or "memories".
        what: &'static str,
        /// How many there are of it.
        others: usize,
    },
    /// What is wrong with one row of a batch. Rows before it are written if the error came with its write (an overflow or a zero
    /// key); widths and entries of all rows are checked before the first is written.
    #[error("row {row}: {source}")]
    Row {
        /// The row, from 0.
        row: usize,
        /// What is wrong with it.
        source: Box<AssociativeError>,
    },
    /// A memory of tensors and this one cannot be made from each other.
    #[error("{reason}")]
    Conversion {
        /// What does not fit, and what would.
        reason: String,
    },
    /// A memory of tensors that does not hold together.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// A file that cannot be read or written. One that stood there before is unchanged.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Bytes that hold no memory, or not the one expected.
    #[error("{origin}: {reason}")]
    File {
        /// The file's name, or "the bytes".
        origin: String,
        /// What is wrong and what was expected.
        reason: String,
    },
}

impl AssociativeError {
    pub(super) fn setting(
        name: &'static str,
        found: impl ToString,
        expected: &'static str,
    ) -> Self {
        Self::Setting {
            name,
            found: found.to_string(),
            expected,
        }
    }
}
