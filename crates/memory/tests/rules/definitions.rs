//! The rules of the paper, written once more in plain loops over numbers, without a tensor.

use mnm_memory::{GradientRule, PerceptronRule, WriteRule};
use proptest::prelude::*;

use crate::scene::{Extents, Scene, extents};

/// `matrix[row][column]`.
type Matrix = Vec<Vec<f64>>;

/// The memory of one sequence and one write to it, as lists.
struct Plain {
    weights: Vec<Matrix>,
    keys: Matrix,
    values: Matrix,
    rate: f64,
}

impl Plain {
    fn of(scene: &Scene, b: usize) -> Self {
        let (heads, value) = (scene.extents.heads, scene.extents.value);
        let [keys, values, _, rate, ..] = &scene.steps[0];
        let rows = |x: &mnm_tensor::SharedArray<f64>| {
            (0..heads)
                .map(|h| (0..value).map(|i| x[[b, h, i]]).collect())
                .collect()
        };
        let weights = scene.weights.iter().map(|w| {
            let (out, input) = (w.shape()[1], w.shape()[2]);
            (0..out)
                .map(|o| (0..input).map(|i| w[[b, o, i]]).collect())
                .collect()
        });
        Self {
            weights: weights.collect(),
            keys: rows(keys),
            values: rows(values),
            rate: rate[[b]],
        }
    }

    /// `a^0 .. a^L` of a head.
    fn activations(&self, head: usize) -> Matrix {
        let mut all = vec![self.keys[head].clone()];
        for (layer, weight) in self.weights.iter().enumerate() {
            let below = &all[layer];
            let above = weight
                .iter()
                .map(|row| {
                    let mut sum = 0.0;
                    for (w, a) in row.iter().zip(below) {
                        sum += w * a;
                    }
                    if layer + 1 < self.weights.len() {
                        sum.tanh()
                    } else {
                        sum
                    }
                })
                .collect();
            all.push(above);
        }
        all
    }

    /// Subtracts `factor * column row^T` from the weights of a layer.
    fn subtract(weight: &mut Matrix, factor: f64, column: &[f64], row: &[f64]) {
        for (line, c) in weight.iter_mut().zip(column) {
            for (w, r) in line.iter_mut().zip(row) {
                *w -= factor * c * r;
            }
        }
    }

    /// Back-propagation of the mean squared error by hand.
    fn gradient_rule(&self) -> Vec<Matrix> {
        let mut weights = self.weights.clone();
        let heads = self.keys.len() as f64;
        for (head, value) in self.values.iter().enumerate() {
            let activations = self.activations(head);
            let width = value.len() as f64;
            let top = &activations[self.weights.len()];
            let mut delta: Vec<f64> = top
                .iter()
                .zip(value)
                .map(|(a, v)| 2.0 * (a - v) / (heads * width))
                .collect();
            for layer in (0..self.weights.len()).rev() {
                let below = &activations[layer];
                Self::subtract(&mut weights[layer], self.rate, &delta, below);
                let mut next = vec![0.0; below.len()];
                for (d, row) in delta.iter().zip(&self.weights[layer]) {
                    for (n, w) in next.iter_mut().zip(row) {
                        *n += d * w;
                    }
                }
                for (n, a) in next.iter_mut().zip(below) {
                    *n *= 1.0 - a * a; // not used below the first layer, whose input is no tanh
                }
                delta = next;
            }
        }
        weights
    }

    /// Every layer by itself, towards targets predicted from the value.
    fn perceptron_rule(&self, target_weight: &Matrix, target_bias: &[f64]) -> Vec<Matrix> {
        let mut weights = self.weights.clone();
        let heads = self.keys.len() as f64;
        for (head, value) in self.values.iter().enumerate() {
            let targets: Vec<f64> = target_weight
                .iter()
                .zip(target_bias)
                .map(|(row, b)| b + row.iter().zip(value).map(|(w, v)| w * v).sum::<f64>())
                .collect();
            let activations = self.activations(head);
            let mut start = 0;
            for (layer, weight) in weights.iter_mut().enumerate() {
                let above = &activations[layer + 1];
                let error: Vec<f64> = above
                    .iter()
                    .zip(&targets[start..])
                    .map(|(a, t)| a - t)
                    .collect();
                let factor = self.rate * 2.0 / (heads * above.len() as f64);
                Self::subtract(weight, factor, &error, &activations[layer]);
                start += above.len();
            }
        }
        weights
    }
}

fn holds(
    rule: &dyn WriteRule<f64>,
    extents: Extents,
    by_hand: impl Fn(&Scene, &Plain) -> Vec<Matrix>,
) -> Result<(), TestCaseError> {
    let extents = Extents {
        steps: 1,
        ..extents
    };
    let scene = Scene::new(extents, rule);
    let outcome = scene.run_plain(rule);
    for b in 0..extents.batch {
        let expected = by_hand(&scene, &Plain::of(&scene, b));
        for (layer, (found, expected)) in outcome.memory.weights().iter().zip(&expected).enumerate()
        {
            for (o, row) in expected.iter().enumerate() {
                for (i, &e) in row.iter().enumerate() {
                    let f = found.value()[[b, o, i]];
                    prop_assert!(
                        (f - e).abs() < 1e-12,
                        "sequence {b}, layer {layer}, entry {o}, {i}: {f} instead of {e}"
                    );
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_gradient_rule_descends_the_update_loss(extents in extents(&[1, 3, 17, 63])) {
        holds(&GradientRule::default(), extents, |_, plain| plain.gradient_rule())?;
    }

    #[test]
    fn the_perceptron_rule_moves_every_layer_towards_its_target(extents in extents(&[1, 3, 17, 63])) {
        holds(&PerceptronRule, extents, |scene, plain| {
            let weight = scene.parameters.get("targets.weight").unwrap();
            let bias = scene.parameters.get("targets.bias").unwrap();
            let rows: Matrix = weight.outer_iter().map(|r| r.iter().copied().collect()).collect();
            plain.perceptron_rule(&rows, &bias.iter().copied().collect::<Vec<_>>())
        })?;
    }

    #[test]
    fn reading_and_discrepancy_are_those_of_plain_loops(extents in extents(&[1, 3, 17])) {
        let extents = Extents { steps: 1, ..extents };
        let scene = Scene::new(extents, &GradientRule::default());
        let memory = mnm_memory::Memory::new(crate::scene::constants(&scene.weights)).unwrap();
        let [keys, values, ..] = scene.steps[0].each_ref().map(|x| mnm_tensor::Tensor::shared(x.clone()));
        let read = memory.read(&keys).unwrap();
        let discrepancy = memory.discrepancy(&keys, &values).unwrap();
        for b in 0..extents.batch {
            let plain = Plain::of(&scene, b);
            let mut total = 0.0;
            for head in 0..extents.heads {
                let top = plain.activations(head).pop().unwrap();
                for (i, a) in top.iter().enumerate() {
                    prop_assert!((read.value()[[b, head, i]] - a).abs() < 1e-12);
                    total += (a - plain.values[head][i]).powi(2);
                }
            }
            let mean = total / (extents.heads * extents.value) as f64;
            prop_assert!((discrepancy.value()[[b]] - mean).abs() < 1e-12);
        }
    }
}
