//! Files of a run that are gone, exchanged or cut: put right, or refused by name, and never begun anew.

use std::fs;
use std::path::Path;

use mnm_trainer::checkpoint::Checkpoint;
use mnm_trainer::observe::{Observer, ObserverError};
use mnm_trainer::{
    Config, Run, RunFolder, TrainError, TrainOptions, Weights, train, train_observed,
};
use tempfile::TempDir;

const CHECKPOINT: &str = "checkpoint.safetensors";
const BEST: &str = "best.safetensors";
const METRICS: &str = "metrics.jsonl";

fn config(more: &[&str]) -> Config {
    let sets = [
        "model.controller=5",
        "model.value=4",
        "model.hidden=4",
        "train.batch=4",
        "train.steps=9",
        "train.log_every=2",
        "train.valid_every=3",
        "train.valid_episodes=4",
        "train.checkpoint_every=4",
    ];
    let sets = sets.iter().chain(more);
    let sets: Vec<String> = sets.map(|set| (*set).to_owned()).collect();
    Config::load("stories", &sets).unwrap()
}

fn options(resume: bool) -> TrainOptions {
    TrainOptions {
        resume,
        quiet: true,
        ..TrainOptions::default()
    }
}

/// A folder with a run of nine steps that is to go on to twelve, as it is after a kill.
fn killed() -> TempDir {
    let folder = TempDir::new().unwrap();
    train(&config(&[]), folder.path(), &options(false)).unwrap();
    fs::remove_file(folder.path().join("summary.json")).unwrap();
    folder
}

fn go_on(out: &Path) -> Result<(), TrainError> {
    train(&config(&["train.steps=12"]), out, &options(true)).map(|_| ())
}

/// The message with which a run does not go on, and nothing is changed.
#[track_caller]
fn refused(out: &Path) -> String {
    let files =
        || [CHECKPOINT, BEST, METRICS, "config.toml"].map(|name| fs::read(out.join(name)).ok());
    let before = files();
    let message = go_on(out).unwrap_err().to_string();
    assert!(before == files(), "something was written: {message}");
    message
}

#[test]
fn a_run_whose_checkpoint_is_gone_is_not_begun_anew() {
    let folder = killed();
    fs::remove_file(folder.path().join(CHECKPOINT)).unwrap();
    let message = refused(folder.path());
    assert!(
        message.contains(CHECKPOINT) && message.contains("train.from"),
        "{message}"
    );
    // Nor where the best parameters are gone too.
    fs::remove_file(folder.path().join(BEST)).unwrap();
    assert!(refused(folder.path()).contains(CHECKPOINT));
}

/// Whatever is left of it, each by itself.
#[test]
fn any_file_of_a_run_says_that_there_was_one() {
    let top = TempDir::new().unwrap();
    let config = config(&["train.average.decay=0.5"]);
    let whole = top.path().join("whole");
    train(&config, &whole, &options(false)).unwrap();
    fs::write(whole.join("evaluation-test.json"), "{}").unwrap();
    fs::write(whole.join("curves.svg"), "").unwrap();
    fs::write(whole.join("notes.txt"), "").unwrap();
    for entry in fs::read_dir(&whole).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let part = top.path().join(format!("part-{name}"));
        fs::create_dir(&part).unwrap();
        let file = part.join(&name);
        fs::copy(whole.join(&name), &file).unwrap();
        let before = fs::read(&file).unwrap();
        for resume in [false, true] {
            let outcome = train(&config, &part, &options(resume));
            if name == "notes.txt" || (name == CHECKPOINT && resume) {
                // The checkpoint misses its metrics.
                assert_eq!(outcome.is_ok(), name == "notes.txt", "{name}");
                break;
            }
            let message = outcome.unwrap_err().to_string();
            if name == CHECKPOINT {
                assert!(message.contains("--resume"), "{message}");
            } else {
                for said in [&format!("holds {name} of a run"), CHECKPOINT] {
                    assert!(message.contains(said), "{message}");
                }
            }
            assert!(before == fs::read(&file).unwrap(), "{name}");
            assert_eq!(fs::read_dir(&part).unwrap().count(), 1, "{name}");
        }
    }
}

