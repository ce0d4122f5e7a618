//! Gradients of everything that comes out with respect to everything that goes in.

use mnm_memory::{GradientRule, Memory, MemoryError, PerceptronRule, Write, WriteRule};
use mnm_tensor::testkit::{Gradcheck, gradcheck, random_array, relative_difference};
use mnm_tensor::{Order, Parameters, SharedArray, Tape, Tensor, pull_back};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use crate::scene::{Extents, Scene, every_rule, extents, looks_at, norm, run_steps, variables};

fn differences(seed: u64, second_order: bool) -> Gradcheck {
    Gradcheck {
        seed,
        second_order,
        ..Gradcheck::default()
    }
}

/// The least norm of the gradient to the first write: below it the comparison would prove nothing.
const FLOOR: f64 = 1e-3;

fn agree_with_differences(
    rule: &dyn WriteRule<f64>,
    extents: Extents,
    how: Gradcheck,
) -> Result<(), TestCaseError> {
    let scene = Scene::new(extents, rule);
    let first = scene.step_at(0);
    let early: f64 = scene.gradients(rule, &scene.arguments())[first..first + 4]
        .iter()
        .map(|g| norm(g).powi(2))
        .sum();
    prop_assert!(
        early.sqrt() > FLOOR,
        "{}: the gradient to the first write is {:.1e}, below the floor",
        rule.name(),
        early.sqrt()
    );
    gradcheck(
        |arguments| -> Result<_, MemoryError> { Ok(scene.run(rule, arguments)?.flat()?) },
        &scene.arguments(),
        how,
    )
    .map_err(|e| TestCaseError::fail(format!("{}: {e}", rule.name())))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn gradients_are_those_of_central_differences(extents in extents(&[1, 3, 17])) {
        let how = differences(extents.seed, false);
        every_rule(|rule| agree_with_differences(rule, extents, how))?;
    }

    #[test]
    fn gradients_of_gradients_are_those_of_central_differences(extents in extents(&[1, 2, 3])) {
        let extents = Extents { steps: extents.steps.min(2), ..extents };
        let how = differences(extents.seed, true);
        every_rule(|rule| agree_with_differences(rule, extents, how))?;
    }

    #[test]
    fn a_gradient_does_not_depend_on_what_else_is_recorded(extents in extents(&[1, 3, 5]), pick in any::<prop::sample::Index>()) {
        every_rule(|rule| {
            let scene = Scene::new(extents, rule);
            let all = scene.gradients(rule, &scene.arguments());
            let arrays = scene.arguments();
            let one = pick.index(arrays.len());
            let tape = Tape::new();
            let mut arguments = crate::scene::constants(&arrays);
            arguments[one] = tape.shared_variable(arrays[one].clone());
            let output = scene.run(rule, &arguments).unwrap().flat().unwrap();
            let cotangent = scene.cotangent(output.value().len());
            let alone = pull_back(&output, &cotangent, &[&arguments[one]], Order::First).unwrap();
            let difference = relative_difference(alone[0].value(), &all[one]);
            prop_assert!(difference < 1e-11, "{}: argument {one} differs by {difference:.1e}", rule.name());
            Ok(())
        })?;
    }

    #[test]
    fn gradients_pass_through_a_carried_memory(extents in extents(&[1, 3, 5]), cut in 0..4_usize) {
        let extents = Extents { steps: 4, ..extents };
        every_rule(|rule| {
            let scene = Scene::new(extents, rule);
            let whole = scene.gradients(rule, &scene.arguments());
            let carried = gradients_in_two_parts(&scene, rule, cut);
            for (argument, (a, b)) in carried.iter().zip(&whole).enumerate() {
                let difference = relative_difference(a, b);
                prop_assert!(difference < 1e-11, "{}: argument {argument} differs by {difference:.1e}", rule.name());
            }
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, ..ProptestConfig::default() })]

    #[test]
    fn gradients_are_those_of_central_differences_at_width_63(extents in extents(&[63])) {
        let how = differences(extents.seed, false);
        every_rule(|rule| agree_with_differences(rule, extents, how))?;
    }

    #[test]
    fn gradients_of_gradients_are_those_of_central_differences_at_width_17_and_63(extents in extents(&[17, 63])) {
        let extents = Extents { steps: extents.steps.min(2), ..extents };
        let how = differences(extents.seed, true);
        every_rule(|rule| agree_with_differences(rule, extents, how))?;
    }
}

