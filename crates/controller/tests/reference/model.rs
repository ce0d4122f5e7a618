//! The whole model: what it refuses, and its dropout masks.

use mnm_controller::encoder::{Input, Tokens, Word};
use mnm_controller::{InputSpec, Masks, Model, ModelConfig, Recurrence, lstm_step};
use mnm_tensor::{Parameters, Tensor};
use rand::{SeedableRng, rngs::StdRng};

use crate::support::{Case, KINDS, VOCABULARY, WIDTH, constants, middle, names};

fn run(case: &Case, input: &Input<f64>, masks: &Masks<f64>) -> Result<(), String> {
    let model = case.model();
    let parameters = constants::<f64>(&case.parameters());
    let state = model.initial_state(&parameters, case.batch).unwrap();
    let run = model.run(&parameters, input, &state, masks);
    run.map(|_| ()).map_err(|e| e.to_string())
}

#[test]
fn an_input_that_does_not_fit_is_refused() {
    for kind in KINDS {
        let case = middle(kind);
        let dense = |shape: &[usize]| {
            run(
                &case,
                &Input::Dense(Tensor::zeros(shape)),
                &Masks::default(),
            )
        };
        assert_eq!(dense(&[1, 2, WIDTH]), Ok(()));
        names(dense(&[1, 2, WIDTH + 1]), &["[1, 2, 4]", "[T, B, 3]"]);
        names(dense(&[2, WIDTH]), &["[2, 3]", "[T, B, 3]"]);
        names(dense(&[0, 2, WIDTH]), &["[0, 2, 3]", "at least one step"]);
        assert!(
            dense(&[1, 3, WIDTH]).is_err(),
            "three sequences, a state of two"
        );
        let word = Word {
            token: 0,
            position: 0,
            following: 0,
            sentence: 0,
        };
        let words = Tokens {
            steps: 1,
            batch: 2,
            words: vec![word],
            starts: Vec::new(),
        };
        names(
            run(&case, &Input::Tokens(words), &Masks::default()),
            &["words", "vectors of width 3"],
        );
    }
}

#[test]
fn a_mask_that_would_only_stretch_is_refused() {
    for kind in KINDS {
        let case = middle(kind);
        let masked = |hidden: Option<&[usize]>, input: Option<&[usize]>| {
            let masks = Masks {
                hidden: hidden.map(Tensor::ones),
                input: input.map(Tensor::ones),
                word: None,
            };
            run(&case, &case.input(), &masks)
        };
        assert_eq!(masked(Some(&[7, 2, 6]), Some(&[7, 2, 3])), Ok(()));
        for wrong in [&[7, 1, 6][..], &[8, 2, 6], &[7, 2, 1], &[7, 2], &[6, 2, 6]] {
            let shape = format!("{wrong:?}");
            names(
                masked(Some(wrong), None),
                &["hidden mask", &shape, "[7, 2, 6]"],
            );
        }
        names(
            masked(None, Some(&[7, 1, 3])),
            &["input mask", "[7, 1, 3]", "[7, 2, 3]"],
        );
    }
}

#[test]
fn a_row_that_does_not_exist_is_refused() {
    let case = middle(Some("mnm-p"));
    let parameters = constants::<f64>(&case.parameters());
    let outputs = case.run(&parameters, &case.input()).unwrap().outputs;
    names(case.model().logits(&parameters, &outputs, &[14]), &["14"]);
}

#[test]
fn a_state_of_another_model_is_refused() {
    let (mnm, lstm) = (middle(Some("mnm-p")), middle(None));
    let parameters = constants::<f64>(&mnm.parameters());
    let state = lstm.model().initial_state(&parameters, 2).unwrap();
    let run = mnm
        .model()
        .run(&parameters, &mnm.input(), &state, &Masks::default());
    names(run, &["`read`"]);
}

#[test]
fn a_setting_out_of_range_is_refused_when_the_model_is_built() {
    let config = ModelConfig {
        heads: 0,
        ..ModelConfig::default()
    };
    names(
        Model::<f32>::new(&config, InputSpec::Dense { width: 1 }, 1).map(|_| ()),
        &["model.heads"],
    );
}

