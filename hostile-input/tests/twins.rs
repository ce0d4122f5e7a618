//! The properties of the fuzz targets, in every run of the tests: on the seeds, on what becomes of them when bytes are changed, and on
//! arbitrary bytes.

use std::path::Path;

use mnm_hostile_input::{TARGETS, Target, Verdict};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// Changed seeds, and texts of arbitrary bytes, for each target.
const CASES: u32 = 256;

/// How often so many are drawn at most, until one is taken.
const MOST_ROUNDS: usize = 50;

fn target(name: &str) -> Target {
    let found = TARGETS.iter().find(|target| target.name == name);
    *found.expect("the target of a test")
}

/// The seeds of a target, each with its name.
fn seeds(target: Target) -> Vec<(String, Vec<u8>)> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    let folder = std::fs::read_dir(seeds.join(target.name)).expect("seeds of every target");
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("a readable entry").path();
        let name = path.display().to_string();
        (name, std::fs::read(&path).expect("a readable seed"))
    };
    let mut seeds: Vec<_> = folder.map(read).collect();
    seeds.sort();
    seeds
}

/// What is done to a seed.
#[derive(Clone, Debug)]
enum Change {
    Byte(Index, u8),
    Bit(Index, u8),
    Cut(Index),
    Remove(Index, Index),
    Repeat(Index, Index),
    Insert(Index, Vec<u8>),
    /// The rest of another seed.
    Splice(Index, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        (place(), 0..8_u8).prop_map(|(at, bit)| Change::Bit(at, bit)),
        place().prop_map(Change::Cut),
        (place(), place()).prop_map(|(from, to)| Change::Remove(from, to)),
        (place(), place()).prop_map(|(from, to)| Change::Repeat(from, to)),
        (place(), prop::collection::vec(any::<u8>(), 1..9))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (place(), place(), place()).prop_map(|(at, seed, from)| Change::Splice(at, seed, from)),
    ]
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, seeds: &[(String, Vec<u8>)]) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        let range = |one: &Index, other: &Index| {
            let (one, other) = (one.index(length), other.index(length));
            one.min(other)..one.max(other)
        };
        match self {
            Self::Byte(at, byte) => bytes[at.index(length)] = *byte,
            Self::Bit(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Remove(from, to) => drop(bytes.drain(range(from, to))),
            Self::Repeat(from, to) => {
                let range = range(from, to);
                let part = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, part);
            }
            Self::Insert(at, more) => {
                let at = at.index(length);
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Splice(at, seed, from) => {
                let (_, other) = &seeds[seed.index(seeds.len())];
                bytes.truncate(at.index(length));
                if !other.is_empty() {
                    bytes.extend(&other[from.index(other.len())..]);
                }
            }
        }
    }
}

/// The properties of a target hold. Among its seeds are some that are taken and some that are refused, and of their changes too: otherwise
/// little would be shown.
fn holds(name: &str) {
    let target = target(name);
    let seeds = seeds(target);
    let count = |verdicts: &[Verdict], verdict| {
        let found = verdicts.iter().filter(|found| **found == verdict).count();
        assert!(found > 0, "{name}: nothing is {verdict:?}");
    };
    let verdicts: Vec<Verdict> = seeds.iter().map(|(_, seed)| (target.holds)(seed)).collect();
    count(&verdicts, Verdict::Taken);
    count(&verdicts, Verdict::Refused);
    // A runner draws the same every time it runs.
    let runner = || {
        TestRunner::new(Config {
            cases: CASES,
            failure_persistence: None,
            ..Config::default()
        })
    };
    let changed = (any::<Index>(), prop::collection::vec(change(), 1..4));
    let verdicts = std::cell::RefCell::new(Vec::new());
    // Of the changes of a checkpoint one in two hundred is taken: once in some five times none of so many. Then more are drawn.
    for _ in 0..MOST_ROUNDS {
        runner()
            .run(&changed, |(seed, changes)| {
                let (_, seed) = &seeds[seed.index(seeds.len())];
                let mut bytes = seed.clone();
                for change in changes {
                    change.apply(&mut bytes, &seeds);
                }
                verdicts.borrow_mut().push((target.holds)(&bytes));
                Ok(())
            })
            .unwrap();
        if verdicts.borrow().contains(&Verdict::Taken) {
            break;
        }
    }
    count(&verdicts.borrow(), Verdict::Refused);
    count(&verdicts.borrow(), Verdict::Taken);
    runner()
        .run(&prop::collection::vec(any::<u8>(), 0..400), |bytes| {
            (target.holds)(&bytes);
            Ok(())
        })
        .unwrap();
}

#[test]
fn babi_files() {
    holds("babi");
}

#[test]
fn archives() {
    holds("archive");
}

#[test]
fn configs() {
    holds("config");
}

#[test]
fn settings() {
    holds("set");
}

#[test]
fn checkpoints() {
    holds("checkpoint");
}

#[test]
fn metrics() {
    holds("metrics");
}

#[test]
fn questions() {
    holds("questions");
}

#[test]
fn associative_memories() {
    holds("associative_memory");
}

/// Every target has a test above, a fuzz target of its name, and nothing is left over.
#[test]
fn every_target_is_fuzzed() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let tests = include_str!("twins.rs");
    for Target { name, .. } in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let path = fuzz.join("fuzz_targets").join(format!("{name}.rs"));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.contains(&format!("mnm_hostile_input::{name}(")),
            "{name}"
        );
        assert!(tests.contains(&format!("holds(\"{name}\")")), "{name}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}
