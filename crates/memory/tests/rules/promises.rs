//! The same result however the work is cut: in time, over the batch, in another memory order, with or without a tape.

use mnm_memory::{Memory, Write};
use mnm_tensor::testkit::relative_difference;
use mnm_tensor::{Parameters, SharedArray, Tape, Tensor};
use ndarray::Axis;
use proptest::prelude::*;

use crate::scene::{
    Extents, PARTS, Scene, constants, every_rule, extents, run_steps, variables, written,
};

fn parameters(scene: &Scene) -> Parameters<Tensor<f64>> {
    scene.parameters.constants()
}

fn same_bits(a: &SharedArray<f64>, b: &SharedArray<f64>) -> bool {
    a.shape() == b.shape()
        && a.iter()
            .zip(b.iter())
            .all(|(x, y)| x.to_bits() == y.to_bits())
}

/// The same values with the first axis varying fastest.
fn column_major(array: &SharedArray<f64>) -> SharedArray<f64> {
    let reversed = array.t().as_standard_layout().into_owned().into_shared();
    reversed.reversed_axes()
}

proptest! {
    #[test]
    fn some_steps_then_the_others_are_all_steps(extents in extents(&[1, 3, 17, 63]), cut in 0..4_usize) {
        let extents = Extents { steps: 4, ..extents };
        every_rule(|rule| {
            let scene = Scene::new(extents, rule);
            let whole = scene.run_plain(rule);
            let parameters = parameters(&scene);
            let steps = constants(&scene.arguments()[scene.step_at(0)..]);
            let (early, late) = steps.split_at(PARTS * cut);
            let memory = Memory::new(constants(&scene.weights)).unwrap();
            let first = run_steps(rule, &parameters, memory, early).unwrap();
            let second = run_steps(rule, &parameters, first.memory, late).unwrap();
            let reads = first.reads.iter().chain(&second.reads);
            for (a, b) in reads.zip(&whole.reads) {
                prop_assert!(same_bits(a.value(), b.value()), "{}: reads", rule.name());
            }
            for (a, b) in second.memory.weights().iter().zip(whole.memory.weights()) {
                prop_assert!(same_bits(a.value(), b.value()), "{}: memory", rule.name());
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_batch_is_its_sequences_one_by_one(extents in extents(&[1, 3, 17, 63])) {
        every_rule(|rule| {
            let scene = Scene::new(extents, rule);
            let batch = scene.run_plain(rule);
            for b in 0..extents.batch {
                let single = scene.single(b).run_plain(rule);
                let pairs = batch.reads.iter().zip(&single.reads)
                    .chain(batch.before.iter().zip(&single.before))
                    .chain(batch.meta.iter().zip(&single.meta))
                    .chain(batch.memory.weights().iter().zip(single.memory.weights()));
                for (all, one) in pairs {
                    let row = all.value().index_axis(Axis(0), b).insert_axis(Axis(0)).to_shared();
                    let difference = relative_difference(&row, one.value());
                    prop_assert!(difference < 1e-12, "{}: sequence {b} differs by {difference:.1e}", rule.name());
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_rate_of_zero_leaves_every_bit(extents in extents(&[1, 3, 17, 63]), recorded in any::<bool>()) {
        every_rule(|rule| {
            let mut scene = Scene::new(extents, rule);
            for step in &mut scene.steps {
                step[3] = SharedArray::zeros(step[3].shape());
                step[4] = SharedArray::zeros(step[4].shape());
            }
            let arguments = if recorded {
                variables(&scene.arguments(), &Tape::new())
            } else {
                constants(&scene.arguments())
            };
            let outcome = scene.run(rule, &arguments).unwrap();
            for (after, before) in outcome.memory.weights().iter().zip(&scene.weights) {
                prop_assert!(same_bits(after.value(), before), "{}", rule.name());
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_rate_above_zero_changes_every_layer_that_is_written(extents in extents(&[1, 3, 17])) {
        every_rule(|rule| {
            let scene = Scene::new(extents, rule);
            let outcome = scene.run_plain(rule);
            let written = written(rule, &extents.shape());
            for (layer, after) in outcome.memory.weights().iter().enumerate() {
                let same = same_bits(after.value(), &scene.weights[layer]);
                prop_assert!(same != written.contains(&layer), "{}: layer {layer}", rule.name());
            }
            Ok(())
        })?;
    }

    #[test]
    fn the_memory_order_of_the_input_does_not_matter(extents in extents(&[1, 3, 17])) {
        every_rule(|rule| {
            let scene = Scene::new(extents, rule);
            let other: Vec<_> = scene.arguments().iter().map(column_major).collect();
            let rows = scene.run_plain(rule).flat().unwrap();
            let columns = scene.run(rule, &constants(&other)).unwrap().flat().unwrap();
            let difference = relative_difference(columns.value(), rows.value());
            prop_assert!(difference < 1e-12, "{}: differs by {difference:.1e}", rule.name());

            // And on a tape, where the gradient walks the same arrays.
            let rows = scene.gradients(rule, &scene.arguments());
            for (a, b) in scene.gradients(rule, &other).iter().zip(&rows) {
                let difference = relative_difference(a, b);
                prop_assert!(difference < 1e-11, "{}: gradient differs by {difference:.1e}", rule.name());
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_tape_changes_no_value(extents in extents(&[1, 3, 17])) {
        every_rule(|rule| {
            let scene = Scene::new(extents, rule);
            let plain = scene.run_plain(rule).flat().unwrap();
            let arguments = variables(&scene.arguments(), &Tape::new());
            let recorded = scene.run(rule, &arguments).unwrap().flat().unwrap();
            prop_assert!(recorded.is_recorded());
            let difference = relative_difference(plain.value(), recorded.value());
            prop_assert!(difference < 1e-14, "{}: differs by {difference:.1e}", rule.name());
            Ok(())
        })?;
    }

    #[test]
    fn without_a_tape_nothing_is_recorded(extents in extents(&[1, 3])) {
        every_rule(|rule| {
            let scene = Scene::new(extents, rule);
            let outcome = scene.run_plain(rule);
            prop_assert!(outcome.memory.weights().iter().all(|w| !w.is_recorded()), "{}", rule.name());
            prop_assert!(!outcome.flat().unwrap().is_recorded());
            Ok(())
        })?;
    }
}

#[test]
fn a_detached_memory_is_off_the_tape() {
    let tape = Tape::new();
    let weight = tape.variable(ndarray::array![[[1.0_f64, 2.0], [3.0, 4.0]]]);
    let memory = Memory::new(vec![weight]).unwrap();
    let length = tape.len();
    let detached = memory.detach();
    let key = Tensor::constant(ndarray::array![[[1.0, 0.0]]]);
    let write = Write::new(
        key.clone(),
        key.clone(),
        Tensor::constant(ndarray::array![0.5]),
    );
    let written = mnm_memory::rule_named("mnm-g")
        .unwrap()
        .write(&Parameters::new(), &detached, &write)
        .unwrap();
    assert!(!written.read(&key).unwrap().is_recorded());
    assert_eq!(tape.len(), length);
}
