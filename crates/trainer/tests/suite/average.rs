//! `train.average`: a mean of the parameters beside them, for tasks and for agents.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mnm_tasks::Split;
use mnm_tensor::{Parameters, SharedArray};
use mnm_trainer::checkpoint::Checkpoint;
use mnm_trainer::observe::{Observer, ObserverError};
use mnm_trainer::rl::{Agent, evaluate as play};
use mnm_trainer::{
    Config, Ended, Run, RunFolder, Summary, TrainError, TrainOptions, Weights, evaluate, train,
    train_observed,
};

const DECAY: &str = "train.average.decay=0.7";

fn config(name: &str, more: &[&str]) -> Config {
    let mut all = vec![
        "model.controller=6",
        "model.value=4",
        "model.hidden=5",
        "train.batch=4",
        "train.steps=8",
        "train.learning_rate=0.02",
        "train.decay=constant",
        "train.warmup=0",
        "train.log_every=2",
        "train.valid_every=3",
        "train.valid_episodes=8",
        "train.checkpoint_every=100",
    ];
    all.extend(match name {
        "bandit" => &["data.pulls=12", "rl.segment=5", "rl.entropy_to=1.0"][..],
        _ => &["data.questions=2", "model.embedding=5"],
    });
    all.extend(more);
    let sets: Vec<String> = all.into_iter().map(str::to_owned).collect();
    Config::load(name, &sets).unwrap()
}

fn run(config: &Config, out: &Path) -> Summary {
    let options = TrainOptions {
        resume: true,
        quiet: true,
        ..TrainOptions::default()
    };
    train(config, out, &options).unwrap()
}

fn parameters(file: &Path) -> Parameters<SharedArray<f32>> {
    Checkpoint::read(file).unwrap().parameters
}

/// Stops a training when it writes a line.
struct Stops(Arc<AtomicBool>);

