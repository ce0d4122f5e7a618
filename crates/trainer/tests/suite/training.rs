//! Whole trainings: exact resume, independence of the number of threads, early stop, what is refused.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mnm_tasks::Split;
use mnm_trainer::checkpoint::Checkpoint;
use mnm_trainer::{
    Config, Ended, Run, Summary, TrainError, TrainOptions, Weights, evaluate, train,
};

use crate::sizes;

fn config(sets: &[&str]) -> Config {
    let mut all = vec![
        "model.controller=9",
        "model.value=5",
        "model.hidden=6",
        "model.embedding=7",
        "train.batch=20",
        "train.steps=8",
        "train.log_every=3",
        "train.valid_every=5",
        "train.valid_episodes=20",
        "train.checkpoint_every=4",
        "data.questions=2",
    ];
    all.extend(sets);
    sizes::load("stories", all)
}

fn quiet(resume: bool) -> TrainOptions {
    TrainOptions {
        resume,
        quiet: true,
        ..TrainOptions::default()
    }
}

fn run(config: &Config, out: &Path, resume: bool) -> Summary {
    train(config, out, &quiet(resume)).unwrap()
}

fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

fn assert_same(a: &Path, b: &Path) {
    for name in [
        "metrics.jsonl",
        "checkpoint.safetensors",
        "best.safetensors",
    ] {
        assert!(bytes(a, name) == bytes(b, name), "{name} differs");
    }
}

#[test]
fn a_resumed_run_is_the_uninterrupted_one() {
    for kind in ["model.kind=mnm", "model.kind=lstm"] {
        let folder = tempfile::tempdir().unwrap();
        let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
        run(&config(&[kind]), &whole, false);
        let first = run(&config(&[kind, "train.steps=4"]), &parts, false);
        assert_eq!((first.steps, first.ended), (4, Ended::Steps));
        // The validation at the last of 4 steps is no part of the whole run: a killed run would not have had it.
        let metrics = parts.join("metrics.jsonl");
        let kept: String = std::fs::read_to_string(&metrics)
            .unwrap()
            .lines()
            .filter(|line| !line.contains("valid"))
            .map(|line| format!("{line}\n"))
            .collect();
        std::fs::write(&metrics, kept).unwrap();
        let second = run(&config(&[kind]), &parts, true);
        assert_eq!(second.steps, 8);
        assert_eq!(
            std::fs::read(whole.join("metrics.jsonl")).unwrap(),
            std::fs::read(&metrics).unwrap()
        );
    }
}

/// A run that is stopped at the first step after its first checkpoint.
fn interrupted(killed: &Path) -> Summary {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let checkpoint = killed.join("checkpoint.safetensors");
    let watcher = std::thread::spawn(move || {
        while !checkpoint.exists() {
            std::thread::yield_now();
        }
        flag.store(true, Ordering::Relaxed);
    });
    let options = TrainOptions {
        stop,
        ..quiet(false)
    };
    let summary = train(&config(&[]), killed, &options).unwrap();
    watcher.join().unwrap();
    summary
}

/// Killed at any moment: what lies in the folder is the last checkpoint and metrics of later steps, the last line cut.
#[test]
fn a_killed_run_goes_on_from_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    run(&config(&[]), &whole, false);
    // A run that was at its end before it could be stopped proves nothing: another one is tried.
    let killed = (0..20)
        .map(|attempt| folder.path().join(format!("killed-{attempt}")))
        .find(|killed| interrupted(killed).ended == Ended::Interrupted)
        .expect("one of twenty is stopped before its end");
    let metrics = killed.join("metrics.jsonl");
    let mut text = std::fs::read_to_string(&metrics).unwrap();
    text.push_str("{\"kind\":\"train\",\"step\":9");
    std::fs::write(&metrics, text).unwrap();
    run(&config(&[]), &killed, true);
    assert_same(&whole, &killed);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for rule in ["model.rule=mnm-p", "model.rule=mnm-g"] {
        let folder = tempfile::tempdir().unwrap();
        let one = folder.path().join("1");
        run(&config(&[rule, "threads=1"]), &one, false);
        for threads in ["2", "3", "7"] {
            let more = folder.path().join(threads);
            run(
                &config(&[rule, &format!("threads={threads}")]),
                &more,
                false,
            );
            assert_same(&one, &more);
        }
    }
}