/// The gradients of [`Scene::gradients`] with the tape cut after `cut` steps: the second part's gradient to the memory that it
/// starts from is the first part's cotangent to the memory that it ends with.
fn gradients_in_two_parts(
    scene: &Scene,
    rule: &dyn WriteRule<f64>,
    cut: usize,
) -> Vec<SharedArray<f64>> {
    let total = scene.extents.steps;
    let (layers, at) = (scene.weights.len(), scene.step_at(cut));
    let flat = |t: &Tensor<f64>| t.reshape(&[t.value().len()]).unwrap();
    let join =
        |parts: Vec<Tensor<f64>>| Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0).unwrap();
    let arrays = scene.arguments();
    let named = |parameters: &[Tensor<f64>]| -> Parameters<Tensor<f64>> {
        let names = scene.parameters.names().map(str::to_owned);
        names.zip(parameters.iter().cloned()).collect()
    };

    let early = variables(&arrays[..at], &Tape::new());
    let memory = Memory::new(early[..layers].to_vec()).unwrap();
    let first = scene.step_at(0);
    let head = run_steps(rule, &named(&early[layers..first]), memory, &early[first..]).unwrap();
    let slots: Vec<String> = head
        .memory
        .slots()
        .map(|(name, _)| name.to_owned())
        .collect();
    let carried: Vec<_> = (head.memory.weights().iter())
        .chain(head.memory.slots().map(|(_, slot)| slot))
        .map(|w| w.value().clone())
        .collect();

    let late_tape = Tape::new();
    let start = variables(&carried, &late_tape);
    let parameters = variables(&arrays[layers..first], &late_tape);
    let steps = variables(&arrays[at..], &late_tape);
    let mut memory = Memory::new(start[..layers].to_vec()).unwrap();
    for (name, slot) in slots.iter().zip(&start[layers..]) {
        memory = memory.with_slot(name, slot.clone());
    }
    let tail = run_steps(rule, &named(&parameters), memory, &steps).unwrap();

    // A memory is its weights and what is kept beside them.
    // The cotangent of the whole run, in the order of `Outcome::flat`: each kind of output, the early steps first.
    let kinds = [
        (&head.reads, &tail.reads),
        (&head.before, &tail.before),
        (&head.meta, &tail.meta),
    ];
    let length = |list: &[Tensor<f64>]| list.iter().map(|t| t.value().len()).sum::<usize>();
    let ends = length(tail.memory.weights())
        + tail
            .memory
            .slots()
            .map(|(_, slot)| slot.value().len())
            .sum::<usize>();
    let all = kinds
        .iter()
        .map(|(a, b)| length(a) + length(b))
        .sum::<usize>()
        + ends;
    let cotangent = scene.cotangent(all);
    let (mut early_parts, mut late_parts, mut offset) = (Vec::new(), Vec::new(), 0);
    for (a, b) in kinds {
        for (list, parts) in [(a, &mut early_parts), (b, &mut late_parts)] {
            parts.push(cotangent.slice(0, offset, length(list)).unwrap());
            offset += length(list);
        }
    }
    late_parts.push(cotangent.slice(0, offset, ends).unwrap());

    let late: Vec<_> = start.iter().chain(&parameters).chain(&steps).collect();
    let late = pull_back(
        &tail.flat().unwrap(),
        &join(late_parts),
        &late,
        Order::First,
    )
    .unwrap();
    let (to_memory, late) = late.split_at(start.len());
    let (to_parameters, to_steps) = late.split_at(parameters.len());
    early_parts.extend(to_memory.iter().map(flat));
    let wrt: Vec<_> = early.iter().collect();
    let mut found: Vec<_> = pull_back(
        &head.flat().unwrap(),
        &join(early_parts),
        &wrt,
        Order::First,
    )
    .unwrap()
    .iter()
    .map(|g| g.value().clone())
    .collect();
    for (sum, part) in found[layers..first].iter_mut().zip(to_parameters) {
        *sum = (&*sum + part.value()).into_shared();
    }
    found.extend(to_steps.iter().map(|g| g.value().clone()));
    assert_eq!(found.len(), scene.step_at(total));
    found
}

