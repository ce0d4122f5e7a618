//! A training step of a small net on one of three libraries. Prints one line of JSON; `../mlp.py` is the same in PyTorch.
//!
//! `cargo run --release -- --library mnm-tensor --case penalty --shape 128,784,256,10`; `RAYON_NUM_THREADS` says how many threads.
//!
//! The net is `tanh(x W1^T) W2^T` without biases, `B,X,H,K` the batch and the widths. `fit` is the squared error, its mean over outputs
//! and sum over the batch. A `plain` step goes down the slope of `fit / B`. A `penalty` step adds `PENALTY |d fit / d x|^2 / B`, whose
//! slope is the derivative of a gradient.

mod burn_net;
mod candle_net;
mod mnm_net;

use std::process::ExitCode;
use std::time::Instant;

/// The rate of descent.
pub const RATE: f32 = 0.1;

/// The weight of the penalty.
pub const PENALTY: f32 = 1.0;

/// Steps before the clock starts.
const WARMUP: usize = 20;

/// The batch and the widths of the net.
#[derive(Clone, Copy)]
pub struct Shape {
    pub batch: usize,
    pub inputs: usize,
    pub hidden: usize,
    pub outputs: usize,
}

/// Inputs, targets and initial weights, row-major.
pub struct Data {
    pub shape: Shape,
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    pub w1: Vec<f32>,
    pub w2: Vec<f32>,
}

/// Splitmix64, as numbers in [-scale, scale).
fn numbers(seed: u64, rows: usize, columns: usize, scale: f32) -> Vec<f32> {
    let drawn = |i: u64| {
        let mut z = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        scale * (((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0)
    };
    (1..=(rows * columns) as u64).map(drawn).collect()
}

impl Data {
    fn new(shape: Shape) -> Self {
        let Shape {
            batch,
            inputs,
            hidden,
            outputs,
        } = shape;
        Self {
            shape,
            x: numbers(0, batch, inputs, 1.0),
            y: numbers(1, batch, outputs, 1.0),
            w1: numbers(2, hidden, inputs, (inputs as f32).sqrt().recip()),
            w2: numbers(3, outputs, hidden, (hidden as f32).sqrt().recip()),
        }
    }
}

/// One step of descent, which tells the loss before it.
pub type Step = Box<dyn FnMut() -> f32>;

/// The step that the arguments ask for, and how often it is timed.
fn asked(arguments: &[String]) -> Result<(Step, usize), String> {
    let given = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let needed = |name: &str| given(name).ok_or(format!("{name} is missing"));
    let numbers = |text: &str| -> Result<Vec<usize>, String> {
        text.split(',')
            .map(|number| {
                number
                    .parse()
                    .map_err(|_| format!("{text}: expected whole numbers"))
            })
            .collect()
    };
    let &[batch, inputs, hidden, outputs] = numbers(needed("--shape")?)?.as_slice() else {
        return Err("--shape is B,X,H,K".into());
    };
    let &[steps] = numbers(given("--steps").unwrap_or("200"))?.as_slice() else {
        return Err("--steps is one number".into());
    };
    let data = Data::new(Shape {
        batch,
        inputs,
        hidden,
        outputs,
    });
    let step = match (needed("--library")?, needed("--case")?) {
        ("mnm-tensor", "plain") => mnm_net::step(&data, false),
        ("mnm-tensor", "penalty") => mnm_net::step(&data, true),
        ("candle", "plain") => candle_net::step(&data, false),
        ("candle", "penalty") => candle_net::step(&data, true),
        ("burn", "plain") => burn_net::step(&data),
        ("burn", "penalty") => return Err("burn has first derivatives only".into()),
        (library, case) => {
            return Err(format!(
                "{library}, {case}: expected mnm-tensor, candle or burn; plain or penalty"
            ));
        }
    };
    Ok((step, steps))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (mut step, steps) = match asked(&arguments) {
        Ok(asked) => asked,
        Err(error) => {
            eprintln!("mnm-peers: {error}");
            return ExitCode::FAILURE;
        }
    };
    let losses: Vec<f32> = (0..WARMUP).map(|_| step()).collect();
    let mut seconds: Vec<f64> = (0..steps.max(1))
        .map(|_| {
            let start = Instant::now();
            step();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let figures = serde_json::json!({"step_s": seconds[seconds.len() / 2], "losses": [losses[0], losses[WARMUP - 1]]});
    println!("{figures}");
    ExitCode::SUCCESS
}
