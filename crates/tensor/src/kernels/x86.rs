//! The `f32` vector units of x86-64.
//!
//! Every block below is sound for one and the same reason: the trait's contract has the caller vouch for the
//! instructions and for the memory behind each pointer, and nothing else is needed.

use std::arch::x86_64::*;

use super::simd::{Simd, SimdMath, outer_tile};
use super::tile::{self, Rows, Strided, Target};

/// AVX-512.
#[derive(Clone, Copy)]
pub struct Avx512;

/// AVX2 with fused multiply-add.
#[derive(Clone, Copy)]
pub struct Avx2;

/// Writes trait functions whose whole body is unsafe, all for the reason at the head of this file.
macro_rules! functions {
    ($($name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)? $body:block)*) => {
        $(#[inline(always)]
        unsafe fn $name($($arg: $type),*) $(-> $out)? {
            // SAFETY: by the contract of the trait, see the head of this file.
            unsafe { $body }
        })*
    };
}

impl Simd for Avx512 {
    type Scalar = f32;
    type Vector = __m512;
    type Mask = __mmask16;
    const LANES: usize = 16;
    const MANY_REGISTERS: bool = true;

    #[inline(always)]
    unsafe fn mask(lanes: usize) -> __mmask16 {
        (0xffff_u32 >> (16 - lanes)) as __mmask16
    }

    functions! {
        zero() -> __m512 { _mm512_setzero_ps() }
        splat(x: f32) -> __m512 { _mm512_set1_ps(x) }
        load(p: *const f32) -> __m512 { _mm512_loadu_ps(p) }
        store(p: *mut f32, v: __m512) { _mm512_storeu_ps(p, v) }
        load_masked(p: *const f32, mask: __mmask16) -> __m512 { _mm512_maskz_loadu_ps(mask, p) }
        store_masked(p: *mut f32, mask: __mmask16, v: __m512) { _mm512_mask_storeu_ps(p, mask, v) }
        multiply_add(a: __m512, b: __m512, c: __m512) -> __m512 { _mm512_fmadd_ps(a, b, c) }
        add(a: __m512, b: __m512) -> __m512 { _mm512_add_ps(a, b) }
        subtract(a: __m512, b: __m512) -> __m512 { _mm512_sub_ps(a, b) }
        sum_eight(v: [__m512; 8], out: *mut f32) {
            let a = quads512(v[0], v[1], v[2], v[3]);
            let b = quads512(v[4], v[5], v[6], v[7]);
            // a and b hold, in each of their four quarters, a partial sum of four of the registers.
            let half = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
            let all = _mm512_add_ps(half, _mm512_shuffle_f32x4(half, half, 0b1111_0101));
            let packed = _mm512_shuffle_f32x4(all, all, 0b0000_1000);
            _mm256_storeu_ps(out, _mm512_castps512_ps256(packed));
        }
    }

    outer_tile!("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma");
}

/// In every quarter: the sums of that quarter of `a`, `b`, `c` and `d`.
#[inline(always)]
unsafe fn quads512(a: __m512, b: __m512, c: __m512, d: __m512) -> __m512 {
    // SAFETY: by the contract of the trait, see the head of this file.
    unsafe {
        let ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
        let cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
        _mm512_add_ps(
            _mm512_shuffle_ps(ab, cd, 0b0100_0100),
            _mm512_shuffle_ps(ab, cd, 0b1110_1110),
        )
    }
}

impl SimdMath for Avx512 {
    functions! {
        multiply(a: __m512, b: __m512) -> __m512 { _mm512_mul_ps(a, b) }
        divide(a: __m512, b: __m512) -> __m512 { _mm512_div_ps(a, b) }
        minimum(a: __m512, b: __m512) -> __m512 { _mm512_min_ps(a, b) }
        maximum(a: __m512, b: __m512) -> __m512 { _mm512_max_ps(a, b) }
        round(a: __m512) -> __m512 { _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC) }
        absolute(a: __m512) -> __m512 { _mm512_abs_ps(a) }
        with_sign_of(a: __m512, sign: __m512) -> __m512 {
            _mm512_or_ps(a, _mm512_and_ps(sign, _mm512_set1_ps(-0.0)))
        }
        choose_negative(a: __m512, yes: __m512, no: __m512) -> __m512 {
            _mm512_mask_blend_ps(_mm512_movepi32_mask(_mm512_castps_si512(a)), no, yes)
        }
        scale(a: __m512, n: __m512) -> __m512 { _mm512_scalef_ps(a, n) }
    }
}

