//! A sentinel: rules that descend a loss are second order. One that takes its inner gradient for a constant must be told apart.

use mnm_memory::{
    Gate, Gates, InnerLoss, Memory, MemoryError, RuleOptions, Write, WriteRule, momentum_name,
    rule_with,
};
use mnm_tensor::testkit::random_array;
use mnm_tensor::{Order, Parameters, SharedArray, Tape, Tensor, pull_back};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use crate::scene::{Extents, Scene, norm, variables};

/// How far, relative to the exact one, the first-order metagradient to the initial memory must lie.
const MARGIN: f64 = 0.05;

/// A rule that descends in `options.inner_steps` steps, and what is chosen about it.
type Descent = (&'static str, RuleOptions);

fn descents() -> Vec<Descent> {
    let plain = RuleOptions::default();
    let huber = RuleOptions {
        inner_loss: InnerLoss::Huber,
        huber: 0.5,
        ..plain
    };
    let [forget, momentum] = [Some(Gate::Learned); 2];
    vec![
        ("mnm-g", plain),
        (
            "mnm-g",
            RuleOptions {
                inner_steps: 2,
                ..plain
            },
        ),
        ("mnm-g", huber),
        (
            "mnm-g",
            RuleOptions {
                forget,
                momentum,
                ..huber
            },
        ),
        ("delta", plain),
        ("gated-delta", plain),
        ("titans", plain),
        (
            "titans",
            RuleOptions {
                inner_steps: 2,
                ..plain
            },
        ),
    ]
}

fn exact((name, options): Descent) -> Box<dyn WriteRule<f64>> {
    rule_with(name, &options).unwrap()
}

/// A descent whose inner gradients are cut off the tape; all else, rate and gates, stays on it.
#[derive(Debug)]
struct FirstOrderRule {
    descent: Descent,
    gates: Gates,
    unit_keys: bool,
}

impl FirstOrderRule {
    fn of(descent: Descent) -> Self {
        let rule = exact(descent);
        let (gates, unit_keys) = (rule.gates(), rule.unit_keys());
        Self {
            descent,
            gates,
            unit_keys,
        }
    }

    /// The inner gradient of each layer: what one step at a rate of 1, without gates, takes away.
    fn gradient(
        &self,
        memory: &Memory<f64>,
        write: &Write<f64>,
    ) -> Result<Vec<Tensor<f64>>, MemoryError> {
        let none = Some(Gate::None);
        let options = RuleOptions {
            inner_steps: 1,
            forget: none,
            momentum: none,
            unit_keys: Some(self.unit_keys),
            ..self.descent.1
        };
        let once = Write::new(
            write.keys.detach(),
            write.values.detach(),
            Tensor::ones(write.rate.shape()),
        );
        let plain = memory.detach();
        let moved = exact((self.descent.0, options)).write(&Parameters::new(), &plain, &once)?;
        let pairs = plain.weights().iter().zip(moved.weights());
        pairs
            .map(|(before, after)| Ok(before.sub(after)?))
            .collect()
    }
}

impl WriteRule<f64> for FirstOrderRule {
    fn name(&self) -> &str {
        "first-order"
    }

    fn gates(&self) -> Gates {
        self.gates
    }

    fn unit_keys(&self) -> bool {
        self.unit_keys
    }

    fn write(
        &self,
        _: &Parameters<Tensor<f64>>,
        memory: &Memory<f64>,
        write: &Write<f64>,
    ) -> Result<Memory<f64>, MemoryError> {
        let number = |x: &Tensor<f64>| x.reshape(&[x.value().len(), 1, 1]);
        let rate = number(&write.rate)?;
        // The gated delta rule writes the last layer alone, and asks what is left of it after forgetting; the others ask before.
        let (gated, top) = (self.descent.0 == "gated-delta", memory.weights().len() - 1);
        let kept = |layer: usize| match &write.forget {
            Some(forget) if !gated || layer == top => {
                memory.weights()[layer].mul(&number(forget)?.affine(-1.0, 1.0)?)
            }
            _ => Ok(memory.weights()[layer].clone()),
        };
        let mut asked = memory.weights().to_vec();
        if gated {
            asked[top] = kept(top)?;
        }
        let mut stepped = Memory::new(asked.clone())?;
        for _ in 0..self.descent.1.inner_steps {
            let steps = self.gradient(&stepped, write)?;
            let pairs = stepped.weights().iter().zip(&steps);
            let weights = pairs.map(|(w, step)| w.sub(&step.mul(&rate)?));
            stepped = Memory::new(weights.collect::<Result<_, _>>()?)?;
        }
        let mut weights = Vec::new();
        let mut slots = Vec::new();
        for (layer, (asked, stepped)) in asked.iter().zip(stepped.weights()).enumerate() {
            let mut change = asked.sub(stepped)?;
            let name = momentum_name(layer);
            if let Some(momentum) = &write.momentum {
                if let Some(carried) = memory.slot(&name) {
                    change = change.add(&carried.mul(&number(momentum)?)?)?;
                }
                slots.push((name, change.clone()));
            }
            weights.push(kept(layer)?.sub(&change)?);
        }
        let written = Memory::new(weights)?.with_unit_keys(self.unit_keys);
        Ok(slots.into_iter().fold(written, |memory, (name, slot)| {
            memory.with_slot(&name, slot)
        }))
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
    Scene::new(extents, exact(descents()[0]).as_ref())
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
    for descent in descents() {
        let (whole, first_order) = (exact(descent), FirstOrderRule::of(descent));
        for seed in 0..256 {
            let scene = scene(seed);
            let exact = metagradient(&scene, whole.as_ref());
            let cut = metagradient(&scene, &first_order);
            let apart = |argument: usize| {
                let difference = (&cut[argument] - &exact[argument]).into_shared();
                norm(&difference) / norm(&exact[argument])
            };
            for layer in 0..scene.weights.len() {
                let difference = apart(layer);
                assert!(
                    difference > MARGIN,
                    "{descent:?}, seed {seed}, layer {layer}: only {difference:.3} apart"
                );
            }
            // Through the write alone, the keys and values have a gradient only of second order.
            let first = scene.step_at(0);
            for argument in [first, first + 1] {
                assert_eq!(norm(&cut[argument]), 0.0);
                let size = norm(&exact[argument]);
                assert!(size > 1e-3, "{descent:?}, seed {seed}: {size:e}");
            }
            // Gates enter both in the same way at the last write, and so does the rate of a single step: the sentinel itself is what it
            // says.
            let last = scene.step_at(2);
            let gates = first_order.gates.learned();
            let alike = [
                (3, descent.1.inner_steps == 1),
                (4, gates.contains(&"forget") && descent.0 != "gated-delta"),
                (5, gates.contains(&"momentum")),
            ];
            for (place, _) in alike.into_iter().filter(|(_, looked_at)| *looked_at) {
                let difference = norm(&(&cut[last + place] - &exact[last + place]).into_shared());
                assert!(
                    difference < 1e-12 * norm(&exact[last + place]).max(1.0),
                    "{descent:?}, {place}: {difference:e}"
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn both_orders_write_the_same_values(seed in any::<u64>()) {
        for descent in descents() {
            let scene = scene(seed);
            let (a, b) = (
                scene.run_plain(exact(descent).as_ref()),
                scene.run_plain(&FirstOrderRule::of(descent)),
            );
            let weights = a.memory.weights().iter().zip(b.memory.weights());
            let slots = a.memory.slots().zip(b.memory.slots()).map(|((_, a), (_, b))| (a, b));
            prop_assert_eq!(a.memory.slots().count(), b.memory.slots().count());
            for (a, b) in weights.chain(slots) {
                let difference = mnm_tensor::testkit::relative_difference(a.value(), b.value());
                prop_assert!(difference < 1e-12, "{descent:?}: {difference:e}");
            }
        }
    }
}
