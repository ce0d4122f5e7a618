//! Small runs, looked at.

mod agents;
mod answers;
