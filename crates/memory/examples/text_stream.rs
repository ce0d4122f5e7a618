//! Learns from a running text which word follows which, one pair at a time, in one pass and a fixed amount of memory.
//!
//! `cargo run --release -p mnm-memory --example text_stream [-- FOLDER]` reads the Markdown files of a folder, by default the documentation of this
//! repository.
//!
//! The key of a place in the text are the character n-grams (n from 1 to 4) of the last two words, hashed into 256 features each; the value is the next word as
//! 64 random signs. Every word is first guessed from what the memory reads, the nearest word of those seen so far, and then written. After the
//! pass a sample of the places is asked for again, as they were and with a letter of the last word changed. Beside the memories: exact nearest
//! neighbour among as many of the latest pairs as fit the same bytes.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mnm_memory::{AssociativeMemory, Method};

const HALF: usize = 256;
const KEY: usize = 2 * HALF;
const VALUE: usize = 64;
/// Every so many places are asked for again.
const STRIDE: usize = 37;

type Failure = Box<dyn Error>;

fn hash(text: &str) -> u64 {
    // FNV-1a, its bits mixed once more.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// Adds the n-grams of a word, with its ends marked, to features of length 1.
fn add_ngrams(word: &str, features: &mut [f32]) {
    let marked: Vec<char> = format!("<{word}>").chars().collect();
    for n in 1..=4 {
        for gram in marked.windows(n) {
            let hash = hash(&gram.iter().collect::<String>());
            let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
            // Long ones say more than single letters.
            features[(hash % HALF as u64) as usize] += sign * n as f32;
        }
    }
    let length = features.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
    features.iter_mut().for_each(|x| *x /= length);
}

fn key(before: &str, word: &str) -> Vec<f32> {
    let mut key = vec![0.0; KEY];
    add_ngrams(before, &mut key[..HALF]);
    add_ngrams(word, &mut key[HALF..]);
    key
}

/// 64 random signs that belong to a word.
fn code(word: &str) -> Vec<f32> {
    let bits = hash(&format!("{word} as a value"));
    (0..VALUE)
        .map(|bit| if bits >> bit & 1 == 0 { 1.0 } else { -1.0 })
        .collect()
}

/// The words seen so far, with their codes.
#[derive(Default)]
struct Vocabulary {
    words: Vec<String>,
    codes: Vec<f32>,
    places: HashMap<String, usize>,
}

impl Vocabulary {
    fn add(&mut self, word: &str) {
        if !self.places.contains_key(word) {
            self.places.insert(word.to_owned(), self.words.len());
            self.words.push(word.to_owned());
            self.codes.extend(code(word));
        }
    }

    fn nearest(&self, value: &[f32]) -> Option<&str> {
        let score = |code: &[f32]| code.iter().zip(value).map(|(c, v)| c * v).sum::<f32>();
        let scores = self.codes.chunks_exact(VALUE).map(score).enumerate();
        let best = scores.max_by(|(_, a), (_, b)| a.total_cmp(b))?.0;
        Some(&self.words[best])
    }
}

/// What is compared.
enum Store {
    Memory(Box<AssociativeMemory<f32>>),
    /// The latest `room` pairs, in a ring; what is read is the mean of the values of the `nearest` keys, which is a vote among them.
    Table {
        room: usize,
        nearest: usize,
        next: usize,
        keys: Vec<f32>,
        values: Vec<f32>,
    },
}

impl Store {
    fn table(room: usize, nearest: usize) -> Self {
        Self::Table {
            room,
            nearest,
            next: 0,
            keys: Vec::new(),
            values: Vec::new(),
        }
    }

    fn write(&mut self, key: &[f32], value: &[f32]) -> Result<(), Failure> {
        match self {
            Self::Memory(memory) => {
                memory.write(key, value)?;
            }
            Self::Table {
                room,
                next,
                keys,
                values,
                ..
            } => {
                if keys.len() < *room * KEY {
                    keys.extend(key);
                    values.extend(value);
                } else {
                    keys[*next * KEY..][..KEY].copy_from_slice(key);
                    values[*next * VALUE..][..VALUE].copy_from_slice(value);
                }
                *next = (*next + 1) % *room;
            }
        }
        Ok(())
    }

    fn read(&self, key: &[f32]) -> Result<Vec<f32>, Failure> {
        match self {
            Self::Memory(memory) => Ok(memory.read(key)?),
            Self::Table {
                nearest,
                keys,
                values,
                ..
            } => {
                let score = |row: &[f32]| row.iter().zip(key).map(|(a, b)| a * b).sum::<f32>();
                let mut places: Vec<(usize, f32)> =
                    keys.chunks_exact(KEY).map(score).enumerate().collect();
                if places.len() > *nearest {
                    places.select_nth_unstable_by(*nearest, |(_, a), (_, b)| b.total_cmp(a));
                    places.truncate(*nearest);
                }
                let mut mean = vec![0.0; VALUE];
                for (place, _) in &places {
                    let value = &values[place * VALUE..][..VALUE];
                    for (mean, value) in mean.iter_mut().zip(value) {
                        *mean += value / places.len() as f32;
                    }
                }
                Ok(mean)
            }
        }
    }
}

/// The words of all Markdown files under a folder, in the order of their paths.
fn words(folder: &Path) -> Result<Vec<String>, Failure> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?
        {
            let path = entry?.path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|e| e == "md") => files.push(path),
                false => {}
            }
        }
    }
    files.sort();
    let mut words = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)?.to_lowercase();
        let parts = text
            .split(|c: char| !c.is_alphabetic())
            .filter(|part| !part.is_empty());
        words.extend(parts.map(str::to_owned));
    }
    Ok(words)
}

