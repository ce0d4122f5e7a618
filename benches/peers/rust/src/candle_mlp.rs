//! The net on candle.

use candle_core::{Device, Result, Tensor, Var};

use crate::{Data, RATE, Step, WIDTHS};

struct Net {
    x: Tensor,
    y: Tensor,
    weights: [Var; 2],
}

impl Net {
    fn new(data: &Data) -> Result<Self> {
        let [input, hidden, output] = WIDTHS;
        let tensor = |entries: &[f32], shape| Tensor::from_slice(entries, shape, &Device::Cpu);
        Ok(Self {
            x: tensor(&data.x, (data.batch, input))?,
            y: tensor(&data.y, (data.batch, output))?,
            weights: [
                Var::from_tensor(&tensor(&data.w1, (hidden, input))?)?,
                Var::from_tensor(&tensor(&data.w2, (output, hidden))?)?,
            ],
        })
    }

    fn step(&mut self) -> Result<f32> {
        let [w1, w2] = &self.weights;
        let hidden = self.x.matmul(&w1.as_tensor().t()?)?.tanh()?;
        let error = (hidden.matmul(&w2.as_tensor().t()?)? - &self.y)?;
        let loss = error.sqr()?.mean_all()?;
        let slopes = loss.backward()?;
        for weight in &self.weights {
            let slope = slopes.get(weight.as_tensor()).expect("the loss hangs on it");
            weight.set(&(weight.as_tensor() - (slope * f64::from(RATE))?)?)?;
        }
        loss.to_scalar()
    }
}

pub fn plain(data: &Data) -> Step {
    let mut net = Net::new(data).expect("shapes that fit");
    Box::new(move || net.step().expect("shapes that fit"))
}
