//! `train.from`: a run that starts with the parameters of another.

use std::path::Path;

use mnm_trainer::checkpoint::Checkpoint;
use mnm_trainer::{Config, Summary, TrainError, TrainOptions, train};

fn config(name: &str, from: Option<&Path>, sets: &[&str]) -> Config {
    let mut all = vec![
        "model.controller=9".to_owned(),
        "model.value=5".to_owned(),
        "model.hidden=6".to_owned(),
        "train.batch=8".to_owned(),
        "train.steps=4".to_owned(),
        "train.valid_every=4".to_owned(),
        "train.valid_episodes=8".to_owned(),
    ];
    all.extend(from.map(|folder| format!("train.from={}", folder.display())));
    all.extend(sets.iter().map(|&set| set.to_owned()));
    Config::load(name, &all).unwrap()
}

fn try_run(config: &Config, out: &Path, resume: bool) -> Result<Summary, TrainError> {
    let options = TrainOptions {
        resume,
        quiet: true,
        ..TrainOptions::default()
    };
    train(config, out, &options)
}

fn run(config: &Config, out: &Path) -> Summary {
    try_run(config, out, false).unwrap()
}

fn checkpoint(folder: &Path, name: &str) -> Checkpoint {
    Checkpoint::read(&folder.join(name)).unwrap()
}

/// A step that moves nothing shows what the run began with.
const NO_MOVE: &str = "train.learning_rate=1e-30";

#[test]
fn a_run_starts_with_the_best_parameters_of_the_other_and_counts_from_nought() {
    for (name, shorter) in [("stories", "data.questions=3"), ("bandit", "data.pulls=9")] {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        run(&config(name, None, &["train.learning_rate=0.01"]), &first);
        let sets = [NO_MOVE, shorter, "seed=2"];
        let summary = run(&config(name, Some(&first), &sets), &second);
        assert_eq!(summary.steps, 4);
        let (before, after) = (
            checkpoint(&first, "best.safetensors"),
            checkpoint(&second, "checkpoint.safetensors"),
        );
        assert!(before.parameters == after.parameters, "{name}");
        assert_eq!(before.vocabulary, after.vocabulary, "{name}");
        let drawn = folder.path().join("drawn");
        run(&config(name, None, &sets), &drawn);
        let drawn = checkpoint(&drawn, "checkpoint.safetensors");
        assert!(drawn.parameters != after.parameters, "{name}");
    }
}

/// The file is as good as its folder, and neither is needed once there is a checkpoint.
#[test]
fn it_starts_from_a_file_and_resumes_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    run(&config("stories", None, &[]), &path("first"));
    std::fs::copy(path("first/best.safetensors"), path("start.safetensors")).unwrap();
    let start = path("start.safetensors");
    let whole = config("stories", Some(&start), &[]);
    let half = config("stories", Some(&start), &["train.steps=2"]);
    run(&whole, &path("whole"));
    run(&half, &path("parts"));
    std::fs::remove_file(&start).unwrap();
    try_run(&whole, &path("parts"), true).unwrap();
    let [whole, parts] =
        ["whole", "parts"].map(|run| checkpoint(&path(run), "checkpoint.safetensors"));
    assert!(whole.parameters == parts.parameters && whole.optimizer == parts.optimizer);
}

#[test]
fn what_cannot_be_started_from_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (first, out) = (folder.path().join("first"), folder.path().join("out"));
    run(&config("stories", None, &["data.people=2"]), &first);
    let refused = |from: &Path, sets: &[&str]| {
        let config = config("stories", Some(from), sets);
        let error = try_run(&config, &out, false).unwrap_err().to_string();
        assert!(!out.exists(), "{error}");
        error
    };
    let wide = refused(&first, &["data.people=2", "model.controller=10"]);
    assert!(
        wide.contains("train.from") && wide.contains("controller.weight_hh"),
        "{wide}"
    );
    let words = refused(&first, &["data.people=4"]);
    assert!(
        words.contains("train.from") && words.contains("chidi, dara"),
        "{words}"
    );
    let fewer = refused(&first, &["data.people=1"]);
    assert!(fewer.contains("other numbers"), "{fewer}");
    let nowhere = refused(&folder.path().join("nowhere"), &[]);
    assert!(
        nowhere.contains("train.from") && nowhere.contains("nowhere"),
        "{nowhere}"
    );
    let empty = refused(folder.path(), &[]);
    assert!(
        empty.contains("train.from") && empty.contains("holds no run"),
        "{empty}"
    );
    // A config that asks for what is there, and a file that is not what was written.
    let file = first.join("best.safetensors");
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    for from in [&first, &file] {
        let error = try_run(
            &config("stories", Some(from), &["data.people=2"]),
            &out,
            false,
        );
        let error = error.unwrap_err();
        assert!(matches!(error, TrainError::FromFile { .. }), "{error:?}");
        let message = error.to_string();
        for part in ["train.from", "best.safetensors", "checksum"] {
            assert!(message.contains(part), "{message}");
        }
        assert!(!out.exists(), "{message}");
    }
}

