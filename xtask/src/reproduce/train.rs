//! Trains and evaluates runs as `mnm` subprocesses, several at a time.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

use super::evaluate::evaluated;
use super::folder::State;
use super::interrupt::{apart, stopped, watch};
use super::job::Job;
use super::share::TOGETHER;
use super::view::{Line, View};
use crate::shell;

/// What the workers need to know.
pub struct Plan<'a> {
    /// The `mnm` program.
    pub mnm: PathBuf,
    /// The commit that it was built from, in words.
    pub commit: String,
    /// How many runs at a time.
    pub jobs: usize,
    /// The folder that `mnm eval` reads from, where it is not the one of the config.
    pub data: Option<&'a Path>,
}

/// How a job ended.
#[derive(Debug)]
pub enum Outcome {
    /// Trained and evaluated, now or before.
    Done,
    /// We were asked to stop; the run can be gone on with.
    Stopped,
    /// It went wrong, in these words.
    Failed(String),
}

/// Works through the jobs; the outcomes are in the order of the jobs.
pub fn work(plan: &Plan<'_>, jobs: &[Job]) -> Vec<Outcome> {
    let open: VecDeque<usize> = (0..jobs.len())
        .filter(|&index| !jobs[index].is_done())
        .collect();
    let view = View::new(open.len());
    let total = open.len();
    let queue = Mutex::new(open);
    let outcomes: Vec<Mutex<Option<Outcome>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.min(total) {
            scope.spawn(|| {
                while !stopped()
                    && let Some((place, index)) = next(&queue, total)
                {
                    let outcome = one(plan, &jobs[index], &view, place);
                    if let Ok(mut slot) = outcomes[index].lock() {
                        *slot = Some(outcome);
                    }
                }
            });
        }
    });
    outcomes
        .into_iter()
        .zip(jobs)
        .map(|(slot, job)| match slot.into_inner().ok().flatten() {
            Some(outcome) => outcome,
            None if job.is_done() => Outcome::Done,
            None => Outcome::Stopped,
        })
        .collect()
}

/// The next job and its place in the queue, counted from 1.
fn next(queue: &Mutex<VecDeque<usize>>, total: usize) -> Option<(usize, usize)> {
    let mut queue = queue.lock().ok()?;
    let index = queue.pop_front()?;
    Some((total - queue.len(), index))
}

/// One job from its folder's state to its evaluation.
fn one(plan: &Plan<'_>, job: &Job, view: &View, place: usize) -> Outcome {
    let mut line = view.start(place, &job.run.name, job.folder.state() == State::Begun);
    let outcome = match trained(plan, job, &mut line).and_then(|trained| {
        if trained {
            line.message("evaluating");
            evaluated(plan, job)?;
        }
        Ok(trained)
    }) {
        Ok(true) => Outcome::Done,
        Ok(false) => Outcome::Stopped,
        Err(error) => Outcome::Failed(format!("{error:#}")),
    };
    let end = match &outcome {
        Outcome::Done => "done",
        Outcome::Stopped => "stopped, can be gone on with",
        Outcome::Failed(_) => "FAILED",
    };
    line.end(end);
    outcome
}

/// The command that starts a run or goes on with it.
fn command(mnm: &Path, job: &Job) -> Command {
    let mut command = Command::new(mnm);
    command.args(["train", &job.run.config]);
    for set in &job.run.set {
        command.args(["--set", set]);
    }
    command.arg("--out").arg(&job.folder.path);
    // A start that came to nothing starts anew: only folders with our note get here.
    if job.folder.path.exists() {
        command.arg("--resume");
    }
    // OpenBLAS would start threads of its own in every run; it is never where the time goes.
    command.env("OPENBLAS_NUM_THREADS", "1");
    // Each run by itself, though a launcher may have started several of us.
    for name in TOGETHER {
        command.env_remove(name);
    }
    command
}

