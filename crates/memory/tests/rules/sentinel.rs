//! A sentinel: MNM-g is second order. A rule that takes its inner gradient for a constant must be told apart.

use mnm_memory::{GradientRule, Memory, MemoryError, Write, WriteRule};
use mnm_tensor::testkit::random_array;
use mnm_tensor::{Order, Parameters, SharedArray, Tape, Tensor, pull_back};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use crate::scene::{Extents, Scene, norm, variables};

/// How far, relative to the exact one, the first-order metagradient to the initial memory must lie.
const MARGIN: f64 = 0.05;

/// [`GradientRule`] whose inner gradient is cut off the tape.
#[derive(Debug)]
struct FirstOrderRule;

impl WriteRule<f64> for FirstOrderRule {
    fn name(&self) -> &'static str {
        "first-order"
    }

    fn write(
        &self,
        parameters: &Parameters<Tensor<f64>>,
        memory: &Memory<f64>,
        write: &Write<f64>,
    ) -> Result<Memory<f64>, MemoryError> {
        let once = Write::new(
            write.keys.detach(),
            write.values.detach(),
            Tensor::ones(write.rate.shape()),
        );
        let plain = memory.detach();
        let moved = GradientRule::default().write(parameters, &plain, &once)?;
        let rate = write.rate.reshape(&[write.rate.value().len(), 1, 1])?;
        let weights = memory
            .weights()
            .iter()
            .zip(plain.weights().iter().zip(moved.weights()))
            .map(|(w, (before, after))| w.sub(&before.sub(after)?.mul(&rate)?))
            .collect::<Result<_, _>>()?;
        Memory::new(weights)
    }
}

fn scene(seed: u64) -> Scene {
    let extents = Extents {
        seed,
        value: 5,
        hidden: 7,
        layers: 3,
        heads: 2,
        batch: 2,
        steps: 3,
    };
    Scene::new(extents, &GradientRule::default())
}

/// The gradient of the last read, dotted with a random cotangent, to all arguments.
fn metagradient(scene: &Scene, rule: &dyn WriteRule<f64>) -> Vec<SharedArray<f64>> {
    let arguments = variables(&scene.arguments(), &Tape::new());
    let outcome = scene.run(rule, &arguments).unwrap();
    let read = outcome.reads.last().unwrap();
    let generator = &mut StdRng::seed_from_u64(scene.extents.seed ^ 2);
    let cotangent = Tensor::shared(random_array(read.shape(), generator));
    let wrt: Vec<_> = arguments.iter().collect();
    pull_back(read, &cotangent, &wrt, Order::First)
        .unwrap()
        .iter()
        .map(|g| g.value().clone())
        .collect()
}

/// The same scenes every time: a scene in some hundred thousand lies within the margin, and proves nothing of the rule.
#[test]
fn cutting_the_inner_gradient_changes_the_metagradient() {
    for seed in 0..256 {
        let scene = scene(seed);
        let exact = metagradient(&scene, &GradientRule::default());
        let cut = metagradient(&scene, &FirstOrderRule);
        for layer in 0..scene.weights.len() {
            let difference =
                norm(&(&cut[layer] - &exact[layer]).into_shared()) / norm(&exact[layer]);
            assert!(
                difference > MARGIN,
                "seed {seed}, layer {layer}: only {difference:.3} apart"
            );
        }
        // Through the write alone, the keys and values have a gradient only of second order.
        let first = scene.step_at(0);
        for argument in [first, first + 1] {
            assert_eq!(norm(&cut[argument]), 0.0);
            assert!(
                norm(&exact[argument]) > 1e-3,
                "{:e}",
                norm(&exact[argument])
            );
        }
        // The rate enters both in the same way at the last write, so that the sentinel itself is what it says.
        let rate = scene.step_at(2) + 3;
        assert!(
            norm(&(&cut[rate] - &exact[rate]).into_shared()) < 1e-12 * norm(&exact[rate]).max(1.0)
        );
    }
}

proptest! {
    #[test]
    fn both_orders_write_the_same_values(seed in any::<u64>()) {
        let scene = scene(seed);
        let (a, b) = (scene.run_plain(&GradientRule::default()), scene.run_plain(&FirstOrderRule));
        for (a, b) in a.memory.weights().iter().zip(b.memory.weights()) {
            let difference = mnm_tensor::testkit::relative_difference(a.value(), b.value());
            prop_assert!(difference < 1e-12, "{difference:e}");
        }
    }
}
