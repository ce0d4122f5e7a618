//! A pair stored in one shot and read back by a key that is not quite its own: what the README of the repository shows.

use mnm_memory::{AssociativeMemory, Method};

fn main() -> Result<(), mnm_memory::AssociativeError> {
    let mut memory = AssociativeMemory::<f32>::new(4, 2, Method::delta())?;
    memory.write(&[1.0, 0.0, 0.0, 0.0], &[5.0, -7.0])?; // in one shot
    let noisy = [1.0, 0.25, 0.0, 0.0];
    println!("{:?}", memory.read(&noisy)?); // [5.0, -7.0]
    Ok(())
}
