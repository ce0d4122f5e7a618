//! Every model learns on every algorithmic task: whole trainings, tiny.

use std::path::Path;

use mnm_trainer::{Config, Run, Summary, TrainOptions, Weights, train};

use crate::sizes;

const MODELS: [&[&str]; 6] = [
    &["model.kind=mnm", "model.rule=mnm-p"],
    &["model.kind=mnm", "model.rule=mnm-g"],
    &["model.kind=lstm"],
    &["model.kind=lstm-salu"],
    &["model.kind=ntm"],
    &["model.kind=dnc"],
];

const LENGTHS: &str = "data.lengths={train={min=1,max=2},valid={min=1,max=2},test={min=1,max=2}}";

/// A config that comes with the program, and what makes its sequences short.
const TASKS: [(&str, &[&str]); 6] = [
    ("copy", &["data.bits=2", LENGTHS]),
    ("double-copy", &["data.bits=2", LENGTHS]),
    (
        "priority-sort",
        &[
            "data.bits=2",
            "data.inputs.train={min=3,max=3}",
            "data.inputs.valid={min=3,max=3}",
            "data.inputs.test={min=3,max=3}",
            "data.outputs=2",
        ],
    ),
    (
        "associative-recall",
        &[
            "data.bits=4",
            "data.item_length=2",
            "data.items.train.max=2",
        ],
    ),
    (
        "dictionary",
        &[
            "data.pairs.train={min=2,max=2}",
            "data.lengths.train={min=2,max=2}",
            "data.query.train={min=2,max=2}",
        ],
    ),
    (
        "mqar",
        &[
            "data.vocabulary=8",
            "data.pairs={train={min=2,max=2},valid={min=2,max=2},test={min=2,max=2}}",
            "data.length={train={min=8,max=8},valid={min=8,max=8},test={min=8,max=8}}",
        ],
    ),
];

const TINY: [&str; 13] = [
    "threads=1",
    "model.controller=7",
    "model.value=4",
    "model.hidden=5",
    "model.embedding=6",
    "model.slots=5",
    "model.slot_width=3",
    "model.read_heads=2",
    "train.batch=4",
    "train.steps=2",
    "train.log_every=1",
    "train.valid_episodes=2",
    "train.learning_rate=0.01",
];

fn config(name: &str, sets: &[&[&str]]) -> Config {
    sizes::load(name, sets.concat())
}

fn run(config: &Config, out: &Path) -> Summary {
    let options = TrainOptions {
        quiet: true,
        ..TrainOptions::default()
    };
    train(config, out, &options).unwrap()
}

/// Adam moves a parameter as soon as its gradient is not exactly zero, so a parameter that stays where it was drawn is one
/// that the task's loss does not reach.
#[test]
fn every_parameter_of_every_model_is_trained_on_every_task() {
    for (task, small) in TASKS {
        for model in MODELS {
            let config = config(task, &[&TINY, small, model]);
            let folder = tempfile::tempdir().unwrap();
            let (begun, ended) = (folder.path().join("begun"), folder.path().join("ended"));
            run(
                &Config {
                    train: mnm_trainer::TrainConfig {
                        steps: 1,
                        ..config.train.clone()
                    },
                    ..config.clone()
                },
                &begun,
            );
            let summary = run(&config, &ended);
            assert_eq!(summary.steps, 2);
            let [first, second] = [&begun, &ended].map(|dir| Run::open(dir, Weights::Last, &[]));
            let (first, second) = (first.unwrap(), second.unwrap());
            for spec in second.model.parameters() {
                let [before, after] = [&first, &second].map(|run| run.parameters.get(&spec.name));
                let (before, after) = (before.unwrap(), after.unwrap());
                assert!(after.iter().all(|x| x.is_finite()));
                assert_eq!(
                    before != after,
                    spec.trained,
                    "{} of {} on {task}",
                    spec.name,
                    config.model.label()
                );
            }
        }
    }
}

/// Who only knows that the answer is one of the two values shown is wrong half of the time.
#[test]
fn two_pairs_of_multi_query_recall_are_learned() {
    let small = [
        "threads=1",
        "data.vocabulary=8",
        "data.pairs={train={min=2,max=2},valid={min=2,max=2},test={min=2,max=2}}",
        "data.length={train={min=12,max=12},valid={min=12,max=12},test={min=12,max=12}}",
        "model.controller=24",
        "model.value=12",
        "model.hidden=16",
        "model.embedding=12",
        "train.batch=16",
        "train.steps=600",
        "train.learning_rate=0.01",
        "train.warmup=20",
        "train.decay=constant",
        "train.valid_every=200",
        "train.valid_episodes=100",
    ];
    let folder = tempfile::tempdir().unwrap();
    let config = config("mqar", &[&small, MODELS[0]]);
    let best = run(&config, &folder.path().join("run")).valid.unwrap();
    assert!(best.error < 20.0, "{} % wrong", best.error);
}

/// The sizes that the configs and the tasks' documentation promise.
#[test]
fn the_configs_ask_for_the_published_sizes() {
    let steps = |name: &str, split| {
        let config = config(name, &[]);
        let task = mnm_trainer::task::build_task(&config.data, config.seed, None).unwrap();
        let lengths: Vec<usize> = (0..300).map(|index| task.steps(split, index)).collect();
        (
            lengths.iter().copied().min().unwrap(),
            lengths.iter().copied().max().unwrap(),
        )
    };
    use mnm_tasks::Split::{Test, Train};
    assert_eq!(steps("copy", Train), (2 + 2, 2 + 40));
    assert_eq!(steps("copy", Test), (2 + 80, 2 + 80));
    assert_eq!(steps("double-copy", Train), (2 + 3, 2 + 60));
    assert_eq!(steps("priority-sort", Train), (37, 37));
    assert_eq!(steps("associative-recall", Train), (2 * 4 + 8, 6 * 4 + 8));
    assert_eq!(steps("associative-recall", Test), (2 * 4 + 8, 20 * 4 + 8));
    assert_eq!(steps("mqar", Train), (64, 64));
    let (shortest, longest) = steps("dictionary", Test);
    assert!(shortest >= 4 * 10 + 1 + 20 && longest <= 4 * 14 + 1 + 32);
}
