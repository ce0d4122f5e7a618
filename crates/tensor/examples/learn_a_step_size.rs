//! Metalearning in small: learns the step sizes of gradient descent by differentiating through a step of it.
//!
//! `cargo run -p mnm-tensor --example learn_a_step_size`
//!
//! The inner problem is `f(w) = 1/2 sum a w^2`; one step takes w to `w - r a w`. The outer loss is f after that step, its
//! gradient to r goes through the inner gradient, and the best rates are `1 / a`, which bring any w to the minimum.

use mnm_tensor::{Order, Tape, Tensor, TensorError, gradient};
use ndarray::array;

fn inner_loss(w: &Tensor<f64>, a: &Tensor<f64>) -> Result<Tensor<f64>, TensorError> {
    w.mul(w)?.mul(a)?.sum_all()?.scale(0.5)
}

pub(crate) fn main() -> Result<(), TensorError> {
    let a = Tensor::constant(array![1.0, 2.0, 4.0]);
    let start = array![1.0, -1.0, 0.5];
    let mut rates = Tensor::constant(array![0.1, 0.1, 0.1]);
    for outer in 0..=200 {
        let tape = Tape::new();
        let r = tape.shared_variable(rates.value().clone());
        let w = tape.variable(start.clone());

        // Order::Higher records the inner gradient, so that the outer one can pass through it.
        let g = gradient(&inner_loss(&w, &a)?, &[&w], Order::Higher)?.remove(0);
        let stepped = w.sub(&r.mul(&g)?)?;
        let loss = inner_loss(&stepped, &a)?;
        let slope = gradient(&loss, &[&r], Order::First)?.remove(0);

        if outer % 50 == 0 {
            println!(
                "{outer:3}: loss {:.2e}, rates {:.4}",
                loss.item()?,
                rates.value()
            );
        }
        rates = rates.sub(&slope.scale(0.1)?)?;
    }
    for (rate, best) in rates.value().iter().zip([1.0, 0.5, 0.25]) {
        assert!((rate - best).abs() < 1e-6, "{rate} instead of {best}");
    }
    Ok(())
}
