//! Working memory that is used again.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::scalar::Kernels;

/// Elements on whole cache lines, with whatever contents the memory had before: in builds with debug assertions NaN, so
/// that a read of what was not written shows.
///
/// When dropped, the memory goes to a small store of the thread, from which the next buffer of about that size takes it.
/// A training step allocates and frees the same large buffers again and again; fresh pages for them would cost a tenth
/// of its time. At most [`KEPT`] buffers are kept, until the thread ends.
#[derive(Clone, Debug)]
pub struct Scratch<F> {
    lines: Vec<Line>,
    length: usize,
    scalar: PhantomData<F>,
}

/// How many buffers a thread keeps for another use.
pub const KEPT: usize = 32;

/// A cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; 64]);

thread_local! {
    static STORE: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

impl<F: Kernels> Scratch<F> {
    /// `length` elements.
    pub fn new(length: usize) -> Self {
        let wanted = (length * size_of::<F>()).div_ceil(64);
        let lines = take(wanted).unwrap_or_else(|| vec![Line([0; 64]); wanted]);
        let mut scratch = Scratch {
            lines,
            length,
            scalar: PhantomData,
        };
        if cfg!(debug_assertions) {
            scratch.fill(F::nan());
        }
        scratch
    }

    /// `length` zeros.
    pub fn zeros(length: usize) -> Self {
        let mut scratch = Scratch::new(length);
        scratch.fill(F::zero());
        scratch
    }
}

/// The smallest stored buffer that is large enough, if it is not much too large: whoever needs all of it would allocate another.
fn take(wanted: usize) -> Option<Vec<Line>> {
    let find = |store: &RefCell<Vec<Vec<Line>>>| {
        let mut store = store.try_borrow_mut().ok()?;
        let fits = |lines: &Vec<Line>| (wanted..=wanted + wanted / 2).contains(&lines.len());
        let (at, _) = store
            .iter()
            .enumerate()
            .filter(|(_, l)| fits(l))
            .min_by_key(|(_, l)| l.len())?;
        Some(store.swap_remove(at))
    };
    STORE.try_with(find).ok().flatten()
}

impl<F> Drop for Scratch<F> {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        // While the thread ends there may be no store any more; then the memory is freed.
        let _ = STORE.try_with(|store| {
            let mut store = store.try_borrow_mut().ok()?;
            if !lines.is_empty() && store.len() < KEPT {
                store.push(lines);
            }
            Some(())
        });
    }
}

impl<F: Kernels> Deref for Scratch<F> {
    type Target = [F];

    #[inline]
    fn deref(&self) -> &[F] {
        // SAFETY: the lines are aligned for and hold at least `length` elements; `Kernels` is sealed, and its types (f32 and
        // f64) take any bits.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }
}

impl<F: Kernels> DerefMut for Scratch<F> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [F] {
        // SAFETY: as in `deref`, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.length) }
    }
}
