//! Trains a model on generated stories, runs it over one, and takes out the memory that the story leaves: a key-value memory for any
//! program, which is read by the model's keys, written to and saved.
//!
//! `cargo run --release -p mnm-trainer --example take_out_a_memory [FOLDER]`

use std::error::Error;
use std::path::PathBuf;

use mnm_controller::{Kernel, Masks, ModelConfig, memory_part};
use mnm_memory::{AssociativeMemory, Features, Memory, Method};
use mnm_tasks::Split;
use mnm_trainer::batch::Block;
use mnm_trainer::task::{build_model, checked_episode};
use mnm_trainer::{Config, Run, TrainOptions, Weights, train};
use ndarray::{Axis, Ix4, s};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| std::env::temp_dir().join("mnm-take-out-a-memory"));
    let settings = ["train.steps=100", "train.valid_episodes=64"];
    let config = Config::load("stories", &settings.map(str::to_owned))?;
    let options = TrainOptions {
        resume: true,
        ..TrainOptions::default()
    };
    train(&config, &folder, &options)?;

    // The reference kernel tells the keys and values of every step; the parameters are the same.
    let run = Run::open(&folder, Weights::Best, &[])?;
    let settings = ModelConfig {
        kernel: Kernel::Reference,
        ..run.config.model.clone()
    };
    let model = build_model::<f32>(&settings, run.task.interface(), None)?;
    let parameters = run.parameters.constants();
    let episode = checked_episode(run.task.as_ref(), Split::Test, 0)?;
    let block = Block::<f32>::new(vec![episode], model.outputs())?;
    let start = model.initial_state(&parameters, 1)?;
    let unrolled = model.run(&parameters, &block.input, &start, &Masks::default())?;

    let parts = (0..).map_while(|layer| unrolled.state.get(&memory_part(layer)).ok().cloned());
    let memory = Memory::new(parts.collect())?;
    let outs = memory.weights().iter().map(|weight| weight.shape()[1]);
    let hidden: Vec<usize> = outs.take(memory.weights().len() - 1).collect();
    let mut memory =
        AssociativeMemory::from_memory(&memory, 0, Method::deep(hidden), Features::Raw)?;

    // The last key of the model brings back what the model read by it.
    let keys = unrolled.trace["read_key"].value();
    let keys = keys.view().into_dimensionality::<Ix4>()?;
    let last = keys.len_of(Axis(0)) - 1;
    let found = memory.read(keys.slice(s![last, 0, 0, ..]))?;
    let told = unrolled.state.get("read")?.value().clone();
    let off = found.iter().zip(told.iter()).map(|(a, b)| (a - b).abs());
    let off = off.fold(0.0, f32::max);
    println!(
        "taken out: {:?}, reads as the model does, to {off:.0e}",
        memory.method()
    );
    assert!(off < 1e-5, "{off}");

    // From here on it is a memory like any other.
    let key: Vec<f32> = (0..memory.key_width()).map(|i| (i as f32).cos()).collect();
    let value = vec![0.25; memory.value_width()];
    memory.write(&key, &value)?;
    let path = folder.join("memory.safetensors");
    memory.save(&path)?;
    let again = AssociativeMemory::<f32>::load(&path)?;
    assert_eq!(again.read(&key)?, memory.read(&key)?);
    println!("written to, and saved as {}", path.display());
    Ok(())
}
