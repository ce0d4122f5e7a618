//! What one core can do at most: multiply-adds in registers, and reads from each level of the memory. Prints the best of many rounds, in GF/s (two
//! operations a multiply-add) and GB/s: the roof that `docs/performance.md` holds a training step against. To be run alone.

#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, unused_imports))]

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

/// Registers of sums: enough to hide the latency of a multiply-add on every machine so far.
const SUMS: usize = 12;
const ROUNDS: usize = 20;

/// The least time of `ROUNDS` calls, in seconds.
fn least(mut call: impl FnMut()) -> f64 {
    let once = |_| {
        let start = Instant::now();
        call();
        start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(once).fold(f64::INFINITY, f64::min)
}

#[cfg(target_arch = "x86_64")]
macro_rules! probes {
    ($module:ident, $features:literal, $lanes:literal, $set:ident, $fma:ident, $add:ident, $load:ident) => {
        mod $module {
            use std::arch::x86_64::*;
            use std::hint::black_box;

            use super::SUMS;

            pub const LANES: usize = $lanes;

            /// Adds to each register of sums `count` times.
            ///
            /// # Safety
            /// The processor has the features.
            #[target_feature(enable = $features)]
            pub unsafe fn multiply_add(count: usize) {
                let (a, b) = ($set(black_box(0.999)), $set(black_box(0.001)));
                let mut sums = [b; SUMS];
                for _ in 0..count {
                    for sum in &mut sums {
                        *sum = $fma(*sum, a, b);
                    }
                }
                black_box(sums);
            }

            /// Reads all numbers but a rest shorter than four registers.
            ///
            /// # Safety
            /// The processor has the features.
            #[target_feature(enable = $features)]
            pub unsafe fn read(numbers: &[f32]) {
                let mut sums = [$set(0.0); 4];
                for part in numbers.chunks_exact(4 * LANES) {
                    for (sum, lane) in sums.iter_mut().zip(part.chunks_exact(LANES)) {
                        // SAFETY: the part holds LANES numbers.
                        *sum = $add(*sum, unsafe { $load(lane.as_ptr()) });
                    }
                }
                black_box(sums);
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
probes!(
    avx512,
    "avx512f",
    16,
    _mm512_set1_ps,
    _mm512_fmadd_ps,
    _mm512_add_ps,
    _mm512_loadu_ps
);
#[cfg(target_arch = "x86_64")]
probes!(
    avx2,
    "avx2,fma",
    8,
    _mm256_set1_ps,
    _mm256_fmadd_ps,
    _mm256_add_ps,
    _mm256_loadu_ps
);

/// Prints what the core does by these functions.
fn report(
    name: &str,
    lanes: usize,
    multiply_add: impl Fn(usize),
    read: impl Fn(&[f32]),
) -> io::Result<()> {
    let count = 1_000_000;
    let operations = (2 * count * SUMS * lanes) as f64;
    let seconds = least(|| multiply_add(count));
    writeln!(
        io::stdout(),
        "{name}: multiply-adds {:.1} GF/s",
        operations / seconds / 1e9
    )?;
    for kib in [16, 256, 4096, 65_536] {
        let numbers = vec![1.0_f32; kib * 256];
        let repeats = (128 << 20) / (4 * numbers.len());
        let seconds = least(|| (0..repeats).for_each(|_| read(black_box(&numbers))));
        let bytes = (4 * numbers.len() * repeats) as f64;
        writeln!(
            io::stdout(),
            "  {kib:5} KiB read at {:.1} GB/s",
            bytes / seconds / 1e9
        )?;
    }
    Ok(())
}

#[cfg(target_arch = "x86_64")]
fn main() -> io::Result<()> {
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: detected.
        report(
            "AVX-512",
            avx512::LANES,
            |n| unsafe { avx512::multiply_add(n) },
            |x| unsafe { avx512::read(x) },
        )?;
    }
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: detected.
        report(
            "AVX2",
            avx2::LANES,
            |n| unsafe { avx2::multiply_add(n) },
            |x| unsafe { avx2::read(x) },
        )?;
    }
    Ok(())
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    eprintln!("the probes are for x86-64; read the ceilings of another processor from its manual");
}
