//! Runs of existing configs stay what they are: `recorded/` holds the metrics of six small runs and what their checkpoints say,
//! as commit 7875787 wrote them, which had a loop for tasks and another for agents.
//!
//! On one kind of machine they are the same bytes. Another may add in another order, so lines, keys, counters, names and shapes
//! are compared exactly, and figures to within what the order of sums does to a run of six steps. (An agent with
//! the rule mnm-g is not among them: the norm of its gradient, through twenty writes each of which is a gradient itself, has three digits.)

use std::path::Path;

use mnm_trainer::checkpoint::Checkpoint;
use mnm_trainer::{TrainOptions, train};
use serde_json::Value;

use crate::sizes;

/// How far a figure may be from the recorded one, as a fraction of it. Kernels that add in another order came to 1e-6;
/// another order of steps, seeds or means is far beyond.
const FIGURES: f64 = 1e-4;

const COMMON: [&str; 9] = [
    "model.controller=9",
    "model.value=5",
    "model.hidden=6",
    "train.batch=20",
    "train.steps=6",
    "train.log_every=2",
    "train.valid_every=3",
    "train.valid_episodes=20",
    "threads=1",
];

/// Each run with its own settings.
const RUNS: [(&str, &[&str]); 6] = [
    (
        "stories",
        &[
            "model.embedding=7",
            "model.recurrence=always",
            "model.dropout_hidden=0.5",
            "model.interaction_gain=1",
            "model.memory_gain=1",
            "data.questions=2",
            "train.checkpoint_every=5",
        ],
    ),
    (
        "copy",
        &[
            "model.kind=lstm",
            "data.lengths.train.max=6",
            "data.lengths.valid.max=6",
        ],
    ),
    (
        "double-copy",
        &[
            "model.rule=mnm-g",
            "data.lengths.train.max=5",
            "train.patience=2",
            "train.decay=cosine",
        ],
    ),
    ("maze9", &["data.steps=20", "rl.segment=7"]),
    ("bandit", &["data.pulls=20"]),
    (
        "mdp",
        &[
            "data.rounds=2",
            "data.states=4",
            "rl.segment=7",
            "model.kind=lstm",
        ],
    ),
];

fn recorded(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/recorded");
    let path = path.join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Holds `found` to `expected`: whole numbers, texts and keys are the same, other numbers near.
fn compare(at: &str, found: &Value, expected: &Value) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            let keys = |map: &serde_json::Map<String, Value>| -> Vec<String> {
                map.keys().cloned().collect()
            };
            assert_eq!(keys(found), keys(expected), "{at}");
            for (key, value) in expected {
                compare(&format!("{at}.{key}"), &found[key], value);
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{at}");
            for (n, (found, expected)) in found.iter().zip(expected).enumerate() {
                compare(&format!("{at}[{n}]"), found, expected);
            }
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            assert!(
                (one - other).abs() <= FIGURES * other.abs(),
                "{at}: {one}, recorded {other}"
            );
        }
        _ => assert_eq!(found, expected, "{at}"),
    }
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn metrics_and_checkpoints_are_what_they_were() {
    for (name, own) in RUNS {
        let config = sizes::load(name, [&COMMON[..], own].concat());
        let folder = tempfile::tempdir().unwrap();
        let options = TrainOptions {
            quiet: true,
            ..TrainOptions::default()
        };
        train(&config, folder.path(), &options).unwrap();

        let metrics = std::fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap();
        let (found, expected) = (lines(&metrics), lines(&recorded(&format!("{name}.jsonl"))));
        compare(name, &Value::from(found), &Value::from(expected));

        let path = folder.path().join("checkpoint.safetensors");
        let checkpoint = Checkpoint::read(&path).unwrap();
        let expected: Value =
            serde_json::from_str(&recorded(&format!("{name}.checkpoint.json"))).unwrap();
        let mut progress = checkpoint.progress.clone();
        // The checksum of every digit of the metrics, of which the last may differ between kinds of machines.
        progress.as_object_mut().unwrap().remove("metrics").unwrap();
        compare(name, &progress, &expected["progress"]);
        let optimizer = checkpoint.optimizer.iter();
        let optimizer = optimizer.map(|(name, array)| (format!("optimizer.{name}"), array));
        let parameters = checkpoint.parameters.iter();
        let tensors: serde_json::Map<String, Value> = parameters
            .map(|(name, array)| (name.to_owned(), array))
            .chain(optimizer)
            .map(|(name, array)| (name, Value::from(array.shape())))
            .collect();
        compare(name, &Value::Object(tensors), &expected["tensors"]);
    }
}
