//! Activations over the whole range of `f32`, against double precision.

use mnm_tensor::kernels::{Kernels, Level, with_level};

type Function = fn(&mut [f32]);

/// Relative error where the result is normal, in units of the smallest denormal below.
fn errors(found: f32, exact: f64) -> (f64, f64) {
    let difference = (f64::from(found) - exact).abs();
    if exact.abs() >= f64::from(f32::MIN_POSITIVE) {
        (difference / exact.abs(), 0.0)
    } else {
        (0.0, difference / f64::from(f32::from_bits(1)))
    }
}

/// Every 1,009th bit pattern of the finite range and everything within [-110, 110] at a finer step, both signs.
fn inputs() -> Vec<f32> {
    let coarse = (0..f32::INFINITY.to_bits())
        .step_by(10_007)
        .map(f32::from_bits);
    let fine = (0..440_000).map(|i| i as f32 * 2.5e-4 + 1.3e-5);
    coarse.chain(fine).flat_map(|x| [x, -x]).collect()
}

fn check(function: Function, exact: fn(f64) -> f64, relative: f64) {
    let inputs = inputs();
    for level in Level::available() {
        let mut found = inputs.clone();
        with_level(level, || function(&mut found));
        let mut worst = (0.0_f64, 0.0_f32);
        for (x, y) in inputs.iter().zip(&found) {
            let exact = exact(f64::from(*x));
            if exact > f64::from(f32::MAX) {
                assert!(
                    *y == f32::INFINITY || *y == f32::MAX,
                    "{level:?}: f({x}) = {y} for {exact}"
                );
                continue;
            }
            assert!(!y.is_nan(), "{level:?}: f({x:e}) is not a number");
            let (r, denormals) = errors(*y, exact);
            assert!(
                denormals <= 1.0,
                "{level:?}: f({x:e}) = {y:e} for {exact:e}"
            );
            if r > worst.0 {
                worst = (r, *x);
            }
        }
        println!(
            "{level:?}: relative error at most {:.3e}, at {:e}",
            worst.0, worst.1
        );
        assert!(
            worst.0 <= relative,
            "{level:?}: relative error {:e} at {:e}",
            worst.0,
            worst.1
        );
    }
}

fn sigmoid(x: f64) -> f64 {
    if x < 0.0 {
        x.exp() / (1.0 + x.exp())
    } else {
        1.0 / (1.0 + (-x).exp())
    }
}

#[test]
fn exp_keeps_its_bound() {
    check(f32::exp_slice, f64::exp, 1.5e-7);
}

#[test]
fn tanh_keeps_its_bound() {
    check(f32::tanh_slice, f64::tanh, 3e-7);
}

#[test]
fn sigmoid_keeps_its_bound() {
    check(f32::sigmoid_slice, sigmoid, 3e-7);
}

#[test]
fn special_values_are_exact() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    let cases: [(Function, &[(f32, f32)]); 3] = [
        (
            f32::exp_slice,
            &[
                (0.0, 1.0),
                (-0.0, 1.0),
                (inf, inf),
                (-inf, 0.0),
                (f32::MAX, inf),
                (f32::MIN, 0.0),
                (nan, nan),
                (-nan, nan),
            ],
        ),
        (
            f32::tanh_slice,
            &[
                (0.0, 0.0),
                (-0.0, -0.0),
                (inf, 1.0),
                (-inf, -1.0),
                (f32::MAX, 1.0),
                (f32::MIN, -1.0),
                (nan, nan),
                (-nan, nan),
            ],
        ),
        (
            f32::sigmoid_slice,
            &[
                (0.0, 0.5),
                (-0.0, 0.5),
                (inf, 1.0),
                (-inf, 0.0),
                (f32::MAX, 1.0),
                (f32::MIN, 0.0),
                (nan, nan),
                (-nan, nan),
            ],
        ),
    ];
    for level in Level::available() {
        for (function, pairs) in cases {
            for &(x, expected) in pairs {
                // At every place of a vector and of its tail.
                let mut found = [x; 37];
                with_level(level, || function(&mut found));
                for y in found {
                    let same = if expected.is_nan() {
                        y.is_nan()
                    } else {
                        y.to_bits() == expected.to_bits()
                    };
                    assert!(same, "{level:?}: f({x}) = {y} for {expected}");
                }
            }
        }
    }
}

#[test]
fn tanh_never_leaves_its_range_and_is_odd() {
    for level in Level::available() {
        let mut positive: Vec<f32> = (0..200_000).map(|i| i as f32 * 1e-4).collect();
        let mut negative: Vec<f32> = positive.iter().map(|x| -x).collect();
        with_level(level, || {
            f32::tanh_slice(&mut positive);
            f32::tanh_slice(&mut negative);
        });
        assert!(positive.iter().all(|y| (0.0..=1.0).contains(y)));
        assert!(positive.iter().zip(&negative).all(|(p, n)| *p == -n));
    }
}

#[test]
fn slices_of_every_length_are_covered_and_no_more() {
    for level in Level::available() {
        for length in 0..40 {
            let mut x = vec![1.0_f32; length + 5];
            with_level(level, || f32::sigmoid_slice(&mut x[..length]));
            assert!(x[..length].iter().all(|y| (y - 0.731_058_6).abs() < 1e-6));
            assert!(x[length..].iter().all(|y| *y == 1.0));
        }
    }
}

#[test]
fn double_precision_is_the_standard_library() {
    let x = [-800.0, -30.0, -1.0, -0.0, 0.0, 0.3, 25.0, 800.0];
    let (mut e, mut t, mut s) = (x, x, x);
    f64::exp_slice(&mut e);
    f64::tanh_slice(&mut t);
    f64::sigmoid_slice(&mut s);
    for (i, x) in x.into_iter().enumerate() {
        assert_eq!(e[i], x.exp());
        assert_eq!(t[i], x.tanh());
        let expected = if x < 0.0 {
            x.exp() / (1.0 + x.exp())
        } else {
            1.0 / (1.0 + (-x).exp())
        };
        assert!(
            (s[i] - expected).abs() <= 1e-15 * expected,
            "sigmoid({x}) = {}",
            s[i]
        );
    }
}
