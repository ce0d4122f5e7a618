//! Every baseline against central differences: to every parameter, the inputs and every part of the initial state,
//! with random cotangents on the outputs and on every part of the final state.

use mnm_controller::{Cell, ControllerError, State, StateMasks};
use mnm_tensor::testkit::{Gradcheck, gradcheck, inner, random_array};
use mnm_tensor::{Order, Parameters, SharedArray, Tape, Tensor, TensorError, pull_back};
use rand::{SeedableRng, rngs::StdRng};

use crate::models::{Named, baselines, constants, draw, inputs};

const STEPS: usize = 5;
const BATCH: usize = 2;

/// Where a sequence starts.
#[derive(Clone, Copy, PartialEq)]
enum Start {
    /// In the initial state, a constant.
    Initial,
    /// In the middle of a sequence, every part of the state an argument.
    Carried,
}

/// The names of everything that is differentiated, the values at which, and the state to start from.
struct Point {
    names: Vec<String>,
    at: Vec<SharedArray<f64>>,
    parameters: usize,
    state: State<f64>,
}

/// The smallest distance between the usages of two rows that [`point`] accepts at any step: where two rows change
/// places in the free list of the DNC, there is no derivative, and a difference quotient must not step across.
const APART: f64 = 5e-3;

fn smallest_gap(usage: &Tensor<f64>) -> f64 {
    let mut smallest = f64::INFINITY;
    for row in usage.value().rows() {
        let mut sorted = row.to_vec();
        sorted.sort_by(f64::total_cmp);
        for pair in sorted.windows(2) {
            smallest = smallest.min(pair[1] - pair[0]);
        }
    }
    smallest
}

/// A state as it is after three steps, or the initial one; the rows of a DNC, which start equally unused, are given
/// usages from 0.1 to 0.7.
fn state_at(
    cell: &dyn Cell<f64>,
    parameters: &Parameters<Tensor<f64>>,
    seed: u64,
    start: Start,
) -> State<f64> {
    let mut state = cell.initial_state(parameters, BATCH).unwrap();
    if start == Start::Carried {
        let before = Tensor::shared(inputs(3, BATCH, seed ^ 0xbef0));
        let end = cell
            .unroll(parameters, &before, &state, &StateMasks::default())
            .unwrap();
        state = end.state.detach();
    }
    if let Ok(usage) = state.get("usage") {
        let slots = usage.shape()[1];
        let spread = (0..BATCH * slots).map(|i| {
            let (sequence, row) = (i / slots, i % slots);
            0.1 + 0.6 * ((3 * row + sequence) % slots) as f64 / slots as f64
        });
        let spread = Tensor::from_vec(&[BATCH, slots], spread.collect()).unwrap();
        state = state.with("usage", spread);
    }
    state
}

fn point(cell: &dyn Cell<f64>, seed: u64, start: Start) -> Option<Point> {
    let drawn = draw(cell, seed);
    let weights = constants(&drawn);
    let parameters = drawn.len();
    let (mut names, mut at): (Vec<_>, Vec<_>) = drawn.into_iter().unzip();
    let input = inputs(STEPS, BATCH, seed);
    let state = state_at(cell, &weights, seed, start);
    let end = cell
        .unroll(
            &weights,
            &Tensor::shared(input.clone()),
            &state,
            &StateMasks::default(),
        )
        .unwrap();
    if let Some(usage) = end.trace.get("usage")
        && smallest_gap(usage) < APART
    {
        return None;
    }
    names.push("input".to_owned());
    at.push(input);
    if start == Start::Carried {
        for (name, part) in state.iter() {
            names.push(format!("state.{name}"));
            at.push(part.value().clone());
        }
    }
    Some(Point {
        names,
        at,
        parameters,
        state,
    })
}

/// The first three points that are accepted.
fn points(cell: &dyn Cell<f64>, start: Start) -> Vec<Point> {
    let found: Vec<Point> = (0..200)
        .filter_map(|seed| point(cell, seed, start))
        .take(3)
        .collect();
    assert_eq!(found.len(), 3, "too few points with usages apart");
    found
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
        point.state.clone()
    } else {
        let names = point.names[point.parameters + 1..].iter();
        State::new(
            names
                .map(|n| n.trim_start_matches("state."))
                .zip(state.iter().cloned()),
        )
    };
    let end = cell
        .unroll(&parameters, input, &state, &StateMasks::default())
        .map_err(reason)?;
    let mut parts = vec![end.outputs];
    parts.extend(end.state.iter().map(|(_, part)| part.clone()));
    let flat: Vec<Tensor<f64>> = parts
        .iter()
        .map(|p| p.reshape(&[p.value().len()]))
        .collect::<Result<_, _>>()?;
    Tensor::concat(&flat.iter().collect::<Vec<_>>(), 0)
}

fn check(Named { name, cell }: &Named, start: Start) {
    for (seed, point) in (0..).zip(points(cell.as_ref(), start)) {
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
}

#[test]
fn gradients_from_the_initial_state_match_central_differences() {
    for model in baselines() {
        check(&model, Start::Initial);
    }
}

#[test]
fn gradients_from_a_carried_state_match_central_differences() {
    for model in baselines() {
        check(&model, Start::Carried);
    }
}

/// A check of gradients that are zero proves nothing: those of every parameter and of the first step's input are not.
#[test]
fn no_gradient_vanishes() {
    for Named { name, cell } in baselines() {
        let point = points(cell.as_ref(), Start::Initial).remove(0);
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
