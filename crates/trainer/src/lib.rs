//! Placeholder while the workspace is laid out.
pub mod checkpoint;
pub mod linalg;
pub mod plot;
pub mod tensorboard;