impl Observer for Stops {
    fn scalars(&mut self, _step: u64, _scalars: &[(&str, f64)]) -> Result<(), ObserverError> {
        self.0.store(true, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn a_run_with_averages_is_resumed_exactly() {
    for name in ["stories", "bandit"] {
        for average in [DECAY, "train.average.last=5"] {
            let folder = tempfile::tempdir().unwrap();
            let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
            let config = config(name, &[average]);
            run(&config, &whole);
            let mut sittings = 0;
            let ended = loop {
                let options = TrainOptions {
                    resume: true,
                    quiet: true,
                    ..TrainOptions::default()
                };
                let mut stops = Stops(Arc::clone(&options.stop));
                let summary = train_observed(&config, &parts, &options, &mut stops).unwrap();
                sittings += 1;
                if summary.ended != Ended::Interrupted {
                    break summary;
                }
            };
            assert!(sittings > 3 && ended.steps == 8, "{sittings} sittings");
            for file in [
                "metrics.jsonl",
                "checkpoint.safetensors",
                "average.safetensors",
                "best-average.safetensors",
            ] {
                let bytes = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
                let same = bytes(&whole) == bytes(&parts);
                assert!(same, "{name}, {average}: {file}");
            }
        }
    }
}

#[test]
fn the_training_does_not_know_of_its_average() {
    for name in ["stories", "bandit"] {
        let folder = tempfile::tempdir().unwrap();
        let (with, without) = (folder.path().join("with"), folder.path().join("without"));
        run(&config(name, &[DECAY]), &with);
        run(&config(name, &[]), &without);
        for file in ["checkpoint.safetensors", "best.safetensors"] {
            let same = parameters(&with.join(file)) == parameters(&without.join(file));
            assert!(same, "{name}: {file}");
        }
        let averaged = parameters(&with.join("average.safetensors"));
        assert!(averaged != parameters(&with.join("checkpoint.safetensors")));
        for file in ["average.safetensors", "best-average.safetensors"] {
            assert!(with.join(file).exists() && !without.join(file).exists());
        }
        let error = RunFolder::new(&without)
            .weights(Weights::Average)
            .unwrap_err();
        assert!(matches!(error, TrainError::NoAverage(_)));
        assert!(error.to_string().contains("train.average"), "{error}");
    }
}

#[test]
fn a_mean_over_the_last_steps_is_that_of_their_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let last = |steps: &str| {
        let out = folder.path().join(steps);
        let steps = format!("train.steps={steps}");
        run(&config("stories", &[&steps, "train.average.last=2"]), &out);
        out
    };
    let (before, at_end) = (last("7"), last("8"));
    let [before, now] =
        [&before, &at_end].map(|out| parameters(&out.join("checkpoint.safetensors")));
    let mean = parameters(&at_end.join("average.safetensors"));
    assert!(before != now);
    for (name, mean) in mean.iter() {
        let (before, now) = (before.get(name).unwrap(), now.get(name).unwrap());
        for ((mean, before), now) in mean.iter().zip(before).zip(now) {
            assert!((mean - (before + now) / 2.0).abs() < 1e-6, "{name}");
        }
    }
}

/// A run that ends before its last part has begun has no mean of it, and says so where one is asked for.
#[test]
fn a_run_that_ends_early_has_no_mean_over_its_last_steps() {
    let folder = tempfile::tempdir().unwrap();
    // Any error will do: it ends at the first validation, after three steps of a hundred.
    let early = [
        "train.steps=100",
        "train.stop_error=100",
        "train.average.last=5",
    ];
    let summary = run(&config("stories", &early), folder.path());
    assert_eq!(summary.steps, 3);
    assert!(summary.average.is_none() && summary.best_average.is_none());
    for file in ["average.safetensors", "best-average.safetensors"] {
        assert!(!folder.path().join(file).exists(), "{file}");
    }
    let told = Run::open(folder.path(), Weights::Average, &[])
        .err()
        .unwrap();
    let told = told.to_string();
    assert!(told.contains("train.average"), "{told}");
    Run::open(folder.path(), Weights::Last, &[]).unwrap();
}

#[test]
fn the_figures_of_a_run_are_those_of_its_averaged_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let (answers, agent) = (folder.path().join("answers"), folder.path().join("agent"));
    let summary = run(&config("stories", &[DECAY]), &answers);
    let of = |weights| {
        let run = Run::open(&answers, weights, &[]).unwrap();
        let task = run.task.as_ref();
        let found = evaluate(task, &run.model, &run.parameters, Split::Valid, 8).unwrap();
        (found.error.mean, found.loss)
    };
    let (last, best) = (summary.average.unwrap(), summary.best_average.unwrap());
    assert_eq!((last.error, last.loss), of(Weights::Average));
    assert_eq!((best.error, best.loss), of(Weights::BestAverage));
    assert_eq!(last.step, 8, "though no validation was due");
    assert!([3, 6].contains(&best.step));

    let found = run(&config("bandit", &[DECAY]), &agent).agent.unwrap();
    let of = |weights| {
        let agent = Agent::open(&agent, weights, &[]).unwrap().unwrap();
        Some(play(&agent, Split::Valid, 8).unwrap().agent.reward.mean)
    };
    assert_eq!(found.average_reward, of(Weights::Average));
    assert_eq!(found.best_average_reward, of(Weights::BestAverage));
    for (out, figure) in [(&answers, "average"), (&agent, "average_reward")] {
        let text = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
        let valid = text.lines().filter(|line| line.contains("valid"));
        let averaged = valid.filter(|line| line.contains(&format!("\"{figure}\":")));
        assert_eq!(averaged.count(), 2, "{text}");
    }
}

#[test]
fn averages_out_of_range_are_named_and_a_run_keeps_its_own() {
    let load = |set: &str| Config::load("stories", &[set.to_owned()]);
    for set in [
        "train.average.decay=1.0",
        "train.average.decay=-0.1",
        "train.average.last=0",
        "train.average.first=3",
        "train.average=0.9",
    ] {
        let error = load(set).expect_err(set).to_string();
        assert!(error.contains("train.average"), "{set}: {error}");
    }
    let printed = load(DECAY).unwrap().to_toml();
    let again = Config::parse("printed", &printed, &[]).unwrap();
    assert_eq!(again.to_toml(), printed);
    assert!(!load("seed=2").unwrap().to_toml().contains("average"));

    let folder = tempfile::tempdir().unwrap();
    run(&config("stories", &[DECAY]), folder.path());
    let options = TrainOptions {
        resume: true,
        quiet: true,
        ..TrainOptions::default()
    };
    let error = train(&config("stories", &[]), folder.path(), &options).unwrap_err();
    assert!(error.to_string().contains("train.average"), "{error}");
}

#[test]
fn a_run_with_averages_that_goes_on_for_longer_is_one_that_never_stopped() {
    for name in ["stories", "bandit"] {
        let folder = tempfile::tempdir().unwrap();
        let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
        let longer = config(name, &[DECAY, "train.steps=16"]);
        run(&longer, &whole);
        // After step 8 the averages are validated for the summary, although no validation is due.
        run(&config(name, &[DECAY]), &parts);
        run(&longer, &parts);
        for file in ["checkpoint.safetensors", "average.safetensors"] {
            let bytes = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
            assert!(bytes(&whole) == bytes(&parts), "{name}: {file}");
        }
        // Its config may be that of the first sitting, with other `train.steps`.
        let best = |folder: &Path| {
            let path = RunFolder::new(folder).best_average();
            let best = Checkpoint::read(&path).unwrap();
            (best.parameters, best.progress)
        };
        assert!(best(&whole) == best(&parts), "{name}: the best average");
    }
}

#[test]
fn averaged_parameters_carry_their_step_and_are_made_again_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    // One validation, at the last step.
    let config = config("stories", &[DECAY, "train.valid_every=8"]);
    run(&config, &out);
    let files = RunFolder::new(&out);
    let (average, best) = (files.average(), files.best_average());
    for path in [&average, &best] {
        let written = std::fs::read(path).unwrap();
        assert_eq!(Checkpoint::read(path).unwrap().progress["step"], 8);
        // Killed before it was written, or after the file of another step: the checkpoint has what is needed.
        let other = Checkpoint {
            progress: serde_json::json!({ "step": 3 }),
            ..Checkpoint::read(path).unwrap()
        };
        std::fs::remove_file(path).unwrap();
        run(&config, &out);
        assert!(
            std::fs::read(path).unwrap() == written,
            "{}",
            path.display()
        );
        other.write(path).unwrap();
        run(&config, &out);
        assert!(
            std::fs::read(path).unwrap() == written,
            "{}",
            path.display()
        );
    }
}

#[test]
fn the_best_averaged_parameters_are_those_that_the_checkpoint_knows_of() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let config = config("stories", &[DECAY]);
    run(&config, &out);
    let path = RunFolder::new(&out).best_average();
    let best = Checkpoint::read(&path).unwrap();
    let step = best.progress["step"].as_u64().unwrap();
    assert!([3, 6].contains(&step), "8 is the step of the checkpoint");
    let refused = || {
        let options = TrainOptions {
            resume: true,
            quiet: true,
            ..TrainOptions::default()
        };
        let message = train(&config, &out, &options).unwrap_err().to_string();
        assert!(message.contains("best-average.safetensors"), "{message}");
        message
    };
    let other = Checkpoint {
        progress: serde_json::json!({ "step": 4 }),
        ..best.clone()
    };
    other.write(&path).unwrap();
    let message = refused();
    for part in ["after step 4", &format!("after step {step}")] {
        assert!(message.contains(part), "{message}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(refused().contains("gone"));
    best.write(&path).unwrap();
    run(&config, &out);
}
