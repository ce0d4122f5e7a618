//! All rules of the table, and what can be chosen about them.

use mnm_memory::fused::{ChunkSteps, RuleForm};
use mnm_memory::testkit::{Trial, check_fused, check_rule};
use mnm_memory::{Gate, InnerLoss, MemoryShape, RuleOptions, rule_named, rule_names, rule_with};
use proptest::prelude::*;

fn width() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1), Just(3), Just(8), Just(17), Just(63)]
}

/// Any small problem.
pub fn trial() -> impl Strategy<Value = Trial> {
    let sizes = (
        1..12_usize,
        1..4_usize,
        width(),
        width(),
        1..4_usize,
        1..4_usize,
    );
    let choices = (
        any::<u64>(),
        any::<[bool; 2]>(),
        prop_oneof![Just(0.5), Just(1e-3), Just(0.0)],
    );
    (sizes, choices).prop_map(|(sizes, (seed, [shared, carried], edge))| {
        let (steps, batch, value, hidden, layers, heads) = sizes;
        Trial {
            shared,
            carried,
            edge,
            ..trial_of(seed, [value, hidden, layers], [heads, batch, steps])
        }
    })
}

fn choices() -> Vec<(&'static str, RuleOptions)> {
    let plain = RuleOptions::default();
    let learned = Some(Gate::Learned);
    let unit_keys = Some(true);
    let (fixed, carried) = (Some(Gate::Fixed(0.3)), Some(Gate::Fixed(0.6)));
    let huber = InnerLoss::Huber;
    vec![
        (
            "mnm-p",
            RuleOptions {
                forget: learned,
                ..plain
            },
        ),
        (
            "mnm-p",
            RuleOptions {
                momentum: learned,
                unit_keys,
                ..plain
            },
        ),
        (
            "mnm-g",
            RuleOptions {
                forget: fixed,
                momentum: carried,
                ..plain
            },
        ),
        (
            "mnm-g",
            RuleOptions {
                inner_steps: 2,
                ..plain
            },
        ),
        (
            "mnm-g",
            RuleOptions {
                inner_steps: 3,
                forget: learned,
                momentum: learned,
                ..plain
            },
        ),
        (
            "mnm-g",
            RuleOptions {
                inner_loss: huber,
                huber: 0.3,
                ..plain
            },
        ),
        (
            "dfa",
            RuleOptions {
                forget: learned,
                momentum: learned,
                ..plain
            },
        ),
        (
            "delta",
            RuleOptions {
                momentum: learned,
                ..plain
            },
        ),
        // With these a rate of 1 is tried: it stores a value whole.
        ("delta", RuleOptions { unit_keys, ..plain }),
        ("gated-delta", RuleOptions { unit_keys, ..plain }),
        (
            "gated-delta",
            RuleOptions {
                forget: fixed,
                unit_keys,
                ..plain
            },
        ),
        (
            "oja",
            RuleOptions {
                forget: learned,
                ..plain
            },
        ),
        (
            "oja",
            RuleOptions {
                forget: fixed,
                unit_keys,
                ..plain
            },
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_rule_of_the_table(trial in trial()) {
        for name in rule_names() {
            let rule = rule_named::<f64>(&name).unwrap();
            check_fused(rule.as_ref(), &trial, 1e-10).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn every_choice_about_them(trial in trial()) {
        for (name, options) in choices() {
            let rule = rule_with::<f64>(name, &options).unwrap();
            check_fused(rule.as_ref(), &trial, 1e-10).map_err(TestCaseError::fail)?;
        }
    }
}

/// A problem of these sizes: keys and values `value` wide, `hidden` units, `layers` layers; gates anywhere, one start for all.
pub fn trial_of(
    seed: u64,
    [value, hidden, layers]: [usize; 3],
    [heads, batch, steps]: [usize; 3],
) -> Trial {
    Trial {
        seed,
        shape: MemoryShape::new(value, hidden, layers).unwrap(),
        heads,
        batch,
        steps,
        shared: true,
        carried: false,
        edge: 0.5,
    }
}

/// Holds all rules, and all choices about them, to their definitions: with gates anywhere, near 0 and 1 and exactly there, from what all
/// sequences share and from weights and slots of their own.
fn everything_is_equal(trial: &Trial, tolerance: f64) {
    let table = rule_names()
        .into_iter()
        .map(|name| (name, RuleOptions::default()));
    let chosen = choices()
        .into_iter()
        .map(|(name, options)| (name.to_owned(), options));
    for (name, options) in table.chain(chosen) {
        let rule = rule_with::<f64>(&name, &options).unwrap();
        for edge in [0.5, 1e-3, 0.0] {
            for carried in [false, true] {
                let trial = Trial {
                    edge,
                    carried,
                    shared: !carried,
                    ..trial.clone()
                };
                check_fused(rule.as_ref(), &trial, tolerance).unwrap();
            }
        }
    }
}

/// T beyond several chunks of both kinds: the first, which begins with what is shared, holds several steps, the others one each.
#[test]
fn many_chunks_stay_equal() {
    let trial = trial_of(3, [17, 20, 3], [2, 2, 40]);
    everything_is_equal(&trial, 1e-9);
}

/// One head, so that every chunk holds several steps; of a memory of one layer, products are taken for all of them at once.
#[test]
fn chunks_of_several_steps_stay_equal() {
    for layers in [1, 3] {
        let trial = trial_of(5, [33, 33, layers], [1, 1, 40]);
        everything_is_equal(&trial, 1e-9);
    }
}

/// Width 63: a first chunk of 52 steps, 15 where rows forget; then chunks of ten where writes fade, of three where they last.
#[test]
fn wide_chunks_stay_equal() {
    let trial = trial_of(9, [63, 63, 1], [1, 1, 75]);
    for (name, shared, own) in [("titans", 52, 10), ("mnm-g", 52, 3), ("oja", 15, 10)] {
        let rule = rule_named::<f64>(name).unwrap();
        let form = RuleForm::of(rule.as_ref(), &trial.shape, trial.heads).unwrap();
        assert_eq!(form.chunk_steps(trial.heads), ChunkSteps { shared, own });
    }
    everything_is_equal(&trial, 1e-9);
}

/// Two blocks and a part of one, whose results lie side by side and whose gradients of what they share are summed; with one layer, in three
/// chunks.
#[test]
fn more_sequences_than_a_block_takes_stay_equal() {
    let deep = trial_of(7, [3, 4, 2], [2, 19, 4]);
    let linear = trial_of(7, [9, 9, 1], [1, 19, 5]);
    for (trial, shared) in [
        (&deep, true),
        (&deep, false),
        (&linear, true),
        (&linear, false),
    ] {
        let trial = Trial {
            shared,
            carried: !shared,
            ..trial.clone()
        };
        for name in rule_names() {
            let rule = rule_named::<f64>(&name).unwrap();
            check_fused(rule.as_ref(), &trial, 1e-10).unwrap();
        }
    }
}

#[test]
fn every_rule_keeps_every_promise() {
    for name in rule_names() {
        check_rule(rule_named::<f64>(&name).unwrap().as_ref()).unwrap();
    }
}

#[test]
fn every_choice_keeps_every_promise() {
    for (name, options) in choices() {
        check_rule(rule_with::<f64>(name, &options).unwrap().as_ref()).unwrap();
    }
}

/// What the table says of kernels: a rule that silently left the fused one would pass every test above.
#[test]
fn the_rules_that_run_fused_are_these() {
    let shape = MemoryShape::new(4, 5, 2).unwrap();
    let fused = |name: &&String| {
        let rule = rule_named::<f64>(name).unwrap();
        RuleForm::of(rule.as_ref(), &shape, 2).is_some()
    };
    let names = rule_names();
    let found: Vec<&String> = names.iter().filter(fused).collect();
    let expected = [
        "mnm-p",
        "mnm-g",
        "titans",
        "delta",
        "gated-delta",
        "hebbian",
        "oja",
        "dfa",
    ];
    assert_eq!(found, expected);
}
