//! Writes the seeds that are not text again, after a format has changed: `cargo run -p mnm-hostile-input --example seeds`.

use std::path::Path;

use mnm_memory::{AssociativeMemory, Features, Method};
use mnm_tensor::kernels::Kernels;
use mnm_trainer::{Config, RunFolder, TrainOptions, train};
use safetensors::SafeTensors;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = seeds.join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), bytes)
    };

    for kind in ["stories", "double-copy", "bandit"] {
        let folder = tempfile::tempdir()?;
        let sets = [
            "model.controller=3",
            "model.value=2",
            "model.hidden=2",
            "train.steps=6",
            "train.batch=2",
            "train.log_every=2",
            "train.valid_every=3",
            "train.valid_episodes=2",
            "threads=1",
        ];
        let mut sets = sets.map(str::to_owned).to_vec();
        if kind == "stories" {
            sets.push("model.embedding=2".to_owned());
        }
        let options = TrainOptions {
            quiet: true,
            ..TrainOptions::default()
        };
        train(&Config::load(kind, &sets)?, folder.path(), &options)?;
        let files = RunFolder::new(folder.path());
        let best = std::fs::read(files.best())?;
        write("checkpoint", &format!("{kind}-sealed"), &best)?;
        // Changes of it come past the checksum.
        write("checkpoint", kind, &unsealed(&best, "config")?)?;
        let metrics = std::fs::read(files.metrics())?;
        // Up to step 6, a line due every 2 steps.
        write("metrics", kind, &[&[6, 1], &metrics[..]].concat())?;
    }

    let methods = [
        ("delta", Method::delta()),
        ("least-squares", Method::least_squares()),
        ("hebbian", Method::hebbian()),
        ("deep", Method::deep([3])),
    ];
    let features = [
        ("raw", Features::Raw),
        ("unit", Features::Unit),
        ("tanh", Features::tanh(4)),
        ("nearest", Features::nearest(4, 2)),
    ];
    for (method, (name, kind)) in methods.iter().zip(features) {
        let (method_name, method) = method;
        let single = written::<f32>(method.clone(), kind.clone())?;
        let double = written::<f64>(method.clone(), kind)?;
        for (precision, bytes) in [("f32", single), ("f64", double)] {
            let called = format!("{method_name}-{name}-{precision}");
            let open = unsealed(&bytes, "associative_memory")?;
            write("associative_memory", &called, &open)?;
            if precision == "f32" {
                write("associative_memory", &format!("{called}-sealed"), &bytes)?;
            }
        }
    }
    Ok(())
}

/// A memory of three pairs.
fn written<F: Kernels>(
    method: Method,
    features: Features,
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let memory = AssociativeMemory::<F>::with_features(2, 1, method, features)?;
    let mut memory = memory.with_sample(2);
    for pair in 1..4 {
        let entry = F::of(f64::from(pair));
        memory.write(&[entry, F::one()], &[entry])?;
    }
    Ok(memory.to_bytes()?)
}

/// The same file without its seal, as another program would write it: with this entry of the metadata and no other.
fn unsealed(bytes: &[u8], entry: &str) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let mut metadata = header.metadata().clone().unwrap_or_default();
    metadata.retain(|key, _| key == entry || key == "vocabulary");
    // One entry, or the order of two would be drawn anew each time.
    Ok(safetensors::serialize(
        SafeTensors::deserialize(bytes)?.iter(),
        Some(metadata),
    )?)
}
