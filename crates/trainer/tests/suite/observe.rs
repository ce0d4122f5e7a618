//! Who looks at a training is told what it writes down.

use mnm_trainer::observe::{Observer, ObserverError};
use mnm_trainer::{Config, RunFolder, TrainError, TrainOptions, train_observed};

use crate::sizes;

fn config(name: &str) -> Config {
    let sets = [
        "model.controller=5",
        "model.value=4",
        "model.hidden=4",
        "train.batch=4",
        "train.steps=6",
        "train.log_every=2",
        "train.valid_every=3",
        "train.valid_episodes=4",
        "train.checkpoint_every=4",
    ];
    sizes::load(name, sets.to_vec())
}

fn options() -> TrainOptions {
    TrainOptions {
        quiet: true,
        ..TrainOptions::default()
    }
}

#[derive(Default)]
struct Notes {
    events: Vec<String>,
    figures: Vec<(u64, String, f64)>,
    /// Fails when this event comes.
    fails_at: &'static str,
}

impl Notes {
    fn take(&mut self, event: &str) -> Result<(), ObserverError> {
        self.events.push(event.to_owned());
        if event == self.fails_at {
            return Err("the disk is full of pictures".into());
        }
        Ok(())
    }
}

impl Observer for Notes {
    fn begin(&mut self, folder: &RunFolder, step: u64) -> Result<(), ObserverError> {
        assert_eq!(step, 0);
        assert!(folder.config().exists() && folder.checkpoint().exists());
        self.take("begin")
    }

    fn scalars(&mut self, step: u64, scalars: &[(&str, f64)]) -> Result<(), ObserverError> {
        let figures = scalars.iter();
        self.figures
            .extend(figures.map(|(name, value)| (step, (*name).to_owned(), *value)));
        self.take(&format!("{} {step}", &scalars[0].0[..5]))
    }

    fn save(&mut self) -> Result<(), ObserverError> {
        self.take("save")
    }

    fn end(&mut self, folder: &RunFolder) -> Result<(), ObserverError> {
        assert!(folder.summary().exists());
        self.take("end")
    }
}

#[test]
fn an_observer_is_told_every_line_in_its_order() {
    for (name, figure) in [("copy", "error"), ("bandit", "reward")] {
        let folder = tempfile::tempdir().unwrap();
        let mut notes = Notes::default();
        train_observed(&config(name), folder.path(), &options(), &mut notes).unwrap();
        // A checkpoint with every better validation, when one is due, and at the end.
        let saves = |event: &&String| *event == "save";
        assert!(notes.events.iter().filter(saves).count() >= 3, "{name}");
        let events: Vec<&String> = notes.events.iter().filter(|event| !saves(event)).collect();
        assert_eq!(notes.events[notes.events.len() - 2], "save", "{name}");
        let expected = [
            "begin", "train 2", "valid 3", "train 4", "train 6", "valid 6", "end",
        ];
        assert_eq!(events, expected, "{name}");
        let metrics = std::fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap();
        let mut lines = 0;
        for line in metrics.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let tag = format!("{}/{figure}", line["kind"].as_str().unwrap());
            let told = notes
                .figures
                .iter()
                .find(|(step, name, _)| line["step"] == *step && *name == tag)
                .unwrap_or_else(|| panic!("{tag}"));
            assert_eq!(line[figure].as_f64(), Some(told.2));
            lines += 1;
        }
        assert_eq!(lines, 5);
    }
}

#[test]
fn a_training_ends_with_an_observer_that_cannot_go_on() {
    for fails_at in ["begin", "train 2", "valid 3", "save", "end"] {
        let folder = tempfile::tempdir().unwrap();
        let mut notes = Notes {
            fails_at,
            ..Notes::default()
        };
        let error =
            train_observed(&config("copy"), folder.path(), &options(), &mut notes).unwrap_err();
        assert!(matches!(error, TrainError::Observer(_)));
        assert_eq!(error.to_string(), "the disk is full of pictures");
        assert_eq!(notes.events.last().map(String::as_str), Some(fails_at));
    }
}
