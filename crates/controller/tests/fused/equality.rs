//! Fused = reference.

use mnm_memory::RuleOptions;
use mnm_tensor::kernels::{Level, with_level};
use proptest::prelude::*;

use crate::cases::{RULES, case};
use crate::numbers::same;
use crate::support::{Case, Problem};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn fused_equals_reference_in_double_precision(case in case()) {
        let problem = Problem::new(&case);
        same(&problem.reference(), &problem.fused::<f64>(), 1e-12)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn single_precision_stays_near_at_every_level(case in case()) {
        let problem = Problem::new(&case);
        let reference = problem.reference();
        for level in Level::available() {
            same(&reference, &with_level(level, || problem.fused::<f32>()), 2e-3)?;
        }
    }
}

fn medium(rule: &'static str, steps: usize) -> Case {
    Case {
        rule,
        options: RuleOptions::default(),
        steps,
        samples: 2,
        input: 9,
        controller: 20,
        value: 17,
        hidden: 33,
        layers: 3,
        heads: 2,
        recurrent: true,
        masked: true,
        shared: true,
        chunk: 16,
        seed: 7,
    }
}

#[test]
fn many_steps_stay_equal() {
    for rule in RULES {
        let problem = Problem::new(&medium(rule, 60));
        same(&problem.reference(), &problem.fused::<f64>(), 1e-12).unwrap();
    }
}

#[test]
fn a_thousand_writes_lose_nothing_that_matters() {
    for rule in ["mnm-p", "mnm-g", "titans", "hebbian"] {
        let problem = Problem::new(&medium(rule, 1000));
        same(&problem.fused::<f64>(), &problem.fused::<f32>(), 1e-4).unwrap();
    }
}

/// A test whose gradients vanish would prove nothing.
#[test]
fn every_gradient_is_alive() {
    for rule in RULES {
        // Errors are means over heads and values: of few, gradients are large.
        let case = Case {
            value: 3,
            heads: 1,
            seed: 15, // a scene in which nothing vanishes
            ..medium(rule, 6)
        };
        let mut numbers = Problem::new(&case).fused::<f64>();
        numbers.retain(|name, _| name.starts_with("d "));
        assert!(numbers.len() >= 15);
        for (name, d) in numbers {
            let largest = d.iter().fold(0.0_f64, |a, x| a.max(x.abs()));
            assert!(largest > 1e-3, "{rule}: {name} is at most {largest:e}");
        }
    }
}
