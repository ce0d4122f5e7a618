//! Writes three key-value pairs to a memory of three layers, a gradient step at a time, and reads with a spoilt key.
//!
//! `cargo run -p mnm-memory --example write_to_a_deep_memory`
//!
//! Through tanh layers one gradient step is no exact solution any more: each write takes the memory part of the way. In
//! return the memory is no longer linear in the key. All pairs are written together, as heads of one write.

use mnm_memory::{GradientRule, Memory, MemoryError, MemoryShape, Write, WriteRule};
use mnm_tensor::{Init, Parameters, Tensor};
use ndarray::array;
use rand::{SeedableRng, rngs::StdRng};

const PAIRS: usize = 3;
const WRITES: usize = 40;

fn main() -> Result<(), MemoryError> {
    let generator = &mut StdRng::seed_from_u64(1);
    let shape = MemoryShape::new(8, 32, 3)?; // M, U, L
    let initial = Parameters::draw(&shape.parameters(false), generator).constants();
    let mut memory = Memory::initial(&initial, &shape, 1)?;

    let mut draw = |bound: f64| -> Tensor<f32> {
        let vectors = [1, PAIRS, shape.value()];
        Init::Uniform { bound }.draw(&vectors, generator).into()
    };
    let (keys, values, noise) = (draw(1.0), draw(1.0), draw(0.05));
    let rate = Tensor::constant(array![0.9]);
    let write = Write::new(keys, values, rate);

    let error = |memory: &Memory<f32>, keys: &Tensor<f32>| -> Result<f32, MemoryError> {
        Ok(memory.discrepancy(keys, &write.values)?.item()?)
    };
    let first = error(&memory, &write.keys)?;
    for step in 1..=WRITES {
        let before = error(&memory, &write.keys)?;
        memory = GradientRule::default().write(&Parameters::new(), &memory, &write)?;
        let after = error(&memory, &write.keys)?;
        if step == 1 || step % 10 == 0 {
            println!("write {step:2}: error {before:.5} -> {after:.5}");
        }
        assert!(after < before, "write {step} made it worse");
    }
    let last = error(&memory, &write.keys)?;
    let spoilt = error(&memory, &write.keys.add(&noise)?)?;
    println!(
        "{first:.5} at first, {last:.5} at last; {spoilt:.5} read with keys that are off by up to 0.05"
    );
    assert!(
        last < 0.01 * first && spoilt < 0.1 * first,
        "the pairs were not stored"
    );
    Ok(())
}