/// The word with a letter in its middle replaced.
fn mistyped(word: &str) -> String {
    let middle = word.chars().count() / 2;
    let letters = word.chars().enumerate();
    letters
        .map(|(place, letter)| if place == middle { 'q' } else { letter })
        .collect()
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// Runs the text through a store; prints a row.
fn run(
    name: &str,
    mut store: Store,
    words: &[String],
    bytes: Option<usize>,
) -> Result<(), Failure> {
    let mut vocabulary = Vocabulary::default();
    let places = words.len() - 2;
    let (mut guessed, mut asked) = (0, 0);
    let (mut writing, mut reading) = (Duration::ZERO, Duration::ZERO);
    for (place, three) in words.windows(3).enumerate() {
        let key = key(&three[0], &three[1]);
        // Guessed in the second half, every third word.
        if place > places / 2 && place % 3 == 0 {
            let start = Instant::now();
            let value = store.read(&key)?;
            reading += start.elapsed();
            asked += 1;
            guessed += usize::from(vocabulary.nearest(&value) == Some(&three[2]));
        }
        vocabulary.add(&three[2]);
        let value = code(&three[2]);
        let start = Instant::now();
        store.write(&key, &value)?;
        writing += start.elapsed();
    }
    let (mut exact, mut typed, mut count) = (0, 0, 0);
    for three in words.windows(3).step_by(STRIDE) {
        let recalls = |word: &str| -> Result<bool, Failure> {
            let value = store.read(&key(&three[0], word))?;
            Ok(vocabulary.nearest(&value) == Some(&three[2]))
        };
        count += 1;
        exact += usize::from(recalls(&three[1])?);
        typed += usize::from(recalls(&mistyped(&three[1]))?);
    }
    let micro = |time: Duration, count: usize| time.as_secs_f64() * 1e6 / count.max(1) as f64;
    println!(
        "| {name} | {} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} |",
        bytes.map_or("-".to_owned(), |bytes| format!("{}", bytes / 1024)),
        percent(guessed, asked),
        percent(exact, count),
        percent(typed, count),
        micro(writing, places),
        micro(reading, asked),
    );
    Ok(())
}

fn main() -> Result<(), Failure> {
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let folder = std::env::args().nth(1).map_or_else(own, PathBuf::from);
    let words = words(&folder)?;
    if words.len() < 100 {
        return Err(format!(
            "{}: {} words in Markdown files, too few to learn from",
            folder.display(),
            words.len()
        )
        .into());
    }
    println!("{} words\n", words.len());
    println!(
        "| store | KiB | guessed before it was written, % | recalled, % | with a typing error, % | us a write | us a read |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let row = 4 * (KEY + VALUE);
    for (name, method, bytes) in [
        ("delta", Method::delta(), 4 * KEY * VALUE),
        (
            "delta, rate 0.3",
            Method::Delta { rate: 0.3 },
            4 * KEY * VALUE,
        ),
        (
            "least squares",
            Method::LeastSquares {
                ridge: 0.1,
                forgetting: 0.0,
            },
            4 * KEY * (KEY + VALUE),
        ),
    ] {
        let memory = AssociativeMemory::new(KEY, VALUE, method)?.with_sample(0);
        run(name, Store::Memory(Box::new(memory)), &words, Some(bytes))?;
        if name != "delta" {
            let room = bytes / row;
            for (nearest, read) in [(1, "nearest"), (5, "mean of the 5 nearest")] {
                run(
                    &format!("latest {room} pairs, {read}"),
                    Store::table(room, nearest),
                    &words,
                    Some(room * row),
                )?;
            }
        }
    }
    Ok(())
}
