//! Where the rules of the family are one another, or something well known.

use mnm_memory::{
    Gate, InnerLoss, LeastSquaresRule, Memory, MemoryError, RuleOptions, Write, WriteRule,
    rule_named, rule_names, rule_with,
};
use mnm_tensor::{Float, Parameters, Tensor};
use proptest::prelude::*;

use crate::scene::{Extents, Outcome, Scene, extents};

fn rule(name: &str) -> Box<dyn WriteRule<f64>> {
    rule_named(name).unwrap()
}

fn with(name: &str, options: RuleOptions) -> Box<dyn WriteRule<f64>> {
    rule_with(name, &options).unwrap()
}

/// Both outcomes, reads and weights. A read can be small because terms of order one cancel, so that differences are relative to one at least.
fn same(a: &Outcome, b: &Outcome, tolerance: f64) -> Result<(), TestCaseError> {
    let pairs = a
        .reads
        .iter()
        .zip(&b.reads)
        .chain(a.memory.weights().iter().zip(b.memory.weights()));
    for (a, b) in pairs {
        prop_assert_eq!(a.shape(), b.shape());
        let pairs = a.value().iter().zip(b.value());
        let scale = b.value().iter().fold(1.0_f64, |most, x| most.max(x.abs()));
        let apart = pairs.map(|(a, b)| (a - b).abs() / scale);
        let apart: Vec<f64> = apart.filter(|d| d.is_nan() || *d >= tolerance).collect();
        prop_assert!(apart.is_empty(), "differ by {apart:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn gated_delta_that_forgets_nothing_is_delta(extents in extents(&[1, 3, 17])) {
        let scene = Scene::new(extents, rule("delta").as_ref());
        let none = RuleOptions { forget: Some(Gate::Fixed(0.0)), ..RuleOptions::default() };
        let gated = with("gated-delta", none);
        same(&scene.run_plain(gated.as_ref()), &scene.run_plain(rule("delta").as_ref()), 1e-13)?;
    }

    #[test]
    fn titans_without_gates_is_mnm_g_with_unit_keys(extents in extents(&[1, 3, 17])) {
        let scene = Scene::new(extents, rule("mnm-g").as_ref());
        let zero = Some(Gate::Fixed(0.0));
        let titans = with("titans", RuleOptions { forget: zero, momentum: zero, ..RuleOptions::default() });
        let unit = with("mnm-g", RuleOptions { unit_keys: Some(true), ..RuleOptions::default() });
        same(&scene.run_plain(titans.as_ref()), &scene.run_plain(unit.as_ref()), 1e-13)?;
    }

    #[test]
    fn a_huge_huber_bound_is_the_square(extents in extents(&[1, 3, 17])) {
        let scene = Scene::new(extents, rule("mnm-g").as_ref());
        let huber = RuleOptions { inner_loss: InnerLoss::Huber, huber: 1e6, ..RuleOptions::default() };
        let huber = with("mnm-g", huber);
        same(&scene.run_plain(huber.as_ref()), &scene.run_plain(rule("mnm-g").as_ref()), 1e-13)?;
    }

    #[test]
    fn mnm_g_of_one_layer_is_delta_up_to_its_constant(extents in extents(&[1, 3, 17])) {
        let extents = Extents { layers: 1, ..extents };
        let scene = Scene::new(extents, rule("mnm-g").as_ref());
        let mut other = scene.clone();
        for step in &mut other.steps {
            // 2 / (H M) against 1 / H.
            step[3].mapv_inplace(|rate| rate * 2.0 / extents.value as f64);
        }
        same(&other.run_plain(rule("delta").as_ref()), &scene.run_plain(rule("mnm-g").as_ref()), 1e-12)?;
    }

    #[test]
    fn two_inner_steps_are_two_writes(extents in extents(&[1, 3, 17])) {
        let extents = Extents { steps: 1, ..extents };
        let mut scene = Scene::new(extents, rule("mnm-g").as_ref());
        let twice = with("mnm-g", RuleOptions { inner_steps: 2, ..RuleOptions::default() });
        let found = scene.run_plain(twice.as_ref());
        scene.steps.push(scene.steps[0].clone());
        let mut expected = scene.run_plain(rule("mnm-g").as_ref());
        expected.reads.remove(0);
        same(&found, &expected, 1e-13)?;
    }

    #[test]
    fn hebbian_with_a_fixed_forget_is_attention_to_the_past(extents in extents(&[1, 3, 17])) {
        let extents = Extents { layers: 1, heads: 1, ..extents };
        const FORGET: f64 = 0.3;
        let rule = with("hebbian", RuleOptions { forget: Some(Gate::Fixed(FORGET)), ..RuleOptions::default() });
        let mut scene = Scene::new(extents, rule.as_ref());
        scene.weights[0].fill(0.0);
        let found = scene.run_plain(rule.as_ref());
        for (t, read) in found.reads.iter().enumerate() {
            for b in 0..extents.batch {
                let mut expected = vec![0.0; extents.value];
                for (s, step) in scene.steps[..=t].iter().enumerate() {
                    let asked = &scene.steps[t][2];
                    let score: f64 = (0..extents.value).map(|i| step[0][[b, 0, i]] * asked[[b, 0, i]]).sum();
                    let fade = (1.0 - FORGET).powi((t - s) as i32);
                    for (i, e) in expected.iter_mut().enumerate() {
                        *e += fade * step[3][[b]] * score * step[1][[b, 0, i]];
                    }
                }
                for (i, e) in expected.iter().enumerate() {
                    let f = read.value()[[b, 0, i]];
                    prop_assert!((f - e).abs() < 1e-12, "step {t}, sequence {b}: {f} instead of {e}");
                }
            }
        }
    }
}

/// W = (V^T K + ridge W_0) (K^T K + ridge I)^-1 by elimination, for rows K and V of all pairs so far.
fn ridge_solution(
    keys: &[Vec<f64>],
    values: &[Vec<f64>],
    start: &[Vec<f64>],
    ridge: f64,
) -> Vec<Vec<f64>> {
    let width = keys[0].len();
    let moment = |i: usize, j: usize| {
        keys.iter().map(|k| k[i] * k[j]).sum::<f64>() + if i == j { ridge } else { 0.0 }
    };
    start
        .iter()
        .enumerate()
        .map(|(row, w)| {
            let mut system: Vec<Vec<f64>> = (0..width)
                .map(|i| {
                    let right = keys
                        .iter()
                        .zip(values)
                        .map(|(k, v)| k[i] * v[row])
                        .sum::<f64>()
                        + ridge * w[i];
                    (0..width).map(|j| moment(i, j)).chain([right]).collect()
                })
                .collect();
            for i in 0..width {
                let pivot = system[i].clone();
                for (j, line) in system.iter_mut().enumerate() {
                    let factor = line[i] / pivot[i];
                    for (x, p) in line.iter_mut().zip(&pivot) {
                        if j != i {
                            *x -= factor * p;
                        }
                    }
                }
            }
            (0..width)
                .map(|i| system[i][width] / system[i][i])
                .collect()
        })
        .collect()
}

#[test]
fn rls_at_rate_one_is_ridge_regression_at_every_step() {
    const RIDGE: f64 = 0.25;
    let options = RuleOptions {
        ridge: RIDGE,
        forget: Some(Gate::None),
        ..RuleOptions::default()
    };
    let rule = with("rls", options);
    let extents = Extents {
        seed: 11,
        value: 7,
        hidden: 1,
        layers: 1,
        heads: 3,
        batch: 1,
        steps: 5,
    };
    let mut scene = Scene::new(extents, rule.as_ref());
    for step in &mut scene.steps {
        step[3].fill(1.0);
    }
    let row = |x: &mnm_tensor::SharedArray<f64>, h: usize| {
        (0..7).map(|i| x[[0, h, i]]).collect::<Vec<_>>()
    };
    let start: Vec<Vec<f64>> = (0..7).map(|o| row(&scene.weights[0], o)).collect();
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for taken in 1..=extents.steps {
        let part = Scene {
            extents: Extents {
                steps: taken,
                ..extents
            },
            steps: scene.steps[..taken].to_vec(),
            ..scene.clone()
        };
        for h in 0..3 {
            keys.push(row(&scene.steps[taken - 1][0], h));
            values.push(row(&scene.steps[taken - 1][1], h));
        }
        let found = part.run_plain(rule.as_ref());
        let expected = ridge_solution(&keys, &values, &start, RIDGE);
        for (o, line) in expected.iter().enumerate() {
            for (i, e) in line.iter().enumerate() {
                let f = found.memory.weights()[0].value()[[0, o, i]];
                assert!(
                    (f - e).abs() < 1e-8,
                    "after {taken} steps [{o}, {i}]: {f} instead of {e}"
                );
            }
        }
    }
}

/// Sixty steps of three pairs at 1 / 2: what of the inverse were not symmetric would have grown by 54 digits.
#[test]
fn what_rls_knows_stays_symmetric_however_much_it_forgets() {
    let options = RuleOptions {
        forget: Some(Gate::Fixed(0.5)),
        ..RuleOptions::default()
    };
    let rule = with("rls", options);
    let extents = Extents {
        seed: 3,
        value: 3,
        hidden: 1,
        layers: 1,
        heads: 3,
        batch: 1,
        steps: 60,
    };
    let found = Scene::new(extents, rule.as_ref()).run_plain(rule.as_ref());
    let root = found.memory.slot("inverse_root").expect("a slot");
    let inverse = root.matmul(root.transpose().unwrap()).unwrap();
    let inverse = inverse.value();
    let lost = found.memory.weights()[0]
        .value()
        .iter()
        .any(|w| w.abs() > 1e3);
    assert!(!lost, "weights {:?}", found.memory.weights()[0].value());
    for (i, j) in [(0, 1), (0, 2), (1, 2)] {
        assert_eq!(inverse[[0, i, j]], inverse[[0, j, i]]);
    }
}

/// Twenty keys in one direction at lambda = 1 / 2, and the inverse is a million times as large in the others. In single precision what is written
/// there next is still what it is in double precision; with P itself in the place of its root it is off by 0.02.
#[test]
fn what_rls_writes_survives_rounding_where_it_has_forgotten() {
    fn run<F: Float>() -> Vec<f64> {
        let rule = LeastSquaresRule::default();
        let mut memory = Memory::new(vec![Tensor::<F>::zeros(&[1, 3, 3])]).unwrap();
        let tensor = |shape: &[usize], x: &[f64]| {
            Tensor::from_vec(shape, x.iter().map(|x| F::of(*x)).collect()).unwrap()
        };
        for step in 0..23 {
            let wave = |i: usize| f64::sin(1.7 * (step * 3 + i) as f64);
            let beside = if step < 20 { 0.0 } else { 1.0 };
            let keys = [1.0, beside * wave(1), beside * wave(2)];
            let values = [3, 4, 5].map(wave);
            let [keys, values] = [keys, values].map(|row| tensor(&[1, 1, 3], &row));
            let write = Write::new(keys, values, tensor(&[1], &[0.7]));
            let write = write.with_forget(tensor(&[1], &[0.5]));
            memory = rule.write(&Parameters::new(), &memory, &write).unwrap();
        }
        let weights = memory.weights()[0].value();
        weights.iter().map(|x| x.as_f64()).collect()
    }
    let (single, double) = (run::<f32>(), run::<f64>());
    for (s, d) in single.iter().zip(&double) {
        assert!((s - d).abs() < 2e-4, "{single:?} beside {double:?}");
    }
}

#[test]
fn delta_at_rate_one_stores_orthonormal_keys_exactly() {
    let rule = with(
        "delta",
        RuleOptions {
            unit_keys: Some(false),
            ..RuleOptions::default()
        },
    );
    let start = (0..16).map(|i| 0.1 * f64::from(i) - 0.7).collect();
    let mut memory = Memory::new(vec![Tensor::from_vec(&[1, 4, 4], start).unwrap()]).unwrap();
    let keys = [
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 0.6, 0.8, 0.0],
        [0.0, -0.8, 0.6, 0.0],
    ];
    let values = [
        [0.5, -1.0, 2.0, 0.0],
        [1.0, 1.0, -1.0, 0.5],
        [-2.0, 0.0, 0.0, 1.0],
    ];
    let row = |x: &[f64; 4]| Tensor::from_vec(&[1, 1, 4], x.to_vec()).unwrap();
    for (key, value) in keys.iter().zip(&values) {
        let write = Write::new(row(key), row(value), Tensor::ones(&[1]));
        memory = rule.write(&Parameters::new(), &memory, &write).unwrap();
    }
    for (key, value) in keys.iter().zip(&values) {
        let error = memory
            .discrepancy(&row(key), &row(value))
            .unwrap()
            .item()
            .unwrap();
        assert!(error < 1e-28, "{error:e}");
    }
}

