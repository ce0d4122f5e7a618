//! Copies past the caches.

use super::scalar::Kernels;

/// Copies what nobody looks at soon: it goes to memory at once, without the lines that it lands on being read first, and the caches keep
/// what they hold. An ordinary copy where the processor has no such stores, or either side does not lie on whole cache lines.
///
/// # Panics
///
/// If the two differ in length.
pub fn stream<F: Kernels>(from: &[F], to: &mut [F]) {
    assert_eq!(from.len(), to.len(), "stream: lengths");
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if x86::stream(from, to) {
        return;
    }
    to.copy_from_slice(from);
}

// Miri does not know such stores.
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86 {
    use std::arch::x86_64::{__m128i, _mm_load_si128, _mm_sfence, _mm_stream_si128};

    /// Whether it was possible.
    pub(super) fn stream<F: Copy>(from: &[F], to: &mut [F]) -> bool {
        let bytes = size_of_val(from);
        let (read, write) = (from.as_ptr(), to.as_mut_ptr());
        if !(read.addr() | write.addr() | bytes).is_multiple_of(64) {
            return false;
        }
        let (read, write) = (read.cast::<__m128i>(), write.cast::<__m128i>());
        for at in 0..bytes / size_of::<__m128i>() {
            // SAFETY: SSE2 is part of x86-64; both sides hold `bytes` bytes and are aligned. The elements are numbers, of which any bits are
            // valid.
            unsafe { _mm_stream_si128(write.add(at), _mm_load_si128(read.add(at))) };
        }
        // SAFETY: SSE as well. These stores are not ordered with others: whoever is told that the copy is there has to find it.
        unsafe { _mm_sfence() };
        true
    }
}
