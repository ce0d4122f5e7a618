//! Products of any size out of tiles, for one vector unit; everything here is inlined into a function compiled for it.

use num_traits::Zero;

use super::simd::Simd;
use super::tile::{Rows, Strided, Target, dot_tile, update_strip};
use super::view::Store;

macro_rules! tiles {
    ($mr:expr, $nv:expr, $run:ident; $($rows:literal: $($vectors:literal)+;)+) => {
        match ($mr, $nv) {
            $($(($rows, $vectors) => $run!($rows, $vectors),)+)+
            _ => unreachable!("no tile of {} x {} registers", $mr, $nv),
        }
    };
}

/// The most registers that a row of a tile has in a product of `m` rows.
const fn widest_tile<S: Simd>(m: usize) -> usize {
    match (S::MANY_REGISTERS, m) {
        (true, 0..=2) => 8,
        (true, 3..=4) => 4,
        (true, _) => 3,
        (false, 0..=1) => 8,
        (false, 2) => 6,
        (false, 3..=4) => 3,
        (false, _) => 2,
    }
}

/// The most rows of a tile of so many registers a row: about as many sums as leave registers for a row of b and a number of
/// a, and where there is room no fewer than the eight that keep two multipliers of latency 4 busy.
const fn tallest_tile<S: Simd>(vectors: usize) -> usize {
    match (S::MANY_REGISTERS, vectors) {
        (true, 0..=3) => 8,
        (true, 4) => 4,
        (true, _) => 2,
        (false, 0..=1) => 8,
        (false, 2) => 6,
        (false, 3) => 4,
        (false, 4..=6) => 2,
        (false, _) => 1,
    }
}

/// C\[m, n] (op)= A\[m, k] B\[k, n] in outer form, columns of tiles first, so that a strip of B serves all rows while it
/// is in the nearest cache. With `padded`, b may be read up to the next whole register.
///
/// # Safety
///
/// The operands must be as large as that, the rows of a padded C up to whole registers, and one stride of A be 1.
#[inline(always)]
pub unsafe fn outer<S: Simd>(
    (m, n, k): (usize, usize, usize),
    a: Strided<S::Scalar>,
    b: Rows<*const S::Scalar>,
    padded: bool,
    c: Target<S::Scalar>,
) {
    if m == 0 || n == 0 {
        return;
    }
    debug_assert!(
        a.row == 1 || a.column == 1,
        "the tiles take one stride as 1"
    );
    let in_place = c.from.data == c.to.data.cast_const() && c.from.stride == c.to.stride;
    if (1..=4).contains(&k) && m > 4 && in_place && c.store != Store::Overwrite {
        // SAFETY: the contract is the same.
        return unsafe { update::<S>((m, n, k), a, b, c) };
    }
    let total = n.div_ceil(S::LANES);
    // Strips, and tiles within them, are made as even as possible.
    let strips = total.div_ceil(widest_tile::<S>(m));
    let mut done = 0;
    for strip in 0..strips {
        let vectors = (total - done).div_ceil(strips - strip);
        let first = done * S::LANES;
        done += vectors;
        let last = if done == total {
            n - (total - 1) * S::LANES
        } else {
            S::LANES
        };
        let mut row = 0;
        let mut tiles = m.div_ceil(tallest_tile::<S>(vectors));
        while row < m {
            let rows = (m - row).div_ceil(tiles);
            tiles -= 1;
            // SAFETY: rows row..row + rows and columns first..first + (vectors - 1) * LANES + last exist.
            unsafe {
                let tail = S::mask(last);
                let padded = padded || last == S::LANES;
                let a = Strided {
                    data: a.data.add(row * a.row),
                    ..a
                };
                let b = Rows {
                    data: b.data.add(first),
                    ..b
                };
                let c = c.at(row, first);
                macro_rules! run {
                    ($rows:literal, $vectors:literal) => {
                        S::outer_tile::<$rows, $vectors>(k, a, b, padded, c, tail)
                    };
                }
                if S::MANY_REGISTERS {
                    tiles!(rows, vectors, run;
                        1: 1 2 3 4 5 6 7 8; 2: 1 2 3 4 5 6 7 8;
                        3: 1 2 3 4; 4: 1 2 3 4;
                        5: 1 2 3; 6: 1 2 3; 7: 1 2 3; 8: 1 2 3;)
                } else {
                    tiles!(rows, vectors, run;
                        1: 1 2 3 4 5 6 7 8; 2: 1 2 3 4 5 6;
                        3: 1 2 3; 4: 1 2 3;
                        5: 1 2; 6: 1 2; 7: 1; 8: 1;)
                }
            }
            row += rows;
        }
    }
}