/// Nothing is written down before the first step's checkpoint, so that a run killed at any moment has one or nothing.
#[test]
fn the_checkpoint_comes_before_every_other_file() {
    struct Killed;
    impl Observer for Killed {
        fn begin(&mut self, folder: &RunFolder, _: u64) -> Result<(), ObserverError> {
            let config = fs::metadata(folder.config())?.modified()?;
            let checkpoint = fs::metadata(folder.checkpoint())?.modified()?;
            assert!(checkpoint <= config, "the config came first");
            Err("killed".into())
        }
    }
    let top = TempDir::new().unwrap();
    let (whole, killed) = (top.path().join("whole"), top.path().join("killed"));
    let config = config(&["train.average.decay=0.5"]);
    let error = train_observed(&config, &killed, &options(false), &mut Killed).unwrap_err();
    assert_eq!(error.to_string(), "killed");
    train(&config, &whole, &options(false)).unwrap();
    train(&config, &killed, &options(true)).unwrap();
    for name in [CHECKPOINT, BEST, METRICS, "average.safetensors"] {
        let read = |folder: &Path| fs::read(folder.join(name)).unwrap();
        assert!(read(&whole) == read(&killed), "{name}");
    }
}

/// Neither a line nor a validation was due: the metrics are empty, and there are no best parameters.
#[test]
fn a_young_run_whose_checkpoint_is_gone_is_not_begun_anew() {
    struct Kills;
    impl Observer for Kills {
        fn scalars(&mut self, _: u64, _: &[(&str, f64)]) -> Result<(), ObserverError> {
            Err("killed".into())
        }
    }
    let folder = TempDir::new().unwrap();
    let config = config(&[
        "train.steps=9",
        "train.log_every=8",
        "train.valid_every=9",
        "train.checkpoint_every=3",
    ]);
    train_observed(&config, folder.path(), &options(false), &mut Kills).unwrap_err();
    let path = folder.path().join(CHECKPOINT);
    assert_eq!(Checkpoint::read(&path).unwrap().step(), Some(6));
    fs::write(folder.path().join(METRICS), "").unwrap();
    fs::remove_file(&path).unwrap();
    assert!(refused(folder.path()).contains(CHECKPOINT));
}

#[test]
#[cfg(unix)]
fn a_checkpoint_that_is_a_link_to_nowhere_is_gone() {
    let folder = killed();
    let path = folder.path().join(CHECKPOINT);
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    let moved = folder.path().join("moved");
    fs::rename(&elsewhere, &moved).unwrap();
    assert!(refused(folder.path()).contains(CHECKPOINT));
    fs::rename(&moved, &elsewhere).unwrap();
    go_on(folder.path()).unwrap();
}

