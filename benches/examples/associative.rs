//! What a write and a read cost, what is kept in memory and how well it is recalled: `AssociativeMemory`, thirty plain lines on the same kernels, and a
//! table that is searched through (exact nearest neighbour). A line of JSON for each. Times are processor time, so that other programs
//! count little.
//!
//! `cargo run --release -p mnm-benches --example associative [-- WIDTHS [PAIRS]]`, both as lists such as `64,256 1000,10000`. `benches/peers/associative.py` measures
//! numpy and hnswlib on the same pairs.

use std::io::{self, Write};

use cpu_time::ThreadTime;
use mnm_benches::plain::Plain;
use mnm_memory::{AssociativeMemory, Features, Method};
use mnm_tensor::kernels::{Matrix, MatrixMut, Store, matmul_nt};
use serde_json::json;

/// Splitmix64: the script has the same, so that all store the same pairs.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn rows(&mut self, rows: usize, width: usize) -> Vec<f32> {
        (0..rows * width).map(|_| self.next()).collect()
    }
}

/// What is measured of a store.
trait Stores {
    fn write(&mut self, key: &[f32], value: &[f32]);
    fn read(&self, key: &[f32], value: &mut [f32]);
    fn bytes(&self) -> usize;
}

impl Stores for AssociativeMemory<f32> {
    fn write(&mut self, key: &[f32], value: &[f32]) {
        AssociativeMemory::write(self, key, value).expect("finite pairs of these widths");
    }

    fn read(&self, key: &[f32], value: &mut [f32]) {
        self.read_into(key, value)
            .expect("a finite key of this width");
    }

    fn bytes(&self) -> usize {
        self.to_bytes().expect("fits a file").len()
    }
}

struct Delta(Plain, usize);

impl Stores for Delta {
    fn write(&mut self, key: &[f32], value: &[f32]) {
        self.0.delta(key, value);
    }

    fn read(&self, key: &[f32], value: &mut [f32]) {
        self.0.read(key, value);
    }

    fn bytes(&self) -> usize {
        self.1
    }
}

struct LeastSquares(Plain, usize);

impl Stores for LeastSquares {
    fn write(&mut self, key: &[f32], value: &[f32]) {
        self.0.least_squares(key, value);
    }

    fn read(&self, key: &[f32], value: &mut [f32]) {
        self.0.read(key, value);
    }

    fn bytes(&self) -> usize {
        self.1
    }
}

/// All pairs, searched through: the value of the key with the largest cosine.
struct Table {
    width: usize,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl Stores for Table {
    fn write(&mut self, key: &[f32], value: &[f32]) {
        let length = key.iter().map(|x| x * x).sum::<f32>().sqrt();
        self.keys.extend(key.iter().map(|x| x / length));
        self.values.extend(value);
    }

    fn read(&self, key: &[f32], value: &mut [f32]) {
        let rows = self.keys.len() / self.width;
        let mut scores = vec![0.0; rows];
        let keys = Matrix::dense(&self.keys, rows, self.width);
        let to = MatrixMut::dense(&mut scores, 1, rows);
        matmul_nt(
            Matrix::dense(key, 1, self.width),
            keys,
            to,
            Store::Overwrite,
        );
        let best = (0..rows).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let best = best.unwrap_or(0);
        value.copy_from_slice(&self.values[best * value.len()..][..value.len()]);
    }

    fn bytes(&self) -> usize {
        size_of_val(&self.keys[..]) + size_of_val(&self.values[..])
    }
}

/// Operations that are timed together.
const TURN: usize = 10;

/// Processor seconds of an operation: the first quartile over turns, since other programs can only make a turn longer.
fn quartile(places: &[usize], mut operation: impl FnMut(usize)) -> f64 {
    let mut seconds: Vec<f64> = places
        .chunks(TURN)
        .map(|turn| {
            let start = ThreadTime::now();
            turn.iter().for_each(|&place| operation(place));
            start.elapsed().as_secs_f64() / turn.len() as f64
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 4]
}

struct Scene {
    width: usize,
    pairs: usize,
    keys: Vec<f32>,
    values: Vec<f32>,
    noise: Vec<f32>,
}

impl Scene {
    fn new(width: usize, pairs: usize) -> Self {
        let mut draw = Draw(width as u64);
        Self {
            width,
            pairs,
            keys: draw.rows(pairs, width),
            values: draw.rows(pairs, width),
            noise: draw.rows(pairs, width),
        }
    }

    fn row<'a>(&self, rows: &'a [f32], place: usize) -> &'a [f32] {
        &rows[place * self.width..][..self.width]
    }

