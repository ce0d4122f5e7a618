//! The net on `mnm-tensor`.

use mnm_tensor::ndarray::IxDyn;
use mnm_tensor::{Order, SharedArray, Tape, Tensor, TensorError, gradient};

use crate::{Data, PENALTY, RATE, Shape, Step};

struct Net {
    shape: Shape,
    penalised: bool,
    x: SharedArray<f32>,
    y: Tensor<f32>,
    weights: [SharedArray<f32>; 2],
}

fn matrix(rows: usize, columns: usize, entries: &[f32]) -> SharedArray<f32> {
    SharedArray::from_shape_vec(IxDyn(&[rows, columns]), entries.to_vec()).expect("as many as that")
}

impl Net {
    fn new(data: &Data, penalised: bool) -> Self {
        let shape @ Shape {
            batch,
            inputs,
            hidden,
            outputs,
        } = data.shape;
        Self {
            shape,
            penalised,
            x: matrix(batch, inputs, &data.x),
            y: Tensor::constant(matrix(batch, outputs, &data.y)),
            weights: [
                matrix(hidden, inputs, &data.w1),
                matrix(outputs, hidden, &data.w2),
            ],
        }
    }

    fn step(&mut self) -> Result<f32, TensorError> {
        let tape = Tape::new();
        let x = match self.penalised {
            true => tape.variable(&self.x),
            false => Tensor::constant(&self.x),
        };
        let [w1, w2] = self.weights.each_ref().map(|weight| tape.variable(weight));
        let batch = self.shape.batch as f64;
        let error = x
            .linear(&w1, None)?
            .tanh()?
            .linear(&w2, None)?
            .sub(&self.y)?;
        let fit = error
            .square()?
            .sum_all()?
            .scale(1.0 / self.shape.outputs as f64)?;
        let mut loss = fit.scale(1.0 / batch)?;
        if self.penalised {
            let slope = gradient(&fit, &[&x], Order::Higher)?.remove(0);
            loss = loss.add(
                &slope
                    .square()?
                    .sum_all()?
                    .scale(f64::from(PENALTY) / batch)?,
            )?;
        }
        let slopes = gradient(&loss, &[&w1, &w2], Order::First)?;
        let loss = loss.item()?;
        // With the tape goes what shares the weights: they are changed in place.
        drop((w1, w2, tape));
        for (weight, slope) in self.weights.iter_mut().zip(&slopes) {
            weight.scaled_add(-RATE, slope.value());
        }
        Ok(loss)
    }
}

pub fn step(data: &Data, penalised: bool) -> Step {
    let mut net = Net::new(data, penalised);
    Box::new(move || net.step().expect("shapes that fit"))
}