#[test]
fn training_lowers_the_loss_and_the_run_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&[
        "train.steps=60",
        "train.learning_rate=0.01",
        "model.init=orthogonal",
    ]);
    let summary = run(&config, folder.path(), false);
    assert!(summary.finished && summary.parameters > 0);
    let text = String::from_utf8(bytes(folder.path(), "metrics.jsonl")).unwrap();
    let losses: Vec<f64> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["kind"] == "train")
        .map(|line| line["task_loss"].as_f64().unwrap())
        .collect();
    assert!(losses[losses.len() - 1] < 0.9 * losses[0], "{losses:?}");
    let opened = Run::open(folder.path(), Weights::Best, &[]).unwrap();
    let again = mnm_trainer::evaluate(
        opened.task.as_ref(),
        &opened.model,
        &opened.parameters,
        mnm_tasks::Split::Valid,
        20,
    )
    .unwrap();
    assert_eq!(again.error.mean, summary.valid.unwrap().error);
}

#[test]
fn early_stops() {
    let folder = tempfile::tempdir().unwrap();
    let easy = run(
        &config(&["train.stop_error=100"]),
        &folder.path().join("a"),
        false,
    );
    assert_eq!((easy.steps, easy.ended), (5, Ended::Error));
    let sets = [
        "train.patience=1",
        "train.learning_rate=1e-30",
        "train.steps=50",
    ];
    let stuck = run(&config(&sets), &folder.path().join("b"), false);
    assert_eq!((stuck.steps, stuck.ended), (10, Ended::Patience));
}

#[test]
fn a_folder_with_a_run_is_not_overwritten_and_other_settings_are_named() {
    let folder = tempfile::tempdir().unwrap();
    run(&config(&[]), folder.path(), false);
    let error = train(&config(&[]), folder.path(), &quiet(false)).unwrap_err();
    assert!(matches!(error, TrainError::Occupied(_)));
    let error = train(
        &config(&["train.learning_rate=0.5"]),
        folder.path(),
        &quiet(true),
    )
    .unwrap_err();
    assert!(error.to_string().contains("train.learning_rate"), "{error}");
}

/// A training is shown each of these stories three times in an epoch, with cues and other words.
#[test]
fn the_train_split_of_a_run_is_the_stories_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let story = "1 Ann went to the attic.\n2 Zoe went to the shed.\n3 Where is Zoe? \tshed\t2\n";
    for split in ["train", "valid"] {
        let path = folder.path().join(format!("qa1_{split}.txt"));
        std::fs::write(path, story.repeat(5)).unwrap();
    }
    let dir = format!("data.dir={}", folder.path().display());
    let sets = [
        "model.controller=5",
        "train.steps=1",
        &dir,
        "data.tasks=[1]",
        "data.ticks=1",
        "data.hops=0",
        "data.again=[1, 1]",
        "data.recall=1.0",
        "data.rename=[{tasks=[1], words=['ann', 'zoe']}, {tasks=[1], words=['attic', 'shed']}]",
    ];
    let config = Config::load("babi", &sets.map(str::to_owned)).unwrap();
    let out = folder.path().join("run");
    run(&config, &out, false);
    let run = Run::open(&out, Weights::Best, &[]).unwrap();
    let evaluated =
        |split| evaluate(run.task.as_ref(), &run.model, &run.parameters, split, 1).unwrap();
    let (train, valid) = (evaluated(Split::Train), evaluated(Split::Valid));
    assert_eq!((train.questions, valid.questions), (5, 5));
    assert_eq!((train.loss, train.error), (valid.loss, valid.error));
}