/// C\[m, n] += A\[m, k] B\[k, n], or -=, for k up to 4.
///
/// # Safety
///
/// The operands must be as large as that, the rows of a padded C up to whole registers.
#[inline(always)]
unsafe fn update<S: Simd>(
    (m, n, k): (usize, usize, usize),
    a: Strided<S::Scalar>,
    b: Rows<*const S::Scalar>,
    c: Target<S::Scalar>,
) {
    let total = n.div_ceil(S::LANES);
    let widest = match (S::MANY_REGISTERS, k) {
        (true, 1..=2) => 8,
        (true, 3) => 7,
        (true, _) => 4,
        (false, 1..=2) => 4,
        (false, 3) => 3,
        (false, _) => 2,
    };
    let strips = total.div_ceil(widest);
    let mut done = 0;
    for strip in 0..strips {
        let vectors = (total - done).div_ceil(strips - strip);
        let first = done * S::LANES;
        done += vectors;
        // SAFETY: columns first.. of this many registers, the last one of these lanes, exist in B and C.
        unsafe {
            let tail = S::mask(if done == total {
                n - (total - 1) * S::LANES
            } else {
                S::LANES
            });
            let b = Rows {
                data: b.data.add(first),
                ..b
            };
            let c = c.at(0, first);
            macro_rules! run {
                ($rank:literal, $vectors:literal) => {
                    update_strip::<S, $rank, $vectors>(m, a, b, c, tail)
                };
            }
            if S::MANY_REGISTERS {
                tiles!(k, vectors, run;
                    1: 1 2 3 4 5 6 7 8; 2: 1 2 3 4 5 6 7 8; 3: 1 2 3 4 5 6 7; 4: 1 2 3 4;)
            } else {
                tiles!(k, vectors, run; 1: 1 2 3 4; 2: 1 2 3 4; 3: 1 2 3; 4: 1 2;)
            }
        }
    }
}

/// Y\[m, n] (op)= X\[m, k] W\[n, k]^T in dot form, four rows of X at a time, so that W is read m / 4 times.
///
/// # Safety
///
/// The operands must be as large as that.
#[inline(always)]
pub unsafe fn dots<S: Simd>(
    (m, n, k): (usize, usize, usize),
    x: Rows<*const S::Scalar>,
    w: Rows<*const S::Scalar>,
    y: Rows<*mut S::Scalar>,
    store: Store,
) {
    let mut row = 0;
    while row < m {
        // SAFETY: the rows from `row` on exist, at least as many as the call takes.
        unsafe {
            let x = Rows {
                data: x.data.add(row * x.stride),
                ..x
            };
            let y = Rows {
                data: y.data.add(row * y.stride),
                ..y
            };
            match (m - row, S::MANY_REGISTERS) {
                (1, true) => dot_rows::<S, 1, 16, 8>(n, k, x, w, y, store),
                (2..=3, true) => dot_rows::<S, 2, 8, 4>(n, k, x, w, y, store),
                (_, true) => dot_rows::<S, 4, 4, 2>(n, k, x, w, y, store),
                (1, false) => dot_rows::<S, 1, 8, 8>(n, k, x, w, y, store),
                (2..=3, false) => dot_rows::<S, 2, 4, 4>(n, k, x, w, y, store),
                (_, false) => dot_rows::<S, 4, 2, 2>(n, k, x, w, y, store),
            }
        }
        row += match m - row {
            1 => 1,
            2..=3 => 2,
            _ => 4,
        };
    }
}

