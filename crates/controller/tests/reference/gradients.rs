//! The gradient of the whole model, from the logits and meta losses back to every parameter, through all writes.

use mnm_controller::encoder::Input;
use mnm_tensor::testkit::{Gradcheck, gradcheck};
use mnm_tensor::{Order, Parameters, SharedArray, Tape, Tensor, TensorError, gradient};
use proptest::prelude::*;

use crate::support::{Case, KINDS, OUTPUTS, any_case, flat, in_ops, middle};

/// The least norm of a parameter's gradient, per root of its size: below it the comparison would prove nothing.
const FLOOR: f64 = 1e-4;

fn arguments(case: &Case) -> (Vec<String>, Vec<SharedArray<f64>>) {
    let (mut names, mut arrays): (Vec<_>, Vec<_>) = case.parameters().into_iter().unzip();
    if !case.words {
        names.push("input".to_owned());
        arrays.push(case.vectors());
    }
    (names, arrays)
}

fn unpack(
    case: &Case,
    names: &[String],
    at: &[Tensor<f64>],
) -> (Parameters<Tensor<f64>>, Input<f64>) {
    let input = match (case.words, at.last()) {
        (false, Some(x)) => Input::Dense(x.clone()),
        _ => case.input(),
    };
    (
        names.iter().cloned().zip(at.iter().cloned()).collect(),
        input,
    )
}

/// Logits, meta losses and the final state: a cotangent on the result is one on everything.
fn everything(
    case: &Case,
    names: &[String],
    at: &[Tensor<f64>],
) -> Result<Tensor<f64>, TensorError> {
    let (parameters, input) = unpack(case, names, at);
    let run = case.run(&parameters, &input).map_err(in_ops)?;
    let logits = case.logits(&parameters, &run).map_err(in_ops)?;
    flat(
        [&logits, &run.meta]
            .into_iter()
            .chain(run.state.iter().map(|(_, part)| part)),
    )
}

/// Cross-entropy to some class of every step, plus the mean meta loss: what training descends.
fn training_loss(
    case: &Case,
    names: &[String],
    at: &[Tensor<f64>],
) -> Result<Tensor<f64>, TensorError> {
    let (parameters, input) = unpack(case, names, at);
    let run = case.run(&parameters, &input).map_err(in_ops)?;
    let logits = case.logits(&parameters, &run).map_err(in_ops)?;
    let rows = logits.shape()[0];
    let targets = SharedArray::from_shape_fn(vec![rows, OUTPUTS], |i| {
        f64::from(i[1] == (3 * i[0] + 1) % OUTPUTS)
    });
    let entropy = logits
        .log_softmax()?
        .mul(Tensor::shared(targets))?
        .sum_all()?
        .scale(-1.0 / rows as f64)?;
    let meta = run.meta.sum_all()?.scale(1.0 / rows as f64)?;
    entropy.add(&meta)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_parameter_has_the_gradient_of_central_differences(case in any_case()) {
        let (names, at) = arguments(&case);
        let how = Gradcheck { seed: case.seed, second_order: false, ..Gradcheck::default() };
        gradcheck(|at| everything(&case, &names, at), &at, how)
            .map_err(|e| TestCaseError::fail(format!("{names:?}: {e}")))?;
    }

    #[test]
    fn the_training_loss_has_the_gradient_of_central_differences(case in any_case()) {
        let (names, at) = arguments(&case);
        let how = Gradcheck { seed: case.seed, floor: 1e-3, second_order: false, ..Gradcheck::default() };
        gradcheck(|at| training_loss(&case, &names, at)?.reshape(&[1]), &at, how)
            .map_err(|e| TestCaseError::fail(format!("{names:?}: {e}")))?;
    }
}

#[test]
fn no_parameter_has_a_vanishing_gradient() {
    for kind in KINDS {
        for words in [false, true] {
            let case = Case {
                words,
                seed: 13, // a scene in which nothing vanishes
                ..middle(kind)
            };
            let (names, at) = arguments(&case);
            let tape = Tape::new();
            let at: Vec<_> = at.into_iter().map(|a| tape.shared_variable(a)).collect();
            let loss = training_loss(&case, &names, &at).unwrap();
            let wrt: Vec<_> = at.iter().collect();
            let found = gradient(&loss, &wrt, Order::First).unwrap();
            for (name, g) in names.iter().zip(&found) {
                // Of the input, only what the model saw first: the longest way back.
                let g = if name == "input" {
                    g.select(0, 0).unwrap()
                } else {
                    g.clone()
                };
                let size = g.value().iter().map(|x| x * x).sum::<f64>() / g.value().len() as f64;
                assert!(
                    size.sqrt() > FLOOR,
                    "{kind:?}: {name} has gradient {:.1e}",
                    size.sqrt()
                );
            }
        }
    }
}

#[test]
fn every_parameter_is_used_and_no_other() {
    for kind in KINDS {
        let case = Case {
            words: true,
            ..middle(kind)
        };
        let parameters = case.parameters();
        for missing in parameters.names() {
            let tensors = parameters
                .iter()
                .filter(|(name, _)| *name != missing)
                .map(|(name, a)| (name.to_owned(), Tensor::shared(a.clone())))
                .collect();
            let run = case
                .run(&tensors, &case.input())
                .and_then(|r| case.logits(&tensors, &r));
            let message = run.expect_err(missing).to_string();
            assert!(
                message.contains(missing),
                "`{message}` does not name `{missing}`"
            );
        }
    }
}