/// A model that knows nothing spends one bit on each bit of the answer, whatever the length.
#[test]
fn what_ignorance_costs_a_sequence_is_its_number_of_bits() {
    let folder = tempfile::tempdir().unwrap();
    let sets = ["data.bits=3", "model.controller=5", "train.steps=1"].map(str::to_owned);
    run(&Config::load("copy", &sets).unwrap(), folder.path(), false);
    let mut ignorant = Run::open(folder.path(), Weights::Best, &[]).unwrap();
    for name in ["output.weight", "output.bias"] {
        let zero = ignorant.parameters.get(name).unwrap().mapv(|_| 0.0);
        ignorant.parameters.insert(name, zero.into_shared());
    }
    let (task, split) = (ignorant.task.as_ref(), Split::Valid);
    let outcome = evaluate(task, &ignorant.model, &ignorant.parameters, split, 7).unwrap();
    let bits = (0..7).map(|index| 3 * task.episode(split, index).unwrap().targets());
    let mean = bits.sum::<usize>() as f64 / 7.0;
    assert!((outcome.bits_per_sequence.unwrap() - mean).abs() < 1e-4 * mean);
}

/// What was found out about parameters goes with them; a run without a step more keeps it.
#[test]
fn a_step_removes_the_evaluations_of_the_parameters_before_it() {
    let folder = tempfile::tempdir().unwrap();
    run(&config(&[]), folder.path(), false);
    let evaluations = ["evaluation-test.json", "evaluation-valid-long-40.json"];
    let own = ["evaluation-notes.json", "evaluation-test.txt"];
    let there = |name: &&str| folder.path().join(name).exists();
    for name in evaluations.iter().chain(&own) {
        std::fs::write(folder.path().join(name), "{}").unwrap();
    }
    run(&config(&[]), folder.path(), true);
    assert!(evaluations.iter().all(there), "no step was taken");
    run(&config(&["train.steps=9"]), folder.path(), true);
    assert!(!evaluations.iter().any(there));
    assert!(own.iter().all(there), "what is not ours stays");
}

#[test]
fn numbers_that_are_not_finite_stop_the_run_with_a_dump() {
    let folder = tempfile::tempdir().unwrap();
    let wild = config(&["train.learning_rate=1e20", "train.steps=50"]);
    let error = train(&wild, folder.path(), &quiet(false)).unwrap_err();
    let TrainError::NotFinite { dump, step, what } = error else {
        panic!("{error}");
    };
    assert!(dump.is_file() && step > 1 && !what.is_empty());
}

#[test]
fn a_step_that_leaves_no_numbers_is_not_saved() {
    let folder = tempfile::tempdir().unwrap();
    let wild = config(&["train.learning_rate=1e300", "train.checkpoint_every=1"]);
    let error = train(&wild, folder.path(), &quiet(false)).unwrap_err();
    let TrainError::NotFinite { step, what, .. } = error else {
        panic!("{error}");
    };
    assert!(step == 1 && what.contains("after the step"), "{what}");
    let saved = Checkpoint::read(&folder.path().join("checkpoint.safetensors")).unwrap();
    assert_eq!(saved.progress["step"], 0);
}

/// The message of a training that is refused, and writes nothing.
fn refusal(config: &Config, out: &Path, resume: bool) -> String {
    let files = || {
        ["metrics.jsonl", "best.safetensors", "config.toml"]
            .map(|name| std::fs::read(out.join(name)).ok())
    };
    let before = files();
    let message = train(config, out, &quiet(resume)).unwrap_err().to_string();
    assert!(before == files(), "something was written: {message}");
    message
}

#[test]
fn a_run_without_its_checkpoint_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    run(&config(&[]), folder.path(), false);
    std::fs::remove_file(folder.path().join("checkpoint.safetensors")).unwrap();
    for resume in [false, true] {
        let message = refusal(&config(&[]), folder.path(), resume);
        assert!(message.contains("train.from"), "{message}");
    }
}