/// How many lanes, and the same as sign bits for the masked instructions.
#[derive(Clone, Copy)]
pub struct Lanes {
    count: usize,
    bits: __m256i,
}

impl Simd for Avx2 {
    type Scalar = f32;
    type Vector = __m256;
    type Mask = Lanes;
    const LANES: usize = 8;
    const MANY_REGISTERS: bool = false;

    functions! {
        zero() -> __m256 { _mm256_setzero_ps() }
        splat(x: f32) -> __m256 { _mm256_set1_ps(x) }
        load(p: *const f32) -> __m256 { _mm256_loadu_ps(p) }
        store(p: *mut f32, v: __m256) { _mm256_storeu_ps(p, v) }
        mask(lanes: usize) -> Lanes {
            let index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            Lanes { count: lanes, bits: _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes as i32), index) }
        }
        load_masked(p: *const f32, mask: Lanes) -> __m256 { _mm256_maskload_ps(p, mask.bits) }
        store_masked(p: *mut f32, mask: Lanes, v: __m256) {
            // Masked stores are microcoded on some processors; most tails are full.
            if mask.count == 8 { _mm256_storeu_ps(p, v) } else { _mm256_maskstore_ps(p, mask.bits, v) }
        }
        multiply_add(a: __m256, b: __m256, c: __m256) -> __m256 { _mm256_fmadd_ps(a, b, c) }
        add(a: __m256, b: __m256) -> __m256 { _mm256_add_ps(a, b) }
        subtract(a: __m256, b: __m256) -> __m256 { _mm256_sub_ps(a, b) }
        sum_eight(v: [__m256; 8], out: *mut f32) {
            let a = quads256(v[0], v[1], v[2], v[3]);
            let b = quads256(v[4], v[5], v[6], v[7]);
            let low = _mm256_permute2f128_ps(a, b, 0x20);
            let high = _mm256_permute2f128_ps(a, b, 0x31);
            _mm256_storeu_ps(out, _mm256_add_ps(low, high));
        }
    }

    outer_tile!("avx2,fma");
}

/// In each half: the sums of that half of `a`, `b`, `c` and `d`.
#[inline(always)]
unsafe fn quads256(a: __m256, b: __m256, c: __m256, d: __m256) -> __m256 {
    // SAFETY: by the contract of the trait, see the head of this file.
    unsafe {
        let ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        _mm256_add_ps(
            _mm256_shuffle_ps(ab, cd, 0b0100_0100),
            _mm256_shuffle_ps(ab, cd, 0b1110_1110),
        )
    }
}

impl SimdMath for Avx2 {
    functions! {
        multiply(a: __m256, b: __m256) -> __m256 { _mm256_mul_ps(a, b) }
        divide(a: __m256, b: __m256) -> __m256 { _mm256_div_ps(a, b) }
        minimum(a: __m256, b: __m256) -> __m256 { _mm256_min_ps(a, b) }
        maximum(a: __m256, b: __m256) -> __m256 { _mm256_max_ps(a, b) }
        round(a: __m256) -> __m256 { _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC) }
        absolute(a: __m256) -> __m256 { _mm256_andnot_ps(_mm256_set1_ps(-0.0), a) }
        with_sign_of(a: __m256, sign: __m256) -> __m256 {
            _mm256_or_ps(a, _mm256_and_ps(sign, _mm256_set1_ps(-0.0)))
        }
        choose_negative(a: __m256, yes: __m256, no: __m256) -> __m256 { _mm256_blendv_ps(no, yes, a) }
        scale(a: __m256, n: __m256) -> __m256 {
            // In two halves, each a normal power: the first product is exact, the second rounds once. NaN converts to
            // the smallest integer, whose halves overflow to something; it stays NaN through `a`.
            let n = _mm256_cvtps_epi32(n);
            let half = _mm256_srai_epi32(n, 1);
            let rest = _mm256_sub_epi32(n, half);
            let bias = _mm256_set1_epi32(127);
            let first = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
            let second = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
            _mm256_mul_ps(_mm256_mul_ps(a, first), second)
        }
    }
}
