//! A training step of a small MLP on one thread: `mnm-tensor`, candle and burn in turns, and `mnm-tensor` with a gradient penalty.
//!
//! `RAYON_NUM_THREADS=1 cargo run --release -- [--batch 128] [--steps 200]`, one line of JSON for each library. `../mlp.py` is the same in PyTorch.
//!
//! The net is 784 -> 256 -> 10 with tanh, the loss the mean squared error, the step plain gradient descent; the penalty adds the squared
//! norm of the loss's slope in the input, so that its step differentiates a gradient. All begin with the same numbers, and say the loss of
//! their last step, so that one sees that they do the same. candle and burn cannot differentiate a gradient.

mod burn_mlp;
mod candle_mlp;
mod mnm_mlp;

use std::time::Instant;

/// The widths of the net's layers.
pub const WIDTHS: [usize; 3] = [784, 256, 10];

/// The rate of descent.
pub const RATE: f32 = 0.05;

/// Inputs, targets and first weights, row-major; the same for every library and for the Python script.
pub struct Data {
    pub batch: usize,
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    pub w1: Vec<f32>,
    pub w2: Vec<f32>,
}

/// The element `i` of a list of numbers without any pattern between -1 and 1.
fn number(list: usize, i: usize) -> f32 {
    let hash = (i as u64 * 2_654_435_761 + list as u64 * 97_531) % 1_000_003;
    hash as f32 / 500_001.5 - 1.0
}

impl Data {
    fn new(batch: usize) -> Self {
        let [input, hidden, output] = WIDTHS;
        let list = |which: usize, count: usize, scale: f32| {
            (0..count).map(|i| scale * number(which, i)).collect()
        };
        Self {
            batch,
            x: list(0, batch * input, 1.0),
            y: list(1, batch * output, 1.0),
            w1: list(2, hidden * input, 1.0 / (input as f32).sqrt()),
            w2: list(3, output * hidden, 1.0 / (hidden as f32).sqrt()),
        }
    }
}

/// A library's net: one step of descent, and the loss before it.
pub type Step = Box<dyn FnMut() -> f32>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut batch, mut steps) = (128, 200);
    while let Some(name) = arguments.next() {
        let number = arguments.next().and_then(|text| text.parse().ok());
        match (name.as_str(), number) {
            ("--batch", Some(number)) => batch = number,
            ("--steps", Some(number)) => steps = number,
            _ => {
                eprintln!("usage: mnm-peers [--batch N] [--steps N]");
                std::process::exit(2);
            }
        }
    }
    let data = Data::new(batch);
    let mut nets: Vec<(&str, Step)> = vec![
        ("mnm-tensor", mnm_mlp::plain(&data)),
        ("candle", candle_mlp::plain(&data)),
        ("burn", burn_mlp::plain(&data)),
        ("mnm-tensor, gradient penalty", mnm_mlp::penalised(&data)),
    ];
    let mut times = vec![Vec::with_capacity(steps); nets.len()];
    let mut losses = vec![0.0; nets.len()];
    for step in 0..steps + 5 {
        for (place, (_, net)) in nets.iter_mut().enumerate() {
            let start = Instant::now();
            losses[place] = net();
            if step >= 5 {
                times[place].push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    for (((name, _), mut times), loss) in nets.iter().zip(times).zip(losses) {
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        println!(
            "{}",
            serde_json::json!({"library": name, "batch": batch, "median_ms": median, "min_ms": times[0], "loss": loss})
        );
    }
}