#[test]
fn an_lstm_step_of_shapes_that_do_not_fit_is_refused() {
    let parameters: Parameters<Tensor<f64>> = mnm_controller::lstm_parameters(3, 2)
        .into_iter()
        .map(|s| (s.name, Tensor::ones(&s.shape)))
        .collect();
    let step = |x: &[usize], h: &[usize], c: &[usize]| {
        let [x, h, c] = [x, h, c].map(Tensor::ones);
        lstm_step(&parameters, &x, &h, &c)
    };
    assert!(step(&[4, 3], &[4, 2], &[4, 2]).is_ok());
    names(step(&[3], &[2], &[2]), &["lstm_step", "[3]", "[B, X]"]); // no batch
    names(step(&[4, 3], &[1, 2], &[1, 2]), &["lstm_step", "[1, 2]"]); // would stretch
    names(step(&[4, 3], &[4, 2], &[4, 1]), &["lstm_step", "[4, 1]"]);
    names(step(&[4, 5], &[4, 2], &[4, 2]), &["linear", "[4, 5]"]);

    let mut odd = parameters.clone();
    for name in [
        "controller.weight_ih",
        "controller.weight_hh",
        "controller.bias_ih",
        "controller.bias_hh",
    ] {
        let mut shape = parameters.get(name).unwrap().shape().to_vec();
        shape[0] = 9; // not four gates of two units
        odd.insert(name, Tensor::ones(&shape));
    }
    let [x, h] = [Tensor::ones(&[1, 3]), Tensor::ones(&[1, 2])];
    names(lstm_step(&odd, &x, &h, &h), &["lstm_step", "4 C"]);
}

#[test]
fn masks_drop_as_often_as_asked_and_keep_the_mean() {
    let mut case = middle(Some("mnm-p"));
    let masks = case
        .model::<f64>()
        .masks(2, 3, &mut StdRng::seed_from_u64(1));
    assert!(masks.hidden.is_none() && masks.input.is_none());
    case.words = true;
    case.config.embedding = WIDTH;
    (case.config.dropout_hidden, case.config.dropout_input) = (0.25, 0.5);
    case.config.dropout_word = 0.4;
    let masks = case
        .model::<f64>()
        .masks(400, 500, &mut StdRng::seed_from_u64(1));
    for (mask, drop, shape) in [
        (masks.hidden, 0.25, &[400, 500, 6][..]),
        (masks.input, 0.5, &[400, 500, WIDTH]),
        (masks.word, 0.4, &[500 * VOCABULARY, WIDTH]),
    ] {
        let mask = mask.unwrap();
        assert_eq!(mask.shape(), shape);
        let kept = 1.0 / (1.0 - drop);
        assert!(mask.value().iter().all(|&m| m == 0.0 || m == kept));
        let zeros = mask.value().iter().filter(|&&m| m == 0.0).count() as f64;
        let share = zeros / mask.value().len() as f64;
        assert!((share - drop).abs() < 0.03, "{share} instead of {drop}");
    }
}

#[test]
fn what_shows_no_words_drops_none() {
    let mut case = middle(Some("mnm-p"));
    (case.words, case.config.dropout_word) = (false, 0.4);
    let masks = case
        .model::<f64>()
        .masks(2, 3, &mut StdRng::seed_from_u64(1));
    assert!(masks.word.is_none());
}

#[test]
fn the_same_generator_gives_the_same_masks() {
    let mut case = middle(None);
    case.config.dropout_hidden = 0.3;
    let draw = |seed| {
        case.model::<f64>()
            .masks(9, 2, &mut StdRng::seed_from_u64(seed))
            .hidden
            .unwrap()
    };
    assert_eq!(draw(4).value(), draw(4).value());
    assert_ne!(draw(4).value(), draw(5).value());
}

#[test]
fn a_state_is_dropped_only_where_it_is_always_handed_on() {
    let mut case = middle(Some("mnm-p"));
    case.words = true;
    case.config.dropout_hidden = 0.5;
    for (recurrence, dropped) in [
        (Recurrence::Always, true),
        (Recurrence::Line, false),
        (Recurrence::Never, false),
    ] {
        case.config.recurrence = recurrence;
        let generator = &mut StdRng::seed_from_u64(1);
        let masks = case.model::<f64>().masks(2, 3, generator);
        assert_eq!(masks.hidden.is_some(), dropped, "{recurrence:?}");
    }
}
