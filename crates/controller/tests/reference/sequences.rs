//! The same result however a sequence or a batch is cut.

use mnm_controller::Masks;
use mnm_controller::encoder::{Input, Tokens};
use mnm_tensor::Tensor;
use mnm_tensor::testkit::relative_difference;
use proptest::prelude::*;

use crate::support::{
    Case, KINDS, VOCABULARY, any_case, constants, middle, same_bits, same_states,
};

/// The steps (axis 0) or sequences (axis 1) `start..start + length` of a case's masks.
fn part(masks: &Masks<f64>, axis: usize, start: usize, length: usize) -> Masks<f64> {
    let cut = |m: &Option<Tensor<f64>>| m.as_ref().map(|m| m.slice(axis, start, length).unwrap());
    // Those of words are the same at every step.
    let word = match axis {
        0 => masks.word.clone(),
        _ => masks
            .word
            .as_ref()
            .map(|m| m.slice(0, start * VOCABULARY, length * VOCABULARY).unwrap()),
    };
    Masks {
        hidden: cut(&masks.hidden),
        input: cut(&masks.input),
        word,
    }
}

/// The sentences whose step and sequence `keep`, renumbered.
fn sentences(
    tokens: &Tokens,
    steps: std::ops::Range<usize>,
    sequences: std::ops::Range<usize>,
) -> Tokens {
    let mut words = tokens.words.clone();
    words.retain_mut(|w| {
        let (t, b) = (w.sentence / tokens.batch, w.sentence % tokens.batch);
        let inside = steps.contains(&t) && sequences.contains(&b);
        if inside {
            w.sentence = (t - steps.start) * sequences.len() + b - sequences.start;
        }
        inside
    });
    Tokens {
        steps: steps.len(),
        batch: sequences.len(),
        words,
        starts: Vec::new(),
    }
}

