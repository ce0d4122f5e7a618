//! Pairs that change their values: how an old value fades, and how well the newest is held.

use mnm_memory::{AssociativeMemory, Features, Method};
use mnm_tasks::stream;
use ndarray::Array2;
use rand::RngExt;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::Failure;
use crate::scene::{Keys, Pairs, normal};

const KEY: usize = 64;
const VALUE: usize = 32;
/// Keys that take turns: half of what a linear memory holds.
const PAIRS: usize = 32;
/// Ages are counted in writes since the key's own, and gathered by powers of two.
const BINS: usize = 9;

fn memories() -> Vec<(&'static str, Method, Features)> {
    let squares = |forgetting| Method::LeastSquares {
        ridge: 1e-3,
        forgetting,
    };
    vec![
        ("delta", Method::delta(), Features::Raw),
        (
            "delta, rate 0.5",
            Method::Delta { rate: 0.5 },
            Features::Raw,
        ),
        ("least squares, keeps all", squares(0.0), Features::Raw),
        ("least squares, forgets 1 %", squares(0.01), Features::Raw),
        ("least squares, forgets 3 %", squares(0.03), Features::Raw),
        (
            "hebbian, forgets 3 %",
            Method::Hebbian {
                rate: 1.0,
                forgetting: 0.03,
            },
            Features::Raw,
        ),
        (
            "deep, 2 layers, 4 steps",
            Method::deep([KEY]),
            Features::Unit,
        ),
    ]
}

/// One object a memory and seed: the error of every key's newest value by the age of its write.
pub fn run(quick: bool) -> Result<Vec<Value>, Failure> {
    let (seeds, writes) = if quick { (1, 400) } else { (3, 4000) };
    let jobs: Vec<_> = (1..=seeds)
        .flat_map(|seed| memories().into_iter().map(move |memory| (seed, memory)))
        .collect();
    jobs.into_par_iter()
        .map(|(seed, (name, method, features))| {
            let memory = AssociativeMemory::with_features(KEY, VALUE, method, features)?;
            let points = ages(memory.with_sample(0), writes, seed)?;
            Ok(json!({ "memory": name, "seed": seed, "points": points }))
        })
        .collect()
}

fn ages(
    mut memory: AssociativeMemory<f32>,
    writes: usize,
    seed: u64,
) -> Result<Vec<Value>, Failure> {
    let keys = Pairs::draw(Keys::Random, PAIRS, KEY, VALUE, seed).keys;
    let mut generator = stream(seed, "drift", 0);
    let mut newest = Array2::<f32>::zeros((PAIRS, VALUE));
    let mut last = [None; PAIRS];
    let (mut errors, mut norms) = ([0.0_f64; BINS], [0.0_f64; BINS]);
    for now in 0..writes {
        let pair = generator.random_range(0..PAIRS);
        newest
            .row_mut(pair)
            .assign(&normal(1, VALUE, &mut generator).row(0));
        memory.write(keys.row(pair), newest.row(pair))?;
        last[pair] = Some(now);
        // The beginning, when the memory is half empty, does not count.
        if now < writes / 4 {
            continue;
        }
        let read = memory.read_batch(&keys)?;
        for (pair, last) in last.iter().enumerate() {
            let Some(last) = last else { continue };
            let bin = ((now - last + 1).ilog2() as usize).min(BINS - 1);
            let (read, value) = (read.row(pair), newest.row(pair));
            for (&r, &v) in read.iter().zip(value) {
                errors[bin] += f64::from(r - v).powi(2);
                norms[bin] += f64::from(v).powi(2);
            }
        }
    }
    let points = errors.iter().zip(&norms).enumerate();
    let points = points.filter(|(_, (_, norm))| **norm > 0.0);
    Ok(points
        .map(|(bin, (error, norm))| json!({ "log2_age": bin, "error": (error / norm).sqrt() }))
        .collect())
}