/// Trains until the run is finished; `false` if we were asked to stop before.
fn trained(plan: &Plan<'_>, job: &Job, line: &mut Line<'_>) -> Result<bool> {
    if job.folder.state() == State::Finished {
        return Ok(true);
    }
    job.folder.prepare(&job.run, &plan.commit)?;
    // They are of the weights before.
    for evaluation in job.evaluations() {
        match std::fs::remove_file(&evaluation.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| evaluation.path.display().to_string());
            }
            _ => {}
        }
    }
    let mut command = command(&plan.mnm, job);
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&job.folder.log)
        .with_context(|| job.folder.log.display().to_string())?;
    let errors = log.try_clone().context("the log cannot be opened twice")?;
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    apart(&mut command);
    let mut child = command
        .spawn()
        .with_context(|| format!("`{}` could not be started", shell::typed(&command)))?;
    let status = watch(&mut child, || line.update(&job.folder.progress()))
        .context("waiting for `mnm train`")?;
    match job.folder.state() {
        State::Finished => Ok(true),
        _ if stopped() => Ok(false),
        _ => {
            let log = std::fs::read_to_string(&job.folder.log).unwrap_or_default();
            bail!(
                "`{}` ended with {status} before the run was finished; the last lines of {}:\n{}",
                shell::typed(&command),
                job.folder.log.display(),
                shell::indented(&shell::last_lines(&log, 12))
            )
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::reproduce::folder::Folder;
    use crate::reproduce::runs::Run;

    /// A stand-in for `mnm` with the same contract: trains at once, notes its arguments, fails for seed 3.
    const STAND_IN: &str = r#"#!/bin/sh
case "$1" in
train)
  case "$*" in *seed=3*) echo "the loss is not finite at step 7" >&2; exit 1;; esac
  for last; do :; done
  out=; while [ $# -gt 0 ]; do [ "$1" = --out ] && out=$2; echo "$1" >> "$0.arguments"; shift; done
  mkdir -p "$out"
  echo '{"step":2,"loss":0.5}' > "$out/metrics.jsonl"
  echo '{"finished":true,"steps":2,"parameters":10}' > "$out/summary.json";;
eval)
  echo "$*" >> "$0.evaluations"
  echo '{"task":"t","split":"valid","error":{"mean":1.5},"questions":9}';;
