//! What `inspect` draws is what happened.

use std::path::Path;

use mnm_report::inspect::{MemoryLook, inspect, look};
use mnm_tasks::Split;
use mnm_trainer::apply::{Precision, apply};
use mnm_trainer::{Config, Run, TrainOptions, Weights, train};
use tempfile::TempDir;

/// A run of a few steps on double copy of a model with a memory network, with `more` settings.
fn run(more: &[&str]) -> (TempDir, Run) {
    let sizes = ["model.value=6", "model.hidden=9", "model.heads=2"];
    run_of(&[&sizes, more].concat())
}

/// The same of any model.
fn run_of(more: &[&str]) -> (TempDir, Run) {
    let settings = [
        "data.bits=3",
        "data.lengths={ train = { min = 1, max = 5 }, valid = { min = 5, max = 5 }, test = { min = 5, max = 5 } }",
        "model.controller=8",
        "train.steps=6",
        "train.batch=4",
        "train.learning_rate=0.03",
        "train.valid_episodes=4",
    ];
    let sets: Vec<String> = settings
        .iter()
        .chain(more)
        .map(|s| (*s).to_owned())
        .collect();
    let config = Config::load("double-copy", &sets).unwrap();
    let folder = TempDir::new().unwrap();
    let options = TrainOptions {
        quiet: true,
        ..TrainOptions::default()
    };
    train(&config, folder.path(), &options).unwrap();
    let run = Run::open(folder.path(), Weights::Last, &[]).unwrap();
    (folder, run)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-5 * (1.0 + a.abs())
}

fn check(run: &Run, memory: &MemoryLook) {
    let steps = memory.rate.len();
    assert_eq!(steps, 2 + 5 + 2 * 5);
    // What `apply` gives for the same input, one sequence of it.
    let episode = run.task.episode(Split::Valid, 1).unwrap();
    let mnm_tasks::Input::Dense(rows) = &episode.input else {
        panic!("double copy shows vectors");
    };
    let x = rows
        .clone()
        .insert_axis(ndarray::Axis(1))
        .into_dyn()
        .into_shared();
    let applied = apply(&run.checkpoint, &x, None, None, Precision::Single).unwrap();
    for t in 0..steps {
        let rate = f64::from(applied.get("rates").unwrap()[[t, 0]]);
        let meta = f64::from(applied.get("meta").unwrap()[[t]]);
        assert!(close(memory.rate[t], rate) && close(memory.after[t], meta));
        assert!(memory.rate[t] > 0.0 && memory.rate[t] < 1.0);
    }
    // 34 writes under keys of 6 entries are more than a linear memory holds.
    assert_eq!(memory.closed_form.len(), steps);
    assert!(memory.closed_form.iter().sum::<f64>() > 1e-6);
    // Nothing is written after the last write.
    assert!(close(memory.at_end[steps - 1], memory.after[steps - 1]));
    // Something was overwritten before.
    assert!(!close(memory.at_end[0], memory.after[0]));
    for ((read, write), cosine) in memory.similarity.indexed_iter() {
        assert_eq!(cosine.is_nan(), write > read, "later writes are not seen");
        assert!(cosine.is_nan() || cosine.abs() <= 1.0 + 1e-6);
    }
    assert_eq!(memory.spectra.len(), 3);
    for spectrum in &memory.spectra {
        let lengths = [&spectrum.before, &spectrum.after, &spectrum.change].map(|s| s.len());
        assert!(lengths == [6; 3] || lengths == [9; 3], "{lengths:?}");
        assert!(spectrum.change[0] > 1e-4, "something was written");
        // Weyl: no singular value moves further than the change's largest.
        for (before, after) in spectrum.before.iter().zip(&spectrum.after) {
            assert!((before - after).abs() <= spectrum.change[0] + 1e-5);
        }
    }
}

