//! Placeholder while the workspace is laid out.
pub mod linalg;
pub mod tensorboard;