/// All columns for XR rows: WR at a time, then half as many for what is left over if that is enough.
#[inline(always)]
unsafe fn dot_rows<S: Simd, const XR: usize, const WR: usize, const HALF: usize>(
    n: usize,
    k: usize,
    x: Rows<*const S::Scalar>,
    w: Rows<*const S::Scalar>,
    y: Rows<*mut S::Scalar>,
    store: Store,
) {
    // SAFETY: XR rows of X and Y exist, and n of W.
    unsafe {
        let rest = k % S::LANES;
        let tail = if rest == 0 { None } else { Some(S::mask(rest)) };
        let left: [_; XR] = std::array::from_fn(|i| x.data.add(i * x.stride));
        let (mut w, mut y) = (w, y);
        for _ in 0..n / WR {
            dot_columns::<S, XR, WR, true>(WR, k, left, w, tail, y, store);
            w.data = w.data.wrapping_add(WR * w.stride);
            y.data = y.data.wrapping_add(WR);
        }
        match n % WR {
            0 => {}
            count if count > HALF => {
                dot_columns::<S, XR, WR, false>(count, k, left, w, tail, y, store);
            }
            count => dot_columns::<S, XR, HALF, false>(count, k, left, w, tail, y, store),
        }
    }
}

/// One tile, of which the first `count` columns exist: all of them if it is `WHOLE`.
#[inline(always)]
unsafe fn dot_columns<S: Simd, const XR: usize, const WR: usize, const WHOLE: bool>(
    count: usize,
    k: usize,
    left: [*const S::Scalar; XR],
    w: Rows<*const S::Scalar>,
    tail: Option<S::Mask>,
    y: Rows<*mut S::Scalar>,
    store: Store,
) {
    // SAFETY: rows of W past the last are replaced by the last, and their sums dropped.
    unsafe {
        let right: [_; WR] = std::array::from_fn(|j| {
            let row = if WHOLE || j < count { j } else { count - 1 };
            w.data.add(row * w.stride)
        });
        if XR == 1 && WHOLE && store == Store::Overwrite {
            return dot_tile::<S, XR, WR>(k, left, right, tail, y.data);
        }
        let mut sums = [S::Scalar::zero(); 16];
        dot_tile::<S, XR, WR>(k, left, right, tail, sums.as_mut_ptr());
        for i in 0..XR {
            let (from, to) = (sums.as_ptr().add(i * WR), y.data.add(i * y.stride));
            match store {
                Store::Overwrite if WHOLE => to.copy_from_nonoverlapping(from, WR),
                _ if WHOLE => put::<S>(WR, from, to, store),
                _ => put::<S>(count, from, to, store),
            }
        }
    }
}

/// The sum over k of x\[k] w\[k], in four running registers.
///
/// # Safety
///
/// Both must be good for `k` elements.
#[inline(always)]
pub unsafe fn dot<S: Simd>(k: usize, x: *const S::Scalar, w: *const S::Scalar) -> S::Scalar {
    // SAFETY: all offsets are below k.
    unsafe {
        let mut sums = [S::zero(); 8];
        let mut p = 0;
        while p + 4 * S::LANES <= k {
            for (i, sum) in sums[..4].iter_mut().enumerate() {
                let at = p + i * S::LANES;
                *sum = S::multiply_add(S::load(x.add(at)), S::load(w.add(at)), *sum);
            }
            p += 4 * S::LANES;
        }
        while p < k {
            let mask = S::mask(if k - p < S::LANES { k - p } else { S::LANES });
            let (x, w) = (
                S::load_masked(x.add(p), mask),
                S::load_masked(w.add(p), mask),
            );
            sums[0] = S::multiply_add(x, w, sums[0]);
            p += S::LANES;
        }
        let mut out = [S::Scalar::zero(); 8];
        S::sum_eight(sums, out.as_mut_ptr());
        (out[0] + out[1]) + (out[2] + out[3])
    }
}

/// Stores `count` sums.
#[inline(always)]
unsafe fn put<S: Simd>(count: usize, from: *const S::Scalar, to: *mut S::Scalar, store: Store) {
    for j in 0..count {
        // SAFETY: the caller vouches for `count` elements on both sides.
        unsafe {
            let sum = *from.add(j);
            let to = to.add(j);
            *to = match store {
                Store::Overwrite => sum,
                Store::Add => *to + sum,
                Store::Subtract => *to - sum,
            };
        }
    }
}
