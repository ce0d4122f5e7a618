//! The smallest training there is: a net with one hidden layer learns a curve by gradient descent.
//!
//! `cargo run --release -p mnm-tensor --example fit_a_curve`
//!
//! The net is `W_2 tanh(W_1 x + b_1) + b_2`, the loss the mean squared error over 41 points of `sin 2x`.

use mnm_tensor::{
    Init, Order, ParameterSpec, Parameters, SharedArray, Tape, Tensor, TensorError, gradient,
};
use ndarray::Array2;
use rand::{SeedableRng, rngs::StdRng};

/// The net for `x` `[N, 1]`: `[N, 1]`.
fn net(of: &Parameters<Tensor<f32>>, x: &Tensor<f32>) -> Result<Tensor<f32>, TensorError> {
    let layer = |x: &Tensor<f32>, name: &str| {
        let weight = of.get(&format!("{name}.weight"))?;
        x.linear(weight, Some(of.get(&format!("{name}.bias"))?))
    };
    layer(&layer(x, "hidden")?.tanh()?, "output")
}

pub(crate) fn main() -> Result<(), TensorError> {
    let specs = [
        ParameterSpec::new("hidden.weight", &[16, 1], Init::Uniform { bound: 2.0 }),
        ParameterSpec::new("hidden.bias", &[16], Init::Uniform { bound: 2.0 }),
        ParameterSpec::new("output.weight", &[1, 16], Init::fan_in(16)),
        ParameterSpec::new("output.bias", &[1], Init::Constant { value: 0.0 }),
    ];
    let mut parameters: Parameters<SharedArray<f32>> =
        Parameters::draw(&specs, &mut StdRng::seed_from_u64(1));
    let points = Array2::from_shape_fn((41, 1), |(i, _)| i as f32 / 10.0 - 2.0);
    let wanted = Tensor::constant(points.mapv(|x| (2.0 * x).sin()));
    let points = Tensor::constant(points);
    let mut losses = Vec::new();
    for step in 0..=2000 {
        let tape = Tape::new();
        let variables = parameters.variables(&tape);
        let error = net(&variables, &points)?.sub(&wanted)?;
        let loss = error.mul(&error)?.mean(0)?.sum_all()?;
        let wrt: Vec<&Tensor<f32>> = variables.iter().map(|(_, x)| x).collect();
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
