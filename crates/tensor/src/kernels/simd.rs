//! The vector operations that the kernels are written in, and their portable implementation.

use super::tile::{self, Rows, Strided, Target};

/// A vector unit: every kernel is written once over this trait and compiled for each level.
///
/// # Safety
///
/// All functions require that the processor has the unit's instructions. Those that take pointers require the memory
/// that they name (`LANES` elements, or those of the mask) to be valid for the access; no alignment is needed.
pub trait Simd: Copy + 'static {
    /// Element type.
    type Scalar: num_traits::Float;
    /// A register.
    type Vector: Copy;
    /// A choice of the first so many lanes.
    type Mask: Copy;
    /// Elements per register.
    const LANES: usize;
    /// Whether the unit has 32 registers rather than 16.
    const MANY_REGISTERS: bool;

    /// All lanes zero.
    unsafe fn zero() -> Self::Vector;
    /// All lanes `x`.
    unsafe fn splat(x: Self::Scalar) -> Self::Vector;
    /// `LANES` elements from `p`.
    unsafe fn load(p: *const Self::Scalar) -> Self::Vector;
    /// `LANES` elements to `p`.
    unsafe fn store(p: *mut Self::Scalar, v: Self::Vector);
    /// The mask of the first `lanes` lanes, `1 <= lanes <= LANES`.
    unsafe fn mask(lanes: usize) -> Self::Mask;
    /// The mask's elements from `p`, the other lanes zero; memory outside of the mask is not touched.
    unsafe fn load_masked(p: *const Self::Scalar, mask: Self::Mask) -> Self::Vector;
    /// The mask's elements to `p`; memory outside of the mask is not touched.
    unsafe fn store_masked(p: *mut Self::Scalar, mask: Self::Mask, v: Self::Vector);
    /// `a * b + c`.
    unsafe fn multiply_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `a + b`.
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a - b`.
    unsafe fn subtract(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The sums of the lanes of eight registers, to `out[0..8]`.
    unsafe fn sum_eight(v: [Self::Vector; 8], out: *mut Self::Scalar);

    /// [`tile::outer_tile`], compiled for the unit as a function of its own: were all tiles inlined into the loop around them, that one
    /// function would take most of the crate's time to compile.
    unsafe fn outer_tile<const MR: usize, const NV: usize>(
        k: usize,
        a: Strided<Self::Scalar>,
        b: Rows<*const Self::Scalar>,
        padded: bool,
        c: Target<Self::Scalar>,
        tail: Self::Mask,
    );
}

/// Writes [`Simd::outer_tile`] for a unit, with the instructions that it needs.
macro_rules! outer_tile {
    ($($features:literal)?) => {
        #[inline(never)]
        $(#[target_feature(enable = $features)])?
        unsafe fn outer_tile<const MR: usize, const NV: usize>(
            k: usize,
            a: Strided<Self::Scalar>,
            b: Rows<*const Self::Scalar>,
            padded: bool,
            c: Target<Self::Scalar>,
            tail: Self::Mask,
        ) {
            // SAFETY: the contract is the callee's, and the unit's instructions are enabled here.
            unsafe { tile::outer_tile::<Self, MR, NV>(k, a, b, padded, c, tail) }
        }
    };
}
#[cfg(target_arch = "x86_64")]
pub(super) use outer_tile;

/// What the activations need beyond sums and products; only for `f32`, as `f64` goes through the standard library.
///
/// # Safety
///
/// As for [`Simd`].
pub trait SimdMath: Simd<Scalar = f32> {
    /// `a * b`.
    unsafe fn multiply(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a / b`.
    unsafe fn divide(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The smaller, or `b` if either is NaN.
    unsafe fn minimum(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The larger, or `b` if either is NaN.
    unsafe fn maximum(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// To the nearest integer, ties to even.
    unsafe fn round(a: Self::Vector) -> Self::Vector;
    /// The absolute value.
    unsafe fn absolute(a: Self::Vector) -> Self::Vector;
    /// The magnitude of `a` with the sign of `sign`; `a` must not be negative.
    unsafe fn with_sign_of(a: Self::Vector, sign: Self::Vector) -> Self::Vector;
    /// `yes` where `a < 0` (also for NaN with its sign bit set and for -0), else `no`.
    unsafe fn choose_negative(a: Self::Vector, yes: Self::Vector, no: Self::Vector)
    -> Self::Vector;
    /// `a * 2^n` for integral `-160 <= n <= 128` and `0.5 <= a <= 2`, rounded once at most into the denormal range.
    unsafe fn scale(a: Self::Vector, n: Self::Vector) -> Self::Vector;
}

/// The portable unit: four lanes in plain Rust, which the compiler maps to whatever the target's baseline has.
#[derive(Clone, Copy)]
pub struct Portable<F>(std::marker::PhantomData<F>);

/// Four lanes.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub struct Four<F>([F; 4]);

macro_rules! lanes {
    ($i:ident => $value:expr) => {
        Four([
            {
                const $i: usize = 0;
                $value
            },
            {
                const $i: usize = 1;
                $value
            },
            {
                const $i: usize = 2;
                $value
            },
            {
                const $i: usize = 3;
                $value
            },
        ])
    };
}

macro_rules! portable {
    ($f:ty) => {
        impl Simd for Portable<$f> {
            type Scalar = $f;
            type Vector = Four<$f>;
            type Mask = usize;
            const LANES: usize = 4;
            const MANY_REGISTERS: bool = false;

            #[inline(always)]
            unsafe fn zero() -> Four<$f> {
                Four([0.0; 4])
            }
            #[inline(always)]
            unsafe fn splat(x: $f) -> Four<$f> {
                Four([x; 4])
            }
            #[inline(always)]
            unsafe fn load(p: *const $f) -> Four<$f> {
                // SAFETY: the caller vouches for four elements; an array of scalars has their alignment.
                Four(unsafe { p.cast::<[$f; 4]>().read() })
            }
            #[inline(always)]
            unsafe fn store(p: *mut $f, v: Four<$f>) {
                // SAFETY: as in `load`.
                unsafe { p.cast::<[$f; 4]>().write(v.0) }
            }
            #[inline(always)]
            unsafe fn mask(lanes: usize) -> usize {
                lanes
            }
            #[inline(always)]
            unsafe fn load_masked(p: *const $f, mask: usize) -> Four<$f> {
                let mut v = [0.0; 4];
                for (i, lane) in v.iter_mut().enumerate() {
                    if i < mask {
                        // SAFETY: the caller vouches for the mask's elements.
                        *lane = unsafe { *p.add(i) };
                    }
                }
                Four(v)
            }
            #[inline(always)]
            unsafe fn store_masked(p: *mut $f, mask: usize, v: Four<$f>) {
                for (i, lane) in v.0.iter().enumerate() {
                    if i < mask {
                        // SAFETY: the caller vouches for the mask's elements.
                        unsafe { *p.add(i) = *lane };
                    }
                }
            }
            #[inline(always)]
            unsafe fn multiply_add(a: Four<$f>, b: Four<$f>, c: Four<$f>) -> Four<$f> {
                // Two roundings: without the instruction, a fused one would be a call into the C library.
                lanes!(I => a.0[I] * b.0[I] + c.0[I])
            }
            #[inline(always)]
            unsafe fn add(a: Four<$f>, b: Four<$f>) -> Four<$f> {
                lanes!(I => a.0[I] + b.0[I])
            }
            #[inline(always)]
            unsafe fn subtract(a: Four<$f>, b: Four<$f>) -> Four<$f> {
                lanes!(I => a.0[I] - b.0[I])
            }
            #[inline(always)]
            unsafe fn sum_eight(v: [Four<$f>; 8], out: *mut $f) {
                for (i, Four([a, b, c, d])) in v.into_iter().enumerate() {
                    // SAFETY: the caller vouches for eight elements.
                    unsafe { *out.add(i) = (a + c) + (b + d) };
                }
            }

            outer_tile!();
        }
    };
}

portable!(f32);
portable!(f64);

impl SimdMath for Portable<f32> {
    #[inline(always)]
    unsafe fn multiply(a: Four<f32>, b: Four<f32>) -> Four<f32> {
        lanes!(I => a.0[I] * b.0[I])
    }
    #[inline(always)]
    unsafe fn divide(a: Four<f32>, b: Four<f32>) -> Four<f32> {
        lanes!(I => a.0[I] / b.0[I])
    }
    #[inline(always)]
    unsafe fn minimum(a: Four<f32>, b: Four<f32>) -> Four<f32> {
        lanes!(I => if a.0[I] < b.0[I] { a.0[I] } else { b.0[I] })
    }
    #[inline(always)]
    unsafe fn maximum(a: Four<f32>, b: Four<f32>) -> Four<f32> {
        lanes!(I => if a.0[I] > b.0[I] { a.0[I] } else { b.0[I] })
    }
    #[inline(always)]
    unsafe fn round(a: Four<f32>) -> Four<f32> {
        // Adding and taking away 1.5 * 2^23 leaves no fraction bits; exact for |a| < 2^22, which the callers ensure.
        const MAGIC: f32 = 12_582_912.0;
        lanes!(I => (a.0[I] + MAGIC) - MAGIC)
    }
    #[inline(always)]
    unsafe fn absolute(a: Four<f32>) -> Four<f32> {
        lanes!(I => a.0[I].abs())
    }
    #[inline(always)]
    unsafe fn with_sign_of(a: Four<f32>, sign: Four<f32>) -> Four<f32> {
        lanes!(I => a.0[I].copysign(sign.0[I]))
    }
    #[inline(always)]
    unsafe fn choose_negative(a: Four<f32>, yes: Four<f32>, no: Four<f32>) -> Four<f32> {
        lanes!(I => if a.0[I].is_sign_negative() { yes.0[I] } else { no.0[I] })
    }
    #[inline(always)]
    unsafe fn scale(a: Four<f32>, n: Four<f32>) -> Four<f32> {
        // In two halves, each a normal power: the first product is exact, the second rounds once.
        // NaN converts to 0 and stays NaN through `a`.
        lanes!(I => {
            let n = n.0[I] as i32;
            let half = n >> 1;
            a.0[I] * f32::from_bits(((127 + half) as u32) << 23) * f32::from_bits(((127 + n - half) as u32) << 23)
        })
    }
}
