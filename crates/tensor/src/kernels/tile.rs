//! The register-blocked loops that every product is made of.
//!
//! *Outer form* ([`outer_tile`]): C\[i, j] += a\[i, p] b\[p, j]; b is read in vectors along its rows, a is broadcast, C
//! stays in registers while p runs. Covers A B and A^T B, for a may lie either way.
//!
//! *Update* ([`update_strip`]): the same where p has few values: b stays in registers while i runs.
//!
//! *Dot form* ([`dot_tile`]): C\[i, j] = sum over p of a\[i, p] b\[j, p]; both are read in vectors along their rows, and
//! the registers are summed across their lanes at the end, eight at a time. Covers A B^T without packing.

// Arrays of registers are indexed by constants that the compiler unrolls; iterators would hide the tile's shape.
#![allow(clippy::needless_range_loop)]

use super::buffer::ROW_MULTIPLE;
use super::simd::Simd;
use super::view::Store;

/// A row-major operand behind a pointer.
#[derive(Clone, Copy)]
pub struct Rows<P> {
    /// The first element.
    pub data: P,
    /// Elements from one row to the next.
    pub stride: usize,
}

/// What a product does with its sums: `to` = `from` +- sums, or the sums alone.
#[derive(Clone, Copy)]
pub struct Target<F> {
    /// What the sums are added to: `to` itself, or other rows, or one row for all with stride 0. Not looked at if they
    /// overwrite.
    pub from: Rows<*const F>,
    /// Where the result goes.
    pub to: Rows<*mut F>,
    /// How the two go together.
    pub store: Store,
    /// Whether each row of `to` may be overwritten to the end of its last register.
    pub padded: bool,
}

impl<F> Target<F> {
    /// A target that changes its own elements.
    pub fn new(data: *mut F, stride: usize, padded: bool, store: Store) -> Self {
        let from = Rows {
            data: data.cast_const(),
            stride,
        };
        Target {
            from,
            to: Rows { data, stride },
            store,
            padded,
        }
    }

    /// The same some rows and columns further. Only addresses are computed: there need not be anything.
    #[inline(always)]
    pub fn at(self, row: usize, column: usize) -> Self {
        let from = row * self.from.stride + column;
        let to = row * self.to.stride + column;
        Target {
            from: Rows {
                data: self.from.data.wrapping_add(from),
                ..self.from
            },
            to: Rows {
                data: self.to.data.wrapping_add(to),
                ..self.to
            },
            ..self
        }
    }
}

/// Elements (i, p) at `data[i * row + p * column]`; at least one of the strides is 1.
#[derive(Clone, Copy)]
pub struct Strided<F> {
    /// Element (0, 0).
    pub data: *const F,
    /// Elements from (i, p) to (i + 1, p).
    pub row: usize,
    /// Elements from (i, p) to (i, p + 1).
    pub column: usize,
}

/// How many steps of p stand in the loop of a tile, so that most addresses are a pointer and a constant. With many rows,
/// pointers to each and to as many lines of b would not fit into the registers.
const fn unrolled(rows: usize) -> usize {
    if rows <= 6 { 4 } else { 1 }
}

/// One step of a tile's sums: sums += a\[0..MR, 0] b\[0, ..]. Of `a`, `column` is 1, or `row` is if `ACROSS`; with `TAIL`
/// the last register of b has only `tail`'s lanes. Being constants, neither costs the loop an instruction.
///
/// # Safety
///
/// `a` must hold MR rows, and `b` NV - 1 registers and the tail, or whole ones.
#[inline(always)]
unsafe fn outer_step<
    S: Simd,
    const MR: usize,
    const NV: usize,
    const ACROSS: bool,
    const TAIL: bool,
>(
    sums: &mut [[S::Vector; NV]; MR],
    a: *const S::Scalar,
    a_row: usize,
    b: *const S::Scalar,
    tail: S::Mask,
) {
    // SAFETY: all offsets stay within what the caller vouches for.
    unsafe {
        let right = |j: usize| {
            let at = b.add(j * S::LANES);
            if TAIL && j + 1 == NV {
                S::load_masked(at, tail)
            } else {
                S::load(at)
            }
        };
        let left = |i: usize| S::splat(*a.add(if ACROSS { i } else { i * a_row }));
        // What is held in registers beside the sums is the shorter side of the tile, and one of the other.
        if MR < NV {
            let mut held = [S::zero(); MR];
            for i in 0..MR {
                held[i] = left(i);
            }
            for j in 0..NV {
                let right = right(j);
                for i in 0..MR {
                    sums[i][j] = S::multiply_add(held[i], right, sums[i][j]);
                }
            }
        } else {
            let mut held = [S::zero(); NV];
            for j in 0..NV {
                held[j] = right(j);
            }
            for i in 0..MR {
                let left = left(i);
                for j in 0..NV {
                    sums[i][j] = S::multiply_add(left, held[j], sums[i][j]);
                }
            }
        }
    }
}