#[test]
fn the_numbers_are_those_of_the_model() {
    for rule in ["mnm-p", "mnm-g"] {
        let (_folder, run) = run(&[&format!("model.rule={rule}")]);
        let look = look(&run, Split::Valid, 1).unwrap();
        assert_eq!(look.words.len(), 17);
        assert_eq!(look.words[0], "...#.", "the start flag");
        assert_eq!(look.asked.iter().filter(|asked| **asked).count(), 10);
        assert_eq!(look.logits.dim(), (10, 3));
        assert!(look.hidden.iter().all(|length| *length > 0.0));
        check(&run, &look.memory.unwrap());
    }
}

#[test]
fn a_plain_lstm_has_no_memory_to_look_at() {
    let (_folder, run) = run_of(&["model.kind=lstm"]);
    assert!(look(&run, Split::Test, 0).unwrap().memory.is_none());
    let html = inspect(&run, Split::Test, 0, "").unwrap().html;
    assert!(html.contains("no memory network"));
}

#[test]
fn the_page_and_its_pictures_are_written() {
    let (folder, run) = run(&[]);
    let inspection = inspect(&run, Split::Valid, 0, "mnm inspect runs/x").unwrap();
    for said in [
        "<code>mnm inspect runs/x</code>",
        "Seed 1, parameters of step",
    ] {
        assert!(inspection.html.contains(said), "{said}");
    }
    let names: Vec<&str> = inspection
        .pictures
        .iter()
        .map(|p| p.name.as_str())
        .collect();
    let expected = [
        "rates",
        "recall",
        "similarity",
        "singular-values-0",
        "singular-values-1",
        "singular-values-2",
        "bits-right",
        "bits-given",
    ];
    assert_eq!(names, expected);
    let pictures = inspection.write(&folder.path().join("page.html")).unwrap();
    assert_eq!(pictures, folder.path().join("page"));
    for picture in &inspection.pictures {
        let svg = std::fs::read_to_string(pictures.join(format!("{}.svg", picture.name))).unwrap();
        assert!(svg.starts_with("<svg") && inspection.html.contains(&svg));
    }
    let bare = inspection.write(&folder.path().join("bare")).unwrap();
    assert_eq!(bare, folder.path().join("bare.pictures"));
    let blocked = folder.path().join("page.html").join("x.html");
    let error = inspection.write(Path::new(&blocked)).unwrap_err();
    assert!(error.to_string().contains("cannot write"), "{error}");
}

#[test]
fn the_story_comes_first_with_what_each_answer_was_read_from() {
    let sets = [
        "model.controller=9",
        "model.value=5",
        "model.hidden=6",
        "model.embedding=7",
        "data.ticks=2",
        "train.steps=3",
        "train.batch=4",
        "train.valid_episodes=4",
    ];
    let config = Config::load("stories", &sets.map(str::to_owned)).unwrap();
    let folder = TempDir::new().unwrap();
    let options = TrainOptions {
        quiet: true,
        ..TrainOptions::default()
    };
    train(&config, folder.path(), &options).unwrap();
    let run = Run::open(folder.path(), Weights::Last, &[]).unwrap();
    let seen = look(&run, Split::Test, 0).unwrap();
    // Ten statements of two steps each, and a question after every two of them.
    assert_eq!(seen.lines.len(), 15);
    assert_eq!(seen.lines[0], 0..2);
    let without = seen.without.as_ref().unwrap();
    assert_eq!(without.dim(), (5, 15));
    for ((question, line), probability) in without.indexed_iter() {
        assert_eq!(
            probability.is_finite(),
            line < 3 * question + 2,
            "{question} {line}"
        );
    }
    let inspection = inspect(&run, Split::Test, 0, "").unwrap();
    assert_eq!(inspection.pictures[0].name, "memory-at-work");
    let svg = &inspection.pictures[0].svg;
    assert!(
        svg.contains("where is") && !svg.contains("&lt;2&gt;"),
        "{svg}"
    );
    let at = |words: &str| {
        inspection
            .html
            .find(words)
            .unwrap_or_else(|| panic!("no {words}"))
    };
    assert!(at("The memory at work") < at("The answers"));
    assert!(at("The answers") < at("What was written when"));
}