    /// Stores all pairs, and reads up to a thousand of them, evenly spread, by their keys and by noisy ones. What is said of writes is
    /// what one of the last tenth costs, since the first may be cheaper.
    fn measure(&self, name: &str, store: &mut dyn Stores) -> io::Result<()> {
        let places: Vec<usize> = (0..self.pairs).collect();
        let (first, last) = places.split_at(self.pairs - self.pairs / 10);
        let mut write =
            |place| store.write(self.row(&self.keys, place), self.row(&self.values, place));
        first.iter().for_each(|&place| write(place));
        let write = quartile(last, write);
        let apart = self.pairs.div_ceil(1000);
        let asked: Vec<usize> = (0..self.pairs).step_by(apart).collect();
        // Not zeros, which would be given memory only as they are written to, under the clock.
        let mut values = vec![f32::NAN; asked.len() * self.width];
        let read = quartile(&asked, |place| {
            let value = &mut values[place / apart * self.width..][..self.width];
            store.read(self.row(&self.keys, place), value);
        });
        let mut value = vec![0.0; self.width];
        let mut key = vec![0.0; self.width];
        let (mut errors, mut noisy, mut norm) = (0.0, 0.0, 0.0);
        for &place in &asked {
            let (clean, noise) = (self.row(&self.keys, place), self.row(&self.noise, place));
            let expected = self.row(&self.values, place);
            let off = |value: &[f32]| -> f64 {
                value
                    .iter()
                    .zip(expected)
                    .map(|(a, b)| f64::from(a - b).powi(2))
                    .sum()
            };
            errors += off(self.row(&values, place / apart));
            for ((key, clean), noise) in key.iter_mut().zip(clean).zip(noise) {
                *key = clean + 0.1 * noise;
            }
            store.read(&key, &mut value);
            noisy += off(&value);
            norm += expected.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        }
        let line = json!({
            "store": name, "width": self.width, "pairs": self.pairs, "write_us": write * 1e6,
            "read_us": read * 1e6, "bytes": store.bytes(),
            "error": (errors / norm).sqrt(), "noisy": (noisy / norm).sqrt(),
        });
        writeln!(io::stdout(), "{line}")
    }
}

fn list(argument: Option<String>, otherwise: &[usize]) -> Vec<usize> {
    match argument {
        Some(text) => text
            .split(',')
            .map(|n| n.parse().expect("a number"))
            .collect(),
        None => otherwise.to_vec(),
    }
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let widths = list(arguments.next(), &[64, 128, 256, 512]);
    let counts = list(arguments.next(), &[1_000, 10_000, 100_000]);
    for &width in &widths {
        for &pairs in &counts {
            let scene = Scene::new(width, pairs);
            let memory = |method, features| {
                AssociativeMemory::<f32>::with_features(width, width, method, features)
                    .expect("valid")
            };
            let mut table = Table {
                width,
                keys: Vec::new(),
                values: Vec::new(),
            };
            scene.measure("exact table", &mut table)?;
            let square = 4 * width * width;
            scene.measure("plain delta", &mut Delta(Plain::new(width, width), square))?;
            scene.measure("delta", &mut memory(Method::delta(), Features::Raw))?;
            let mut plain = LeastSquares(Plain::new(width, width), 2 * square);
            scene.measure("plain least squares", &mut plain)?;
            scene.measure(
                "least squares",
                &mut memory(Method::least_squares(), Features::Raw),
            )?;
            // S is features x features: beyond this a write takes milliseconds.
            if width <= 256 && pairs <= 10_000 {
                let features = Features::tanh(4 * width);
                scene.measure(
                    "least squares, tanh",
                    &mut memory(Method::least_squares(), features),
                )?;
            }
            let features = Features::nearest(8 * width, 8);
            scene.measure("delta, nearest", &mut memory(Method::delta(), features))?;
        }
    }
    Ok(())
}
