//! The system's OpenBLAS: looked for and linked by this crate's build script, and kept on one thread.
//!
//! The build script links a trial program first. Where that fails the build stops with the one line that installs what is
//! missing. The crate depends on nothing, so Cargo gets to it early, long before a program is linked.
//!
//! `OPENBLAS_NUM_THREADS` is read when the library is loaded, before `main`, so a running program cannot set it; the
//! library's own function can be called at any time.

use std::ffi::c_int;
use std::sync::Once;

unsafe extern "C" {
    fn openblas_set_num_threads(threads: c_int);
}

static ONCE: Once = Once::new();

/// Keeps OpenBLAS on the calling thread. To be called before LAPACK is; only the first call acts.
pub fn single_threaded() {
    // SAFETY: the function takes a plain integer and is part of every OpenBLAS (the build script links no other
    // library). It changes a global of the library; `Once` keeps two threads from doing so at the same time, and whoever
    // calls LAPACK has waited for it to return.
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