/// The sums of one tile in outer form; see [`outer_step`].
///
/// # Safety
///
/// The same for `k` columns of `a` and rows of `b`.
#[inline(always)]
unsafe fn outer_sums<
    S: Simd,
    const MR: usize,
    const NV: usize,
    const ACROSS: bool,
    const TAIL: bool,
>(
    k: usize,
    a: Strided<S::Scalar>,
    b: Rows<*const S::Scalar>,
    tail: S::Mask,
) -> [[S::Vector; NV]; MR] {
    // SAFETY: all offsets stay within what the caller vouches for.
    unsafe {
        let mut sums = [[S::zero(); NV]; MR];
        let a_column = if ACROSS { a.column } else { 1 };
        let (mut left, mut right) = (a.data, b.data);
        let unrolled = const { unrolled(MR) };
        for _ in 0..k / unrolled {
            for u in 0..unrolled {
                let (left, right) = (left.add(u * a_column), right.add(u * b.stride));
                outer_step::<S, MR, NV, ACROSS, TAIL>(&mut sums, left, a.row, right, tail);
            }
            // Behind the last step this leads past the end, where nothing is read: an offset that may not leave the operand is undefined there.
            left = left.wrapping_add(unrolled * a_column);
            right = right.wrapping_add(unrolled * b.stride);
        }
        for _ in 0..k % unrolled {
            outer_step::<S, MR, NV, ACROSS, TAIL>(&mut sums, left, a.row, right, tail);
            left = left.wrapping_add(a_column);
            right = right.wrapping_add(b.stride);
        }
        sums
    }
}

/// One tile of MR x (NV registers) in outer form; the last register of each row has only `tail`'s lanes, that of b only if
/// not `padded`. It is stored whole if the target is padded.
///
/// # Safety
///
/// `a` must hold MR rows of `k`, with one stride 1; `b` `k` rows and `c` MR rows of NV - 1 registers and the tail, at their strides: of
/// whole registers where `padded` says so of `b`, and `c` of itself.
#[inline(always)]
pub(super) unsafe fn outer_tile<S: Simd, const MR: usize, const NV: usize>(
    k: usize,
    a: Strided<S::Scalar>,
    b: Rows<*const S::Scalar>,
    padded: bool,
    c: Target<S::Scalar>,
    tail: S::Mask,
) {
    // SAFETY: all offsets stay within what the caller vouches for.
    unsafe {
        let sums = match (a.column == 1, padded) {
            (true, true) => outer_sums::<S, MR, NV, false, false>(k, a, b, tail),
            (true, false) => outer_sums::<S, MR, NV, false, true>(k, a, b, tail),
            (false, true) => outer_sums::<S, MR, NV, true, false>(k, a, b, tail),
            (false, false) => outer_sums::<S, MR, NV, true, true>(k, a, b, tail),
        };
        let stored = stored::<S>(c.padded, tail);
        for i in 0..MR {
            let row = c.at(i, 0);
            for j in 0..NV {
                let (from, to) = (
                    row.from.data.add(j * S::LANES),
                    row.to.data.add(j * S::LANES),
                );
                let whole = j + 1 < NV;
                let before = || {
                    if whole {
                        S::load(from)
                    } else {
                        S::load_masked(from, tail)
                    }
                };
                let v = match c.store {
                    Store::Overwrite => sums[i][j],
                    Store::Add => S::add(before(), sums[i][j]),
                    Store::Subtract => S::subtract(before(), sums[i][j]),
                };
                if whole {
                    S::store(to, v);
                } else {
                    S::store_masked(to, stored, v);
                }
            }
        }
    }
}

