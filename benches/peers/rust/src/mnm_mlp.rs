//! The net on `mnm-tensor`.

use mnm_tensor::{Array, Order, Tape, Tensor, TensorError, gradient};
use ndarray::Array2;

use crate::{Data, RATE, Step, WIDTHS};

struct Net {
    x: Array2<f32>,
    y: Tensor<f32>,
    weights: [Array<f32>; 2],
}

fn matrix(rows: usize, columns: usize, entries: &[f32]) -> Array2<f32> {
    Array2::from_shape_vec((rows, columns), entries.to_vec()).expect("as many as that")
}

impl Net {
    fn new(data: &Data) -> Self {
        let [input, hidden, output] = WIDTHS;
        let shared = |array: Array2<f32>| array.into_dyn().into_shared();
        Self {
            x: matrix(data.batch, input, &data.x),
            y: Tensor::constant(matrix(data.batch, output, &data.y)),
            weights: [
                shared(matrix(hidden, input, &data.w1)),
                shared(matrix(output, hidden, &data.w2)),
            ],
        }
    }

    fn step(&mut self, penalised: bool) -> Result<f32, TensorError> {
        let tape = Tape::new();
        let x = match penalised {
            true => tape.variable(self.x.clone()),
            false => Tensor::constant(self.x.clone()),
        };
        let [w1, w2] = self.weights.each_ref().map(|w| tape.shared_variable(w.clone()));
        let error = x.linear(&w1, None)?.tanh()?.linear(&w2, None)?.sub(&self.y)?;
        let mut loss = error.square()?.mean_all()?;
        if penalised {
            let slope = gradient(&loss, &[&x], Order::Higher)?.remove(0);
            loss = loss.add(&slope.square()?.sum_all()?)?;
        }
        let slopes = gradient(&loss, &[&w1, &w2], Order::First)?;
        let loss = loss.item()?;
        drop((w1, w2, tape));
        for (weight, slope) in self.weights.iter_mut().zip(&slopes) {
            weight.scaled_add(-RATE, slope.value());
        }
        Ok(loss)
    }
}

pub fn plain(data: &Data) -> Step {
    let mut net = Net::new(data);
    Box::new(move || net.step(false).expect("shapes that fit"))
}

pub fn penalised(data: &Data) -> Step {
    let mut net = Net::new(data);
    Box::new(move || net.step(true).expect("shapes that fit"))
}
