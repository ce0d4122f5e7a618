//! What a run's folder says about how far the run is.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::by_task;
use super::runs::Run;
use crate::files;

/// A run's folder and the note beside it that says what the run was started with.
pub struct Folder {
    /// The run folder itself, which belongs to `mnm train`.
    pub path: PathBuf,
    /// Where the note is.
    note: PathBuf,
    /// Where what `mnm train` prints goes.
    pub log: PathBuf,
    /// Where the evaluation is kept.
    pub evaluation: PathBuf,
}

/// How far a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Nothing that could be gone on from.
    Fresh,
    /// A checkpoint, but no finished summary.
    Begun,
    /// A summary that says so.
    Finished,
}

/// What the last line of `metrics.jsonl` tells.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps in all, if the folder's config says so.
    pub steps: Option<u64>,
    /// The latest of each figure that is worth a place in a line.
    pub figures: Vec<(String, f64)>,
    /// The last validation task by task, as one line; `None` for a single task.
    pub by_task: Option<String>,
}

/// The figures shown while a run trains: the kind of the line in `metrics.jsonl`, the name there, and the name shown.
const SHOWN: &[(&str, &str, &str)] = &[
    ("train", "loss", "loss"),
    ("train", "reward", "reward"),
    ("valid", "error", "valid error"),
    ("valid", "reward", "valid reward"),
];

/// How a line of a note begins that tells the commit of a program.
const COMMIT: &str = "commit ";

/// How much of the end of `metrics.jsonl` is looked at, in bytes.
const TAIL: u64 = 16 * 1024;

impl Folder {
    /// The folder of a run under a suite's.
    pub fn new(suite: &Path, run: &Run) -> Self {
        let beside = |kind: &str, extension: &str| {
            suite.join(kind).join(format!("{}.{extension}", run.name))
        };
        Self {
            path: suite.join(&run.name),
            note: beside("started", "txt"),
            log: beside("logs", "log"),
            evaluation: beside("evaluations", "json"),
        }
    }

    /// Where the evaluation of the best weights is kept, of a run whose own one is of its last averaged weights.
    pub fn raw(&self) -> PathBuf {
        self.evaluation.with_extension("best-of-run.json")
    }

    /// Where a further evaluation is kept.
    pub fn further(&self, name: &str) -> PathBuf {
        self.evaluation.with_extension(format!("{name}.json"))
    }

    /// How far the run is.
    pub fn state(&self) -> State {
        let finished = self
            .summary()
            .is_some_and(|summary| summary["finished"] == Value::Bool(true));
        if finished {
            State::Finished
        } else if self.path.join("checkpoint.safetensors").is_file() {
            State::Begun
        } else {
            State::Fresh
        }
    }

