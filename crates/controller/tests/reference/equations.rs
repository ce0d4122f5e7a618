//! The equations of the model in plain loops over numbers, without a tensor (the writes themselves are held to theirs in
//! the memory crate).

use mnm_controller::{Cell, LstmCell, State, lstm_step, memory_part};
use mnm_memory::{Memory, Write, rule_named};
use mnm_tensor::testkit::random_array;
use mnm_tensor::{Parameters, SharedArray, Tensor};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use crate::support::{Case, any_case, constants, middle};

const CLOSE: f64 = 1e-12;

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `W x + b`, row after row.
fn affine(weight: &SharedArray<f64>, bias: &SharedArray<f64>, x: &[f64]) -> Vec<f64> {
    let row = |r: usize| (0..x.len()).map(|i| weight[[r, i]] * x[i]).sum::<f64>() + bias[[r]];
    (0..bias.len()).map(row).collect()
}

/// `(h', c')` of PyTorch's `LSTMCell`: rows of the weights in the order i, f, g, o.
fn lstm(
    parameters: &Parameters<SharedArray<f64>>,
    x: &[f64],
    hidden: &[f64],
    cell: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let array = |name: &str| parameters.get(name).unwrap();
    let from_input = affine(
        array("controller.weight_ih"),
        array("controller.bias_ih"),
        x,
    );
    let from_hidden = affine(
        array("controller.weight_hh"),
        array("controller.bias_hh"),
        hidden,
    );
    let width = hidden.len();
    let gate = |n: usize, unit: usize| from_input[n * width + unit] + from_hidden[n * width + unit];
    let cell: Vec<f64> = (0..width)
        .map(|u| sigmoid(gate(1, u)) * cell[u] + sigmoid(gate(0, u)) * gate(2, u).tanh())
        .collect();
    let hidden = (0..width)
        .map(|u| sigmoid(gate(3, u)) * cell[u].tanh())
        .collect();
    (hidden, cell)
}

fn row(t: &Tensor<f64>, b: usize) -> Vec<f64> {
    t.value()
        .index_axis(ndarray::Axis(0), b)
        .iter()
        .copied()
        .collect()
}

fn close(what: &str, found: &[f64], expected: &[f64]) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len(), "{}", what);
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        prop_assert!(
            (f - e).abs() < CLOSE,
            "{what}, entry {i}: {f} instead of {e}"
        );
    }
    Ok(())
}

/// `f(k)` of one sequence's weights.
fn read(weights: &[Tensor<f64>], b: usize, key: &[f64]) -> Vec<f64> {
    let mut a = key.to_vec();
    for (layer, weight) in weights.iter().enumerate() {
        let w = weight.value();
        a = (0..w.shape()[1])
            .map(|o| {
                let sum = (0..a.len()).map(|i| w[[b, o, i]] * a[i]).sum::<f64>();
                if layer + 1 < weights.len() {
                    sum.tanh()
                } else {
                    sum
                }
            })
            .collect();
    }
    a
}

