//! What one run of the fused kernel promises: one gradient, nothing left over from another.

use mnm_controller::encoder::Input;
use mnm_controller::{
    Cell, ControllerError, InputSpec, Masks, MnmCell, Model, ModelConfig, State, StateMasks,
    Unrolled,
};
use mnm_memory::{
    Gate, Gates, Memory, MemoryError, MemoryShape, Program, Write, WriteRule, rule_named,
};
use mnm_tensor::{Order, Parameters, Tape, Tensor, TensorError, gradient};
use rand::{SeedableRng, rngs::StdRng};

const WIDTH: usize = 3;

fn model() -> Model<f64> {
    let config = ModelConfig {
        controller: 5,
        value: 4,
        hidden: 6,
        ..ModelConfig::default()
    };
    Model::new(&config, InputSpec::Dense { width: WIDTH }, 2).unwrap()
}

fn run(model: &Model<f64>, parameters: &Parameters<Tensor<f64>>) -> Unrolled<f64> {
    let state = model.initial_state(parameters, 2).unwrap();
    let input = Input::Dense(Tensor::ones(&[4, 2, WIDTH]));
    model
        .run(parameters, &input, &state, &Masks::default())
        .unwrap()
}

/// Recorded first values.
fn variables(model: &Model<f64>, tape: &Tape<f64>) -> Parameters<Tensor<f64>> {
    let generator = &mut StdRng::seed_from_u64(3);
    Parameters::draw(&model.parameters(), generator).variables(tape)
}

#[test]
fn a_refused_second_order_gradient_leaves_nothing_behind() {
    let model = model();
    let tape = Tape::new();
    let parameters = variables(&model, &tape);
    let weight = parameters.get("controller.weight_ih").unwrap();
    let meta = |run: &Unrolled<f64>| run.meta.sum_all().unwrap();

    let fresh = gradient(&meta(&run(&model, &parameters)), &[weight], Order::First).unwrap();

    let used = run(&model, &parameters);
    let outputs = used.outputs.sum_all().unwrap();
    let refused = gradient(&outputs, &[weight], Order::Higher).unwrap_err();
    assert!(matches!(refused, TensorError::NoSecondDerivative { .. }));
    let found = gradient(&meta(&used), &[weight], Order::First).unwrap();
    assert_eq!(found[0].value(), fresh[0].value());

    let again = gradient(&meta(&used), &[weight], Order::First).unwrap_err();
    assert!(again.to_string().contains("run it again for another"));
}

#[test]
fn a_cell_that_is_changed_after_a_run_packs_its_weights_anew() {
    let shape = MemoryShape::new(4, 6, 2).unwrap();
    let cell = || MnmCell::<f64>::new(WIDTH, 5, 1, shape, rule_named("mnm-p").unwrap());
    let generator = &mut StdRng::seed_from_u64(4);
    let parameters = Parameters::draw(&cell().parameters(), generator).constants();
    let outputs = |cell: &MnmCell<f64>| {
        let state = cell.initial_state(&parameters, 2).unwrap();
        let inputs = Tensor::ones(&[4, 2, WIDTH]);
        let run = cell.unroll(&parameters, &inputs, &state, &StateMasks::default());
        run.unwrap().outputs
    };
    let used = cell();
    let before = outputs(&used);
    let after = outputs(&used.without_recurrence());
    assert_ne!(before.value(), after.value());
    assert_eq!(after.value(), outputs(&cell().without_recurrence()).value());
}

#[test]
fn a_cell_without_heads_or_units_is_refused() {
    let shape = MemoryShape::new(4, 6, 2).unwrap();
    for (units, heads, key) in [(0, 1, "controller"), (5, 0, "heads")] {
        let rule = rule_named::<f64>("mnm-p").unwrap();
        let cell = MnmCell::new(WIDTH, units, heads, shape, rule);
        let parameters: Parameters<Tensor<f64>> = (cell.parameters().into_iter())
            .map(|spec| (spec.name, Tensor::ones(&spec.shape)))
            .collect();
        let state = cell.initial_state(&parameters, 2).unwrap();
        let inputs = Tensor::ones(&[4, 2, WIDTH]);
        let run = cell.unroll(&parameters, &inputs, &state, &StateMasks::default());
        match run {
            Err(ControllerError::Config { key: found, .. }) => assert_eq!(found, key),
            other => panic!("{key} = 0: {:?}", other.map(|run| run.outputs)),
        }
    }
}

/// A rule that writes nothing, under the name of one that has a kernel.
#[derive(Debug)]
struct Namesake;

impl WriteRule<f64> for Namesake {
    fn name(&self) -> &'static str {
        "mnm-g"
    }

    fn write(
        &self,
        _: &Parameters<Tensor<f64>>,
        memory: &Memory<f64>,
        _: &Write<f64>,
    ) -> Result<Memory<f64>, MemoryError> {
        Ok(memory.clone())
    }
}

#[test]
fn a_kernel_is_chosen_by_the_rule_and_not_by_its_name() {
    let shape = MemoryShape::new(4, 6, 2).unwrap();
    let written = |rule| {
        let cell = MnmCell::<f64>::new(WIDTH, 5, 1, shape, rule);
        let generator = &mut StdRng::seed_from_u64(5);
        let parameters = Parameters::draw(&cell.parameters(), generator).constants();
        let state = cell.initial_state(&parameters, 2).unwrap();
        let inputs = Tensor::ones(&[4, 2, WIDTH]);
        let run = cell
            .unroll(&parameters, &inputs, &state, &StateMasks::default())
            .unwrap();
        // Of the first sequence: at first they share one.
        let weights = |state: &State<f64>| state.get("memory.0").unwrap().select(0, 0).unwrap();
        weights(&run.state).value() != weights(&state).value()
    };
    assert!(written(rule_named("mnm-g").unwrap()));
    assert!(!written(Box::new(Namesake)));
}

/// A rule for two heads, with momentum.
#[derive(Debug)]
struct TwoHeads;

impl WriteRule<f64> for TwoHeads {
    fn name(&self) -> &'static str {
        "two-heads"
    }

    fn gates(&self) -> Gates {
        Gates {
            forget: Gate::None,
            momentum: Gate::Fixed(0.5),
        }
    }

    fn supports(&self, _: &MemoryShape, heads: usize) -> Result<(), MemoryError> {
        match heads {
            2 => Ok(()),
            _ => Err(MemoryError::Unsupported {
                rule: "two-heads".to_owned(),
                key: "heads",
                found: heads,
                allowed: "expected two".to_owned(),
            }),
        }
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        assert_eq!(heads, 2, "asked for what it does not support");
        let mut p = Program::new(shape, heads);
        let (features, values) = (p.features(), p.values());
        p.update(shape.layers() - 1, values, features);
        Some(p)
    }
}

#[test]
fn a_cell_refuses_what_its_rule_does_not_support() {
    let shape = MemoryShape::new(4, 6, 2).unwrap();
    let cell = MnmCell::<f64>::new(WIDTH, 5, 3, shape, Box::new(TwoHeads));
    let parameters = Parameters::draw(&cell.parameters(), &mut StdRng::seed_from_u64(5));
    let told = cell.initial_state(&parameters.constants(), 2).unwrap_err();
    let expected = "the rule `two-heads` does not support heads = 3: expected two";
    assert_eq!(told.to_string(), expected);
    let cell = MnmCell::<f64>::new(WIDTH, 5, 2, shape, Box::new(TwoHeads));
    let state = cell.initial_state(&parameters.constants(), 2).unwrap();
    assert!(state.get("memory.slot.momentum.1").is_ok());
}
