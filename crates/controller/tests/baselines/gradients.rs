//! Every baseline against central differences: to every parameter, the inputs and every part of the initial state,
//! with random cotangents on the outputs and on every part of the final state.

use mnm_controller::{Cell, ControllerError, State};
use mnm_tensor::testkit::{Gradcheck, gradcheck, inner, random_array};
use mnm_tensor::{Array, Order, Parameters, Tape, Tensor, TensorError, pull_back};
use rand::{SeedableRng, rngs::StdRng};

use crate::models::{Named, baselines, constants, draw, inputs};

const STEPS: usize = 5;
const BATCH: usize = 2;

/// The names of everything that is differentiated, and the values at which.
struct Point {
    names: Vec<String>,
    at: Vec<Array<f64>>,
    parameters: usize,
}

/// A state in the middle of a sequence, so that no part of it is at a special value.
fn middle(cell: &dyn Cell<f64>, parameters: &Parameters<Tensor<f64>>, seed: u64) -> State<f64> {
    let initial = cell.initial_state(parameters, BATCH).unwrap();
    let before = Tensor::shared(inputs(3, BATCH, seed ^ 0xbef0));
    cell.unroll(parameters, &before, &initial, None)
        .unwrap()
        .state
}

fn point(cell: &dyn Cell<f64>, seed: u64, start: Option<&State<f64>>) -> Point {
    let drawn = draw(cell, seed);
    let parameters = drawn.len();
    let (mut names, mut at): (Vec<_>, Vec<_>) = drawn.into_iter().unzip();
    names.push("input".to_owned());
    at.push(inputs(STEPS, BATCH, seed));
    for (name, part) in start.into_iter().flat_map(State::iter) {
        names.push(format!("state.{name}"));
        at.push(part.value().clone());
    }
    Point {
        names,
        at,
        parameters,
    }
}

/// Outputs and final state as one vector.
fn run(cell: &dyn Cell<f64>, point: &Point, x: &[Tensor<f64>]) -> Result<Tensor<f64>, TensorError> {
    let reason = |e: ControllerError| TensorError::Op {
        op: "cell",
        reason: e.to_string(),
    };
    let (weights, rest) = x.split_at(point.parameters);
    let parameters: Parameters<Tensor<f64>> = point
        .names
        .iter()
        .cloned()
        .zip(weights.iter().cloned())
        .collect();
    let (input, state) = rest.split_first().expect("an input");
    let state = if state.is_empty() {
        cell.initial_state(&parameters, BATCH).map_err(reason)?
    } else {
        let names = point.names[point.parameters + 1..].iter();
        State::new(
            names
                .map(|n| n.trim_start_matches("state."))
                .zip(state.iter().cloned()),
        )
    };
    let end = cell
        .unroll(&parameters, input, &state, None)
        .map_err(reason)?;
    let mut parts = vec![end.outputs];
    parts.extend(end.state.iter().map(|(_, part)| part.clone()));
    let flat: Vec<Tensor<f64>> = parts
        .iter()
        .map(|p| p.reshape(&[p.value().len()]))
        .collect::<Result<_, _>>()?;
    Tensor::concat(&flat.iter().collect::<Vec<_>>(), 0)
}

fn check(Named { name, cell }: &Named, seed: u64, from_middle: bool) {
    let state = from_middle.then(|| {
        let parameters = constants(&draw(cell.as_ref(), seed));
        middle(cell.as_ref(), &parameters, seed)
    });
    let point = point(cell.as_ref(), seed, state.as_ref());
    let how = Gradcheck {
        seed,
        floor: 1e-3,
        second_order: false,
        ..Gradcheck::default()
    };
    if let Err(message) = gradcheck(|x| run(cell.as_ref(), &point, x), &point.at, how) {
        panic!("{name}, arguments {:?}: {message}", point.names);
    }
}

#[test]
fn gradients_from_the_initial_state_match_central_differences() {
    for model in baselines() {
        for seed in 0..3 {
            check(&model, seed, false);
        }
    }
}

#[test]
fn gradients_from_a_carried_state_match_central_differences() {
    for model in baselines() {
        for seed in 3..6 {
            check(&model, seed, true);
        }
    }
}

/// A check of gradients that are zero proves nothing: those of every parameter and of the first step's input are not.
#[test]
fn no_gradient_vanishes() {
    for Named { name, cell } in baselines() {
        let point = point(cell.as_ref(), 0, None);
        let tape = Tape::new();
        let x: Vec<_> = point
            .at
            .iter()
            .map(|a| tape.shared_variable(a.clone()))
            .collect();
        let y = run(cell.as_ref(), &point, &x).unwrap();
        let cotangent = random_array(y.shape(), &mut StdRng::seed_from_u64(9));
        let wrt: Vec<_> = x.iter().collect();
        let gradients = pull_back(&y, &Tensor::shared(cotangent), &wrt, Order::First).unwrap();
        for (argument, gradient) in point.names.iter().zip(&gradients) {
            let early = if argument == "input" {
                gradient.select(0, 0).unwrap()
            } else {
                gradient.clone()
            };
            let size = inner(early.value(), early.value()).sqrt();
            assert!(
                size > 1e-3,
                "{name}: the gradient to {argument} is {size:.1e}"
            );
        }
    }
}
