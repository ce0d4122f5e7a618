//! Recall against the number of stored pairs.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use mnm_trainer::linalg::least_squares_memory;
use ndarray::s;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::Failure;
use crate::methods::{KINDS, Kind};
use crate::scene::{Keys, Pairs, relative};

/// The width of values.
const VALUE: usize = 32;

/// Pairs stored when the memory is looked at, in eighths of the width of keys.
const EIGHTHS: [usize; 11] = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64];

/// The widest keys for which LAPACK finds the optimum on features as well.
const WIDEST_BOUND: usize = 256;

struct Job {
    kind: Kind,
    keys: Keys,
    width: usize,
    seed: u64,
}

/// One object a memory, kind of keys, width and seed, with a list of figures at every count.
pub fn run(quick: bool) -> Result<Vec<Value>, Failure> {
    let widths: &[usize] = if quick {
        &[32]
    } else {
        &[512, 256, 128, 64, 32]
    };
    let mut jobs = Vec::new();
    for &width in widths {
        let seeds = if quick || width > 256 { 1 } else { 3 };
        for seed in 1..=seeds {
            for keys in [Keys::Random, Keys::Correlated] {
                let kinds = KINDS.iter().filter(|kind| width <= kind.widest);
                jobs.extend(kinds.map(|&kind| Job {
                    kind,
                    keys,
                    width,
                    seed,
                }));
            }
        }
    }
    let done = AtomicUsize::new(0);
    let told = |job: &Job| -> Result<Value, Failure> {
        let figures = job.run()?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        writeln!(
            io::stderr(),
            "{done} of {}: {}, {} keys, width {}",
            jobs.len(),
            job.kind.name,
            job.keys.name(),
            job.width
        )?;
        Ok(figures)
    };
    // Dealt out one by one: the first jobs take longest.
    jobs.par_iter().with_max_len(1).map(told).collect()
}

impl Job {
    fn run(&self) -> Result<Value, Failure> {
        let width = self.width;
        let pairs = Pairs::draw(self.keys, 8 * width, width, VALUE, self.seed);
        let mut memory = self.kind.memory(width, VALUE)?;
        let (mut stored, mut points) = (0, Vec::new());
        for count in EIGHTHS.map(|eighths| (eighths * width / 8).max(1)) {
            // The last write is looked at by itself: what it does to the pairs before it.
            let earlier = pairs.keys.slice(s![..count - 1, ..]);
            memory.write_batch(
                pairs.keys.slice(s![stored..count - 1, ..]),
                pairs.values.slice(s![stored..count - 1, ..]),
            )?;
            let before = memory.read_batch(earlier)?;
            memory.write(pairs.keys.row(count - 1), pairs.values.row(count - 1))?;
            let after = memory.read_batch(earlier)?;
            stored = count;

            let values = pairs.values.slice(s![..count, ..]).to_owned();
            let keys = pairs.keys.slice(s![..count, ..]);
            let read = memory.read_batch(keys)?;
            let noisy = memory.read_batch(pairs.noisy.slice(s![..count, ..]))?;
            // Of one value's length, so that a change of the read as large as the new value would be 1.
            let one = values.slice(s![count - 1..count, ..]).to_owned();
            let disturbance = relative(&after, &before, &one);
            let mut point = json!({
                "pairs": count,
                "load": count as f64 / width as f64,
                "error": relative(&read, &values, &values),
                "noisy": relative(&noisy, &values, &values),
                "disturbance": disturbance / (count.max(2) as f64 - 1.0).sqrt(),
            });
            if let Some(bound) = self.bound(&memory, &pairs, count)? {
                point["optimum"] = bound.into();
            }
            points.push(point);
        }
        Ok(json!({
            "memory": self.kind.name, "keys": self.keys.name(), "width": width, "seed": self.seed, "points": points,
        }))
    }

    /// The relative error of the best linear map of the same features to the values, by LAPACK. Of a kind of features once: for the
    /// delta rule's.
    fn bound(
        &self,
        memory: &mnm_memory::AssociativeMemory<f32>,
        pairs: &Pairs,
        count: usize,
    ) -> Result<Option<f64>, Failure> {
        let raw = self.kind.name == "delta";
        if !(raw || self.kind.name.starts_with("delta,") && self.width <= WIDEST_BOUND) {
            return Ok(None);
        }
        let features = memory.features_of(pairs.keys.slice(s![..count, ..]))?;
        let features = features.mapv(f64::from);
        let values = pairs.values.slice(s![..count, ..]).mapv(f64::from);
        let best = least_squares_memory(&features, &values)?;
        let error = features.dot(&best.t()) - &values;
        let squares = |rows: &ndarray::Array2<f64>| rows.iter().map(|x| x * x).sum::<f64>();
        Ok(Some((squares(&error) / squares(&values)).sqrt()))
    }
}
