//! Every method against its equation, in double precision.

use mnm_memory::{AssociativeMemory, Features, GradientRule, Memory, Method, Write, WriteRule};
use mnm_tensor::{Parameters, Tensor};
use ndarray::{Array1, Array2, Array3, Axis};
use proptest::prelude::*;

use crate::scene::{orthonormal, rows, solve};

fn largest(difference: impl IntoIterator<Item = f64>) -> f64 {
    difference.into_iter().map(f64::abs).fold(0.0, f64::max)
}

/// What a memory reads for the axes of key space: W^T, if it is linear.
fn weights(memory: &AssociativeMemory<f64>) -> Array2<f64> {
    let axes = Array2::eye(memory.key_width());
    memory.read_batch(&axes).expect("finite")
}

fn outer(e: &Array1<f64>, x: &Array1<f64>) -> Array2<f64> {
    let column = e.view().insert_axis(Axis(1));
    column.dot(&x.view().insert_axis(Axis(0)))
}

#[test]
fn the_delta_rule_stores_orthonormal_keys_exactly() {
    for width in [1, 5, 64] {
        let keys = orthonormal(width, width, 1);
        let values = rows::<f64>(width, 17, 2);
        let mut memory = AssociativeMemory::<f64>::new(width, 17, Method::delta()).unwrap();
        memory.write_batch(&keys, &values).unwrap();
        let error = largest(memory.read_batch(&keys).unwrap() - &values);
        assert!(error < 1e-14, "{width}: {error}");
        // Axes have no rounding at all.
        let axes = Array2::<f64>::eye(width);
        memory.clear();
        memory.write_batch(&axes, &values).unwrap();
        assert_eq!(memory.read_batch(&axes).unwrap(), values);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn delta_and_hebbian_are_their_equations(
        key in prop::sample::select(vec![1_usize, 3, 17, 63]), value in prop::sample::select(vec![1_usize, 3, 17]),
        pairs in 1_usize..9, rate in 0.1..1.0_f64, forgetting in 0.0..0.9_f64, seed in any::<u64>()
    ) {
        let (keys, values) = (rows::<f64>(pairs, key, seed), rows::<f64>(pairs, value, seed ^ 1));
        let mut delta = AssociativeMemory::<f64>::new(key, value, Method::Delta { rate }).unwrap();
        let mut hebbian = AssociativeMemory::<f64>::new(key, value, Method::Hebbian { rate, forgetting }).unwrap();
        let (mut d, mut h) = (Array2::<f64>::zeros((value, key)), Array2::<f64>::zeros((value, key)));
        for (x, v) in keys.rows().into_iter().zip(values.rows()) {
            let (x, v) = (x.to_owned(), v.to_owned());
            let e = &v - &d.dot(&x);
            let before = delta.write(&x, &v).unwrap();
            prop_assert!((before - e.dot(&e).sqrt()).abs() < 1e-12);
            d += &(outer(&e, &x) * (rate / x.dot(&x)));
            let e = &v - &h.dot(&x);
            let before = hebbian.write(&x, &v).unwrap();
            prop_assert!((before - e.dot(&e).sqrt()).abs() < 1e-10);
            h = h * (1.0 - forgetting) + outer(&v, &x) * (rate / x.dot(&x));
        }
        prop_assert!(largest(weights(&delta) - d.t()) < 1e-10 * (1.0 + largest(d.iter().copied())));
        prop_assert!(largest(weights(&hebbian) - h.t()) < 1e-10 * (1.0 + largest(h.iter().copied())));
    }

    /// The weighted ridge solution by Cholesky: sum of l^(n-i) x x^T and l^n ridge I.
    #[test]
    fn least_squares_is_the_weighted_ridge_solution(
        key in prop::sample::select(vec![1_usize, 3, 17, 33]), value in prop::sample::select(vec![1_usize, 4]),
        pairs in 1_usize..60, ridge in 0.01..2.0_f64, forgetting in prop::sample::select(vec![0.0, 0.01, 0.1]), seed in any::<u64>()
    ) {
        let (keys, values) = (rows::<f64>(pairs, key, seed), rows::<f64>(pairs, value, seed ^ 1));
        let method = Method::LeastSquares { ridge, forgetting };
        let mut memory = AssociativeMemory::<f64>::new(key, value, method).unwrap();
        memory.write_batch(&keys, &values).unwrap();
        let l = 1.0 - forgetting;
        let mut gram = Array2::<f64>::eye(key) * ridge * l.powi(pairs as i32);
        let mut moment = Array2::<f64>::zeros((key, value));
        for (i, (x, v)) in keys.rows().into_iter().zip(values.rows()).enumerate() {
            let weight = l.powi((pairs - 1 - i) as i32);
            gram += &(outer(&x.to_owned(), &x.to_owned()) * weight);
            moment += &(outer(&x.to_owned(), &v.to_owned()) * weight);
        }
        let expected = solve(&gram, &moment);
        let found = weights(&memory);
        prop_assert!(largest(&found - &expected) < 1e-8 * (1.0 + largest(expected.iter().copied())), "{} {}", found, expected);
        // novelty is q / (l + q) with q = x^T P x.
        let probe = rows::<f64>(1, key, seed ^ 2);
        let q = probe.dot(&solve(&gram, &probe.t().to_owned()))[[0, 0]];
        let novelty = memory.novelty(probe.row(0)).unwrap().unwrap();
        prop_assert!((novelty - q / (l + q)).abs() < 1e-8, "{} {}", novelty, q / (l + q));
        // known is 1 - l^n ridge tr(P) / width.
        let inverse = solve(&gram, &Array2::eye(key));
        let known = 1.0 - ridge * l.powi(pairs as i32) * inverse.diag().sum() / key as f64;
        prop_assert!((memory.statistics().known.unwrap() - known).abs() < 1e-8);
    }

    /// One step of a deep memory is a write of MNM-g, at some rate: the same direction, layer by layer.
    #[test]
    fn a_step_of_a_deep_memory_is_a_write_of_the_gradient_rule(
        key in prop::sample::select(vec![1_usize, 3, 17]), value in prop::sample::select(vec![1_usize, 5]),
        hidden in prop::sample::select(vec![vec![], vec![4_usize], vec![7, 7]]), seed in any::<u64>()
    ) {
        let mut widths = vec![key];
        widths.extend(&hidden);
        widths.push(value);
        let start: Vec<_> = widths.windows(2).enumerate().map(|(layer, pair)| {
            let weight = rows::<f64>(pair[1], pair[0], seed ^ layer as u64).insert_axis(Axis(0));
            Tensor::constant(weight)
        }).collect();
        let start = Memory::new(start).unwrap();
        let method = Method::Deep { hidden, steps: 1, rate: 0.7, seed: 0 };
        let mut memory = AssociativeMemory::from_memory(&start, 0, method, Features::Raw).unwrap();
        let (x, v) = (rows::<f64>(1, key, seed ^ 9), rows::<f64>(1, value, seed ^ 10));
        memory.write(x.row(0), v.row(0)).unwrap();
        let written = memory.to_memory().unwrap();

        let three = |a: &Array2<f64>| Tensor::constant(a.clone().insert_axis(Axis(0)));
        let write = |rate: f64| {
            let write = Write::new(three(&x), three(&v), Tensor::constant(ndarray::array![rate]));
            GradientRule::default().write(&Parameters::new(), &start, &write).unwrap()
        };
        // The rate follows from the last layer; the others must then agree.
        let changes = |memory: &Memory<f64>| -> Vec<Array3<f64>> {
            let pairs = memory.weights().iter().zip(start.weights());
            pairs.map(|(a, b)| (a.value() - b.value()).into_dimensionality().unwrap()).collect()
        };
        let (ours, unit) = (changes(&written), changes(&write(1.0)));
        let dot = |a: &Array3<f64>, b: &Array3<f64>| (a * b).sum();
        let last = unit.len() - 1;
        prop_assume!(dot(&unit[last], &unit[last]) > 1e-12);
        let rate = dot(&ours[last], &unit[last]) / dot(&unit[last], &unit[last]);
        prop_assert!(rate > 0.0);
        for (ours, theirs) in ours.iter().zip(changes(&write(rate))) {
            prop_assert!(largest(ours - &theirs) < 1e-9 * (1.0 + rate), "{} {}", ours, theirs);
        }
    }
}

#[test]
fn one_layer_and_one_step_is_the_delta_rule() {
    let (keys, values) = (rows::<f64>(20, 9, 3), rows::<f64>(20, 4, 4));
    for rate in [0.4, 1.0] {
        let deep = Method::Deep {
            hidden: vec![],
            steps: 1,
            rate,
            seed: 0,
        };
        let mut deep = AssociativeMemory::with_features(9, 4, deep, Features::Raw).unwrap();
        let mut delta = AssociativeMemory::<f64>::new(9, 4, Method::Delta { rate }).unwrap();
        let distances = deep.write_batch(&keys, &values).unwrap();
        let expected = delta.write_batch(&keys, &values).unwrap();
        assert!(largest(weights(&deep) - weights(&delta)) < 1e-12);
        let differences = distances.iter().zip(&expected).map(|(a, b)| a - b);
        assert!(largest(differences) < 1e-12);
    }
}

#[test]
fn a_write_to_a_deep_memory_never_makes_its_own_error_larger() {
    for seed in 0..20 {
        let (keys, values) = (rows::<f32>(60, 6, seed), rows::<f32>(60, 5, seed + 100));
        // Keys up to 30 times as long as what the first weights are made for, values of all sizes.
        let keys = keys * 10f32.powi((seed % 4) as i32 - 2);
        let values = values * 10f32.powi((seed % 7) as i32 - 3);
        let method = Method::deep([12, 8]);
        let mut memory = AssociativeMemory::with_features(6, 5, method, Features::Raw).unwrap();
        for (key, value) in keys.rows().into_iter().zip(values.rows()) {
            let before = memory.write(key, value).unwrap();
            let read = Array1::from(memory.read(key).unwrap());
            let after = (&read - &value).mapv(|x| x * x).sum().sqrt();
            let size = value.dot(&value).sqrt();
            assert!(after <= before + 1e-5 * size, "{seed}: {before} -> {after}");
        }
    }
}
