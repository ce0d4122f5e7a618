//! A B, A^T B, A B^T and products with packed operands.

use mnm_tensor::kernels::{
    Kernels, Matrix, MatrixMut, Packed, Scratch, Store, dot, matmul, matmul_nt, matmul_tn, padded,
    stream,
};
use proptest::prelude::*;

use crate::{Poisoned, at_every_level, cases, size, store};

/// Sum over p of left(i, p) * right(p, j).
fn product(
    k: usize,
    left: impl Fn(usize, usize) -> f64,
    right: impl Fn(usize, usize) -> f64,
) -> impl Fn(usize, usize) -> f64 {
    move |i, j| (0..k).map(|p| left(i, p) * right(p, j)).sum()
}

fn every_form<F: Kernels>(
    (m, n, k): (usize, usize, usize),
    pad: usize,
    seed: u64,
    store: Store,
) -> Result<(), TestCaseError> {
    let a = Poisoned::<F>::random(m, k, pad, seed);
    let a_t = Poisoned::<F>::new(k, m, pad, |p, i| a.at(i, p));
    let b = Poisoned::<F>::random(k, n, pad, seed + 1);
    let b_t = Poisoned::<F>::new(n, k, pad, |j, p| b.at(p, j));
    let c_pad = padded(n) - n + pad;
    let before = match store {
        Store::Overwrite => Poisoned::<F>::new(m, n, c_pad, |_, _| f64::NAN),
        _ => Poisoned::<F>::random(m, n, c_pad, seed + 2),
    };
    let expected = before.expected(store, product(k, |i, p| a.at(i, p), |p, j| b.at(p, j)));
    let cases = [before.clone(), before.freed()];
    at_every_level(|| {
        for before in &cases {
            let mut c = before.clone();
            matmul(a.view(), b.view(), c.view_mut(), store);
            c.check(&expected, k)?;
            c.clone_from(before);
            matmul_tn(a_t.view(), b.view(), c.view_mut(), store);
            c.check(&expected, k)?;
            c.clone_from(before);
            matmul_nt(a.view(), b_t.view(), c.view_mut(), store);
            c.check(&expected, k)?;
            c.clone_from(before);
            Packed::new(b.view()).multiply(a.view(), c.view_mut(), store);
            c.check(&expected, k)?;
            c.clone_from(before);
            Packed::transposed(b_t.view()).multiply(a.view(), c.view_mut(), store);
            c.check(&expected, k)?;
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn every_form_equals_the_loops(m in size(), n in size(), k in size(), pad in 0_usize..20, seed: u32, store in store()) {
        every_form::<f32>((m, n, k), pad, u64::from(seed), store)?;
        every_form::<f64>((m, n, k), pad, u64::from(seed), store)?;
    }
}

fn bias_of<F: Kernels>((m, n, k): (usize, usize, usize), seed: u64) -> Result<(), TestCaseError> {
    let (a, b) = (
        Poisoned::<F>::random(m, k, 1, seed),
        Poisoned::<F>::random(k, n, 2, seed + 1),
    );
    let bias = Poisoned::<F>::random(1, n, 3, seed + 2);
    let product = product(k, |i, p| a.at(i, p), |p, j| b.at(p, j));
    at_every_level(|| {
        let c = Poisoned::<F>::new(m, n, padded(n) - n + 4, |_, _| f64::NAN);
        for mut c in [c.clone(), c.freed()] {
            Packed::new(b.view()).multiply_plus(a.view(), bias.view().row(0), c.view_mut());
            c.check(
                &c.expected(Store::Overwrite, |i, j| bias.at(0, j) + product(i, j)),
                k + 1,
            )?;
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_bias_is_added_to_every_row(m in size(), n in size(), k in 0_usize..40, seed: u32) {
        bias_of::<f32>((m, n, k), u64::from(seed))?;
        bias_of::<f64>((m, n, k), u64::from(seed))?;
    }
}

fn dot_of<F: Kernels>(k: usize, seed: u64) -> Result<(), TestCaseError> {
    let (x, y) = (
        Poisoned::<F>::random(1, k, 9, seed),
        Poisoned::<F>::random(1, k, 9, seed + 1),
    );
    let expected: f64 = (0..k).map(|p| x.at(0, p) * y.at(0, p)).sum();
    at_every_level(|| {
        let found = dot(x.view().row(0), y.view().row(0)).as_f64();
        let tolerance = 4.0 * F::epsilon().as_f64() * (k + 1) as f64;
        prop_assert!(
            (found - expected).abs() <= tolerance,
            "{found} for {expected}"
        );
        Ok(())
    })
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn dot_equals_the_loop(k in 1_usize..400, seed: u32) {
        dot_of::<f32>(k, u64::from(seed))?;
        dot_of::<f64>(k, u64::from(seed))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn large_products_equal_the_loops(m in 64_usize..140, n in 90_usize..150, k in 250_usize..700, seed: u32, store in store()) {
        every_form::<f32>((m, n, k), 5, u64::from(seed), store)?;
    }

    #[test]
    fn products_of_more_rows_than_are_packed_at_once_equal_the_loops(m in 513_usize..560, n in 20_usize..60, k in 129_usize..150, seed: u32, store in store()) {
        every_form::<f32>((m, n, k), 5, u64::from(seed), store)?;
        every_form::<f64>((m, n, k), 5, u64::from(seed), store)?;
    }
}

#[test]
fn nothing_times_nothing_is_nothing() {
    let none: [f32; 0] = [];
    for (m, n, k) in [(0, 3, 2), (3, 0, 2), (3, 2, 0)] {
        let (a, b) = (vec![1.0; m * k], vec![1.0; k * n]);
        let mut c = vec![7.0_f32; m * n];
        let out = MatrixMut::dense(&mut c, m, n);
        matmul(
            Matrix::dense(&a, m, k),
            Matrix::dense(&b, k, n),
            out,
            Store::Overwrite,
        );
        assert!(c.iter().all(|x| *x == 0.0));
    }
    assert_eq!(Matrix::dense(&none, 0, 5).rows(), 0);
}

#[test]
#[should_panic(expected = "does not fit a slice")]
fn a_matrix_that_its_slice_cannot_hold_is_refused() {
    Matrix::new(&[0.0_f32; 10], 3, 4, 4);
}

#[test]
#[should_panic(expected = "does not fit a slice")]
fn padding_that_its_slice_does_not_hold_is_refused() {
    MatrixMut::padded(&mut [0.0_f32; 31], 2, 4, 16);
}

#[test]
#[should_panic(expected = "sizes m, n, k")]
fn shapes_that_do_not_agree_are_refused() {
    let data = [0.0_f32; 16];
    let mut c = [0.0_f32; 16];
    let out = mnm_tensor::kernels::MatrixMut::dense(&mut c, 2, 2);
    matmul(
        Matrix::dense(&data, 2, 3),
        Matrix::dense(&data, 4, 2),
        out,
        Store::Overwrite,
    );
}

#[test]
fn a_write_of_zero_leaves_the_weights_bit_identical() {
    let (d, a) = (
        Poisoned::<f32>::new(2, 63, 0, |_, _| 0.0),
        Poisoned::random(2, 17, 0, 1),
    );
    let before = Poisoned::<f32>::random(63, 17, 15, 2);
    at_every_level(|| {
        let mut w = before.clone();
        matmul_tn(d.view(), a.view(), w.view_mut(), Store::Subtract);
        let bits = |m: &Poisoned<f32>| m.data.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&w), bits(&before));
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_packed_operand_can_be_replaced() {
    at_every_level(|| {
        replace_a_packed_operand();
        Ok(())
    })
    .unwrap();
}

fn replace_a_packed_operand() {
    let (small, large) = (
        Poisoned::<f32>::random(5, 50, 0, 1),
        Poisoned::<f32>::random(40, 70, 3, 2),
    );
    let mut packed = Packed::new(small.view());
    for b in [&large, &small] {
        packed.repack(b.view());
        let a = Poisoned::<f32>::random(9, b.rows, 0, 3);
        let (mut c, mut d) = (
            Poisoned::<f32>::random(9, b.columns, 0, 4),
            Poisoned::<f32>::random(9, b.columns, 0, 5),
        );
        packed.multiply(a.view(), c.view_mut(), Store::Overwrite);
        matmul(a.view(), b.view(), d.view_mut(), Store::Overwrite);
        assert_eq!(c.data, d.data);
        assert_eq!((packed.rows(), packed.columns()), (b.rows, b.columns));
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_copy_past_the_caches_is_a_copy(lines in 0_usize..40, first in 0_usize..20, missing in 0_usize..20, seed: u32) {
        let all = Poisoned::<f32>::random(1, 16 * lines + 40, 0, u64::from(seed));
        let mut from = Scratch::<f32>::zeros(16 * lines + 40);
        from.copy_from_slice(all.view().row(0));
        let mut to = Scratch::zeros(from.len());
        // Whole lines and none: both ways of copying.
        for range in [0..16 * lines, first..16 * lines + 40 - missing] {
            to.fill(0.0);
            stream(&from[range.clone()], &mut to[range.clone()]);
            for (i, x) in to.iter().enumerate() {
                prop_assert_eq!(*x, if range.contains(&i) { from[i] } else { 0.0 }, "element {}", i);
            }
        }
    }
}
