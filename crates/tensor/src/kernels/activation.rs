//! exp, tanh and the logistic function for `f32`, over slices.
//!
//! All three go through e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln 2 / 2; ln 2 is subtracted in two parts, the
//! first of which has few enough bits for n times it to be exact. e^r - 1 = r + r^2 q(r) with q of degree 5, a fit
//! of (e^r - 1 - r) / r^2.

use super::level::Level;
use super::simd::{Portable, SimdMath};
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512};

const LN2_HIGH: f32 = 0.693_359_4; // 9 bits
const LN2_LOW: f32 = -2.121_944_4e-4;

/// q, the highest power first: (e^r - 1 - r) / r^2 interpolated at Chebyshev nodes. As coefficients of `f32`, e^r is met to
/// 8e-10 relative and e^r - 1 to 2e-9.
const Q: [f32; 6] = [
    1.989_108e-4,
    1.393_373_1e-3,
    8.333_31e-3,
    4.166_646_3e-2,
    0.166_666_67,
    0.5,
];

/// e^x - 1 = 2^n (1 + p) - 1 with integral n and p = e^r - 1; returns (n, p).
///
/// # Safety
///
/// The processor must have the unit.
#[inline(always)]
unsafe fn reduce<S: SimdMath>(x: S::Vector) -> (S::Vector, S::Vector) {
    // SAFETY: the contract is the caller's.
    unsafe {
        let n = S::round(S::multiply(x, S::splat(std::f32::consts::LOG2_E)));
        let r = S::multiply_add(n, S::splat(-LN2_HIGH), x);
        let r = S::multiply_add(n, S::splat(-LN2_LOW), r);
        let mut q = S::splat(Q[0]);
        for &coefficient in &Q[1..] {
            q = S::multiply_add(q, r, S::splat(coefficient));
        }
        (n, S::multiply_add(S::multiply(r, r), q, r))
    }
}

#[inline(always)]
unsafe fn exp_vector<S: SimdMath>(x: S::Vector) -> S::Vector {
    // SAFETY: the contract is the caller's. Below -104 the result rounds to 0, above 89 to infinity; NaN passes the
    // bounds, as the second argument.
    unsafe {
        let x = S::maximum(S::splat(-104.0), S::minimum(S::splat(89.0), x));
        let (n, p) = reduce::<S>(x);
        S::scale(S::add(S::splat(1.0), p), n)
    }
}

#[inline(always)]
unsafe fn tanh_vector<S: SimdMath>(x: S::Vector) -> S::Vector {
    // tanh |x| = -m / (m + 2) with m = e^(-2|x|) - 1, which keeps its relative precision down to the denormals.
    // SAFETY: the contract is the caller's.
    unsafe {
        let twice = S::multiply(S::absolute(x), S::splat(-2.0));
        let (n, p) = reduce::<S>(S::maximum(S::splat(-40.0), twice));
        let power = S::scale(S::splat(1.0), n);
        let m = S::multiply_add(power, p, S::subtract(power, S::splat(1.0)));
        let magnitude = S::divide(S::absolute(m), S::add(m, S::splat(2.0)));
        S::with_sign_of(magnitude, x)
    }
}

#[inline(always)]
unsafe fn sigmoid_vector<S: SimdMath>(x: S::Vector) -> S::Vector {
    // e / (1 + e) with e = e^-|x| for negative x, 1 / (1 + e) otherwise: nothing cancels or overflows.
    // SAFETY: the contract is the caller's.
    unsafe {
        let e = exp_vector::<S>(S::subtract(S::zero(), S::absolute(x)));
        let one = S::splat(1.0);
        S::divide(S::choose_negative(x, e, one), S::add(one, e))
    }
}

/// Applies a vector function to a slice.
macro_rules! over_slice {
    ($unit:ty, $function:ident, $x:ident) => {{
        let lanes = <$unit as super::simd::Simd>::LANES;
        let mut chunks = $x.chunks_exact_mut(lanes);
        for chunk in &mut chunks {
            let p = chunk.as_mut_ptr();
            // SAFETY: the chunk has LANES elements, and the enclosing function is compiled for the unit.
            unsafe { <$unit as super::simd::Simd>::store(p, $function::<$unit>(<$unit as super::simd::Simd>::load(p))) };
        }
        let rest = chunks.into_remainder();
        if !rest.is_empty() {
            let p = rest.as_mut_ptr();
            // SAFETY: as above, with the mask of the elements that are there.
            unsafe {
                let mask = <$unit as super::simd::Simd>::mask(rest.len());
                let v = <$unit as super::simd::Simd>::load_masked(p, mask);
                <$unit as super::simd::Simd>::store_masked(p, mask, $function::<$unit>(v));
            }
        }
    }};
}

/// Compiles an activation for each vector unit, and chooses at run time.
macro_rules! activation {
    ($name:ident, $vector:ident) => {
        pub(super) fn $name(level: Level, x: &mut [f32]) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn avx512(x: &mut [f32]) {
                over_slice!(Avx512, $vector, x)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2(x: &mut [f32]) {
                over_slice!(Avx2, $vector, x)
            }
            match level {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: levels never exceed what was detected on this machine.
                Level::Avx512 => unsafe { avx512(x) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                Level::Avx2 => unsafe { avx2(x) },
                _ => over_slice!(Portable<f32>, $vector, x),
            }
        }
    };
}

activation!(exp, exp_vector);
activation!(tanh, tanh_vector);
activation!(sigmoid, sigmoid_vector);
