//! A physics-informed loss: a small network learns the solution of u'' = -u with u(0) = 0 and u'(0) = 1, which is the sine, from the
//! equation alone. The loss holds second derivatives of the network with respect to its input; training differentiates them once more.
//!
//!     cargo run --release -p mnm-tensor --example solve_an_equation

use mnm_tensor::rand::{SeedableRng, rngs::StdRng};
use mnm_tensor::{Init, Order, Tape, Tensor, TensorError, gradient};

/// u(x) for `x` `[n, 1]`: two hidden layers of tanh.
fn network(weights: &[Tensor<f64>], x: &Tensor<f64>) -> Result<Tensor<f64>, TensorError> {
    let [w1, b1, w2, b2, w3] = weights else {
        unreachable!("five weights are made below");
    };
    let hidden = x.linear(w1, Some(b1))?.tanh()?;
    hidden.linear(w2, Some(b2))?.tanh()?.linear(w3, None)
}

/// u and u', recorded so that they can be differentiated again. Rows do not mix: the gradient of the sum is each row's own.
fn with_slope(
    weights: &[Tensor<f64>],
    x: &Tensor<f64>,
) -> Result<(Tensor<f64>, Tensor<f64>), TensorError> {
    let u = network(weights, x)?;
    let slope = gradient(&u.sum_all()?, &[x], Order::Higher)?.remove(0);
    Ok((u, slope))
}

fn loss(
    tape: &Tape<f64>,
    weights: &[Tensor<f64>],
    points: &Tensor<f64>,
) -> Result<Tensor<f64>, TensorError> {
    let x = tape.variable(points.value());
    let (u, slope) = with_slope(weights, &x)?;
    let curvature = gradient(&slope.sum_all()?, &[&x], Order::Higher)?.remove(0);
    let equation = (&curvature + &u).square()?.mean_all()?;
    let (u, slope) = with_slope(weights, &tape.variable(Tensor::zeros(&[1, 1]).value()))?;
    let start = (u.square()? + (slope - 1.0).square()?).sum_all()?;
    Ok(equation + start)
}

pub(crate) fn main() -> Result<(), TensorError> {
    let mut generator = StdRng::seed_from_u64(1);
    let mut draw =
        |shape: &[usize]| Init::fan_in(shape[shape.len() - 1]).draw(shape, &mut generator);
    let shapes: [&[usize]; 5] = [&[16, 1], &[16], &[16, 16], &[16], &[1, 16]];
    let mut weights = shapes.map(&mut draw);
    let mut moments = shapes.map(|shape| [0, 1].map(|_| Tensor::zeros(shape)));
    let points = Tensor::arange(25)
        .scale(std::f64::consts::PI / 24.0)?
        .reshape(&[25, 1])?;
    for step in 1..=2000 {
        let tape = Tape::new();
        let on_tape: Vec<Tensor<f64>> = weights.iter().map(|w| tape.variable(w)).collect();
        let loss = loss(&tape, &on_tape, &points)?;
        let wrt: Vec<&Tensor<f64>> = on_tape.iter().collect();
        let found = gradient(&loss, &wrt, Order::First)?;
        for ((weight, [m, v]), g) in weights.iter_mut().zip(&mut moments).zip(&found) {
            // Adam.
            *m = &*m * 0.9 + g * 0.1;
            *v = &*v * 0.999 + g.square()? * 0.001;
            let mean = &*m / (1.0 - 0.9_f64.powi(step));
            let size = (&*v / (1.0 - 0.999_f64.powi(step))).sqrt()? + 1e-8;
            *weight -= (mean / size * 5e-3).value();
        }
        if step % 500 == 0 {
            println!("step {step}: loss {:.1e}", loss.item()?);
        }
    }
    let fixed: Vec<Tensor<f64>> = weights.iter().map(Tensor::constant).collect();
    let u = network(&fixed, &points)?;
    let pairs = u.value().iter().zip(points.value().iter());
    let worst = pairs.map(|(u, x)| (u - x.sin()).abs()).fold(0.0, f64::max);
    println!("the largest distance from sin(x) on [0, pi] is {worst:.1e}");
    assert!(worst < 1e-2);
    Ok(())
}