/// One step of the model for sequence `b`, in the order of the paper: control, write, read, meta loss.
fn step_by_hand(case: &Case, input: &Tensor<f64>, state: &State<f64>) -> Result<(), TestCaseError> {
    let parameters = case.parameters();
    let array = |name: &str| parameters.get(name).unwrap();
    let model = case.model::<f64>();
    let tensors = constants(&parameters);
    let step = model.cell().step(&tensors, input, state).unwrap();
    let config = &case.config;
    let (value, heads) = (config.value, config.heads);
    for b in 0..case.batch {
        let part = |name: &str| row(state.get(name).unwrap(), b);
        let x = [row(input, b), part("read")].concat();
        let (hidden, cell) = lstm(&parameters, &x, &part("hidden"), &part("cell"));
        close(
            "hidden",
            &row(step.state.get("hidden").unwrap(), b),
            &hidden,
        )?;
        close("cell", &row(step.state.get("cell").unwrap(), b), &cell)?;

        let z: Vec<f64> = affine(
            array("interaction.weight"),
            array("interaction.bias"),
            &hidden,
        )
        .into_iter()
        .map(f64::tanh)
        .collect();
        let rate = sigmoid(affine(array("rate.weight"), array("rate.bias"), &z[..value])[0]);
        close("rate", &row(&step.trace["rate"], b), &[rate])?;
        // Head after head: write key, write value, read key.
        let vector = |head: usize, n: usize| {
            let start = value + (3 * head + n) * value;
            z[start..start + value].to_vec()
        };
        let all = |n: usize| (0..heads).flat_map(|h| vector(h, n)).collect::<Vec<_>>();
        close("write key", &row(&step.trace["write_key"], b), &all(0))?;
        close("write value", &row(&step.trace["write_value"], b), &all(1))?;
        close("read key", &row(&step.trace["read_key"], b), &all(2))?;

        let weights = |state: &State<f64>| -> Vec<Tensor<f64>> {
            (0..config.layers)
                .map(|layer| {
                    state
                        .get(&memory_part(layer))
                        .unwrap()
                        .slice(0, b, 1)
                        .unwrap()
                })
                .collect()
        };
        let vectors = |n: usize| Tensor::from_vec(&[1, heads, value], all(n)).unwrap();
        let write = Write::new(
            vectors(0),
            vectors(1),
            Tensor::from_vec(&[1], vec![rate]).unwrap(),
        );
        let before = weights(state);
        let written = rule_named(&config.rule)
            .unwrap()
            .write(&tensors, &Memory::new(before.clone()).unwrap(), &write)
            .unwrap();
        for (found, expected) in weights(&step.state).iter().zip(written.weights()) {
            close("memory", &row(found, 0), &row(expected, 0))?;
        }
        let discrepancy = |weights: &[Tensor<f64>]| {
            let errors = (0..heads).flat_map(|h| {
                let found = read(weights, 0, &vector(h, 0));
                found
                    .into_iter()
                    .zip(vector(h, 1))
                    .map(|(f, v)| (f - v).powi(2))
            });
            errors.sum::<f64>() / (heads * value) as f64
        };
        close(
            "error before",
            &row(&step.trace["error_before"], b),
            &[discrepancy(&before)],
        )?;
        close(
            "meta",
            &row(&step.meta, b),
            &[discrepancy(written.weights())],
        )?;

        let mut mean = vec![0.0; value];
        for head in 0..heads {
            let found = read(written.weights(), 0, &vector(head, 2));
            for (m, f) in mean.iter_mut().zip(found) {
                *m += f / heads as f64;
            }
        }
        close("read", &row(step.state.get("read").unwrap(), b), &mean)?;
        close("output", &row(&step.output, b), &[hidden, mean].concat())?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn an_lstm_step_is_that_of_plain_loops(seed in any::<u64>(), input in 1..5_usize, width in 1..6_usize) {
        let generator = &mut StdRng::seed_from_u64(seed);
        let cell = LstmCell::new(input, width);
        let parameters: Parameters<SharedArray<f64>> = Cell::<f64>::parameters(&cell)
            .into_iter()
            .map(|spec| (spec.name, random_array(&spec.shape, generator)))
            .collect();
        let [x, h, c] = [input, width, width].map(|n| Tensor::shared(random_array(&[2, n], generator)));
        let (hidden, carried) = lstm_step(&constants(&parameters), &x, &h, &c).unwrap();
        for b in 0..2 {
            let expected = lstm(&parameters, &row(&x, b), &row(&h, b), &row(&c, b));
            close("hidden", &row(&hidden, b), &expected.0)?;
            close("cell", &row(&carried, b), &expected.1)?;
        }
    }

    #[test]
    fn an_mnm_step_is_that_of_plain_loops(case in any_case(), rule in proptest::sample::select(&["mnm-p", "mnm-g"][..])) {
        let mut case = Case { words: false, masked: false, ..case };
        case.config = crate::support::config(
            Some(rule), case.config.controller, case.config.value, case.config.hidden, case.config.layers, case.config.heads,
        );
        // From the middle of a sequence, where nothing is zero.
        let parameters = constants(&case.parameters());
        let state = case.run(&parameters, &case.input()).unwrap().state;
        let generator = &mut StdRng::seed_from_u64(case.seed ^ 4);
        let input = Tensor::shared(random_array(&[case.batch, crate::support::WIDTH], generator));
        step_by_hand(&case, &input, &state)?;
    }
}

#[test]
fn the_output_layer_is_affine_in_the_rows_asked_for() {
    for kind in crate::support::KINDS {
        let case = middle(kind);
        let parameters = case.parameters();
        let tensors = constants(&parameters);
        let outputs = case.run(&tensors, &case.input()).unwrap().outputs;
        let rows = [3, 0, 3, 13];
        let logits = case.model().logits(&tensors, &outputs, &rows).unwrap();
        for (i, r) in rows.into_iter().enumerate() {
            let seen = row(&outputs.select(0, r / case.batch).unwrap(), r % case.batch);
            let weight = parameters.get("output.weight").unwrap();
            let expected = affine(weight, parameters.get("output.bias").unwrap(), &seen);
            close("logits", &row(&logits, i), &expected).unwrap();
        }
    }
}

#[test]
fn the_initial_state_is_zero_but_for_the_memory() {
    let case = middle(Some("mnm-p"));
    let parameters = case.parameters();
    let state = case
        .model()
        .initial_state(&constants::<f64>(&parameters), 3)
        .unwrap();
    for (name, part) in state.iter() {
        let Some(layer) = name.strip_prefix("memory.") else {
            assert!(part.value().iter().all(|&x| x == 0.0), "{name}");
            continue;
        };
        let initial = parameters.get(&format!("memory.{layer}.weight")).unwrap();
        for sequence in part.value().outer_iter() {
            assert_eq!(sequence, initial.view(), "{name}");
        }
    }
}
