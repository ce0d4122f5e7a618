//! Memory that starts on a cache line.

use std::ops::{Deref, DerefMut};

/// A fixed number of elements that start on a cache line (64 bytes), so that rows whose stride is a multiple of
/// [`ROW_MULTIPLE`] never straddle one line more than they must.
#[derive(Clone, Debug, Default)]
pub struct AlignedBuffer<F> {
    lines: Vec<Line<F>>,
    length: usize,
}

/// Rows padded to a multiple of this many elements are aligned for every kernel.
pub const ROW_MULTIPLE: usize = 16;

/// The smallest aligned row stride for rows of `columns` elements.
pub const fn padded(columns: usize) -> usize {
    columns.next_multiple_of(ROW_MULTIPLE)
}

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line<F>([F; ROW_MULTIPLE]);

impl<F: Copy> AlignedBuffer<F> {
    /// `length` elements equal to `value`.
    pub fn filled(length: usize, value: F) -> Self {
        AlignedBuffer {
            lines: vec![Line([value; ROW_MULTIPLE]); length.div_ceil(ROW_MULTIPLE)],
            length,
        }
    }
}

impl<F: Copy + num_traits::Zero> AlignedBuffer<F> {
    /// `length` zeros.
    pub fn zeros(length: usize) -> Self {
        Self::filled(length, F::zero())
    }
}

impl<F> Deref for AlignedBuffer<F> {
    type Target = [F];

    #[inline]
    fn deref(&self) -> &[F] {
        // SAFETY: `Line` is `repr(C)`, 16 elements and no padding (16 floats fill whole cache lines), so the lines are
        // one run of elements, of which `length` does not exceed the number.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }
}

impl<F> DerefMut for AlignedBuffer<F> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [F] {
        // SAFETY: as in `deref`, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.length) }
    }
}
