//! The net on burn, by its CPU backend Flex. "Only first-order autodiff is supported" (`Device::autodiff`): no penalty.

use burn_tensor::{Device, Tensor, TensorData};

use crate::{Data, RATE, Shape, Step};

pub fn step(data: &Data) -> Step {
    let device = Device::flex().autodiff();
    let tensor = |entries: &[f32], shape: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(entries.to_vec(), shape), &device)
    };
    let Shape {
        batch,
        inputs,
        hidden,
        outputs,
    } = data.shape;
    let x = tensor(&data.x, [batch, inputs]);
    let y = tensor(&data.y, [batch, outputs]);
    let mut w1 = tensor(&data.w1, [hidden, inputs]).require_grad();
    let mut w2 = tensor(&data.w2, [outputs, hidden]).require_grad();
    Box::new(move || {
        let inner = x.clone().matmul(w1.clone().transpose()).tanh();
        let error = inner.matmul(w2.clone().transpose()) - y.clone();
        let loss = error.square().sum() / (outputs * batch) as f32;
        let mut slopes = loss.backward();
        for weight in [&mut w1, &mut w2] {
            let slope = weight
                .grad_remove(&mut slopes)
                .expect("the loss hangs on it");
            let changed = weight.clone().without_autodiff() - slope * RATE;
            *weight = changed.autodiff().require_grad();
        }
        loss.into_scalar()
    })
}
