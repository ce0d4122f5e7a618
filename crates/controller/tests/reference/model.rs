//! The whole model: what it refuses, and its dropout masks.

use mnm_controller::encoder::{Input, Tokens, Word};
use mnm_controller::{
    InputSpec, Kernel, Masks, MnmCell, Model, ModelConfig, Recurrence, lstm_step,
};
use mnm_memory::{MemoryShape, rule_named};
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
        names(dense(&[1, 0, WIDTH]), &["[1, 0, 3]", "one sequence"]);
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
fn outputs_of_another_width_are_refused() {
    let case = middle(Some("mnm-p"));
    let parameters = constants::<f64>(&case.parameters());
    let outputs = case.run(&parameters, &case.input()).unwrap().outputs;
    // As many numbers as make whole rows of the right width.
    let [steps, batch, width] = *outputs.shape() else {
        panic!("{:?}", outputs.shape())
    };
    let narrow = Tensor::zeros(&[2 * steps * width, batch, 1]);
    names(
        case.model().logits(&parameters, &narrow, &[0]),
        &["reshape"],
    );
    names(
        case.model().logits(&parameters, &Tensor::zeros(&[1]), &[0]),
        &["logits", "[T, B, O]"],
    );
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
    let seen = ["controller.weight_ih", "[8, 3]", "[8, 5]"];
    names(step(&[4, 5], &[4, 2], &[4, 2]), &seen);

    let [x, h] = [Tensor::ones(&[1, 3]), Tensor::ones(&[1, 2])];
    for name in [
        "controller.weight_ih",
        "controller.weight_hh",
        "controller.bias_ih",
        "controller.bias_hh",
    ] {
        let mut shape = parameters.get(name).unwrap().shape().to_vec();
        shape[0] = 9; // not four gates of two units
        let mut odd = parameters.clone();
        odd.insert(name, Tensor::ones(&shape));
        names(lstm_step(&odd, &x, &h, &h), &[name, "9"]);
    }
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

/// The outputs of a case with vectors, by the parameters of `like`.
fn outputs(
    case: &Case,
    like: &Parameters<Tensor<f64>>,
    spec: InputSpec,
    input: &Input<f64>,
) -> Result<Tensor<f64>, String> {
    let model = Model::new(&case.config, spec, 2).map_err(|e| e.to_string())?;
    let state = model.initial_state(like, case.batch).unwrap();
    let run = model.run(like, input, &state, &Masks::default());
    run.map(|run| run.outputs).map_err(|e| e.to_string())
}

#[test]
fn the_state_ends_with_its_line() {
    for kernel in [Kernel::Reference, Kernel::Fused] {
        let mut case = middle(Some("mnm-p"));
        case.config.kernel = kernel;
        let parameters = constants::<f64>(&case.parameters());
        let vectors = Tensor::shared(case.vectors());
        let dense = Input::Dense(vectors.clone());
        let mut by = |recurrence: Recurrence, spec: InputSpec, input: &Input<f64>| {
            case.config.recurrence = recurrence;
            outputs(&case, &parameters, spec, input)
        };
        let (plain, in_lines) = (
            InputSpec::Dense { width: WIDTH },
            InputSpec::Lines { width: WIDTH },
        );
        let lines = |starts: std::ops::Range<usize>| Input::Lines {
            vectors: vectors.clone(),
            starts: starts.collect(),
        };
        let always = by(Recurrence::Always, plain, &dense).unwrap();
        let never = by(Recurrence::Never, plain, &dense).unwrap();
        let one = by(Recurrence::Line, in_lines, &lines(0..0)).unwrap();
        let each = by(Recurrence::Line, in_lines, &lines(0..14)).unwrap();
        assert_eq!(one.value(), always.value(), "{kernel:?}");
        let apart = |a: &Tensor<f64>, b: &Tensor<f64>| {
            let difference = a.value() - b.value();
            difference.iter().fold(0.0_f64, |m, x| m.max(x.abs()))
        };
        assert!(apart(&each, &never) < 1e-12, "{kernel:?}");
        assert!(apart(&each, &one) > 1e-3, "{kernel:?}");
        names(
            by(Recurrence::Line, in_lines, &dense),
            &["without lines", "\"line\""],
        );
        names(by(Recurrence::Line, plain, &dense), &["recurrence", "line"]);
    }
}

#[test]
fn parameters_of_another_shape_are_refused_by_both_kernels() {
    for kernel in [Kernel::Reference, Kernel::Fused] {
        let mut case = middle(Some("mnm-p"));
        case.config.kernel = kernel;
        let parameters = constants::<f64>(&case.parameters());
        for (name, right) in parameters.iter() {
            if name.starts_with("memory.") {
                continue; // part of the state
            }
            let &[rows, ref columns @ ..] = right.shape() else {
                unreachable!()
            };
            // As many elements in another shape, and a row too many.
            let turned = [columns, &[rows]].concat();
            let longer = [&[rows + 1], columns].concat();
            for shape in [turned, longer].iter().filter(|s| *s != right.shape()) {
                let mut wrong = parameters.clone();
                wrong.insert(name, Tensor::ones(shape));
                let found = case
                    .run(&wrong, &case.input())
                    .and_then(|run| case.logits(&wrong, &run));
                let named = [name, &format!("{shape:?}"), &format!("{:?}", right.shape())];
                names(found.map_err(|e| e.to_string()), &named);
            }
        }
    }
}

#[test]
fn a_cell_of_ones_own_runs_in_a_model() {
    let case = middle(Some("mnm-g"));
    let config = &case.config;
    let parameters = constants::<f64>(&case.parameters());
    let shape = MemoryShape::new(config.value, config.hidden, config.layers).unwrap();
    let rule = rule_named("mnm-g").unwrap();
    let cell = MnmCell::new(WIDTH, config.controller, config.heads, shape, rule);
    let spec = InputSpec::Dense { width: WIDTH };
    let cell = Box::new(cell.with_kernel(config.kernel).with_trained_memory());
    let model = Model::with_cell(config, spec, case.model::<f64>().outputs(), cell).unwrap();
    assert_eq!(model.parameters(), case.model::<f64>().parameters());
    let state = model.initial_state(&parameters, case.batch).unwrap();
    let run = model.run(&parameters, &case.input(), &state, &case.masks());
    let expected = case.run(&parameters, &case.input()).unwrap();
    assert_eq!(run.unwrap().outputs.value(), expected.outputs.value());
    assert!(format!("{model:?}").contains("Model"));
}
