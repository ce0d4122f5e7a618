//! How much slower `AssociativeMemory` is than thirty plain lines on the same kernels: both in turns, a few operations at a time.
//!
//! `cargo run --release -p mnm-benches --example associative_ratios`. Keys are dense, and once all begin with a 1, as keys with a bias do. What is printed is the first decile of all turns: other programs can only make a turn longer.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

use mnm_benches::plain::Plain;
use mnm_memory::{AssociativeMemory, Method};

const TURNS: usize = 3000;
const OPERATIONS: usize = 8;

/// Microseconds an operation, of each: the first decile of all turns.
fn in_turns(bodies: &mut [&mut dyn FnMut(usize)]) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(TURNS); bodies.len()];
    for turn in 0..TURNS {
        for (body, times) in bodies.iter_mut().zip(&mut times) {
            let start = Instant::now();
            for operation in 0..OPERATIONS {
                body(turn * OPERATIONS + operation);
            }
            times.push(start.elapsed().as_secs_f64() * 1e6 / OPERATIONS as f64);
        }
    }
    let decile = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 10]
    };
    times.into_iter().map(decile).collect()
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| width | operation | plain, us | ours, us | ratio | without a sample, us | ratio |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- |")?;
    for (width, bias) in [
        (64, false),
        (64, true),
        (128, false),
        (256, false),
        (512, false),
    ] {
        let entry = |i: usize, j: usize| ((i * 7919 + j * 104_729) % 2003) as f32 / 1001.5 - 1.0;
        let scale = (3.0 / width as f32).sqrt();
        let mut keys: Vec<Vec<f32>> = (0..64)
            .map(|i| (0..width).map(|j| scale * entry(i, j)).collect())
            .collect();
        if bias {
            keys.iter_mut().for_each(|key| key[0] = 1.0);
        }
        let keys = keys;
        let values: Vec<Vec<f32>> = (0..64)
            .map(|i| (0..width).map(|j| entry(i + 64, j)).collect())
            .collect();
        let pair = |place: usize| (&keys[place % 64], &values[place % 64]);
        let memory = |method: Method, sample| {
            AssociativeMemory::<f32>::new(width, width, method)
                .expect("valid")
                .with_sample(sample)
        };
        let mut row = |name: &str, times: Vec<f64>| {
            let (plain, ours, bare) = (times[0], times[1], times[2]);
            writeln!(
                out,
                "| {width} | {name}{} | {plain:.2} | {ours:.2} | {:.2} | {bare:.2} | {:.2} |",
                if bias { ", keys begin with 1" } else { "" },
                ours / plain,
                bare / plain
            )
        };
        let (mut plain, mut ours, mut bare) = (
            Plain::new(width, width),
            memory(Method::delta(), 32),
            memory(Method::delta(), 0),
        );
        let times = in_turns(&mut [
            &mut |place| plain.delta(pair(place).0, pair(place).1),
            &mut |place| drop(black_box(ours.write(pair(place).0, pair(place).1))),
            &mut |place| drop(black_box(bare.write(pair(place).0, pair(place).1))),
        ]);
        row("delta write", times)?;
        let mut to = [vec![0.0; width], vec![0.0; width], vec![0.0; width]];
        let [a, b, c] = &mut to;
        let times = in_turns(&mut [
            &mut |place| plain.read(pair(place).0, a),
            &mut |place| drop(black_box(ours.read_into(pair(place).0, b))),
            &mut |place| drop(black_box(bare.read_into(pair(place).0, c))),
        ]);
        row("read", times)?;
        let squares = Method::least_squares;
        let (mut plain, mut ours, mut bare) = (
            Plain::new(width, width),
            memory(squares(), 32),
            memory(squares(), 0),
        );
        let times = in_turns(&mut [
            &mut |place| plain.least_squares(pair(place).0, pair(place).1),
            &mut |place| drop(black_box(ours.write(pair(place).0, pair(place).1))),
            &mut |place| drop(black_box(bare.write(pair(place).0, pair(place).1))),
        ]);
        row("least squares write", times)?;
    }
    Ok(())
}
