//! Stores three key-value pairs in one write and reads them back.
//!
//! `cargo run -p mnm-memory --example store_three_pairs`
//!
//! A memory of one layer is a matrix W, and a write at rate beta with three heads is
//!
//! ```text
//! W <- W - beta 2 / (H M) sum over pairs h of (W k_h - v_h) k_h^T
//! ```
//!
//! If the keys are orthonormal, the change that one pair asks for does not touch what the others read (`k_h^T k_g = 0`),
//! and W k_h moves by `beta 2 / (H M)` of its own error. At beta = H M / 2 it lands on v_h, whatever W was before: one
//! shot, no error. A model's rates stay in (0, 1), so that it learns keys and values for which less than a full step is
//! enough; the rule itself takes any rate.

use mnm_memory::{GradientRule, Memory, MemoryError, Write, WriteRule};
use mnm_tensor::{Parameters, Tensor};
use ndarray::{Array3, array};

const HEADS: usize = 3;
const WIDTH: usize = 4;

fn main() -> Result<(), MemoryError> {
    // One sequence, three heads, four entries each: [B, H, M].
    let keys = Tensor::constant(array![[
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 0.6, 0.8, 0.0],
        [0.0, -0.8, 0.6, 0.0]
    ]]);
    let values = Tensor::constant(array![[
        [3.0, 1.0, 4.0, 1.0],
        [5.0, 9.0, 2.0, 6.0],
        [5.0, 3.0, 5.0, 8.0]
    ]]);
    let rate = Tensor::constant(array![(HEADS * WIDTH) as f64 / 2.0]);

    // What the memory holds before does not matter; here each key leads to something already.
    let start = Array3::from_shape_fn((1, WIDTH, WIDTH), |(_, i, j)| 0.5 * i as f64 - j as f64);
    let memory = Memory::new(vec![Tensor::constant(start)])?;
    let write = Write::new(keys, values, rate);
    let written = GradientRule::default().write(&Parameters::new(), &memory, &write)?;

    let (before, after) = (memory.read(&write.keys)?, written.read(&write.keys)?);
    for head in 0..HEADS {
        let row = |t: &Tensor<f64>| {
            let entries = (0..WIDTH).map(|i| format!("{:5.1}", t.value()[[0, head, i]]));
            entries.collect::<Vec<_>>().join(" ")
        };
        println!("pair {head}: value {}", row(&write.values));
        println!("     read before {}", row(&before));
        println!("            after {}", row(&after));
    }
    let error = |memory: &Memory<f64>| -> Result<f64, MemoryError> {
        Ok(memory.discrepancy(&write.keys, &write.values)?.item()?)
    };
    let (first, last) = (error(&memory)?, error(&written)?);
    println!("mean squared error {first:.3e} before, {last:.3e} after");
    assert!(first > 1.0 && last < 1e-24, "the pairs were not stored");
    Ok(())
}
