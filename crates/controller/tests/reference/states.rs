//! What a state can do: be cut off the tape, be reset sequence by sequence.

use mnm_controller::encoder::Input;
use mnm_controller::{Kernel, Masks, Recurrence, State};
use mnm_tensor::{Order, Parameters, Tape, Tensor, gradient};
use rand::{SeedableRng, rngs::StdRng};

use crate::support::{KINDS, constants, middle, names, same_bits};

#[test]
fn a_detached_state_lets_no_gradient_through() {
    for kind in KINDS {
        let case = middle(kind);
        let model = case.model::<f64>();
        let parameters = constants(&case.parameters());
        let start = model.initial_state(&parameters, case.batch).unwrap();
        let early_gradient = |cut: bool| {
            let tape = Tape::new();
            let early = tape.shared_variable(case.vectors());
            let late = tape.shared_variable(case.vectors());
            let run = |x: &Tensor<f64>, state: &State<f64>| {
                let input = Input::Dense(x.clone());
                model
                    .run(&parameters, &input, state, &Masks::default())
                    .unwrap()
            };
            let first = run(&early, &start).state;
            let carried = if cut { first.detach() } else { first };
            let outputs = run(&late, &carried).outputs;
            let loss = outputs.mul(&outputs).unwrap().sum_all().unwrap();
            let found = gradient(&loss, &[&early, &late], Order::First).unwrap();
            let size = |t: &Tensor<f64>| t.value().iter().map(|g| g.abs()).sum::<f64>();
            (size(&found[0]), size(&found[1]))
        };
        let (through, _) = early_gradient(false);
        let (cut, late) = early_gradient(true);
        assert!(
            through > 1e-3 && late > 1e-3,
            "{kind:?}: {through:e}, {late:e}"
        );
        assert_eq!(cut, 0.0, "{kind:?}");
    }
}

fn two_states(kind: Option<&str>) -> (State<f64>, State<f64>) {
    let case = middle(kind);
    let parameters = constants(&case.parameters());
    let carried = case.run(&parameters, &case.input()).unwrap().state;
    let initial = case.model().initial_state(&parameters, case.batch).unwrap();
    (carried, initial)
}

#[test]
fn a_reset_takes_each_sequence_from_one_state_or_the_other() {
    for kind in KINDS {
        let (carried, initial) = two_states(kind);
        let reset = carried.reset_where(&[true, false], &initial).unwrap();
        for (name, part) in reset.iter() {
            // Before the first write all sequences share one row.
            let row = |t: &Tensor<f64>, b: usize| t.slice(0, b.min(t.shape()[0] - 1), 1).unwrap();
            assert!(
                same_bits(&row(part, 0), &row(carried.get(name).unwrap(), 0)),
                "{name}"
            );
            assert!(
                same_bits(&row(part, 1), &row(initial.get(name).unwrap(), 1)),
                "{name}"
            );
        }
        assert_eq!(reset.iter().count(), carried.iter().count());
    }
}

#[test]
fn a_reset_clears_a_state_that_is_no_number() {
    let (carried, initial) = two_states(Some("mnm-g"));
    let broken = carried
        .clone()
        .with("hidden", Tensor::zeros(&[2, 6]).shift(f64::NAN).unwrap())
        .with(
            "memory.0",
            Tensor::zeros(&[2, 5, 4]).shift(f64::INFINITY).unwrap(),
        );
    let reset = broken.reset_where(&[false, false], &initial).unwrap();
    for (name, part) in reset.iter() {
        let fresh = initial
            .get(name)
            .unwrap()
            .broadcast_to(part.shape())
            .unwrap();
        assert!(same_bits(part, &fresh), "{name}");
    }
}

#[test]
fn gradients_pass_a_reset_only_where_it_keeps() {
    let (carried, initial) = two_states(None);
    let tape = Tape::new();
    let hidden = |s: &State<f64>| tape.shared_variable(s.get("hidden").unwrap().value().clone());
    let (old, new) = (hidden(&carried), hidden(&initial));
    let carried = carried.clone().with("hidden", old.clone());
    let initial = initial.clone().with("hidden", new.clone());
    let reset = carried.reset_where(&[false, true], &initial).unwrap();
    let loss = reset.get("hidden").unwrap().sum_all().unwrap();
    let found = gradient(&loss, &[&old, &new], Order::First).unwrap();
    let rows = |t: &Tensor<f64>| t.value().outer_iter().map(|r| r.sum()).collect::<Vec<_>>();
    assert_eq!(rows(&found[0]), [0.0, 6.0]);
    assert_eq!(rows(&found[1]), [6.0, 0.0]);
}

