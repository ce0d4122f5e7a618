//! `mnm bench`: whole training steps on random data, timed.

use std::str::FromStr;

use anyhow::Result;
use clap::Args;
use mnm_controller::{Kernel, ModelConfig};
use mnm_trainer::{BenchRun, BenchShape, bench};

use crate::numbers::{count, whole};
use crate::output::print;

/// Time whole training steps on random data
///
/// A step is what training does: forward, backward, gradient clipping and Adam, for B sequences of T steps with a class
/// to be told at every step. The same shape given to the PyTorch and JAX scripts in benches/peers times the same step
/// there.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  mnm bench --rule mnm-p --shape 32,50,100,100,100,100,1,177
  mnm bench --rule mnm-g --shape 64,100,128,256,100,100,4,177 --json
  mnm bench --shape 32,50,100,100,100,100,1,177 --kernel reference --steps 5")]
pub struct Arguments {
    /// The write rule, as in model.rule
    #[arg(long, default_value = "mnm-p")]
    rule: String,

    /// B,T,X,C,M,U,H,K: sequences, steps, input, controller, key and value width, memory width, heads, classes
    #[arg(
        long,
        default_value = "32,50,100,100,100,100,1,177",
        allow_hyphen_values = true
    )]
    shape: Shape,

    /// Steps to time, after a few for warming up
    #[arg(long, default_value_t = 30, value_parser = whole::<u32>(1, LARGEST as u64), allow_negative_numbers = true)]
    steps: u32,

    /// Threads; 0 takes all cores
    #[arg(long, default_value_t = 0, value_parser = count::<usize>, allow_negative_numbers = true)]
    threads: usize,

    /// Sequences of a block at most, as `train.block`; as many as the sizes allow if not given
    #[arg(long, value_parser = whole::<usize>(1, LARGEST as u64), allow_negative_numbers = true)]
    block: Option<usize>,

    /// The sequence kernel: fused or reference
    #[arg(long, default_value = "fused", value_parser = kernel)]
    kernel: Kernel,

    /// Layers of the memory
    #[arg(long, default_value_t = 3, value_parser = count::<usize>, allow_negative_numbers = true)]
    layers: usize,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// The largest size: far beyond what any machine times, far from overflow, and the largest batch that a config takes.
const LARGEST: usize = 1_000_000;

/// The eight sizes.
#[derive(Clone, Copy, Debug)]
struct Shape([usize; 8]);

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            format!("{text:?}: expected eight whole numbers from 1 to {LARGEST}, B,T,X,C,M,U,H,K")
        };
        let sizes: Vec<usize> = text
            .split(',')
            .map(|part| whole(1, LARGEST as u64)(part).ok())
            .collect::<Option<_>>()
            .ok_or_else(expected)?;
        sizes.try_into().map(Shape).map_err(|_| expected())
    }
}

fn kernel(text: &str) -> Result<Kernel, String> {
    match text {
        "fused" => Ok(Kernel::Fused),
        "reference" => Ok(Kernel::Reference),
        _ => Err("expected fused or reference".to_owned()),
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let model = ModelConfig {
        rule: arguments.rule.clone(),
        layers: arguments.layers,
        kernel: arguments.kernel,
        ..ModelConfig::default()
    };
    let (shape, model) = BenchShape::of(arguments.shape.0, model);
    let run = BenchRun {
        steps: arguments.steps as usize,
        threads: arguments.threads,
        block: arguments.block,
    };
    let found = bench(&model, shape, run)?;
    if arguments.json {
        return print(&format!("{}\n", serde_json::to_string(&found)?));
    }
    let memory = found
        .rss_mib
        .map_or("unknown".to_owned(), |mib| format!("{mib:.0} MiB"));
    print(&format!(
        "{}, threads: {}; median {:.2} ms a step, least {:.2} ms, of {} steps\npeak memory {memory}\n",
        found.rule,
        found.threads,
        1e3 * found.step_s,
        1e3 * found.min_s,
        found.steps,
    ))
}