    /// The run's `summary.json`, if there is one that can be read.
    pub fn summary(&self) -> Option<Value> {
        let text = std::fs::read_to_string(self.path.join("summary.json")).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Compares what the run was once started with against what it would be started with now. A run whose folder was removed may start
    /// with anything.
    ///
    /// # Errors
    /// If they differ: figures of two different settings would stand under one name.
    pub fn check_note(&self, run: &Run) -> Result<()> {
        match std::fs::read_to_string(&self.note) {
            Ok(before) if self.path.exists() && settings(&before) != settings(&note(run)) => bail!(
                "{} was started with other settings than the suite now asks for (see {}); remove the folder, or choose another with --out",
                self.path.display(),
                self.note.display()
            ),
            Ok(_) => Ok(()),
            Err(_) if self.path.exists() => bail!(
                "{} is there, but was not made by this command; choose another folder with --out",
                self.path.display()
            ),
            Err(_) => Ok(()),
        }
    }

    /// Makes ready for a start by a program of `commit`: the note is written. A run that another program resumes has the commits of both.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn prepare(&self, run: &Run, commit: &str) -> Result<()> {
        for parent in [&self.log, &self.evaluation]
            .into_iter()
            .filter_map(|file| file.parent())
        {
            std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        let mut commits = match self.state() {
            State::Fresh => Vec::new(),
            // It was begun before notes told of commits.
            _ if self.commits().is_empty() => vec!["unknown".to_owned()],
            _ => self.commits(),
        };
        if !commits.iter().any(|known| known == commit) {
            commits.push(commit.to_owned());
        }
        let lines = commits.iter().map(|commit| format!("{COMMIT}{commit}\n"));
        files::write(&self.note, &(note(run) + &lines.collect::<String>()))
    }

    /// The commits of the programs that have trained the run, as far as its note tells.
    pub fn commits(&self) -> Vec<String> {
        let note = std::fs::read_to_string(&self.note).unwrap_or_default();
        let commits = note.lines().filter_map(|line| line.strip_prefix(COMMIT));
        commits.map(str::to_owned).collect()
    }

    /// How far the training is, from the files that it writes.
    pub fn progress(&self) -> Progress {
        let tail = tail(&self.path.join("metrics.jsonl")).unwrap_or_default();
        let lines = tail
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut progress = Progress {
            steps: self.steps(),
            ..Progress::default()
        };
        for line in lines {
            progress.step = line["step"].as_u64().unwrap_or(progress.step);
            if line["kind"] == "valid" {
                progress.by_task = by_task::short(&by_task::errors(&line["per_task"]));
            }
            for (kind, key, shown) in SHOWN {
                if line["kind"] == *kind
                    && let Some(figure) = line[key].as_f64()
                {
                    progress.figures.retain(|(known, _)| known != shown);
                    progress.figures.push(((*shown).to_owned(), figure));
                }
            }
        }
        // The latest line comes last; a fixed order keeps the figures in their places.
        progress.figures.sort_by(|(a, _), (b, _)| a.cmp(b));
        progress
    }

    fn steps(&self) -> Option<u64> {
        let text = std::fs::read_to_string(self.path.join("config.toml")).ok()?;
        let config: toml::Table = toml::from_str(&text).ok()?;
        let steps = config.get("train")?.get("steps")?.as_integer()?;
        u64::try_from(steps).ok()
    }
}

fn note(run: &Run) -> String {
    // The number of threads changes no figure, so another one is no other setting.
    let set: Vec<&str> = run
        .set
        .iter()
        .map(String::as_str)
        .filter(|set| !set.starts_with("threads="))
        .collect();
    format!("config {}\n{}\n", run.config, set.join("\n"))
}

/// What a note says of the run itself: its data may have been moved since, and the program may be another one. (That the data are the
/// same is for `mnm train --resume` to see.)
fn settings(note: &str) -> Vec<&str> {
    let lines = note.lines();
    lines
        .filter(|line| !line.starts_with("data.dir=") && !line.starts_with(COMMIT))
        .collect()
}

/// The end of a file, from the first whole line of it.
fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if start == 0 {
        Ok(text)
    } else {
        Ok(text
            .split_once('\n')
            .map_or(String::new(), |(_, rest)| rest.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        let set = vec![
            "train.steps=10".to_owned(),
            "threads=1".to_owned(),
            "seed=1".to_owned(),
        ];
        Run {
            name: "copy-a-seed1".to_owned(),
            experiment: 0,
            model: 0,
            config: "double-copy".to_owned(),
            set,
        }
    }

    fn fixture(files: &[(&str, &str)]) -> (tempfile::TempDir, Folder) {
        let suite = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::new(suite.path(), &run());
        folder.prepare(&run(), "1").expect("writable");
        std::fs::create_dir_all(&folder.path).expect("writable");
        for (name, text) in files {
            std::fs::write(folder.path.join(name), text).expect("writable");
        }
        (suite, folder)
    }

    #[test]
    fn a_folder_is_fresh_begun_or_finished() {
        assert_eq!(fixture(&[]).1.state(), State::Fresh);
        assert_eq!(
            fixture(&[("config.toml", "seed = 1")]).1.state(),
            State::Fresh
        );
        assert_eq!(
            fixture(&[("checkpoint.safetensors", "")]).1.state(),
            State::Begun
        );
        let half = [
            ("checkpoint.safetensors", ""),
            ("summary.json", r#"{"finished": false}"#),
        ];
        assert_eq!(fixture(&half).1.state(), State::Begun);
        assert_eq!(
            fixture(&[("summary.json", r#"{"finished": true}"#)])
                .1
                .state(),
            State::Finished
        );
        assert_eq!(
            fixture(&[("summary.json", r#"{"finis"#)]).1.state(),
            State::Fresh
        );
    }

    #[test]
    fn other_settings_under_the_same_name_are_refused_but_not_another_number_of_threads() {
        let (_suite, folder) = fixture(&[("checkpoint.safetensors", "")]);
        let mut other = run();
        other.set[1] = "threads=2".to_owned();
        folder.check_note(&other).expect("threads change no figure");
        other.set[0] = "train.steps=11".to_owned();
        let error = folder
            .check_note(&other)
            .expect_err("another run")
            .to_string();
        assert!(error.contains("--out"), "{error}");
        // As the message says, it can be removed.
        std::fs::remove_dir_all(&folder.path).expect("was made");
        folder.check_note(&other).expect("nothing is there");
    }

    #[test]
    fn a_note_tells_of_every_commit_that_trained_the_run_and_none_is_another_setting() {
        let (_suite, folder) = fixture(&[("checkpoint.safetensors", "")]);
        assert_eq!(folder.commits(), ["1"]);
        for commit in ["2", "2", "1"] {
            folder.prepare(&run(), commit).expect("writable");
            folder.check_note(&run()).expect("the same settings");
        }
        assert_eq!(folder.commits(), ["1", "2"]);
        // A start that left no checkpoint has trained nothing.
        std::fs::remove_file(folder.path.join("checkpoint.safetensors")).expect("was made");
        folder.prepare(&run(), "3").expect("writable");
        assert_eq!(folder.commits(), ["3"]);
    }

    #[test]
    fn the_same_data_in_another_place_are_no_other_setting() {
        let (_suite, folder) = fixture(&[("checkpoint.safetensors", "")]);
        let mut moved = run();
        for place in ["data.dir=/here", "data.dir=/there"] {
            moved.set.retain(|set| !set.starts_with("data.dir="));
            moved.set.push(place.to_owned());
            folder.check_note(&moved).expect("only the place differs");
            folder.prepare(&moved, "1").expect("writable");
        }
        moved.set.push("data.tasks=[1]".to_owned());
        folder.check_note(&moved).expect_err("other data");
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() {
        let suite = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::new(suite.path(), &run());
        folder.check_note(&run()).expect("nothing is there");
        std::fs::create_dir_all(&folder.path).expect("writable");
        assert!(folder.check_note(&run()).is_err());
    }

    #[test]
    fn progress_is_the_latest_of_each_figure() {
        let metrics = [
            r#"{"kind":"train","step":1,"loss":2.5,"error":90.0}"#,
            r#"{"kind":"valid","step":2,"loss":2.0,"error":40.0,"per_task":{"qa1":0.0,"qa10":80.0}}"#,
            r#"{"kind":"train","step":3,"loss":1.25,"error":80.0}"#,
            r#"{"kind":"train","step":4,"lo"#,
        ];
        let (_suite, folder) = fixture(&[
            ("metrics.jsonl", &metrics.join("\n")),
            ("config.toml", "[train]\nsteps = 10\n"),
        ]);
        let progress = folder.progress();
        assert_eq!((progress.step, progress.steps), (3, Some(10)));
        let figures = [("loss".to_owned(), 1.25), ("valid error".to_owned(), 40.0)];
        assert_eq!(progress.figures, figures);
        assert_eq!(progress.by_task.as_deref(), Some("qa1 0  qa10 80"));
        assert_eq!(fixture(&[]).1.progress(), Progress::default());
    }

    #[test]
    fn only_the_end_of_a_long_file_is_read_and_it_starts_with_a_whole_line() {
        let metrics: String = (0..5000)
            .map(|step| format!("{{\"step\":{step},\"loss\":0.5}}\n"))
            .collect();
        let (_suite, folder) = fixture(&[("metrics.jsonl", &metrics)]);
        assert_eq!(folder.progress().step, 4999);
        let text = tail(&folder.path.join("metrics.jsonl")).expect("readable");
        assert!(text.starts_with('{') && text.len() as u64 <= TAIL);
    }
}