/// A folder of bAbI data, whose one task has this story in training and validation.
fn babi(folder: &Path, story: &str) -> String {
    std::fs::create_dir_all(folder).unwrap();
    for split in ["train", "valid"] {
        std::fs::write(folder.join(format!("qa1_{split}.txt")), story).unwrap();
    }
    format!("data.dir={}", folder.display())
}

/// Sorted by themselves, the words of the second data would have other numbers than in the first.
#[test]
fn the_words_of_a_data_set_keep_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let rich = babi(
        &path("rich"),
        "1 Ann went to the attic.\n2 Zoe went to the shed.\n3 Where is Zoe? \tshed\t2\n4 Where is Ann? \tattic\t1\n",
    );
    let poor = babi(
        &path("poor"),
        "1 Zoe went to the shed.\n2 Where is Zoe? \tshed\t1\n",
    );
    let data = |dir, rate| [dir, "data.tasks=[1]", "data.recall=0", rate];
    // What is 0 at first would be moved even by the smallest rate.
    let moving = "train.learning_rate=0.01";
    run(&config("babi", None, &data(&rich, moving)), &path("first"));
    run(
        &config("babi", Some(&path("first")), &data(&poor, NO_MOVE)),
        &path("second"),
    );
    let (before, after) = (
        checkpoint(&path("first"), "best.safetensors"),
        checkpoint(&path("second"), "checkpoint.safetensors"),
    );
    assert!(before.vocabulary.is_some());
    assert_eq!(before.vocabulary, after.vocabulary);
    assert!(before.parameters == after.parameters);

    run(&config("babi", None, &data(&poor, NO_MOVE)), &path("third"));
    let back = config("babi", Some(&path("third")), &data(&rich, NO_MOVE));
    let error = try_run(&back, &path("fourth"), false)
        .unwrap_err()
        .to_string();
    assert!(error.contains("ann") && error.contains("attic"), "{error}");
}

#[test]
fn a_run_goes_on_where_its_data_have_been_moved_to_and_not_with_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let story = "1 Zoe went to the shed.\n2 Where is Zoe? \tshed\t1\n";
    let other = "1 Ann went to the attic.\n2 Where is Ann? \tattic\t1\n";
    let [here, there] = ["here", "there"].map(|name| babi(&path(name), story));
    let longer = format!(
        "{story}{}",
        other.replace("1 A", "3 A").replace("2 W", "4 W")
    );
    let more = babi(&path("more"), &longer);
    let other = babi(&path("other"), other);
    let at = |dir: &str, from: Option<&Path>, steps| {
        config(
            "babi",
            from,
            &[dir, "data.tasks=[1]", "data.rename=[]", steps],
        )
    };
    run(&at(&here, None, "train.steps=4"), &path("run"));
    std::fs::remove_dir_all(path("here")).unwrap();
    let on = |dir: &str, steps| try_run(&at(dir, None, steps), &path("run"), true);
    assert_eq!(on(&there, "train.steps=6").unwrap().steps, 6);
    let before = std::fs::read(path("run").join("checkpoint.safetensors")).unwrap();
    for (dir, words) in [
        (&other, &["ann, attic", "shed, zoe"][..]),
        (&more, &["ann, attic"]),
    ] {
        let error = on(dir, "train.steps=8").unwrap_err();
        assert!(matches!(error, TrainError::OtherData { .. }), "{error}");
        let message = error.to_string();
        for part in words.iter().chain(&["data.dir"]) {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
    let after = std::fs::read(path("run").join("checkpoint.safetensors")).unwrap();
    assert!(before == after, "what was refused has been written");

    // Its first parameters know more words than its own data have.
    run(&at(&more, None, "train.steps=4"), &path("rich"));
    let from = path("rich");
    run(&at(&there, Some(&from), "train.steps=4"), &path("second"));
    let resumed = at(&there, Some(&from), "train.steps=5");
    assert_eq!(try_run(&resumed, &path("second"), true).unwrap().steps, 5);
}
