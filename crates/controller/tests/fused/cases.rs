//! Any small problem: sizes, rules and what is chosen about them.

use mnm_memory::{Gate, InnerLoss, RuleOptions};
use proptest::prelude::*;

use crate::support::Case;

fn width() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 1_usize..8, 2 => prop_oneof![Just(3), Just(16), Just(17)], 1 => Just(63)]
}

fn chunk() -> impl Strategy<Value = usize> {
    prop_oneof![1_usize..6, Just(64)]
}

/// The rules that have a fused kernel.
pub const RULES: [&str; 8] = [
    "mnm-p",
    "mnm-g",
    "titans",
    "delta",
    "gated-delta",
    "hebbian",
    "oja",
    "dfa",
];

fn gate() -> impl Strategy<Value = Option<Gate>> {
    let kinds = [
        None,
        Some(Gate::None),
        Some(Gate::Fixed(0.3)),
        Some(Gate::Learned),
    ];
    proptest::sample::select(kinds.to_vec())
}

/// A rule that has a fused kernel, half of the time as it is, and what is chosen about it.
fn rule() -> impl Strategy<Value = (&'static str, RuleOptions)> {
    let names = proptest::sample::select(&RULES[..]);
    let choices = (any::<[bool; 3]>(), gate(), gate(), 1..4_usize);
    (names, choices).prop_map(|(name, ([plain, unit, huber], forget, momentum, steps))| {
        let mut options = RuleOptions::default();
        if plain {
            return (name, options);
        }
        options.unit_keys = unit.then_some(true);
        options.forget = forget;
        // A layer that forgets row by row and carries momentum is left to the definition.
        options.momentum = momentum.filter(|_| name != "oja");
        if ["mnm-g", "titans"].contains(&name) {
            options.inner_steps = steps;
            if huber {
                options.inner_loss = InnerLoss::Huber;
                options.huber = 0.5;
            }
        }
        (name, options)
    })
}

/// Any small problem.
pub fn case() -> impl Strategy<Value = Case> {
    let sizes = (
        1_usize..7,
        1_usize..4,
        width(),
        width(),
        width(),
        width(),
        1_usize..5,
        1_usize..4,
    );
    (sizes, rule(), any::<[bool; 3]>(), chunk(), any::<u32>()).prop_map(
        |(sizes, (rule, options), [masked, shared, recurrent], chunk, seed)| Case {
            rule,
            options,
            steps: sizes.0,
            samples: sizes.1,
            input: sizes.2,
            controller: sizes.3,
            value: sizes.4,
            hidden: sizes.5,
            layers: sizes.6,
            heads: sizes.7,
            recurrent,
            masked,
            shared,
            chunk,
            seed: u64::from(seed),
        },
    )
}
