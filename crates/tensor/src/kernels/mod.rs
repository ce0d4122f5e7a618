//! Low-level numerical kernels.