#[test]
fn every_kind_of_early_argument_gets_a_gradient_through_five_writes() {
    let extents = Extents {
        seed: 5,
        value: 5,
        hidden: 7,
        layers: 3,
        heads: 2,
        batch: 2,
        steps: 5,
    };
    every_rule(|rule| {
        let scene = Scene::new(extents, rule);
        let found = scene.gradients(rule, &scene.arguments());
        for (argument, gradient) in found.iter().enumerate().take(scene.step_at(1)) {
            // What is carried before the first write is nothing: its momentum has no say in it.
            let place = argument.saturating_sub(scene.step_at(0));
            if !looks_at(rule, place) || place == 5 {
                continue;
            }
            prop_assert!(
                norm(gradient) > FLOOR * (gradient.len() as f64).sqrt(),
                "{}: argument {argument} has gradient {:.1e}",
                rule.name(),
                norm(gradient)
            );
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn the_last_read_alone_reaches_the_first_write() {
    let extents = Extents {
        seed: 6,
        value: 4,
        hidden: 6,
        layers: 3,
        heads: 2,
        batch: 1,
        steps: 5,
    };
    every_rule(|rule| {
        let scene = Scene::new(extents, rule);
        let arguments = variables(&scene.arguments(), &Tape::new());
        let outcome = scene.run(rule, &arguments).unwrap();
        let read = outcome.reads.last().unwrap();
        let cotangent = random_array(read.shape(), &mut StdRng::seed_from_u64(7));
        let first = scene.step_at(0);
        let early = [
            &arguments[first],
            &arguments[first + 1],
            &arguments[first + 3],
        ];
        let found = pull_back(read, &Tensor::shared(cotangent), &early, Order::First).unwrap();
        for (gradient, name) in found.iter().zip(["keys", "values", "rate"]) {
            prop_assert!(norm(gradient.value()) > FLOOR, "{}: {name}", rule.name());
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_shared_initial_memory_gathers_the_gradients_of_all_sequences() {
    let extents = Extents {
        seed: 8,
        value: 3,
        hidden: 4,
        layers: 3,
        heads: 2,
        batch: 3,
        steps: 2,
    };
    for rule in [
        &GradientRule::default() as &dyn WriteRule<f64>,
        &PerceptronRule,
    ] {
        let scene = Scene::new(extents, rule);
        let shared = scene.single(0);
        let initial = |arguments: &[Tensor<f64>]| {
            let named = (0..extents.layers).map(mnm_memory::weight_name);
            let weights = arguments[..extents.layers]
                .iter()
                .map(|w| w.select(0, 0).unwrap());
            Memory::initial(
                &named.zip(weights).collect(),
                &extents.shape(),
                extents.batch,
            )
        };
        gradcheck(
            |arguments| -> Result<_, MemoryError> {
                let mut all = initial(arguments)?.weights().to_vec();
                all.extend_from_slice(&arguments[extents.layers..]);
                Ok(scene.run(rule, &all)?.flat()?)
            },
            &[
                shared.weights.clone(),
                scene.arguments()[extents.layers..].to_vec(),
            ]
            .concat(),
            differences(extents.seed, false),
        )
        .unwrap();
    }
}

#[test]
fn each_sequence_has_a_gradient_of_its_own() {
    // Sequences do not mix: what one reads has no gradient in the writes of another.
    let tape = Tape::new();
    let generator = &mut StdRng::seed_from_u64(9);
    let mut draw = |shape: &[usize]| tape.shared_variable(random_array(shape, generator));
    let memory = Memory::new(vec![draw(&[2, 4, 3]), draw(&[2, 3, 4])]).unwrap();
    let (keys, values, rate) = (draw(&[2, 1, 3]), draw(&[2, 1, 3]), draw(&[2]));
    let write = Write::new(keys.clone(), values.clone(), rate);
    let written = GradientRule::default()
        .write(&Parameters::new(), &memory, &write)
        .unwrap();
    let read = written
        .read(&draw(&[2, 1, 3]))
        .unwrap()
        .select(0, 1)
        .unwrap();
    let cotangent = Tensor::ones(read.shape());
    let found = pull_back(&read, &cotangent, &[&keys, &values], Order::First).unwrap();
    for gradient in found {
        let rows: Vec<f64> = gradient
            .value()
            .outer_iter()
            .map(|r| norm(&r.to_shared()))
            .collect();
        assert_eq!(rows[0], 0.0);
        assert!(rows[1] > FLOOR, "{}", rows[1]);
    }
}
