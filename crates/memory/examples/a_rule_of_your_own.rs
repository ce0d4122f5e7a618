//! A write rule of one's own: the gradient step of MNM-g in a memory that also forgets.
//!
//! `cargo run -p mnm-memory --example a_rule_of_your_own`
//!
//! docs/guide-new-rule.md goes through this file and says how a rule gets a name that configs can use.

use mnm_memory::{GradientRule, Memory, MemoryError, MemoryShape, Write, WriteRule, weight_name};
use mnm_tensor::testkit::{Gradcheck, gradcheck, random_array};
use mnm_tensor::{Array, Float, Init, ParameterSpec, Parameters, Tensor, TensorError};
use rand::{SeedableRng, rngs::StdRng};

/// `W^l <- (1 - beta phi_l) W^l - beta dL_up/dW^l`: each layer forgets at a learned rate, `phi = sigmoid(forget.bias)`.
#[derive(Clone, Copy, Debug, Default)]
struct ForgettingRule;

impl<F: Float> WriteRule<F> for ForgettingRule {
    fn name(&self) -> &'static str {
        "mnm-g-forget"
    }

    fn parameters(&self, shape: &MemoryShape) -> Vec<ParameterSpec> {
        // sigmoid(-4) = 0.018: at first a write forgets little.
        let init = Init::Constant { value: -4.0 };
        vec![ParameterSpec::new("forget.bias", &[shape.layers()], init)]
    }

    fn write(
        &self,
        parameters: &Parameters<Tensor<F>>,
        memory: &Memory<F>,
        write: &Write<F>,
    ) -> Result<Memory<F>, MemoryError> {
        let stepped = GradientRule::default().write(parameters, memory, write)?;
        let rate = write.rate.reshape(&[write.rate.value().len(), 1, 1])?; // [B, 1, 1]
        let forget = parameters.get("forget.bias")?.sigmoid()?;
        let mut written = Vec::with_capacity(memory.weights().len());
        for (layer, (before, after)) in memory.weights().iter().zip(stepped.weights()).enumerate() {
            let lost = before.mul(&rate.mul(&forget.slice(0, layer, 1)?)?)?;
            written.push(after.sub(&lost)?);
        }
        Memory::new(written)
    }
}

/// Every array that goes into two writes and a read: forget.bias, W_0, then keys, values and rate of each write.
fn arguments(shape: &MemoryShape, generator: &mut StdRng) -> Vec<Array<f64>> {
    let mut shapes = vec![vec![shape.layers()]];
    shapes.extend((0..shape.layers()).map(|layer| shape.weight(layer).to_vec()));
    for _write in 0..2 {
        shapes.extend([vec![2, 1, 3], vec![2, 1, 3], vec![2]]); // [B, H, M], [B, H, M], [B]
    }
    let mut draw = |shape: &Vec<usize>| random_array(shape, generator);
    shapes.iter().map(&mut draw).collect()
}

/// What is read of the first key after both writes, `[B, H, M]`.
fn two_writes(shape: &MemoryShape, arguments: &[Tensor<f64>]) -> Result<Tensor<f64>, MemoryError> {
    let (weights, writes) = arguments[1..].split_at(shape.layers());
    let mut parameters = Parameters::new();
    parameters.insert("forget.bias", arguments[0].clone());
    for (layer, weight) in weights.iter().enumerate() {
        parameters.insert(weight_name(layer), weight.clone());
    }
    let mut memory = Memory::initial(&parameters, shape, 2)?;
    for write in writes.chunks_exact(3) {
        let write = Write::new(write[0].clone(), write[1].clone(), write[2].clone());
        memory = ForgettingRule.write(&parameters, &memory, &write)?;
    }
    memory.read(&writes[0])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shape = MemoryShape::new(3, 5, 2)?; // M, U, L
    let at = arguments(&shape, &mut StdRng::seed_from_u64(1));

    let plain: Vec<Tensor<f64>> = at.iter().cloned().map(Tensor::shared).collect();
    println!(
        "read after two writes: {:.3}",
        two_writes(&shape, &plain)?.value()
    );

    let function = |arguments: &[Tensor<f64>]| {
        two_writes(&shape, arguments).map_err(|error| match error {
            MemoryError::Tensor(error) => error,
            other => TensorError::Op {
                op: "two writes",
                reason: other.to_string(),
            },
        })
    };
    gradcheck(function, &at, Gradcheck::default())?;
    println!(
        "first and second derivatives to all {} arguments agree with differences",
        at.len()
    );
    Ok(())
}
