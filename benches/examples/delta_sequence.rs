//! The delta rule over sequences known in advance, forward and backward: `benches/peers/delta_sequence.py` measures the same in PyTorch.
//!
//! `cargo run --release -p mnm-benches --example delta_sequence [B,heads,T,width] [threads] [rounds]`

use std::time::Instant;

use mnm_benches::numbers;
use mnm_memory::{Memory, RuleOptions, Sequence, rule_with, sequence};
use mnm_tensor::{Order, Parameters, Tape, Tensor, pull_back};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let shape = arguments.next().unwrap_or("8,4,1024,64".to_owned());
    let sizes: Vec<usize> = shape.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let [batch, heads, steps, width] = sizes[..] else {
        return Err("the shape is B,heads,T,width".into());
    };
    let mut count = |default| arguments.next().map_or(Ok(default), |text| text.parse());
    let (threads, rounds): (usize, usize) = (count(2)?, count(7)?);
    let memories = batch * heads;
    let seed = &mut 1;
    let rows = [steps, memories, 1, width];
    let mut draw = |shape: &[usize]| {
        let elements = numbers(shape.iter().product(), 1.0, seed);
        Tensor::from_vec(shape, elements)
    };
    let unit = |x: Tensor<f32>| {
        let squares = x.mul(&x)?.sum_keep(3)?;
        x.div(&squares.sqrt()?)
    };
    let (keys, values, read_keys) = (unit(draw(&rows)?)?, draw(&rows)?, unit(draw(&rows)?)?);
    let rate = draw(&[steps, memories])?.sigmoid()?;
    let cotangent = draw(&[steps, memories, width])?;
    let empty = Memory::new(vec![Tensor::zeros(&[1, width, width])])?;
    let rule = rule_with::<f32>("delta", &RuleOptions::default())?;
    let run = || -> Result<f64, Box<dyn std::error::Error + Send + Sync>> {
        let tape = Tape::new();
        let variable = |x: &Tensor<f32>| tape.shared_variable(x.value().clone());
        let given = Sequence {
            keys: variable(&keys),
            values: variable(&values),
            read_keys: variable(&read_keys),
            rate: variable(&rate),
            forget: None,
            momentum: None,
        };
        let start = Instant::now();
        let out = sequence(rule.as_ref(), &Parameters::new(), &empty, &given)?;
        let wrt = [&given.keys, &given.values, &given.read_keys, &given.rate];
        let found = pull_back(&out.reads, &cotangent, &wrt, Order::First)?;
        std::hint::black_box(found);
        Ok(1e3 * start.elapsed().as_secs_f64())
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        times.push(pool.install(run).map_err(|e| e.to_string())?);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "delta {shape}, {threads} threads: median {:.1} ms, least {:.1} ms",
        times[rounds / 2],
        times[0]
    );
    Ok(())
}
