//! The net on burn.

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Tensor, TensorData};

use crate::{Data, RATE, Step, WIDTHS};

type Backend = Autodiff<Flex>;

fn tensor(entries: &[f32], shape: [usize; 2]) -> Tensor<Backend, 2> {
    Tensor::from_data(TensorData::new(entries.to_vec(), shape), &Default::default())
}

pub fn plain(data: &Data) -> Step {
    let [input, hidden, output] = WIDTHS;
    let x = tensor(&data.x, [data.batch, input]);
    let y = tensor(&data.y, [data.batch, output]);
    let mut w1 = tensor(&data.w1, [hidden, input]).require_grad();
    let mut w2 = tensor(&data.w2, [output, hidden]).require_grad();
    Box::new(move || {
        let inner = x.clone().matmul(w1.clone().transpose()).tanh();
        let error = inner.matmul(w2.clone().transpose()) - y.clone();
        let loss = (error.clone() * error).mean();
        let slopes = loss.backward();
        for weight in [&mut w1, &mut w2] {
            let slope = weight.grad(&slopes).expect("the loss hangs on it");
            let changed = weight.clone().inner() - slope * RATE;
            *weight = Tensor::from_inner(changed).require_grad();
        }
        loss.into_scalar()
    })
}
