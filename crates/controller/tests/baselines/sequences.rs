//! What holds for every cell over sequences: batches are independent, a carried state goes on, a reset starts anew.

use mnm_controller::{Cell, State, StateMasks, Unrolled};
use mnm_tensor::testkit::relative_difference;
use mnm_tensor::{Parameters, Tensor};

use crate::models::{CONTROLLER, Named, baselines, constants, draw, inputs};

/// Sums of a few dozen products in f64, in another order at most.
const ROUNDING: f64 = 1e-13;

fn start(cell: &dyn Cell<f64>, parameters: &Parameters<Tensor<f64>>, batch: usize) -> State<f64> {
    cell.initial_state(parameters, batch).unwrap()
}

fn run(
    cell: &dyn Cell<f64>,
    parameters: &Parameters<Tensor<f64>>,
    x: &Tensor<f64>,
    state: &State<f64>,
) -> Unrolled<f64> {
    cell.unroll(parameters, x, state, &StateMasks::default())
        .unwrap()
}

fn assert_close(name: &str, what: &str, a: &Tensor<f64>, b: &Tensor<f64>) {
    let difference = relative_difference(a.value(), b.value());
    assert!(difference <= ROUNDING, "{name}, {what}: {difference:.1e}");
}

#[test]
fn a_batch_is_its_sequences_one_by_one() {
    for Named { name, cell } in baselines() {
        let parameters = constants(&draw(cell.as_ref(), 20));
        let x = Tensor::shared(inputs(6, 3, 20));
        let whole = run(
            cell.as_ref(),
            &parameters,
            &x,
            &start(cell.as_ref(), &parameters, 3),
        );
        for b in 0..3 {
            let alone = x.slice(1, b, 1).unwrap();
            let single = run(
                cell.as_ref(),
                &parameters,
                &alone,
                &start(cell.as_ref(), &parameters, 1),
            );
            let part = whole.outputs.slice(1, b, 1).unwrap();
            assert_close(name, "outputs", &part, &single.outputs);
            for (part_name, part) in whole.state.iter() {
                let part = part.slice(0, b, 1).unwrap();
                assert_close(name, part_name, &part, single.state.get(part_name).unwrap());
            }
        }
    }
}

#[test]
fn a_carried_state_goes_on_where_it_stopped() {
    for Named { name, cell } in baselines() {
        let parameters = constants(&draw(cell.as_ref(), 21));
        let x = Tensor::shared(inputs(7, 2, 21));
        let initial = start(cell.as_ref(), &parameters, 2);
        let whole = run(cell.as_ref(), &parameters, &x, &initial);
        let first = run(
            cell.as_ref(),
            &parameters,
            &x.slice(0, 0, 3).unwrap(),
            &initial,
        );
        let rest = run(
            cell.as_ref(),
            &parameters,
            &x.slice(0, 3, 4).unwrap(),
            &first.state.detach(),
        );
        let joined = Tensor::concat(&[&first.outputs, &rest.outputs], 0).unwrap();
        assert_eq!(joined.value(), whole.outputs.value(), "{name}");
        for (part_name, part) in whole.state.iter() {
            assert_eq!(
                part.value(),
                rest.state.get(part_name).unwrap().value(),
                "{name}, {part_name}"
            );
        }
    }
}

#[test]
fn a_reset_sequence_starts_anew_and_the_others_go_on() {
    for Named { name, cell } in baselines() {
        let parameters = constants(&draw(cell.as_ref(), 22));
        let (before, after) = (
            Tensor::shared(inputs(3, 2, 22)),
            Tensor::shared(inputs(4, 2, 23)),
        );
        let initial = start(cell.as_ref(), &parameters, 2);
        let carried = run(cell.as_ref(), &parameters, &before, &initial).state;
        let reset = carried.reset_where(&[false, true], &initial).unwrap();
        let mixed = run(cell.as_ref(), &parameters, &after, &reset).outputs;
        let fresh = run(cell.as_ref(), &parameters, &after, &initial).outputs;
        let on = run(cell.as_ref(), &parameters, &after, &carried).outputs;
        let row = |t: &Tensor<f64>, b| t.slice(1, b, 1).unwrap();
        assert_close(name, "the reset one", &row(&mixed, 0), &row(&fresh, 0));
        assert_close(name, "the kept one", &row(&mixed, 1), &row(&on, 1));
        let apart = relative_difference(row(&on, 0).value(), row(&fresh, 0).value());
        assert!(apart > 1e-3, "{name}: the state makes no difference");
    }
}

#[test]
fn the_dropout_mask_reaches_the_hidden_state() {
    for Named { name, cell } in baselines() {
        let parameters = constants(&draw(cell.as_ref(), 24));
        let x = Tensor::shared(inputs(2, 1, 24));
        let initial = start(cell.as_ref(), &parameters, 1);
        let run = |mask: Option<&Tensor<f64>>| {
            let masks = StateMasks {
                hidden: mask.cloned(),
                cell: None,
            };
            let end = cell.unroll(&parameters, &x, &initial, &masks).unwrap();
            end.outputs.value().clone()
        };
        let plain = run(None);
        assert_eq!(
            plain,
            run(Some(&Tensor::ones(&[2, 1, CONTROLLER]))),
            "{name}"
        );
        assert_ne!(
            plain,
            run(Some(&Tensor::zeros(&[2, 1, CONTROLLER]))),
            "{name}"
        );
    }
}

#[test]
fn widths_are_what_the_cell_says() {
    for Named { name, cell } in baselines() {
        let parameters = constants(&draw(cell.as_ref(), 25));
        let x = Tensor::shared(inputs(2, 3, 25));
        let end = run(
            cell.as_ref(),
            &parameters,
            &x,
            &start(cell.as_ref(), &parameters, 3),
        );
        assert_eq!(end.outputs.shape(), [2, 3, cell.output_width()], "{name}");
        assert_eq!(
            end.state.get("hidden").unwrap().shape(),
            [3, cell.hidden_width()],
            "{name}"
        );
        assert_eq!(end.meta.shape(), [2, 3], "{name}");
        assert!(end.meta.value().iter().all(|&m| m == 0.0), "{name}");
    }
}

/// A part that is missing is an error that names it, not a panic.
#[test]
fn a_state_of_another_model_is_refused() {
    for Named { name, cell } in baselines() {
        let parameters = constants(&draw(cell.as_ref(), 26));
        let x = Tensor::shared(inputs(1, 1, 26));
        let foreign = State::new([
            ("hidden", Tensor::zeros(&[1, CONTROLLER])),
            ("cell", Tensor::zeros(&[1, CONTROLLER])),
        ]);
        let message = cell
            .unroll(&parameters, &x, &foreign, &StateMasks::default())
            .unwrap_err();
        assert!(message.to_string().contains("`read`"), "{name}: {message}");
        let wide = Tensor::zeros(&[1, 1, 9]);
        let initial = start(cell.as_ref(), &parameters, 1);
        assert!(
            cell.unroll(&parameters, &wide, &initial, &StateMasks::default())
                .is_err(),
            "{name}"
        );
    }
}