#[test]
fn a_reset_that_does_not_fit_is_refused() {
    let (carried, initial) = two_states(Some("mnm-p"));
    names(
        carried.reset_where(&[true], &initial),
        &["1 sequences", "`cell`", "[2, 6]"],
    );
    let empty = State::new([("hidden", Tensor::zeros(&[2, 6]))]);
    names(carried.reset_where(&[true, false], &empty), &["`cell`"]);
    let odd = State::new([("hidden", Tensor::scalar(1.0))]);
    names(odd.reset_where(&[true, false], &odd), &["hidden"]);
}

#[test]
fn a_part_that_is_missing_is_named() {
    let state = State::<f64>::new([("hidden", Tensor::zeros(&[1, 2]))]);
    names(state.get("read"), &["`read`", "another kind of model"]);
}

/// What a controller without recurrence knows of the past is the read and the memory: hidden and cell state change nothing.
#[test]
fn a_controller_without_recurrence_begins_every_step_anew() {
    for kind in [Some("mnm-p"), Some("mnm-g")] {
        for recurrence in [Recurrence::Always, Recurrence::Never] {
            let mut case = middle(kind);
            case.config.recurrence = recurrence;
            let parameters = constants(&case.parameters());
            let model = case.model::<f64>();
            let outputs = |part: Option<&str>| {
                let mut state = model.initial_state(&parameters, case.batch).unwrap();
                if let Some(name) = part {
                    let shape = state.get(name).unwrap().shape().to_vec();
                    state = state.with(
                        name,
                        Tensor::constant(ndarray::ArrayD::from_elem(shape, 0.5)),
                    );
                }
                let input = Input::Dense(Tensor::shared(case.vectors()));
                let run = model.run(&parameters, &input, &state, &Masks::default());
                run.unwrap().outputs.value().clone()
            };
            for part in ["hidden", "cell"] {
                assert_eq!(
                    outputs(Some(part)) == outputs(None),
                    recurrence == Recurrence::Never,
                    "{kind:?} {part}"
                );
            }
            assert_ne!(outputs(Some("read")), outputs(None), "{kind:?}");
        }
    }
}

/// Without recurrence, the model's first weights say so by themselves: a reader of the checkpoint who knows the equations of the LSTM alone
/// gets the same numbers.
#[test]
fn a_model_without_recurrence_is_one_that_forgets_all() {
    for kind in [Some("mnm-p"), Some("mnm-g")] {
        let outputs = |recurrence: Recurrence, kernel: Kernel| {
            let mut case = middle(kind);
            case.config.recurrence = Recurrence::Never;
            let generator = &mut StdRng::seed_from_u64(5);
            let parameters: Parameters<_> = (case.model::<f32>().parameters().into_iter())
                .map(|spec| (spec.name.clone(), spec.init.draw(&spec.shape, generator)))
                .collect();
            let parameters = parameters.constants();
            case.config.recurrence = recurrence;
            case.config.kernel = kernel;
            let model = case.model::<f32>();
            let state = model.initial_state(&parameters, case.batch).unwrap();
            let input = Input::Dense(Tensor::shared(
                case.vectors().mapv(|x| x as f32).into_shared(),
            ));
            let run = model.run(&parameters, &input, &state, &Masks::default());
            run.unwrap().outputs.value().clone()
        };
        for kernel in [Kernel::Reference, Kernel::Fused] {
            let (without, with) = (
                outputs(Recurrence::Never, kernel),
                outputs(Recurrence::Always, kernel),
            );
            let apart = (&without - &with)
                .mapv(f32::abs)
                .fold(0.0_f32, |a, &x| a.max(x));
            assert!(apart < 1e-6, "{kind:?} {kernel:?}: {apart:e}");
        }
    }
}