#[test]
fn options_that_a_rule_does_not_look_at_are_refused() {
    let huber = RuleOptions {
        inner_loss: InnerLoss::Huber,
        ..RuleOptions::default()
    };
    let cases = [
        ("delta", huber, "inner_loss"),
        (
            "mnm-p",
            RuleOptions {
                inner_steps: 2,
                ..RuleOptions::default()
            },
            "inner_steps",
        ),
        (
            "mnm-g",
            RuleOptions {
                ridge: 2.0,
                ..RuleOptions::default()
            },
            "ridge",
        ),
        (
            "mnm-g",
            RuleOptions {
                huber: 2.0,
                ..RuleOptions::default()
            },
            "huber",
        ),
        (
            "plastic",
            RuleOptions {
                forget: Some(Gate::Learned),
                ..RuleOptions::default()
            },
            "forget",
        ),
        (
            "rls",
            RuleOptions {
                momentum: Some(Gate::Learned),
                ..RuleOptions::default()
            },
            "momentum",
        ),
        (
            "delta",
            RuleOptions {
                forget: Some(Gate::Fixed(1.5)),
                ..RuleOptions::default()
            },
            "forget",
        ),
        (
            "rls",
            RuleOptions {
                forget: Some(Gate::Fixed(1.0)),
                ..RuleOptions::default()
            },
            "forget",
        ),
        (
            "delta",
            RuleOptions {
                momentum: Some(Gate::Fixed(1.0)),
                ..RuleOptions::default()
            },
            "momentum",
        ),
        (
            "mnm-g",
            RuleOptions {
                inner_steps: 0,
                ..RuleOptions::default()
            },
            "inner_steps",
        ),
    ];
    for (name, options, named) in cases {
        match rule_with::<f64>(name, &options) {
            Err(MemoryError::Option { key, .. }) => assert_eq!(key, named),
            other => panic!("{name}, {named}: {other:?}"),
        }
    }
}

#[test]
fn the_table_has_the_names_of_the_family() {
    let expected = "mnm-p mnm-g titans delta gated-delta hebbian oja plastic dfa rls";
    assert_eq!(rule_names().join(" "), expected);
}

#[test]
fn a_gate_that_is_missing_or_not_asked_for_is_named() {
    let memory = || Memory::new(vec![Tensor::<f64>::ones(&[1, 2, 2])]).unwrap();
    let write = || {
        Write::new(
            Tensor::ones(&[1, 1, 2]),
            Tensor::ones(&[1, 1, 2]),
            Tensor::ones(&[1]),
        )
    };
    let told = |rule: &str, write: &Write<f64>| {
        let rule = rule_named::<f64>(rule).unwrap();
        rule.write(&Parameters::new(), &memory(), write)
            .unwrap_err()
            .to_string()
    };
    assert!(told("titans", &write()).contains("`forget`"));
    assert!(told("delta", &write().with_forget(Tensor::ones(&[1]))).contains("does not ask"));
}
