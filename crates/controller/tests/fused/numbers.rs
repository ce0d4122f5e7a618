//! Solutions as flat numbers by name.

use std::collections::BTreeMap;

use mnm_controller::fused::Forward;
use mnm_controller::{State, memory_part, slot_part};
use mnm_memory::momentum_name;
use mnm_tensor::Tensor;
use mnm_tensor::kernels::Kernels;
use ndarray::ArrayD;
use proptest::prelude::*;

use crate::support::Problem;

/// Flat numbers by name.
pub type Numbers = BTreeMap<String, Vec<f64>>;

/// Values and last state of a forward pass. Layers that no write touches are what they were.
pub fn outcome<F: Kernels>(problem: &Problem, forward: &Forward<F>) -> Numbers {
    let case = &problem.case;
    let mut numbers = Numbers::new();
    let mut put = |name: &str, values: &[F]| numbers.insert(name.to_owned(), flat64(values));
    put("outputs", &forward.outputs);
    put("meta", &forward.meta);
    put("rates", &forward.rates);
    put("hidden", &forward.hidden);
    put("cell", &forward.cell);
    put("read", &forward.read);
    for layer in 0..case.layers {
        put(&memory_part(layer), &to(&problem.initial_weights(layer)));
    }
    for (layer, weights) in case.written().into_iter().zip(&forward.memory) {
        put(&memory_part(layer), weights);
    }
    for (layer, momentum) in case.carried().into_iter().zip(&forward.momentum) {
        put(&slot_part(&momentum_name(layer)), momentum);
    }
    numbers
}

pub fn parts(state: &State<f64>) -> BTreeMap<String, Tensor<f64>> {
    state
        .iter()
        .map(|(name, x)| (name.to_owned(), x.clone()))
        .collect()
}

pub fn flat<'a>(values: impl Iterator<Item = &'a f64>) -> Vec<f64> {
    values.copied().collect()
}

pub fn flat64<F: Kernels>(values: &[F]) -> Vec<f64> {
    values.iter().map(|x| x.as_f64()).collect()
}

pub fn to<F: Kernels>(x: &ArrayD<f64>) -> Vec<F> {
    x.iter().map(|x| F::of(*x)).collect()
}

/// Holds two solutions equal: the largest difference of each array against its largest entry.
pub fn same(expected: &Numbers, found: &Numbers, relative: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(
        expected.keys().collect::<Vec<_>>(),
        found.keys().collect::<Vec<_>>()
    );
    for (name, expected) in expected {
        let found = &found[name];
        prop_assert_eq!(expected.len(), found.len(), "{}", name);
        let scale = expected.iter().fold(1e-3_f64, |a, x| a.max(x.abs()));
        for (i, (e, f)) in expected.iter().zip(found).enumerate() {
            prop_assert!(
                (e - f).abs() <= relative * scale,
                "{name}[{i}]: {f} for {e}, largest entry {scale}"
            );
        }
    }
    Ok(())
}
