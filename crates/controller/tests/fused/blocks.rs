//! How sequences are grouped, and what is kept, changes nothing.

use mnm_controller::fused::{FusedRule, Inputs, Keep, LengthError, Wanted};

use crate::support::{ALL, Case, Problem, outcome};

fn case(rule: &'static str) -> Case {
    Case {
        rule,
        steps: 5,
        samples: 3,
        input: 4,
        controller: 12,
        value: 10,
        hidden: 18,
        layers: 3,
        heads: 2,
        masked: false,
        shared: true,
        dual_rows: 64,
        seed: 3,
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
        assert_eq!(outcome(&recorded), outcome(&bare));
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
    };
    let initial = mnm_controller::fused::InitialState {
        hidden: &[],
        cell: &[],
        read: &[],
        memory: &[],
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

#[test]
fn rules_without_a_fused_kernel_are_not_found() {
    assert_eq!(FusedRule::named("mnm-p"), Some(FusedRule::Perceptron));
    assert_eq!(FusedRule::named("another"), None);
}
