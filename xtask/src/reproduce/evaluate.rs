//! Evaluates what was trained, and keeps what `mnm eval` prints.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::interrupt::apart;
use super::job::Job;
use super::train::Plan;
use crate::{files, shell};

/// Where an evaluation that is kept says what it was made with.
const ARGUMENTS: &str = "arguments";

/// An evaluation that the suite asks for.
pub struct Wanted {
    /// What `mnm eval` is told beside the run, the data's folder and that we read JSON.
    pub arguments: Vec<String>,
    /// Where its outcome is kept.
    pub path: PathBuf,
}

impl Wanted {
    /// Is there an outcome, and by these arguments? The suite may have changed since.
    pub fn is_made(&self) -> bool {
        std::fs::read_to_string(&self.path)
            .ok()
            .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
            .is_some_and(|kept| kept[ARGUMENTS] == serde_json::json!(self.arguments))
    }
}

/// Makes the evaluations of a finished run that have not been made yet.
///
/// # Errors
/// If `mnm eval` fails, or what it printed cannot be kept.
pub fn evaluated(plan: &Plan<'_>, job: &Job) -> Result<()> {
    let wanted = job.evaluations();
    let mut missing = wanted.iter().filter(|wanted| !wanted.is_made());
    missing.try_for_each(|wanted| evaluate(plan, job, wanted))
}

/// Keeps what `mnm eval` prints.
fn evaluate(plan: &Plan<'_>, job: &Job, Wanted { arguments, path }: &Wanted) -> Result<()> {
    let mut command = Command::new(&plan.mnm);
    command
        .arg("eval")
        .arg(&job.folder.path)
        .arg("--json")
        .args(arguments);
    if let Some(data) = plan.data.filter(|_| job.reads_data) {
        command.arg("--data").arg(data);
    }
    apart(&mut command);
    let text = shell::capture(&mut command)?;
    let mut value: serde_json::Value = serde_json::from_str(text.trim()).with_context(|| {
        format!(
            "`{}` printed something that is not JSON",
            shell::typed(&command)
        )
    })?;
    if let Some(object) = value.as_object_mut() {
        object.insert(ARGUMENTS.to_owned(), serde_json::json!(arguments));
    }
    // A file that is there is taken for a finished evaluation.
    files::write(path, &format!("{value:#}\n"))
}