/// The lanes of the last register of a row that are stored: all of them in a padded target, else `tail`'s.
///
/// # Safety
///
/// As for [`Simd`].
#[inline(always)]
unsafe fn stored<S: Simd>(padded: bool, tail: S::Mask) -> S::Mask {
    const { assert!(ROW_MULTIPLE.is_multiple_of(S::LANES)) };
    if padded {
        // SAFETY: the contract is the same.
        unsafe { S::mask(S::LANES) }
    } else {
        tail
    }
}

/// C\[i, j] += a\[i, p] b\[p, j], or -=, for all `rows` of one strip of NV registers and K values of p: a write of rank K.
///
/// b stays in registers instead of C, each element of which is loaded and stored once.
///
/// # Safety
///
/// `a` and `c` must hold `rows` rows, `a` of K, and `b` K rows, at their strides; the last register has `tail`'s lanes, that of a
/// padded `c` all of them.
#[inline(always)]
pub(super) unsafe fn update_strip<S: Simd, const K: usize, const NV: usize>(
    rows: usize,
    a: Strided<S::Scalar>,
    b: Rows<*const S::Scalar>,
    c: Target<S::Scalar>,
    tail: S::Mask,
) {
    // SAFETY: all offsets stay within what the caller vouches for.
    unsafe {
        let (negative, stored) = (c.store == Store::Subtract, stored::<S>(c.padded, tail));
        let mut right = [[S::zero(); NV]; K];
        for p in 0..K {
            let line = b.data.add(p * b.stride);
            for j in 0..NV {
                let at = line.add(j * S::LANES);
                let v = if j + 1 < NV {
                    S::load(at)
                } else {
                    S::load_masked(at, tail)
                };
                right[p][j] = if negative {
                    S::subtract(S::zero(), v)
                } else {
                    v
                };
            }
        }
        for i in 0..rows {
            let mut left = [S::zero(); K];
            for p in 0..K {
                left[p] = S::splat(*a.data.add(i * a.row + p * a.column));
            }
            let line = c.to.data.add(i * c.to.stride);
            for j in 0..NV {
                let at = line.add(j * S::LANES);
                let mut sum = if j + 1 < NV {
                    S::load(at)
                } else {
                    S::load_masked(at, tail)
                };
                for p in 0..K {
                    sum = S::multiply_add(left[p], right[p][j], sum);
                }
                if j + 1 < NV {
                    S::store(at, sum);
                } else {
                    S::store_masked(at, stored, sum);
                }
            }
        }
    }
}

/// One tile of XR x WR dot products of length `k` in dot form; XR * WR is 8 or 16. The sums go to `out`, row by row.
///
/// # Safety
///
/// `x` and `w` must be good for `k` elements, `out` for XR * WR.
#[inline(always)]
pub(super) unsafe fn dot_tile<S: Simd, const XR: usize, const WR: usize>(
    k: usize,
    x: [*const S::Scalar; XR],
    w: [*const S::Scalar; WR],
    tail: Option<S::Mask>,
    out: *mut S::Scalar,
) {
    const { assert!(XR * WR == 8 || XR * WR == 16) };
    // SAFETY: all offsets stay within what the caller vouches for.
    unsafe {
        let mut sums = [[S::zero(); WR]; XR];
        let whole = k / S::LANES * S::LANES;
        let mut p = 0;
        while p < whole {
            let mut left = [S::zero(); XR];
            for i in 0..XR {
                left[i] = S::load(x[i].add(p));
            }
            for j in 0..WR {
                let right = S::load(w[j].add(p));
                for i in 0..XR {
                    sums[i][j] = S::multiply_add(left[i], right, sums[i][j]);
                }
            }
            p += S::LANES;
        }
        if let Some(mask) = tail {
            let mut left = [S::zero(); XR];
            for i in 0..XR {
                left[i] = S::load_masked(x[i].add(p), mask);
            }
            for j in 0..WR {
                let right = S::load_masked(w[j].add(p), mask);
                for i in 0..XR {
                    sums[i][j] = S::multiply_add(left[i], right, sums[i][j]);
                }
            }
        }
        let at = |flat: usize| sums[flat / WR][flat % WR];
        S::sum_eight(
            [at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)],
            out,
        );
        if XR * WR == 16 {
            let high = [at(8), at(9), at(10), at(11), at(12), at(13), at(14), at(15)];
            S::sum_eight(high, out.add(8));
        }
    }
}
