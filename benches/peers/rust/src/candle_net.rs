//! The net on candle. By itself it leaves the way back unrecorded; `CANDLE_GRAD_DO_NOT_DETACH=1` has it recorded, which the penalty needs.

use candle_core::{Device, Result, Tensor, Var};

use crate::{Data, PENALTY, RATE, Shape, Step};

struct Net {
    shape: Shape,
    penalised: bool,
    x: Var,
    y: Tensor,
    weights: [Var; 2],
}

impl Net {
    fn new(data: &Data, penalised: bool) -> Result<Self> {
        let shape @ Shape {
            batch,
            inputs,
            hidden,
            outputs,
        } = data.shape;
        let tensor = |entries: &[f32], shape| Tensor::from_slice(entries, shape, &Device::Cpu);
        Ok(Self {
            shape,
            penalised,
            x: Var::from_tensor(&tensor(&data.x, (batch, inputs))?)?,
            y: tensor(&data.y, (batch, outputs))?,
            weights: [
                Var::from_tensor(&tensor(&data.w1, (hidden, inputs))?)?,
                Var::from_tensor(&tensor(&data.w2, (outputs, hidden))?)?,
            ],
        })
    }

    fn step(&mut self) -> Result<f32> {
        let [w1, w2] = &self.weights;
        let batch = self.shape.batch as f64;
        let x = match self.penalised {
            true => self.x.as_tensor().clone(),
            false => self.x.as_detached_tensor(),
        };
        let error = (x.matmul(&w1.t()?)?.tanh()?.matmul(&w2.t()?)? - &self.y)?;
        let fit = (error.sqr()?.sum_all()? / self.shape.outputs as f64)?;
        let mut loss = (&fit / batch)?;
        if self.penalised {
            let slopes = fit.backward()?;
            let slope = slopes.get(&x).expect("the fit hangs on it");
            loss = (loss + (slope.sqr()?.sum_all()? * (f64::from(PENALTY) / batch))?)?;
        }
        let slopes = loss.backward()?;
        for weight in &self.weights {
            let slope = slopes.get(weight).expect("the loss hangs on it").detach();
            weight.set(&(weight.as_detached_tensor() - (slope * f64::from(RATE))?)?)?;
        }
        loss.to_scalar()
    }
}

pub fn step(data: &Data, penalised: bool) -> Step {
    let mut net = Net::new(data, penalised).expect("shapes that fit");
    Box::new(move || net.step().expect("shapes that fit"))
}
