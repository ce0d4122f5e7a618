//! OpenBLAS on one thread.
//!
//! `OPENBLAS_NUM_THREADS` is read when the library is loaded, before `main`, so a running program cannot set it; the
//! library's own function can be called at any time.

use std::ffi::c_int;
use std::sync::Once;

unsafe extern "C" {
    fn openblas_set_num_threads(threads: c_int);
}

static ONCE: Once = Once::new();

/// Keeps OpenBLAS on the calling thread. Every function of this module calls it before LAPACK; only the first call acts.
pub(super) fn single_threaded() {
    // SAFETY: the function takes a plain integer and is part of every OpenBLAS (`openblas-system` links no other
    // library). It changes a global of the library; `Once` keeps two threads from doing so at the same time, and no
    // LAPACK call of this module runs before it returns.
    ONCE.call_once(|| unsafe { openblas_set_num_threads(1) });
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" {
        fn openblas_get_num_threads() -> c_int;
    }

    #[test]
    fn openblas_keeps_to_one_thread() {
        single_threaded();
        // SAFETY: reads a global of the library, which nothing changes after `single_threaded`.
        assert_eq!(unsafe { openblas_get_num_threads() }, 1);
    }
}