esac
"#;

    fn fixture() -> (tempfile::TempDir, Plan<'static>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (text, mnm) = (folder.path().join("mnm.txt"), folder.path().join("mnm"));
        std::fs::write(&text, STAND_IN).expect("writable");
        // By another process: a file that this one has open to write goes, for a moment, to every child that another test
        // starts meanwhile, and cannot be run as long as a child has it ("text file busy").
        let made = Command::new("install")
            .args(["-m", "755"])
            .args([&text, &mnm])
            .status()
            .expect("install");
        assert!(made.success());
        (
            folder,
            Plan {
                mnm,
                commit: "1".to_owned(),
                jobs: 2,
                data: None,
            },
        )
    }

    fn job(suite: &Path, seed: u64) -> Job {
        let set = vec!["model.kind=lstm".to_owned(), format!("seed={seed}")];
        let run = Run {
            name: format!("r{seed}"),
            experiment: 0,
            model: 0,
            config: "double-copy".to_owned(),
            set,
        };
        let folder = Folder::new(&suite.join("suite"), &run);
        Job {
            run,
            folder,
            split: "valid".to_owned(),
            episodes: (seed == 1).then_some(77),
            further: Vec::new(),
            reads_data: false,
        }
    }

    fn noted(plan: &Plan<'_>, what: &str) -> String {
        let path = format!("{}.{what}", plan.mnm.display());
        std::fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn runs_are_trained_and_evaluated_and_one_failure_does_not_stop_the_others() {
        let (folder, plan) = fixture();
        let jobs: Vec<Job> = (1..=4).map(|seed| job(folder.path(), seed)).collect();
        let outcomes = work(&plan, &jobs);
        for index in [0, 1, 3] {
            assert!(
                matches!(outcomes[index], Outcome::Done),
                "{:?}",
                outcomes[index]
            );
            let text = std::fs::read_to_string(&jobs[index].folder.evaluation).expect("evaluated");
            assert!(text.contains("1.5"), "{text}");
        }
        let Outcome::Failed(why) = &outcomes[2] else {
            panic!("{:?}", outcomes[2])
        };
        assert!(
            why.contains("not finite at step 7") && why.contains("seed=3"),
            "{why}"
        );
    }

    #[test]
    fn what_is_finished_and_evaluated_is_not_done_again() {
        let (folder, plan) = fixture();
        let jobs = [job(folder.path(), 1)];
        work(&plan, &jobs);
        let before = (noted(&plan, "arguments"), noted(&plan, "evaluations"));
        assert!(matches!(work(&plan, &jobs)[..], [Outcome::Done]));
        assert_eq!(
            before,
            (noted(&plan, "arguments"), noted(&plan, "evaluations"))
        );
    }

    #[test]
    fn a_run_that_is_trained_anew_has_no_evaluation_of_before() {
        let (folder, plan) = fixture();
        let jobs = [job(folder.path(), 1), job(folder.path(), 3)];
        work(&plan, &jobs);
        let evaluation = |job: &Job| job.folder.evaluation.clone();
        std::fs::copy(evaluation(&jobs[0]), evaluation(&jobs[1])).expect("writable");
        std::fs::remove_dir_all(&jobs[0].folder.path).expect("was made");
        work(&plan, &jobs);
        assert_eq!(noted(&plan, "evaluations").lines().count(), 2);
        assert!(!evaluation(&jobs[1]).exists(), "its training failed");
    }

    #[test]
    fn a_finished_run_without_an_evaluation_is_only_evaluated() {
        let (folder, plan) = fixture();
        let jobs = [job(folder.path(), 1)];
        work(&plan, &jobs);
        let before = noted(&plan, "arguments");
        std::fs::remove_file(&jobs[0].folder.evaluation).expect("was written");
        assert!(matches!(work(&plan, &jobs)[..], [Outcome::Done]));
        assert_eq!(before, noted(&plan, "arguments"));
        let evaluations = noted(&plan, "evaluations");
        assert_eq!(evaluations.lines().count(), 2);
        assert!(evaluations.contains("--episodes 77"), "{evaluations}");
    }

    #[test]
    fn a_further_evaluation_that_is_asked_for_later_is_made_without_training_again() {
        let (folder, plan) = fixture();
        let mut jobs = [job(folder.path(), 1)];
        work(&plan, &jobs);
        let before = noted(&plan, "arguments");
        let further = r#"{ name = "length-40", set = { data.length = 40 } }"#;
        let further: toml::Table = toml::from_str(&format!("further = {further}")).expect("TOML");
        jobs[0].further = vec![further["further"].clone().try_into().expect("one of them")];
        assert!(matches!(work(&plan, &jobs)[..], [Outcome::Done]));
        assert_eq!(before, noted(&plan, "arguments"));
        let evaluations = noted(&plan, "evaluations");
        let lines: Vec<&str> = evaluations.lines().collect();
        assert_eq!(lines.len(), 2, "{evaluations}");
        assert!(lines[1].contains("--set data.length=40"), "{evaluations}");
        assert!(lines[1].contains("--keep-as length-40"), "{evaluations}");
        assert!(jobs[0].folder.further("length-40").is_file());

        // The same name for other data, and more episodes: made anew, of the same training.
        jobs[0].further[0]
            .set
            .insert("data.length".to_owned(), 41.into());
        jobs[0].episodes = Some(78);
        assert!(matches!(work(&plan, &jobs)[..], [Outcome::Done]));
        assert_eq!(before, noted(&plan, "arguments"));
        let evaluations = noted(&plan, "evaluations");
        let lines: Vec<&str> = evaluations.lines().collect();
        assert_eq!(lines.len(), 4, "{evaluations}");
        assert!(lines[3].contains("data.length=41"), "{evaluations}");
    }

    #[test]
    fn a_run_with_a_folder_is_resumed_and_one_without_is_started() {
        let (folder, plan) = fixture();
        let job = job(folder.path(), 1);
        let launched = |name: &str| {
            let command = command(&plan.mnm, &job);
            command.get_envs().any(|env| env == (name.as_ref(), None))
        };
        assert!(TOGETHER.iter().all(|name| launched(name)));
        let resumes = |job: &Job| {
            command(&plan.mnm, job)
                .get_args()
                .any(|argument| argument == "--resume")
        };
        assert!(!resumes(&job));
        std::fs::create_dir_all(&job.folder.path).expect("writable");
        assert!(resumes(&job));
    }
}
