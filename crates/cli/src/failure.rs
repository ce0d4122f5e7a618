//! How a failure ends: one message, one exit code.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Error;
use mnm_controller::ControllerError;
use mnm_report::report::ReportError;
use mnm_tasks::environment::EnvironmentError;
use mnm_tasks::{BabiError, OptionError, TaskError};
use mnm_trainer::ask::AskError;
use mnm_trainer::config::{did_you_mean, some_of};
use mnm_trainer::{ConfigError, TrainError};

use crate::output::{ReaderGone, say};
use crate::ranks;

/// Something that the user asked for and cannot have as asked: a matter of the command line.
#[derive(Debug)]
pub struct Usage(pub String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Adds to an error about bAbI data that are not there, which names the setting of a config, that here a flag takes its place.
pub fn at_data(error: TrainError) -> Error {
    let missing = matches!(
        error,
        TrainError::Babi(BabiError::Missing { .. })
            | TrainError::Task(TaskError::Babi(BabiError::Missing { .. }))
    );
    let error = Error::new(error);
    if missing {
        error.context("say where the data are with --data DIR")
    } else {
        error
    }
}

/// Says what went wrong, and gives the exit code: 2 if the command line or the config is at fault, else 1.
pub fn report(error: &Error) -> ExitCode {
    // What ends one rank ends all of them, and is said once; the launcher passes on the code of the one that says it.
    if error.is::<ReaderGone>() || ranks::is_silent() {
        return ExitCode::SUCCESS;
    }
    say(&format!("error: {}{}", message(error), hint(error)));
    ExitCode::from(if is_usage(error) { 2 } else { 1 })
}

/// What there is in the place of a run that is not there, or that is no folder.
fn hint(error: &Error) -> String {
    let Some(run) = error.chain().find_map(no_run) else {
        let kinds = error
            .chain()
            .filter_map(|cause| cause.downcast_ref::<std::io::Error>());
        return match kinds.map(std::io::Error::kind).next() {
            // The latter of a folder that was to be made.
            Some(ErrorKind::NotADirectory | ErrorKind::AlreadyExists) => {
                "; there is a file where a folder is wanted".to_owned()
            }
            _ => String::new(),
        };
    };
    if run.is_file() {
        return "; it is a file, and a run is the folder that holds it".to_owned();
    }
    let beside = run.parent().filter(|folder| !folder.as_os_str().is_empty());
    let runs = beside
        .into_iter()
        .chain([run, Path::new("runs"), Path::new(".")])
        .find_map(|folder| Some(runs_in(folder)).filter(|runs| !runs.is_empty()));
    let Some(runs) = runs else {
        return format!("; `mnm train stories --out {}` makes one", run.display());
    };
    let asked = run.file_name().unwrap_or_default().to_string_lossy();
    let name = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned();
    let names: Vec<String> = runs.iter().map(|run| name(run)).collect();
    let likely = did_you_mean(&asked, names.iter().map(String::as_str))
        .and_then(|likely| runs.iter().find(|run| name(run) == likely));
    match likely {
        Some(likely) => format!("; did you mean {likely}?"),
        None => format!("; there are: {}", some_of(&runs)),
    }
}

/// The folder that holds no run, if this is what is wrong.
fn no_run<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a Path> {
    if let Some(ReportError::NoRun { path, .. }) = cause.downcast_ref() {
        return Some(path);
    }
    match (cause.downcast_ref(), cause.downcast_ref()) {
        (Some(TrainError::NoRun(run)), _) | (_, Some(AskError::Train(TrainError::NoRun(run)))) => {
            Some(run)
        }
        _ => None,
    }
}

/// The runs in a folder, sorted.
fn runs_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path());
    let is_run = |path: &PathBuf| {
        ["best.safetensors", "checkpoint.safetensors"]
            .iter()
            .any(|file| path.join(file).is_file())
    };
    let mut runs: Vec<PathBuf> = folders.filter(is_run).collect();
    runs.sort();
    runs.iter()
        .map(|run| run.strip_prefix(".").unwrap_or(run).display().to_string())
        .collect()
}

/// The causes from the outermost in, joined by colons. A cause that its predecessor quotes is not said twice.
fn message(error: &Error) -> String {
    error.chain().fold(String::new(), |mut text, cause| {
        let cause = cause.to_string();
        if text.is_empty() {
            return cause;
        }
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        text
    })
}

fn is_usage(error: &Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<Usage>()
            || cause.is::<ConfigError>()
            || cause.is::<OptionError>()
            || cause.downcast_ref::<TrainError>().is_some_and(is_config)
    })
}

/// Whether a config would have to be changed. (An error that only passes another one on hides it from the chain.)
fn is_config(error: &TrainError) -> bool {
    matches!(
        error,
        TrainError::Config(_)
            | TrainError::Option(_)
            | TrainError::Environment(EnvironmentError::Option(_))
            | TrainError::Kind { .. }
            | TrainError::Babi(BabiError::Option(_))
            | TrainError::Task(TaskError::Option(_) | TaskError::Babi(BabiError::Option(_)))
            | TrainError::Model(ControllerError::Config { .. })
            | TrainError::Occupied(_)
            | TrainError::NoCheckpoint { .. }
            | TrainError::Foreign(_)
            | TrainError::Room { .. }
            | TrainError::InUse(_)
            | TrainError::From { .. }
            | TrainError::OtherConfig { .. }
            | TrainError::OtherData { .. }
    )
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn causes_are_joined_and_never_repeated() {
        let inner = std::io::Error::other("disk full");
        let error = Error::new(inner).context("cannot write x: disk full");
        assert_eq!(message(&error), "cannot write x: disk full");
        let error: Error = Err::<(), _>(std::io::Error::other("disk full"))
            .context("writing x")
            .unwrap_err();
        assert_eq!(message(&error), "writing x: disk full");
    }

    #[test]
    fn a_run_that_is_not_there_brings_those_that_are() {
        let top = tempfile::TempDir::new().unwrap();
        let runs = top.path().join("runs");
        std::fs::create_dir_all(runs.join("first")).unwrap();
        std::fs::create_dir_all(runs.join("empty")).unwrap();
        let file = runs.join("first/best.safetensors");
        std::fs::write(&file, "").unwrap();
        let hinted = |path: PathBuf| hint(&Error::new(TrainError::NoRun(path)));
        let said = hinted(runs.join("nope"));
        assert!(said.contains("first") && !said.contains("empty"), "{said}");
        let reported = ReportError::NoRun {
            path: runs.join("fisrt"),
            missing: "such folder",
        };
        let likely = hint(&Error::new(reported));
        assert!(
            likely.contains("did you mean") && likely.contains("first?"),
            "{likely}"
        );
        assert!(hinted(file).contains("it is a file"));
        assert_eq!(hint(&Error::new(Usage("no".to_owned()))), "");
    }

    #[test]
    fn a_wrong_config_is_told_from_other_failures() {
        let range = ConfigError::Range {
            key: "train.batch",
            value: "0".to_owned(),
            allowed: "1 or more",
        };
        assert!(is_usage(&Error::new(range)));
        let model = ControllerError::Config {
            key: "heads",
            value: "0".to_owned(),
            allowed: "1 or more".into(),
        };
        assert!(is_usage(&Error::new(TrainError::Model(model)).context("x")));
        assert!(is_usage(&Error::new(Usage("no".to_owned()))));
        assert!(!is_usage(&Error::new(TrainError::NoRun("x".into()))));
    }
}
