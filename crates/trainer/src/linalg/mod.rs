//! What needs LAPACK: orthogonal initialisation, singular values of a memory, the least-squares memory.
//!
//! LAPACK comes from OpenBLAS through `ndarray-linalg`. OpenBLAS is kept on one thread (`mnm_openblas`), so that its
//! results do not depend on the machine's cores and it does not compete with the trainer's own workers.

mod error;
mod least_squares;
mod orthogonal;
mod singular_values;

pub use error::LinalgError;
pub use least_squares::least_squares_memory;
pub use orthogonal::orthogonal;
pub use singular_values::singular_values;
