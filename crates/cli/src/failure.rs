//! How a failure ends: one message, one exit code.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Error;
use mnm_controller::ControllerError;
use mnm_tasks::environment::EnvironmentError;
use mnm_tasks::{BabiError, OptionError, TaskError};
use mnm_trainer::{ConfigError, TrainError};

use crate::output::ReaderGone;

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
    if error.is::<ReaderGone>() {
        return ExitCode::SUCCESS;
    }
    // Nobody may be left to read it; then the code alone has to do.
    let _ = writeln!(std::io::stderr(), "error: {}", message(error));
    ExitCode::from(if is_usage(error) { 2 } else { 1 })
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
            | TrainError::NoCheckpoint(_)
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
