//! What holds of every input, however damaged or hostile: no panic, a message that names the file, and what was taken says the same
//! when it is written and read again.
//!
//! One function for each kind of input. The fuzz targets in `fuzz` call them, and so do the plain tests in `tests/twins.rs`, on the same
//! seeds (`fuzz/seeds`). A property that does not hold is a panic.

mod archive;
mod associative_memory;
mod babi;
mod checkpoint;
mod config;
mod folder;
mod metrics;
mod questions;

pub use archive::archive;
pub use associative_memory::associative_memory;
pub use babi::babi;
pub use checkpoint::checkpoint;
pub use config::{config, set};
pub use metrics::metrics;
pub use questions::questions;

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Taken,
    /// It was refused, with a message.
    Refused,
}

/// A kind of input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What its fuzz target and the folder of its seeds are called.
    pub name: &'static str,
    /// What holds of it.
    pub holds: fn(&[u8]) -> Verdict,
}

/// Every kind of input.
pub const TARGETS: [Target; 8] = [
    Target {
        name: "babi",
        holds: babi,
    },
    Target {
        name: "archive",
        holds: archive,
    },
    Target {
        name: "config",
        holds: config,
    },
    Target {
        name: "set",
        holds: set,
    },
    Target {
        name: "checkpoint",
        holds: checkpoint,
    },
    Target {
        name: "metrics",
        holds: metrics,
    },
    Target {
        name: "questions",
        holds: questions,
    },
    Target {
        name: "associative_memory",
        holds: associative_memory,
    },
];

/// Refused, with a message that names what it is about.
#[track_caller]
fn refused(error: &dyn std::fmt::Display, named: &str) -> Verdict {
    let message = error.to_string();
    assert!(message.contains(named), "{named} is not in: {message}");
    Verdict::Refused
}
