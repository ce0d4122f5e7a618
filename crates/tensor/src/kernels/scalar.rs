//! The scalar types that the kernels exist for.

use super::activation;
use super::blocks;
use super::level::Level;
use super::simd::Portable;
use super::tile::{Rows, Strided, Target};
use super::view::Store;
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512};
use crate::Float;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A scalar with kernels: `f32` (SIMD, dispatched at run time) and `f64` (portable).
pub trait Kernels: Float + sealed::Sealed {
    /// C\[m, n] (op)= A\[m, k] B\[k, n]; with `padded`, rows of B may be read up to the next multiple of 16 elements.
    ///
    /// # Safety
    ///
    /// The operands must be as large as that, the rows of a padded C up to the next multiple of 16 elements, one stride of A 1, and
    /// `level` no wider than the machine's.
    #[doc(hidden)]
    unsafe fn outer(
        level: Level,
        size: (usize, usize, usize),
        a: Strided<Self>,
        b: Rows<*const Self>,
        padded: bool,
        c: Target<Self>,
    );

    /// Y\[m, n] (op)= X\[m, k] W\[n, k]^T.
    ///
    /// # Safety
    ///
    /// The operands must be as large as that, and `level` no wider than the machine's.
    #[doc(hidden)]
    unsafe fn dots(
        level: Level,
        size: (usize, usize, usize),
        x: Rows<*const Self>,
        w: Rows<*const Self>,
        y: Rows<*mut Self>,
        store: Store,
    );

    /// The sum over k of x\[k] w\[k].
    ///
    /// # Safety
    ///
    /// Both must be good for `k` elements, and `level` no wider than the machine's.
    #[doc(hidden)]
    unsafe fn dot(level: Level, k: usize, x: *const Self, w: *const Self) -> Self;

    /// e^x, element by element, in place.
    ///
    /// `f32`: relative error below 1.5e-7 (about 1.3 ulp) where the result is normal, one denormal ulp below that; exact at 0,
    /// infinity and NaN. `f64`: the standard library's.
    fn exp_slice(x: &mut [Self]);

    /// tanh x, element by element, in place.
    ///
    /// `f32`: relative error below 3e-7 (about 2.5 ulp) everywhere, odd, and of magnitude at most 1; -0 and NaN stay.
    /// `f64`: the standard library's.
    fn tanh_slice(x: &mut [Self]);

    /// The logistic function 1 / (1 + e^-x), element by element, in place.
    ///
    /// `f32`: relative error below 3e-7 (about 2.5 ulp) where the result is normal, also for x << 0, one denormal ulp below
    /// that; NaN stays. `f64`: through the standard library's exp.
    fn sigmoid_slice(x: &mut [Self]);
}

impl Kernels for f32 {
    #[inline]
    unsafe fn outer(
        level: Level,
        size: (usize, usize, usize),
        a: Strided<f32>,
        b: Rows<*const f32>,
        padded: bool,
        c: Target<f32>,
    ) {
        // SAFETY: the contract is the callee's.
        unsafe {
            match level {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => outer_avx512(size, a, b, padded, c),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => outer_avx2(size, a, b, padded, c),
                _ => outer_portable(size, a, b, padded, c),
            }
        }
    }

    #[inline]
    unsafe fn dots(
        level: Level,
        size: (usize, usize, usize),
        x: Rows<*const f32>,
        w: Rows<*const f32>,
        y: Rows<*mut f32>,
        store: Store,
    ) {
        // SAFETY: the contract is the callee's.
        unsafe {
            match level {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => dots_avx512(size, x, w, y, store),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => dots_avx2(size, x, w, y, store),
                _ => dots_portable(size, x, w, y, store),
            }
        }
    }

    #[inline]
    unsafe fn dot(level: Level, k: usize, x: *const f32, w: *const f32) -> f32 {
        // SAFETY: the contract is the callee's.
        unsafe {
            match level {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => dot_avx512(k, x, w),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => dot_avx2(k, x, w),
                _ => dot_portable(k, x, w),
            }
        }
    }

    fn exp_slice(x: &mut [f32]) {
        activation::exp(Level::current(), x);
    }

    fn tanh_slice(x: &mut [f32]) {
        activation::tanh(Level::current(), x);
    }

    fn sigmoid_slice(x: &mut [f32]) {
        activation::sigmoid(Level::current(), x);
    }
}

// Not inlined: the tiles would be compiled again in every crate that multiplies `f64`.
impl Kernels for f64 {
    unsafe fn outer(
        _: Level,
        size: (usize, usize, usize),
        a: Strided<f64>,
        b: Rows<*const f64>,
        padded: bool,
        c: Target<f64>,
    ) {
        // SAFETY: the contract is the callee's.
        unsafe { blocks::outer::<Portable<f64>>(size, a, b, padded, c) }
    }

    unsafe fn dots(
        _: Level,
        size: (usize, usize, usize),
        x: Rows<*const f64>,
        w: Rows<*const f64>,
        y: Rows<*mut f64>,
        store: Store,
    ) {
        // SAFETY: the contract is the callee's.
        unsafe { blocks::dots::<Portable<f64>>(size, x, w, y, store) }
    }

    unsafe fn dot(_: Level, k: usize, x: *const f64, w: *const f64) -> f64 {
        // SAFETY: the contract is the callee's.
        unsafe { blocks::dot::<Portable<f64>>(k, x, w) }
    }

    fn exp_slice(x: &mut [f64]) {
        x.iter_mut().for_each(|x| *x = x.exp());
    }

    fn tanh_slice(x: &mut [f64]) {
        x.iter_mut().for_each(|x| *x = x.tanh());
    }

    fn sigmoid_slice(x: &mut [f64]) {
        for x in x {
            let e = (-x.abs()).exp();
            *x = if x.is_sign_negative() { e } else { 1.0 } / (1.0 + e);
        }
    }
}

/// Compiles the products once for each vector unit. They are functions of their own, so that the fused passes over fast
/// weights share one copy of the tiles.
macro_rules! compile {
    ($outer:ident, $dots:ident, $dot:ident, $unit:ty $(, $features:literal)?) => {
        $(#[target_feature(enable = $features)])?
        unsafe fn $outer(
            size: (usize, usize, usize),
            a: Strided<f32>,
            b: Rows<*const f32>,
            padded: bool,
            c: Target<f32>,
        ) {
            // SAFETY: the contract is the callee's, and the unit's instructions are enabled here.
            unsafe { blocks::outer::<$unit>(size, a, b, padded, c) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn $dots(
            size: (usize, usize, usize),
            x: Rows<*const f32>,
            w: Rows<*const f32>,
            y: Rows<*mut f32>,
            store: Store,
        ) {
            // SAFETY: the contract is the callee's, and the unit's instructions are enabled here.
            unsafe { blocks::dots::<$unit>(size, x, w, y, store) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn $dot(k: usize, x: *const f32, w: *const f32) -> f32 {
            // SAFETY: the contract is the callee's, and the unit's instructions are enabled here.
            unsafe { blocks::dot::<$unit>(k, x, w) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
compile!(
    outer_avx512,
    dots_avx512,
    dot_avx512,
    Avx512,
    "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
);
#[cfg(target_arch = "x86_64")]
compile!(outer_avx2, dots_avx2, dot_avx2, Avx2, "avx2,fma");
compile!(outer_portable, dots_portable, dot_portable, Portable<f32>);
