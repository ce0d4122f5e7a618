//! What a write is for: afterwards the key leads to the value, or at least closer to it.

use mnm_memory::{GradientRule, Memory, MemoryShape, PerceptronRule, Write, WriteRule};
use mnm_tensor::{Parameters, SharedArray, Tensor};
use ndarray::{Axis, array};
use proptest::prelude::*;

use crate::scene::{Extents, Scene, constants, extents};

proptest! {
    #[test]
    fn a_small_gradient_write_lowers_the_update_loss_as_much_as_it_moves(extents in extents(&[1, 3, 17, 63])) {
        const RATE: f64 = 1e-5;
        let extents = Extents { steps: 1, ..extents };
        let mut scene = Scene::new(extents, &GradientRule::default());
        scene.steps[0][3] = SharedArray::from_elem(scene.steps[0][3].shape(), RATE);
        let outcome = scene.run_plain(&GradientRule::default());
        for b in 0..extents.batch {
            // To first order the loss falls by rate * |gradient|^2 = |change|^2 / rate.
            let moved: f64 = outcome.memory.weights().iter().zip(&scene.weights)
                .map(|(after, before)| {
                    let change = &after.value().index_axis(Axis(0), b) - &before.index_axis(Axis(0), b);
                    change.iter().map(|c| c * c).sum::<f64>()
                })
                .sum();
            let fall = outcome.before[0].value()[[b]] - outcome.meta[0].value()[[b]];
            prop_assert!(fall > 0.0, "sequence {b}: the loss rose by {}", -fall);
            prop_assert!(
                (fall * RATE / moved - 1.0).abs() < 1e-2,
                "sequence {b}: the loss fell by {fall:e}, the weights moved by {moved:e}"
            );
        }
    }

    #[test]
    fn targets_that_are_met_change_nothing(extents in extents(&[1, 3, 17])) {
        // One key for all heads, and a bias that predicts exactly the activations of that key.
        let extents = Extents { batch: 1, steps: 1, ..extents };
        let scene = Scene::new(extents, &PerceptronRule);
        let memory = Memory::new(constants(&scene.weights)).unwrap();
        let [keys, values, _, rate, ..] = scene.steps[0].each_ref().map(|x| Tensor::shared(x.clone()));
        let keys = keys.slice(1, 0, 1).unwrap().broadcast_to(values.shape()).unwrap();
        let reached: Vec<Tensor<f64>> = memory.activations(&keys).unwrap()[1..]
            .iter()
            .map(|a| a.select(1, 0).unwrap().select(0, 0).unwrap())
            .collect();
        let bias = Tensor::concat(&reached.iter().collect::<Vec<_>>(), 0).unwrap();
        let parameters: Parameters<_> = [
            ("targets.weight".to_owned(), Tensor::zeros(&[bias.value().len(), extents.value])),
            ("targets.bias".to_owned(), bias),
        ].into_iter().collect();
        let written = PerceptronRule.write(&parameters, &memory, &Write::new(keys, values, rate)).unwrap();
        for (after, before) in written.weights().iter().zip(&scene.weights) {
            prop_assert_eq!(after.value(), before);
        }
    }
}

/// Rows of a matrix as keys or values of one sequence, a head each.
fn heads(rows: &[[f64; 4]]) -> Tensor<f64> {
    Tensor::from_vec(&[1, rows.len(), 4], rows.concat()).unwrap()
}

const KEYS: [[f64; 4]; 3] = [
    [1.0, 0.0, 0.0, 0.0],
    [0.0, 0.6, 0.8, 0.0],
    [0.0, -0.8, 0.6, 0.0],
];
const VALUES: [[f64; 4]; 3] = [
    [0.5, -1.0, 2.0, 0.0],
    [1.0, 1.0, -1.0, 0.5],
    [-2.0, 0.0, 0.0, 1.0],
];

#[test]
fn a_linear_memory_stores_orthonormal_keys_in_one_write() {
    // L = 1: W <- W - rate 2 / (H M) sum (W k - v) k^T. With orthonormal keys, W k_h moves by rate 2 / (H M) of its
    // error and by nothing else, so that rate = H M / 2 stores all pairs exactly.
    let rate = (KEYS.len() * 4) as f64 / 2.0;
    let start = Tensor::from_vec(
        &[1, 4, 4],
        (0..16).map(|i| 0.1 * f64::from(i) - 0.7).collect(),
    )
    .unwrap();
    let memory = Memory::new(vec![start]).unwrap();
    let write = Write::new(
        heads(&KEYS),
        heads(&VALUES),
        Tensor::constant(ndarray::array![rate]),
    );
    let written = GradientRule::default()
        .write(&Parameters::new(), &memory, &write)
        .unwrap();
    let error = written
        .discrepancy(&write.keys, &write.values)
        .unwrap()
        .item()
        .unwrap();
    assert!(error < 1e-28, "{error:e}");

    // A key orthogonal to all of them reads what it read before.
    let other = heads(&[[0.0, 0.0, 0.0, 1.0]]);
    let (before, after) = (memory.read(&other).unwrap(), written.read(&other).unwrap());
    assert_eq!(before.value(), after.value());
}

#[test]
fn both_rules_are_one_for_a_single_layer_whose_target_is_the_value() {
    let shape = MemoryShape::new(4, 1, 1).unwrap();
    let identity = Tensor::constant(ndarray::Array2::<f64>::eye(4));
    let parameters: Parameters<_> = [
        ("targets.weight".to_owned(), identity.clone()),
        ("targets.bias".to_owned(), Tensor::zeros(&[shape.targets()])),
    ]
    .into_iter()
    .collect();
    let memory = Memory::new(vec![identity.reshape(&[1, 4, 4]).unwrap()]).unwrap();
    let write = Write::new(
        heads(&KEYS),
        heads(&VALUES),
        Tensor::constant(ndarray::array![0.7]),
    );
    let local = PerceptronRule.write(&parameters, &memory, &write).unwrap();
    let global = GradientRule::default()
        .write(&parameters, &memory, &write)
        .unwrap();
    let difference = mnm_tensor::testkit::relative_difference(
        local.weights()[0].value(),
        global.weights()[0].value(),
    );
    assert!(difference < 1e-15, "{difference:e}");
}

/// Keys 3 wide, values 5 wide, two heads: the part of the way that the documentation of the rule gives.
#[test]
fn a_gradient_write_goes_the_part_of_the_way_that_its_rate_says() {
    let (heads, width) = (2, 5);
    let memory = Memory::new(vec![Tensor::<f64>::zeros(&[1, width, 3])]).unwrap();
    let keys = Tensor::constant(array![[[0.6, 0.0, 0.8], [0.0, 2.0, 0.0]]]);
    let values = Tensor::constant(array![[
        [1.0, -2.0, 3.0, 0.5, 4.0],
        [2.0, 1.0, 0.0, -1.0, 3.0]
    ]]);
    let squares = [1.0, 4.0];
    for (head, square) in squares.iter().enumerate() {
        for part in [0.25, 1.0] {
            let rate = part * (heads * width) as f64 / (2.0 * square);
            let write = Write::new(keys.clone(), values.clone(), Tensor::constant(array![rate]));
            let written = GradientRule::default()
                .write(&Parameters::new(), &memory, &write)
                .unwrap();
            let read = written.read(&keys).unwrap();
            assert_eq!(read.shape(), [1, heads, width]);
            for i in 0..width {
                let (found, value) = (read.value()[[0, head, i]], values.value()[[0, head, i]]);
                assert!((found - part * value).abs() < 1e-12, "{found} of {value}");
            }
        }
    }
}
