//! A recurrent cell of one's own: the gated recurrent unit, held to differences and put into a model.
//!
//! `cargo run -p mnm-controller --example a_cell_of_your_own`
//!
//! docs/guide-new-cell.md goes through this file and says how a cell gets a name that configs can use.

use mnm_controller::encoder::Input;
use mnm_controller::{
    Cell, ControllerError, InputSpec, Masks, Model, ModelConfig, ParameterCount, State, StateMasks,
    Step, Trace,
};
use mnm_tensor::testkit::{Gradcheck, gradcheck, random_array};
use mnm_tensor::{Float, Init, ParameterSpec, Parameters, SharedArray, Tensor, TensorError};
use rand::{SeedableRng, rngs::StdRng};

/// The gated recurrent unit, gates in the order r, z, n.
///
/// ```text
/// a = W_ih x + b_ih;  c = W_hh h + b_hh
/// r = sigmoid(a_r + c_r);  z = sigmoid(a_z + c_z);  n = tanh(a_n + r c_n);  h' = n + z (h - n)
/// ```
#[derive(Debug)]
struct GruCell {
    input: usize,
    width: usize,
}

impl<F: Float> Cell<F> for GruCell {
    fn parameters(&self) -> Vec<ParameterSpec> {
        let init = Init::fan_in(self.width);
        let spec = |name: &str, shape: &[usize]| ParameterSpec::new(name, shape, init);
        vec![
            spec("gru.weight_ih", &[3 * self.width, self.input]),
            spec("gru.weight_hh", &[3 * self.width, self.width]),
            spec("gru.bias_ih", &[3 * self.width]),
            spec("gru.bias_hh", &[3 * self.width]),
        ]
    }

    fn output_width(&self) -> usize {
        self.width
    }

    fn hidden_width(&self) -> usize {
        self.width
    }

    fn initial_state(
        &self,
        _: &Parameters<Tensor<F>>,
        batch: usize,
    ) -> Result<State<F>, ControllerError> {
        Ok(State::new([(
            "hidden",
            Tensor::zeros(&[batch, self.width]),
        )]))
    }

    fn step(
        &self,
        parameters: &Parameters<Tensor<F>>,
        input: &Tensor<F>,
        state: &State<F>,
    ) -> Result<Step<F>, ControllerError> {
        let hidden = state.get("hidden")?;
        let linear = |x: &Tensor<F>, part: &str| {
            let weight = parameters.get(&format!("gru.weight_{part}"))?;
            x.linear(weight, Some(parameters.get(&format!("gru.bias_{part}"))?))
        };
        let (from_input, from_hidden) = (linear(input, "ih")?, linear(hidden, "hh")?);
        let gate = |all: &Tensor<F>, n: usize| all.slice(1, n * self.width, self.width);
        let reset = gate(&from_input, 0)?
            .add(&gate(&from_hidden, 0)?)?
            .sigmoid()?;
        let keep = gate(&from_input, 1)?
            .add(&gate(&from_hidden, 1)?)?
            .sigmoid()?;
        let new = gate(&from_input, 2)?
            .add(&reset.mul(&gate(&from_hidden, 2)?)?)?
            .tanh()?;
        let hidden = new.add(&keep.mul(&hidden.sub(&new)?)?)?;
        Ok(Step {
            output: hidden.clone(),
            meta: Tensor::zeros(&hidden.shape()[..1]), // no meta loss
            state: State::new([("hidden", hidden)]),
            trace: Trace::new(),
        })
    }
}

/// The outputs of three steps of two sequences, as a function of the parameters (in the order of `cell.parameters()`) and the inputs.
fn unrolled(cell: &GruCell, arguments: &[Tensor<f64>]) -> Result<Tensor<f64>, ControllerError> {
    let specs = Cell::<f64>::parameters(cell)
        .into_iter()
        .map(|spec| spec.name);
    let parameters = specs.zip(arguments.iter().cloned()).collect();
    let state = cell.initial_state(&parameters, 2)?;
    let run = cell.unroll(&parameters, &arguments[4], &state, &StateMasks::default())?;
    Ok(run.outputs)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let generator = &mut StdRng::seed_from_u64(1);

    let cell = GruCell { input: 3, width: 4 };
    let mut at: Vec<SharedArray<f64>> = Cell::<f64>::parameters(&cell)
        .iter()
        .map(|spec| spec.draw(generator))
        .collect();
    at.push(random_array(&[3, 2, 3], generator)); // inputs, [T, B, X]
    let outputs = |arguments: &[Tensor<f64>]| {
        unrolled(&cell, arguments).map_err(|error| TensorError::Op {
            op: "gru",
            reason: error.to_string(),
        })
    };
    gradcheck(outputs, &at, Gradcheck::default())?;
    println!("first and second derivatives are those of central differences");

    // Encoder, output layer and dropout come with the model.
    let cell = GruCell {
        input: 5,
        width: 32,
    };
    let input = InputSpec::Dense { width: 5 };
    let model = Model::<f32>::with_cell(&ModelConfig::default(), input, 3, Box::new(cell))?;
    println!("{}", ParameterCount::of(&model.parameters()));
    let parameters = Parameters::draw(&model.parameters(), generator).constants();
    let state = model.initial_state(&parameters, 2)?;
    let input = Input::Dense(Tensor::ones(&[7, 2, 5]));
    let run = model.run(&parameters, &input, &state, &Masks::default())?;
    let last_rows = [6 * 2, 6 * 2 + 1]; // step * batch + sequence
    println!(
        "{}",
        model.logits(&parameters, &run.outputs, &last_rows)?.value()
    );
    Ok(())
}
