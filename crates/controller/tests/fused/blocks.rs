//! How sequences are grouped and cut, and what is kept, changes nothing.

use mnm_controller::Kernel;
use mnm_controller::fused::{Inputs, Keep, LengthError, Wanted, passes};

use proptest::prelude::*;

use crate::cases::{RULES, case as any_case};
use crate::numbers::{Numbers, outcome, same};
use crate::support::{ALL, Case, Problem};

fn case(rule: &'static str) -> Case {
    Case {
        rule,
        options: mnm_memory::RuleOptions::default(),
        steps: 5,
        samples: 3,
        input: 4,
        controller: 12,
        value: 10,
        hidden: 18,
        layers: 3,
        heads: 2,
        recurrent: true,
        masked: false,
        shared: true,
        chunk: 64,
        seed: 3,
    }
}

/// Both kernels give the same numbers: only a count tells which of them ran.
#[test]
fn the_fused_kernel_runs_unless_the_reference_is_asked_for() {
    let problem = Problem::new(&case("mnm-p"));
    for (kernel, expected) in [
        (None, 1),
        (Some(Kernel::Fused), 1),
        (Some(Kernel::Reference), 0),
    ] {
        let before = passes();
        problem.gradient_of_a_sum(kernel);
        let after = passes();
        assert_eq!(
            after.forward - before.forward,
            expected,
            "{kernel:?} forward"
        );
        assert_eq!(after.adjoint - before.adjoint, expected, "{kernel:?} back");
    }
}

#[test]
fn a_forward_pass_that_records_nothing_gives_the_same_bits() {
    for rule in ["mnm-p", "mnm-g"] {
        let problem = Problem::new(&case(rule));
        let prepared = problem.prepared::<f32>();
        let (recorded, bare) = (
            problem.forward(&prepared, true),
            problem.forward(&prepared, false),
        );
        assert!(bare.saved.is_none());
        assert_eq!(outcome(&problem, &recorded), outcome(&problem, &bare));
    }
}

#[test]
fn the_gradient_of_the_inputs_can_be_left_out() {
    let problem = Problem::new(&case("mnm-p"));
    let prepared = problem.prepared::<f32>();
    let mut with = problem.adjoint(&prepared, problem.forward(&prepared, true), ALL);
    let without = problem.adjoint(
        &prepared,
        problem.forward(&prepared, true),
        Wanted {
            inputs: false,
            ..ALL
        },
    );
    assert!(without.inputs.is_empty() && !with.inputs.is_empty());
    with.inputs.clear();
    assert_eq!(with, without);
}

#[test]
fn a_slice_of_another_length_is_refused_with_its_name() {
    let problem = Problem::new(&case("mnm-p"));
    let prepared = problem.prepared::<f32>();
    let inputs = Inputs {
        steps: 5,
        samples: 3,
        inputs: &[0.0; 59],
        hidden_mask: None,
        cell_mask: None,
    };
    let initial = mnm_controller::fused::InitialState {
        hidden: &[],
        cell: &[],
        read: &[],
        memory: &[],
        momentum: &[],
    };
    let error = prepared
        .forward(&inputs, &initial, Keep::default())
        .unwrap_err();
    assert_eq!(
        error,
        LengthError {
            name: "inputs",
            shape: vec![5, 3, 4],
            expected: 60,
            found: 59
        }
    );
    assert_eq!(
        error.to_string(),
        "inputs [5, 3, 4]: expected 60 numbers, found 59"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_block_is_its_sequences_one_by_one(case in any_case()) {
        let problem = Problem::new(&case);
        let together = problem.fused::<f64>();
        let samples = case.samples;
        // Gradients of what they share are summed; what each sequence has of its own is a row, of every step or one after the other.
        let shared = |name: &str| {
            name.starts_with("d ") && name.contains('.') && !name.contains("slot") && (case.shared || !name.starts_with("d memory"))
        };
        let mut expected = Numbers::new();
        for s in 0..samples {
            for (name, x) in problem.single(s).fused::<f64>() {
                let whole = expected.entry(name.clone()).or_insert_with(|| {
                    vec![0.0; if shared(&name) { x.len() } else { samples * x.len() }]
                });
                if shared(&name) {
                    whole.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
                    continue;
                }
                let stepwise = ["outputs", "meta", "rates", "d inputs"].contains(&name.as_str());
                let rows = if stepwise { case.steps } else { 1 };
                let width = x.len() / rows;
                for (row, own) in x.chunks(width).enumerate() {
                    whole[(row * samples + s) * width..][..width].copy_from_slice(own);
                }
            }
        }
        same(&together, &expected, 1e-12)?;
    }

    #[test]
    fn a_sequence_is_its_parts_carried_on(case in any_case(), cut in 1_usize..6) {
        let case = Case { steps: 6, ..case };
        let problem = Problem::new(&case);
        let prepared = problem.prepared::<f64>();
        let whole = outcome(&problem, &problem.forward(&prepared, false));
        let part = |from: usize, to: usize, carried: Option<&Numbers>| {
            let part = problem.part(from, to, carried);
            outcome(&part, &part.forward(&prepared, false))
        };
        let first = part(0, cut, None);
        let second = part(cut, 6, Some(&first));
        let last = |numbers: &Numbers| -> Numbers {
            let state = numbers.iter().filter(|(n, _)| !["outputs", "meta", "rates"].contains(&n.as_str()));
            state.map(|(n, x)| (n.clone(), x.clone())).collect()
        };
        same(&last(&whole), &last(&second), 1e-12)?;
        for name in ["outputs", "meta", "rates"] {
            let parts = [&first[name][..], &second[name][..]].concat();
            let pair = |x: Vec<f64>| Numbers::from([(name.to_owned(), x)]);
            same(&pair(whole[name].clone()), &pair(parts), 1e-12)?;
        }
    }
}

#[test]
fn a_rate_of_zero_leaves_the_memory_bit_identical() {
    for rule in RULES {
        for chunk in [1, 2, 64] {
            let mut problem = Problem::new(&Case {
                chunk,
                ..case(rule)
            });
            problem.parameters.get_mut("rate.bias").unwrap().fill(-1e4);
            if let Some(gates) = problem.parameters.get_mut("gates.bias") {
                gates.fill(-1e4);
            }
            let forward = problem.forward(&problem.prepared::<f32>(), false);
            assert!(forward.rates.iter().all(|rate| *rate == 0.0));
            for (layer, weights) in problem.case.written().into_iter().zip(&forward.memory) {
                let initial = &problem.parameters[&format!("memory.{layer}.weight")];
                for (i, w) in weights.iter().enumerate() {
                    let expected = initial.iter().nth(i % initial.len()).map(|x| *x as f32);
                    assert_eq!(Some(w.to_bits()), expected.map(f32::to_bits));
                }
            }
        }
    }
}

#[test]
fn the_same_pass_twice_gives_the_same_bits() {
    for rule in ["mnm-p", "mnm-g"] {
        let problem = Problem::new(&Case {
            samples: 7,
            chunk: 2,
            ..case(rule)
        });
        let (first, second) = (problem.fused::<f32>(), problem.fused::<f32>());
        assert_eq!(first, second);
    }
}
