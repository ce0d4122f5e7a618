//! Every rule, over several writes and reads, is what plain loops over numbers make of its equation: weights, slots and reads.

use mnm_memory::{Gate, InnerLoss, RuleOptions, momentum_name, rule_names, rule_with};
use mnm_tensor::{SharedArray, Tensor};
use proptest::prelude::*;

use crate::plain::{Choice, Given, Matrix, Plain};
use crate::scene::{Extents, Scene, extents};

/// The rows of sequence `b`.
fn rows(x: &SharedArray<f64>, b: usize) -> Matrix {
    let (rows, columns) = (x.shape()[1], x.shape()[2]);
    let row = |r| (0..columns).map(|c| x[[b, r, c]]).collect();
    (0..rows).map(row).collect()
}

fn compare(
    what: &str,
    found: &SharedArray<f64>,
    b: usize,
    expected: &Matrix,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(
        found.shape()[1..].to_vec(),
        [expected.len(), expected[0].len()],
        "{}",
        what
    );
    let largest = expected
        .iter()
        .flatten()
        .fold(1.0_f64, |most, x| most.max(x.abs()));
    for (o, row) in expected.iter().enumerate() {
        for (i, &e) in row.iter().enumerate() {
            let f = found[[b, o, i]];
            prop_assert!(
                (f - e).abs() < 1e-12 * largest,
                "{what}, sequence {b}, entry {o}, {i}: {f} instead of {e}"
            );
        }
    }
    Ok(())
}

/// Holds a rule to its plain loops.
fn holds(name: &str, options: RuleOptions, extents: Extents) -> Result<(), TestCaseError> {
    let rule = rule_with::<f64>(name, &options).unwrap();
    let scene = Scene::new(extents, rule.as_ref());
    let outcome = scene.run_plain(rule.as_ref());
    let choice = Choice {
        name,
        options,
        gates: rule.gates(),
        unit_keys: rule.unit_keys(),
        parameters: &scene.parameters,
    };
    for b in 0..extents.batch {
        let weights = scene.weights.iter().map(|w| rows(w, b)).collect();
        let mut plain = Plain::new(weights, options.ridge);
        for (t, step) in scene.steps.iter().enumerate() {
            let [keys, values, read_keys, rate, forget, momentum] = step;
            let given = Given {
                keys: rows(keys, b),
                values: rows(values, b),
                rate: rate[[b]],
                forget: forget[[b]],
                momentum: momentum[[b]],
            };
            let lost = |plain: &Plain| vec![vec![plain.discrepancy(&choice, &given)]];
            let losses = |of: &[Tensor<f64>]| {
                of[t]
                    .value()
                    .clone()
                    .into_shape_with_order((extents.batch, 1, 1))
                    .unwrap()
                    .into_dyn()
            };
            compare(
                &format!("{name}, update loss {t}"),
                &losses(&outcome.before),
                b,
                &lost(&plain),
            )?;
            plain.write(&choice, &given);
            compare(
                &format!("{name}, meta loss {t}"),
                &losses(&outcome.meta),
                b,
                &lost(&plain),
            )?;
            let reads: Matrix = (rows(read_keys, b).iter())
                .map(|key| plain.read(&choice, key))
                .collect();
            compare(
                &format!("{name}, read {t}"),
                outcome.reads[t].value(),
                b,
                &reads,
            )?;
        }
        for (layer, (found, expected)) in
            (outcome.memory.weights().iter().zip(&plain.weights)).enumerate()
        {
            compare(
                &format!("{name}, layer {layer}"),
                found.value(),
                b,
                expected,
            )?;
        }
        let mut slots = vec![
            ("trace".to_owned(), &plain.trace),
            ("inverse".to_owned(), &plain.inverse),
        ];
        slots.extend(
            (plain.momentum.iter().enumerate()).map(|(l, momentum)| (momentum_name(l), momentum)),
        );
        for (slot, found) in outcome.memory.slots() {
            // Of its inverse, rls keeps a root.
            let (slot, found) = match slot {
                "inverse_root" => {
                    let inverse = found.matmul(found.transpose().unwrap()).unwrap();
                    ("inverse", inverse)
                }
                _ => (slot, found.clone()),
            };
            let (_, expected) = slots.iter().find(|(n, _)| n == slot).unwrap();
            compare(&format!("{name}, slot {slot}"), found.value(), b, expected)?;
        }
        prop_assert_eq!(
            outcome.memory.slots().count(),
            rule.slots(&extents.shape(), extents.heads).len()
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_rule_is_its_equation(extents in extents(&[1, 3, 17, 63])) {
        for name in rule_names() {
            holds(&name, RuleOptions::default(), extents)?;
        }
    }

    #[test]
    fn so_is_every_choice_of_gates_and_keys(extents in extents(&[1, 3, 17]), forget in gate(), momentum in gate(), unit: bool) {
        let unit_keys = Some(unit);
        for name in rule_names() {
            let options = match name.as_str() {
                "plastic" => RuleOptions { unit_keys, ..RuleOptions::default() },
                "rls" => RuleOptions { unit_keys, forget, ridge: 0.5, ..RuleOptions::default() },
                _ => RuleOptions { unit_keys, forget, momentum, ..RuleOptions::default() },
            };
            holds(&name, options, extents)?;
        }
    }

    #[test]
    fn so_are_inner_steps_and_the_huber_loss(extents in extents(&[1, 3, 17]), inner_steps in 1..4_usize, forget in gate(), momentum in gate()) {
        for name in ["mnm-g", "titans"] {
            let options = RuleOptions { inner_steps, forget, momentum, ..RuleOptions::default() };
            holds(name, options, extents)?;
            holds(name, RuleOptions { inner_loss: InnerLoss::Huber, huber: 0.3, ..options }, extents)?;
        }
    }
}

/// A gate of every kind, or the rule's own.
fn gate() -> impl Strategy<Value = Option<Gate>> {
    let kinds = [
        None,
        Some(Gate::None),
        Some(Gate::Fixed(0.3)),
        Some(Gate::Learned),
    ];
    proptest::sample::select(kinds.to_vec())
}