#[test]
fn a_config_that_somebody_wrote_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    for text in ["# mine\nseed = 1\n", "no TOML"] {
        std::fs::write(&path, text).unwrap();
        for resume in [false, true] {
            let message = refusal(&config(&[]), folder.path(), resume);
            assert!(message.contains("written by somebody"), "{message}");
        }
    }
    // What no run has written whole.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(folder.path().join(".mnm-a1B2c3"), "half a checkpoint").unwrap();
    run(&config(&[]), folder.path(), true);
}

#[test]
fn metrics_that_are_damaged_or_gone_are_not_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    run(&config(&[]), folder.path(), false);
    let more = config(&["train.steps=12"]);
    let metrics = folder.path().join("metrics.jsonl");
    let text = std::fs::read_to_string(&metrics).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for line in [&b"garbage"[..], b"{\"a\":1}", b"\xff"] {
        let mut bytes = format!("{}\n", lines[0]).into_bytes();
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(format!("\n{}\n", lines[2]).as_bytes());
        std::fs::write(&metrics, bytes).unwrap();
        let message = refusal(&more, folder.path(), true);
        assert!(
            message.contains("line 2") && message.contains("empty one"),
            "{message}"
        );
    }
    std::fs::write(&metrics, format!("{}\n", lines[0])).unwrap();
    let message = refusal(&more, folder.path(), true);
    assert!(
        message.contains("ends with step") && message.contains("empty one"),
        "{message}"
    );
    std::fs::remove_file(&metrics).unwrap();
    let message = refusal(&more, folder.path(), true);
    assert!(
        message.contains("metrics.jsonl") && message.contains("gone"),
        "{message}"
    );
    // Said so, and then without them.
    std::fs::write(&metrics, "").unwrap();
    assert_eq!(run(&more, folder.path(), true).steps, 12);
}

#[test]
fn weights_that_are_no_numbers_are_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    run(&config(&[]), folder.path(), false);
    let path = folder.path().join("best.safetensors");
    let mut checkpoint = Checkpoint::read(&path).unwrap();
    let name = "controller.weight_hh";
    let mut weight = checkpoint.parameters.get(name).unwrap().clone();
    weight[[1, 2]] = f32::NAN;
    checkpoint.parameters.insert(name, weight);
    checkpoint.write(&path).unwrap();
    let Err(error) = Run::open(folder.path(), Weights::Best, &[]) else {
        panic!("a weight is no number");
    };
    let message = error.to_string();
    assert!(
        message.contains(name) && message.contains("best.safetensors"),
        "{message}"
    );
}

#[test]
fn data_that_number_the_words_otherwise_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    run(&config(&[]), folder.path(), false);
    // A person less and a mark more: as many words, but not in the same places.
    let sets = ["data.people=3", "data.hops=1"].map(str::to_owned);
    let Err(error) = Run::open(folder.path(), Weights::Best, &sets) else {
        panic!("other words");
    };
    assert!(matches!(error, TrainError::OtherWords(_)), "{error}");
    let same = ["data.questions=3".to_owned()];
    assert!(Run::open(folder.path(), Weights::Best, &same).is_ok());
    // Saved by another program, which knows of no words: the data's own are taken.
    let path = folder.path().join("best.safetensors");
    let mut checkpoint = Checkpoint::read(&path).unwrap();
    checkpoint.vocabulary = None;
    checkpoint.write(&path).unwrap();
    assert!(Run::open(folder.path(), Weights::Best, &same).is_ok());
}

#[test]
fn a_folder_that_cannot_be_written_is_named_and_a_missing_run_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = train(&config(&[]), &file.join("run"), &quiet(false)).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
    let Err(error) = Run::open(folder.path(), Weights::Best, &[]) else {
        panic!("there is no run");
    };
    assert!(error.to_string().contains("holds no run"));
}
