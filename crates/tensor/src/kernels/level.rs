//! Which instruction set the kernels use, found at run time.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An instruction set that the kernels are compiled for.
///
/// The ordering is by width: a machine that has one level has every smaller one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Plain Rust, whatever the target's baseline is.
    Portable,
    /// AVX2 with fused multiply-add: 16 registers of 8 `f32`.
    Avx2,
    /// AVX-512 (F, BW, DQ, VL): 32 registers of 16 `f32`.
    Avx512,
}

thread_local! {
    static FORCED: Cell<Option<Level>> = const { Cell::new(None) };
}

/// Calls of [`with_level`] under way, on all threads: while there is none, which is nearly always, no thread has to look up its own level.
static FORCING: AtomicUsize = AtomicUsize::new(0);

impl Level {
    /// The widest level of this machine; found once, then cached.
    #[inline]
    pub fn detected() -> Level {
        static DETECTED: OnceLock<Level> = OnceLock::new();
        *DETECTED.get_or_init(detect)
    }

    /// The level that a kernel called now, on this thread, runs at.
    #[inline]
    pub fn current() -> Level {
        // A thread sees its own calls in order; what others do is nothing to it.
        if FORCING.load(Ordering::Relaxed) == 0 {
            return Level::detected();
        }
        FORCED.get().unwrap_or_else(Level::detected)
    }

    /// Every level that this machine can run, the smallest first.
    pub fn available() -> Vec<Level> {
        [Level::Portable, Level::Avx2, Level::Avx512]
            .into_iter()
            .filter(|level| *level <= Level::detected())
            .collect()
    }
}

/// Runs `body` with the kernels of this thread held to `level`, or to the machine's widest level if it lacks that one.
///
/// Meant for tests and measurements. Only this thread is affected: work that `body` hands to other threads is not.
pub fn with_level<R>(level: Level, body: impl FnOnce() -> R) -> R {
    struct Restore(Option<Level>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORCED.set(self.0);
            FORCING.fetch_sub(1, Ordering::Relaxed);
        }
    }
    FORCING.fetch_add(1, Ordering::Relaxed);
    let _restore = Restore(FORCED.replace(Some(level.min(Level::detected()))));
    body()
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx2, avx512) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        _ => Level::Portable,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Level {
    Level::Portable
}

/// Runs `body` compiled for the current level, so that the compiler vectorises the plain loops in it accordingly.
///
/// The closure must be small enough to be inlined, and so must what it calls; otherwise it runs all the same, at the
/// target's baseline. No fused multiply-add is formed: every level gives the same bits.
#[inline]
pub fn vectorised<R>(body: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    match Level::current() {
        // SAFETY: `Level::current` never exceeds what was detected on this machine.
        Level::Avx512 => return unsafe { x86::run_avx512(body) },
        // SAFETY: as above.
        Level::Avx2 => return unsafe { x86::run_avx2(body) },
        Level::Portable => {}
    }
    body()
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) fn run_avx512<R>(body: impl FnOnce() -> R) -> R {
        body()
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn run_avx2<R>(body: impl FnOnce() -> R) -> R {
        body()
    }
}