#[test]
fn a_run_has_a_checkpoint_from_its_first_step_on() {
    struct Looks(Option<u64>);
    impl Observer for Looks {
        fn scalars(&mut self, _: u64, _: &[(&str, f64)]) -> Result<(), ObserverError> {
            Err("killed".into())
        }
        fn begin(&mut self, _: &RunFolder, step: u64) -> Result<(), ObserverError> {
            self.0 = Some(step);
            Ok(())
        }
    }
    let folder = TempDir::new().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    train(&config(&[]), &whole, &options(false)).unwrap();
    let mut looks = Looks(None);
    train_observed(&config(&[]), &killed, &options(false), &mut looks).unwrap_err();
    let saved = Checkpoint::read(&killed.join(CHECKPOINT)).unwrap();
    assert_eq!(saved.progress["step"], 0);
    assert!(
        !fs::read(killed.join(METRICS)).unwrap().is_empty(),
        "killed behind a line"
    );
    train(&config(&[]), &killed, &options(true)).unwrap();
    for name in [CHECKPOINT, BEST, METRICS] {
        assert!(
            fs::read(whole.join(name)).unwrap() == fs::read(killed.join(name)).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn the_best_parameters_are_those_that_the_checkpoint_knows_of() {
    let folder = killed();
    let path = folder.path().join(BEST);
    let best = Checkpoint::read(&path).unwrap();
    let checkpoint = Checkpoint::read(&folder.path().join(CHECKPOINT)).unwrap();
    let step = checkpoint.progress["best"]["step"].as_u64().unwrap();
    assert_eq!(best.progress["step"], step);
    // Of a step that the run has not reached, of another that it has passed, and gone.
    for other in [12, step + 1] {
        let progress = serde_json::json!({ "step": other });
        Checkpoint {
            progress,
            ..best.clone()
        }
        .write(&path)
        .unwrap();
        if step == 9 {
            break;
        }
        let message = refused(folder.path());
        for part in [
            BEST,
            &format!("after step {other}"),
            &format!("after step {step}"),
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
    if step != 9 {
        fs::remove_file(&path).unwrap();
        let message = refused(folder.path());
        assert!(
            message.contains(BEST) && message.contains("gone"),
            "{message}"
        );
    }
    best.write(&path).unwrap();
    go_on(folder.path()).unwrap();
}

#[test]
fn best_parameters_of_another_step_are_not_taken_for_the_runs() {
    let average = config(&["train.average={decay=0.5}"]);
    let folder = TempDir::new().unwrap();
    train(&average, folder.path(), &options(false)).unwrap();
    let checkpoint = folder.path().join(CHECKPOINT);
    let last = Checkpoint::read(&checkpoint).unwrap();
    for (weights, name, best) in [
        (Weights::Best, BEST, &["best"][..]),
        (
            Weights::BestAverage,
            "best-average.safetensors",
            &["average", "best"],
        ),
    ] {
        let path = folder.path().join(name);
        let bytes = fs::read(&path).unwrap();
        let own = Checkpoint::read(&path).unwrap();
        Run::open(folder.path(), weights, &[]).expect("its own");
        Checkpoint {
            progress: serde_json::json!({ "step": 5 }),
            ..own
        }
        .write(&path)
        .unwrap();
        // The checkpoint's own parameters are the best: the others may not have been written yet.
        let at_its_end = last.progress["step"].as_u64();
        let known = best.iter().fold(&last.progress, |value, key| &value[key]);
        let step = known["step"].as_u64().or_else(|| known[1].as_u64());
        assert!(step.is_some());
        let mut later = last.clone();
        later.progress["step"] = (at_its_end.unwrap() + 3).into();
        later.write(&checkpoint).unwrap();
        let message = Run::open(folder.path(), weights, &[])
            .err()
            .expect("not its own");
        let message = message.to_string();
        for part in [
            name,
            "after step 5",
            &format!("after step {}", step.unwrap()),
        ] {
            assert!(message.contains(part), "{message}");
        }
        Run::open(folder.path(), Weights::Last, &[]).expect("the last ones");
        if step == at_its_end {
            last.write(&checkpoint).unwrap();
            Run::open(folder.path(), weights, &[]).expect("not yet written");
        }
        // Without a checkpoint there is nothing to hold them to.
        fs::remove_file(&checkpoint).unwrap();
        Run::open(folder.path(), weights, &[]).expect("as good as any");
        fs::write(&path, bytes).unwrap();
        last.write(&checkpoint).unwrap();
    }
}

/// The checkpoint comes first: it has what is needed to make the other file.
#[test]
fn a_run_killed_between_its_checkpoint_and_its_best_parameters_makes_them_again() {
    // One validation, at the last step.
    let config = config(&["train.valid_every=9"]);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(BEST);
    train(&config, folder.path(), &options(false)).unwrap();
    let best = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    train(&config, folder.path(), &options(true)).unwrap();
    assert!(fs::read(&path).unwrap() == best);
}

#[test]
fn metrics_that_are_not_those_of_the_run_are_refused() {
    let (folder, other) = (killed(), TempDir::new().unwrap());
    train(&config(&["seed=2"]), other.path(), &options(false)).unwrap();
    let path = folder.path().join(METRICS);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.last().unwrap().contains("valid"), "{text}");
    let without_last = format!("{}\n", lines[..lines.len() - 1].join("\n"));
    let exchanged = fs::read_to_string(other.path().join(METRICS)).unwrap();
    let digit = text.replacen('1', "7", 1);
    for (what, changed) in [
        ("a copy of another run's", &exchanged[..]),
        ("cut after 50 bytes", &text[..50]),
        ("without the validation at the end", &without_last),
        ("without its first line", &text[lines[0].len() + 1..]),
        ("another digit", &digit),
    ] {
        assert_ne!(changed, text, "{what}");
        fs::write(&path, changed).unwrap();
        let message = refused(folder.path());
        assert!(
            message.contains(METRICS) && message.contains("empty one"),
            "{what}: {message}"
        );
    }
    fs::write(&path, &text).unwrap();
    go_on(folder.path()).unwrap();
    let longer = fs::read_to_string(&path).unwrap();
    assert!(longer.starts_with(&text) && longer.len() > text.len());
}

/// What somebody does to the metrics after step 4 of a run that goes on.
struct Meddler {
    path: std::path::PathBuf,
    does: fn(&Path),
}

impl Observer for Meddler {
    fn scalars(&mut self, step: u64, _: &[(&str, f64)]) -> Result<(), ObserverError> {
        if step == 4 {
            (self.does)(&self.path);
        }
        Ok(())
    }
}

#[test]
fn metrics_that_are_changed_under_a_run_are_written_anew() {
    let folder = TempDir::new().unwrap();
    let whole = folder.path().join("whole");
    train(&config(&[]), &whole, &options(false)).unwrap();
    let expected = fs::read_to_string(whole.join(METRICS)).unwrap();
    type Case = (&'static str, fn(&Path));
    let cases: [Case; 4] = [
        ("moved", |path| {
            fs::rename(path, path.with_extension("old")).unwrap()
        }),
        ("a copy over it", |path| {
            let copy = path.with_extension("copy");
            fs::copy(path, &copy).unwrap();
            fs::rename(copy, path).unwrap();
        }),
        ("cut", |path| {
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(50).unwrap();
        }),
        ("exchanged", |path| fs::write(path, "not ours").unwrap()),
    ];
    for (what, does) in cases {
        let out = folder.path().join(what);
        let path = out.join(METRICS);
        let mut meddler = Meddler {
            path: path.clone(),
            does,
        };
        train_observed(&config(&[]), &out, &options(false), &mut meddler).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), expected, "{what}");
    }
}

#[test]
fn a_model_that_fits_into_no_machine_is_refused_before_anything_is_written() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("run");
    // Each of them is allowed; together they are some terabytes.
    let config = config(&[
        "model.controller=16384",
        "model.value=16384",
        "model.hidden=16384",
        "model.layers=64",
        "model.heads=64",
    ]);
    let error = train(&config, &out, &options(false)).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, TrainError::Room { .. }), "{message}");
    assert!(
        message.starts_with("model.") && message.contains(" = 16384: "),
        "{message}"
    );
    assert!(!out.exists(), "{message}");
}

#[test]
fn the_advice_after_a_first_step_names_what_can_help() {
    let advice = |step, what: &str| {
        let (what, dump) = (what.to_owned(), "dump.safetensors".into());
        TrainError::NotFinite { step, what, dump }.to_string()
    };
    let first = advice(1, "the gradient of `memory.0.weight`");
    for part in [
        "step 1: ",
        "dump.safetensors",
        "model.memory_gain",
        "train.truncate",
    ] {
        assert!(first.contains(part), "{first}");
    }
    assert!(!first.contains("smaller train.learning_rate"), "{first}");
    for later in [
        advice(1, "`output.bias` after the step"),
        advice(7, "the task loss"),
    ] {
        for part in ["smaller train.learning_rate", "train.clip"] {
            assert!(later.contains(part), "{later}");
        }
    }
}
