//! What the C library's allocator does with freed memory.

/// Up to twice this many bytes at the end of a heap stay with the process when they are freed.
const KEPT: usize = 8 << 20;

/// Has glibc keep freed memory for the next training step, which will want as much again.
///
/// By default an allocation of 128 KiB or more gets pages of its own, which are given back when it is freed: every step would
/// fault them all in again, 3,600 pages at batch 32, 50 steps, widths of 100, a sixth of the step's time. Freeing one
/// allocation of [`KEPT`] bytes raises that bound to its size, and the bound on what stays at the end of a heap to twice its
/// size (mallopt(3), "dynamic mmap threshold"). Its pages are never touched, so it costs nothing; other allocators do not mind.
pub(super) fn keep_freed_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT)));
}
