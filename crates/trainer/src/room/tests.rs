use mnm_tasks::Task;

use super::left::bound;
use super::*;
use crate::rl::{build_agent, build_environment};
use crate::task::{build_model, build_task};

fn config(name: &str, sets: &[&str]) -> Config {
    let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    Config::load(name, &sets).expect("a config")
}

/// A config with its model and load; bAbI's as its longest stories are, without its files.
fn training(config: &Config) -> (Model<f32>, Load) {
    if let Some(rl) = &config.rl {
        let one = build_environment(&config.data, 1, 1, mnm_tasks::Split::Train).expect("a world");
        let model = build_agent(&config.model, one.as_ref()).expect("a model");
        return (model, Load::of_worlds(config, rl, 1));
    }
    if let Ok(task) = build_task(&config.data, config.seed, None) {
        let task: Box<dyn Task> = task;
        let model = build_model(&config.model, task.interface(), None).expect("a model");
        let load = Load::of_task(config, task.as_ref(), 1);
        return (model, load);
    }
    let words = InputSpec::Tokens {
        vocabulary: 160,
        positions: 12,
    };
    let model = Model::new(&config.model, words, 160).expect("a model");
    let load = Load {
        sequences: config.train.batch,
        steps: 300,
        asked: 10.0,
        shown_bytes: 30e3,
        other_bytes: 1e3,
        validated: 20_000,
        validated_steps: 300,
        threads: threads(config),
        world: false,
    };
    (model, load)
}

fn estimate(config: &Config) -> f64 {
    let (model, load) = training(config);
    estimated(config, &model, &load)
}

/// Peaks in MiB of `/usr/bin/time mnm train copy --set threads=1 ...` on x86-64 with glibc, two steps and a validation of 4 short episodes.
#[test]
fn the_estimate_is_near_the_peaks_of_models_on_the_tape() {
    for (sets, measured) in [
        ("slots=1 slot_width=1", 22.0),
        ("kind=ntm", 71.0),
        ("slots=1024", 401.0),
        ("slot_width=512", 926.0),
        ("slots=1024 read_heads=4", 554.0),
        ("controller=1000 slots=1 slot_width=1", 203.0),
        ("kind=dnc", 126.0),
        ("kind=dnc slots=512 batch=4", 259.0),
        ("kind=dnc slots=16 slot_width=512", 185.0),
        ("kind=dnc slots=256 read_heads=4", 355.0),
        ("kind=lstm", 20.0),
        ("kind=lstm controller=1000", 184.0),
        ("kind=lstm controller=1000 batch=1", 140.0),
        ("kind=lstm controller=2000 batch=1", 390.0),
        ("kind=lstm-salu value=256", 70.0),
        ("kind=lstm-salu value=512", 119.0),
        ("kind=lstm-salu value=256 heads=4", 198.0),
    ] {
        let sets: Vec<String> = sets
            .split(' ')
            .map(|set| match set.starts_with("batch") {
                true => format!("train.{set}"),
                false => format!("model.{set}"),
            })
            .collect();
        let mut all: Vec<&str> = sets.iter().map(String::as_str).collect();
        all.extend([
            "threads=1",
            "train.valid_episodes=4",
            "data.lengths.train.min=20",
            "data.lengths.valid.min=2",
            "data.lengths.valid.max=2",
        ]);
        near(&sets.join(" "), estimate(&config("copy", &all)), measured);
    }
}

/// Likewise of other experiments, to which the factors were not fitted.
#[test]
fn the_estimate_is_near_the_peaks_of_other_experiments() {
    for (name, sets, measured) in [
        ("stories", &["threads=2"][..], 33.0),
        ("stories", &["threads=1", "model.hidden=1024"], 106.0),
        // Two blocks of a validation.
        (
            "stories",
            &["threads=2", "model.hidden=2000", "train.valid_episodes=32"],
            804.0,
        ),
        (
            "stories",
            &["threads=2", "model.hidden=4000", "train.valid_episodes=32"],
            2862.0,
        ),
        ("mqar", &["threads=1"], 34.0),
        ("maze9", &["threads=1"], 20.0),
        ("maze9", &["threads=1", "model.hidden=1000"], 617.0),
        (
            "copy",
            &[
                "threads=2",
                "model.slots=512",
                "train.batch=64",
                "data.lengths.train.min=20",
            ],
            412.0,
        ),
    ] {
        let all = [&["train.valid_episodes=4"], sets].concat();
        near(
            &format!("{name} {sets:?}"),
            estimate(&config(name, &all)),
            measured,
        );
    }
}

fn refused(config: &Config, gib: f64) -> Option<String> {
    let (model, load) = training(config);
    let left = bound(gib * 1024_f64.powi(3), "a test").expect("some");
    let error = fits(config, &model, &load, &OF_DATA, &left).err()?;
    assert!(matches!(error, TrainError::Room { .. }), "{error}");
    Some(error.to_string())
}

#[test]
fn a_size_that_does_not_fit_is_named_with_the_figures() {
    for (kind, key, gib) in [
        ("mnm", "model.controller=16384", 4.0),
        ("mnm", "model.hidden=8192", 3.8),
        ("mnm", "model.value=16384", 4.0),
        ("lstm", "model.controller=16384", 4.0),
        ("ntm", "model.slots=16384", 4.0),
        ("dnc", "model.slots=2048", 4.0),
        ("ntm", "model.slot_width=16384", 4.0),
        ("lstm-salu", "model.value=16384", 3.0),
        ("ntm", "train.batch=1000000", 2.0),
    ] {
        let kind = format!("model.kind={kind}");
        let message = refused(&config("copy", &[&kind, key, "threads=2"]), gib).expect(key);
        let (name, value) = key.split_once('=').expect("a setting");
        assert!(
            message.starts_with(&format!("{name} = {value}: ")),
            "{message}"
        );
        assert!(
            message.contains("iB") && message.contains("a test"),
            "{message}"
        );
    }
}

/// The experiments that come with the program, on a machine with 4 GB, of which the system has some, with many cores.
#[test]
fn what_comes_with_the_program_is_not_refused() {
    for name in Config::names() {
        for threads in ["threads=2", "threads=16"] {
            let config = config(name, &[threads]);
            let need = estimate(&config);
            println!("{name}, {threads}: {need:.0} MiB");
            assert_eq!(refused(&config, 3.0), None, "{name}, {threads}");
        }
    }
}

#[test]
fn more_threads_batches_and_steps_take_more() {
    let base = ["threads=1", "model.kind=mnm", "train.batch=64"];
    let with = |set: &str| estimate(&config("copy", &[&base[..], &[set]].concat()));
    let alone = with("seed=1");
    for set in [
        "threads=4",
        "train.batch=100000",
        "data.lengths.train.max=100",
        "model.heads=8",
        "train.average={decay=0.9}",
    ] {
        let more = with(set);
        assert!(more > alone, "{set}: {more} and {alone}");
    }
}
