//! The system's OpenBLAS: looked for and linked by this crate's build script, kept on one thread, and not called without room for it.
//!
//! The build script links a trial program first. Where that fails the build stops with the one line that installs what is
//! missing. The crate depends on nothing, so Cargo gets to it early, long before a program is linked.
//!
//! `OPENBLAS_NUM_THREADS` is read when the library is loaded, before `main`, so a running program cannot set it; the
//! library's own function can be called at any time. But threads that the library has begun stay, and under a limit on addresses
//! they ask for ever for memory that they do not get, while the end of the program waits for them: [`without_its_threads`].

mod restart;

use std::cell::Cell;
use std::ffi::c_int;
use std::fmt;
use std::hint::black_box;
use std::sync::Once;

unsafe extern "C" {
    fn openblas_set_num_threads(threads: c_int);
}

pub use restart::without_its_threads;

static ONCE: Once = Once::new();

/// What a thread's first call of OpenBLAS takes from the system: 128 MiB on x86-64 (`BUFFER_SIZE` of its `common_x86_64.h`), no more
/// elsewhere, and something for the call itself.
const ROOM: usize = 144 << 20;

thread_local! {
    static HAS_ROOM: Cell<bool> = const { Cell::new(false) };
}

/// There is no room for what OpenBLAS works in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = ROOM >> 20;
        write!(
            f,
            "OpenBLAS needs {mib} MiB to work in, which the system does not give: free some memory, or raise the limit (`ulimit -v`)"
        )
    }
}

impl std::error::Error for NoRoom {}

/// Keeps OpenBLAS on the calling thread, and looks whether that thread can call it. To be called before LAPACK is.
///
/// # Errors
/// [`NoRoom`]: OpenBLAS asks again and again, and for ever, for memory that it does not get.
pub fn single_threaded() -> Result<(), NoRoom> {
    // SAFETY: the function takes a plain integer and is part of every OpenBLAS (the build script links no other
    // library). It changes a global of the library; `Once` keeps two threads from doing so at the same time, and whoever
    // calls LAPACK has waited for it to return.
    ONCE.call_once(|| unsafe { openblas_set_num_threads(1) });
    if !HAS_ROOM.get() {
        let mut room: Vec<u8> = Vec::new();
        // So large a piece is mapped and unmapped by itself: it costs nothing, and OpenBLAS finds it free.
        black_box(&mut room)
            .try_reserve_exact(ROOM)
            .map_err(|_| NoRoom)?;
        HAS_ROOM.set(true);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" {
        fn openblas_get_num_threads() -> c_int;
        #[cfg(target_os = "linux")]
        fn cblas_dgemm(
            order: c_int,
            transpose_a: c_int,
            transpose_b: c_int,
            m: c_int,
            n: c_int,
            k: c_int,
            alpha: f64,
            a: *const f64,
            lda: c_int,
            b: *const f64,
            ldb: c_int,
            beta: f64,
            c: *mut f64,
            ldc: c_int,
        );
    }

    #[test]
    fn openblas_keeps_to_one_thread() {
        single_threaded().expect("room");
        // SAFETY: reads a global of the library, which nothing changes after `single_threaded`.
        assert_eq!(unsafe { openblas_get_num_threads() }, 1);
    }

    /// What the test below runs under a limit; by itself it is an ordinary product.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_product_of_identities() {
        without_its_threads();
        if let Err(error) = single_threaded() {
            println!("refused: {error}");
            return;
        }
        let n = 64;
        let identity: Vec<f64> = (0..n * n)
            .map(|i| if i % (n + 1) == 0 { 1.0 } else { 0.0 })
            .collect();
        let mut product = vec![0.0; n * n];
        let (a, c, n) = (identity.as_ptr(), product.as_mut_ptr(), n as c_int);
        // SAFETY: row-major (101), not transposed (111), three matrices of n times n.
        unsafe { cblas_dgemm(101, 111, 111, n, n, n, 1.0, a, n, a, n, 0.0, c, n) };
        assert_eq!(product, identity);
        println!("computed");
    }

    /// Under every limit on addresses a call is refused or answered, and never hangs.
    #[test]
    #[cfg(target_os = "linux")]
    fn without_room_a_call_is_refused() {
        use std::process::Command;
        let program = std::env::current_exe().expect("this test");
        let said: Vec<String> = (100_000..=700_000)
            .step_by(50_000)
            .map(|kib| {
                // A run that hangs is ended, and fails.
                let line = format!("ulimit -v {kib} && exec timeout 20 \"$0\" \"$@\"");
                let output = Command::new("sh")
                    .args(["-c", &line])
                    .arg(&program)
                    .args(["--exact", "tests::a_product_of_identities", "--nocapture"])
                    .args(["--test-threads", "1"])
                    // As a shell has it: with it set there is nothing to cure.
                    .env_remove("OPENBLAS_NUM_THREADS")
                    .output()
                    .expect("a shell");
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                assert!(output.status.success(), "{kib} KiB: {:?}", output.status);
                assert!(
                    ["refused: OpenBLAS needs", "computed"]
                        .iter()
                        .any(|word| text.contains(word)),
                    "{kib} KiB: {text}{}",
                    String::from_utf8_lossy(&output.stderr)
                );
                text
            })
            .collect();
        for word in ["refused", "computed"] {
            assert!(said.iter().any(|text| text.contains(word)), "{word}");
        }
    }
}