fn cut_input(
    case: &Case,
    steps: std::ops::Range<usize>,
    sequences: std::ops::Range<usize>,
) -> Input<f64> {
    if case.words {
        return Input::Tokens(sentences(&case.tokens(), steps, sequences));
    }
    let x = Tensor::shared(case.vectors());
    let x = x.slice(0, steps.start, steps.len()).unwrap();
    Input::Dense(x.slice(1, sequences.start, sequences.len()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn some_steps_then_the_others_are_all_steps(case in any_case(), cut in 1..5_usize) {
        let model = case.model::<f64>();
        let parameters = constants(&case.parameters());
        let masks = case.masks();
        let start = model.initial_state(&parameters, case.batch).unwrap();
        let whole = model.run(&parameters, &case.input(), &start, &masks).unwrap();
        let early = cut_input(&case, 0..cut, 0..case.batch);
        let late = cut_input(&case, cut..case.steps, 0..case.batch);
        let first = model.run(&parameters, &early, &start, &part(&masks, 0, 0, cut)).unwrap();
        let rest = part(&masks, 0, cut, case.steps - cut);
        let second = model.run(&parameters, &late, &first.state.detach(), &rest).unwrap();
        for (a, b, all) in [
            (&first.outputs, &second.outputs, &whole.outputs),
            (&first.meta, &second.meta, &whole.meta),
        ] {
            prop_assert!(same_bits(&Tensor::concat(&[a, b], 0).unwrap(), all));
        }
        for (name, all) in &whole.trace {
            let joined = Tensor::concat(&[&first.trace[name], &second.trace[name]], 0).unwrap();
            prop_assert!(same_bits(&joined, all), "{name}");
        }
        prop_assert!(same_states(&second.state, &whole.state));
    }

    #[test]
    fn a_batch_is_its_sequences_one_by_one(case in any_case()) {
        let model = case.model::<f64>();
        let parameters = constants(&case.parameters());
        let masks = case.masks();
        let batch = case.run(&parameters, &case.input()).unwrap();
        for b in 0..case.batch {
            let start = model.initial_state(&parameters, 1).unwrap();
            let input = cut_input(&case, 0..case.steps, b..b + 1);
            let single = model.run(&parameters, &input, &start, &part(&masks, 1, b, 1)).unwrap();
            let mut pairs = vec![
                ("outputs", batch.outputs.slice(1, b, 1).unwrap(), single.outputs.clone()),
                ("meta", batch.meta.slice(1, b, 1).unwrap(), single.meta.clone()),
            ];
            for (name, part) in batch.state.iter() {
                pairs.push((name, part.slice(0, b, 1).unwrap(), single.state.get(name).unwrap().clone()));
            }
            for (name, all, one) in pairs {
                let difference = relative_difference(all.value(), one.value());
                prop_assert!(difference < 1e-12, "{name} of sequence {b} differs by {difference:.1e}");
            }
        }
    }

    #[test]
    fn unrolling_is_step_after_step(case in any_case()) {
        let case = Case { words: false, masked: false, ..case };
        let model = case.model::<f64>();
        let parameters = constants(&case.parameters());
        let whole = case.run(&parameters, &case.input()).unwrap();
        let mut state = model.initial_state(&parameters, case.batch).unwrap();
        let x = Tensor::shared(case.vectors());
        for t in 0..case.steps {
            let step = model.cell().step(&parameters, &x.select(0, t).unwrap(), &state).unwrap();
            prop_assert!(same_bits(&step.output, &whole.outputs.select(0, t).unwrap()));
            prop_assert!(same_bits(&step.meta, &whole.meta.select(0, t).unwrap()));
            for (name, value) in &step.trace {
                prop_assert!(same_bits(value, &whole.trace[name].select(0, t).unwrap()), "{name}");
            }
            state = step.state;
        }
        prop_assert!(same_states(&state, &whole.state));
    }

    #[test]
    fn single_precision_agrees_with_double(case in any_case()) {
        let double = constants::<f64>(&case.parameters());
        let single = constants::<f32>(&case.parameters());
        let a = case.run(&double, &case.input()).unwrap();
        let b = case.run(&single, &case.input()).unwrap();
        let logits = case.logits(&double, &a).unwrap();
        let near = case.logits(&single, &b).unwrap();
        let widened = near.value().mapv(f64::from).into_shared();
        let difference = relative_difference(&widened, logits.value());
        prop_assert!(difference < 1e-5, "the logits differ by {difference:.1e}");
        prop_assert!(difference > 0.0, "the same numbers: one of them was not computed as asked");
    }
}

#[test]
fn a_mask_of_zeros_is_a_hidden_state_of_zeros_at_entry_and_nothing_more() {
    for kind in KINDS {
        let case = Case {
            steps: 3,
            ..middle(kind)
        };
        let model = case.model::<f64>();
        let parameters = constants(&case.parameters());
        let x = Tensor::shared(case.vectors());
        let start = case.run(&parameters, &case.input()).unwrap().state; // nothing in it is zero
        // Only the second of three steps is masked.
        let mut mask =
            mnm_tensor::SharedArray::from_elem(vec![3, case.batch, case.config.controller], 1.0);
        mask.index_axis_mut(ndarray::Axis(0), 1).fill(0.0);
        let masks = Masks {
            hidden: Some(Tensor::shared(mask)),
            ..Masks::default()
        };
        let masked = model
            .run(&parameters, &Input::Dense(x.clone()), &start, &masks)
            .unwrap();

        let mut state = start.clone();
        for t in 0..3 {
            if t == 1 {
                let hidden = state.get("hidden").unwrap();
                let zeros = Tensor::zeros(hidden.shape());
                state = state.with("hidden", zeros);
            }
            let step = model
                .cell()
                .step(&parameters, &x.select(0, t).unwrap(), &state)
                .unwrap();
            assert!(
                same_bits(&step.output, &masked.outputs.select(0, t).unwrap()),
                "{kind:?}, step {t}"
            );
            state = step.state;
        }
        assert!(same_states(&state, &masked.state), "{kind:?}");
        // What the step hands to the output layer is not masked.
        let seen = masked.outputs.select(0, 1).unwrap();
        let hidden = seen.slice(1, 0, case.config.controller).unwrap();
        assert!(hidden.value().iter().all(|&h| h != 0.0), "{kind:?}");
    }
}

#[test]
fn a_mask_of_ones_changes_no_bit() {
    for kind in KINDS {
        let case = middle(kind);
        let parameters = constants(&case.parameters());
        let model = case.model::<f64>();
        let start = model.initial_state(&parameters, case.batch).unwrap();
        let ones = |width: usize| Some(Tensor::ones(&[case.steps, case.batch, width]));
        let masks = Masks {
            hidden: ones(case.config.controller),
            input: ones(crate::support::WIDTH),
            word: None,
        };
        let masked = model
            .run(&parameters, &case.input(), &start, &masks)
            .unwrap();
        let plain = case.run(&parameters, &case.input()).unwrap();
        assert!(same_bits(&masked.outputs, &plain.outputs), "{kind:?}");
    }
}

#[test]
fn without_a_tape_nothing_is_recorded_and_the_trace_never_is() {
    for kind in KINDS {
        let case = middle(kind);
        let plain = case
            .run(&constants(&case.parameters()), &case.input())
            .unwrap();
        assert!(
            !plain.outputs.is_recorded() && !plain.meta.is_recorded(),
            "{kind:?}"
        );
        assert!(
            plain.state.iter().all(|(_, part)| !part.is_recorded()),
            "{kind:?}"
        );

        let tape = mnm_tensor::Tape::new();
        let parameters = case
            .parameters()
            .map(|_, a| tape.shared_variable(a.clone()));
        let recorded = case.run(&parameters, &case.input()).unwrap();
        assert!(recorded.outputs.is_recorded());
        assert!(
            recorded.trace.values().all(|t| !t.is_recorded()),
            "{kind:?}"
        );
        let difference = relative_difference(recorded.outputs.value(), plain.outputs.value());
        assert!(difference < 1e-13, "{kind:?}: {difference:.1e}");
    }
}
