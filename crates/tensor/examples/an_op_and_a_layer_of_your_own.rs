//! An op of one's own, held to differences, and a layer made of it, trained.
//!
//! `cargo run -p mnm-tensor --example an_op_and_a_layer_of_your_own`
//!
//! The op is the sine. Its derivative is the sine of something else, so that `vjp` is written in the op itself and can be differentiated
//! any number of times. The net is `W_2 sin(W_1 x + b_1) + b_2`.

use std::f64::consts::FRAC_PI_2;

use mnm_tensor::testkit::{Gradcheck, gradcheck, random_array};
use mnm_tensor::{
    Float, Init, Order, ParameterSpec, Parameters, Primitive, SharedArray, Tape, Tensor,
    TensorError, apply, gradient,
};
use ndarray::Array2;
use rand::{SeedableRng, rngs::StdRng};

#[derive(Debug)]
struct Sine;

fn sine<F: Float>(x: &Tensor<F>) -> Result<Tensor<F>, TensorError> {
    apply(Sine, &[x])
}

impl<F: Float> Primitive<F> for Sine {
    fn name(&self) -> &'static str {
        "sine"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Result<SharedArray<F>, TensorError> {
        // Element by element, whatever the layout. An op that wants a slice has to be ready for arrays that have none.
        Ok(operands[0].mapv(|x| x.sin()).into_shared())
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        cotangent: &Tensor<F>,
    ) -> Result<Tensor<F>, TensorError> {
        // cos x = sin(x + pi/2). In tensor ops, not on arrays: a second derivative goes through here.
        cotangent.mul(&sine(&operands[0].shift(FRAC_PI_2)?)?)
    }
}

/// `W_2 sin(W_1 x + b_1) + b_2` for `x` `[N, 1]`: `[N, 1]`.
fn net<F: Float>(
    parameters: &Parameters<Tensor<F>>,
    x: &Tensor<F>,
) -> Result<Tensor<F>, TensorError> {
    let layer = |x: &Tensor<F>, name: &str| {
        let weight = parameters.get(&format!("{name}.weight"))?;
        x.linear(weight, Some(parameters.get(&format!("{name}.bias"))?))
    };
    layer(&sine(&layer(x, "hidden")?)?, "output")
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let generator = &mut StdRng::seed_from_u64(1);

    // Both derivatives, of the op by itself and of one whose operand lies in another order.
    let at = [random_array(&[2, 3], generator)];
    gradcheck(|x| sine(&x[0]), &at, Gradcheck::default())?;
    gradcheck(|x| sine(&x[0].transpose()?), &at, Gradcheck::default())?;

    let units = 16;
    let specs = [
        ParameterSpec::new("hidden.weight", &[units, 1], Init::Uniform { bound: 3.0 }),
        ParameterSpec::new("hidden.bias", &[units], Init::Uniform { bound: 1.0 }),
        ParameterSpec::new("output.weight", &[1, units], Init::fan_in(units)),
        ParameterSpec::new("output.bias", &[1], Init::Constant { value: 0.0 }),
    ];
    let mut parameters: Parameters<SharedArray<f64>> = Parameters::draw(&specs, generator);
    let points = Array2::from_shape_fn((41, 1), |(i, _)| i as f64 / 10.0 - 2.0);
    let wanted = Tensor::constant(points.mapv(|x: f64| x * (3.0 * x).cos()));
    let points = Tensor::constant(points);
    let mut losses = Vec::new();
    for step in 0..=2000 {
        let tape = Tape::new();
        let variables = parameters.variables(&tape);
        let error = net(&variables, &points)?.sub(&wanted)?;
        let loss = error.mul(&error)?.mean(0)?.sum_all()?;
        let wrt: Vec<&Tensor<f64>> = variables.iter().map(|(_, x)| x).collect();
        let slopes = gradient(&loss, &wrt, Order::First)?;
        for ((_, value), slope) in parameters.iter_mut().zip(&slopes) {
            value.scaled_add(-0.05, slope.value());
        }
        losses.push(loss.item()?);
        if step % 500 == 0 {
            println!("step {step:4}: mean squared error {:.4}", losses[step]);
        }
    }
    assert!(losses[2000] < 0.05 * losses[0]);
    Ok(())
}
