//! `cargo xtask reproduce`: a suite of trainings from start to table.

mod by_task;
mod capacity;
mod evaluate;
mod folder;
mod further;
mod interrupt;
mod job;
mod players;
mod results;
mod runs;
mod share;
mod suite;
mod train;
mod view;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{files, setup, shell, workspace};
use folder::State;
use job::Job;
use share::Share;
use suite::Suite;
use train::{Outcome, Plan};

/// Options of `cargo xtask reproduce`.
#[derive(Args)]
#[command(
    after_help = "A suite is a file of xtask/suites. A run that is finished is not trained again, one that was \
                        stopped (Ctrl-C) is gone on with: run the same command again."
)]
pub struct Options {
    /// The suite: quick, babi, algorithmic, rl, or any other file of xtask/suites; or capacity, the study of what a memory holds
    #[arg(default_value = "quick")]
    suite: String,
    /// Folder (or archive) of the data that the suite needs
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Train with the seeds 1 to N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// Shorter runs, to see that everything works; their figures mean little
    #[arg(long)]
    quick: bool,
    /// Where runs, tables and report go [default: runs/SUITE]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How many runs train at a time, each on one thread [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Only the runs whose names contain TEXT
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Only every N-th run from the K-th on, for N machines with one folder; whoever ends last makes the tables [default: what mpirun
    /// or srun says]
    #[arg(long, value_name = "K/N")]
    share: Option<Share>,
    /// A program `mnm` that is built already, in place of one that is built first: machines with one folder would wait for each
    /// other's build
    #[arg(long, value_name = "MNM")]
    program: Option<PathBuf>,
}

impl Options {
    /// Whether `--only` leaves a run of this name in.
    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|text| name.contains(text))
    }

    /// The share of the runs that is ours.
    fn share(&self) -> Share {
        let said = |name: &str| std::env::var(name).ok()?.parse().ok();
        self.share.unwrap_or_else(|| Share::launched(said))
    }
}

/// Trains, evaluates, reports, and prints our figures beside the published ones.
///
/// # Errors
/// If anything is missing beforehand, or if a run fails; the other runs are finished and tabled all the same.
pub fn run(options: &Options) -> Result<()> {
    if options.suite == capacity::NAME {
        return capacity::run(options);
    }
    let suite = suite::load(&options.suite)?;
    let data = data_folder(&suite, options)?;
    let program = options.program.as_deref().map(built).transpose()?;
    setup::run(&setup::Options::default())?;
    let start = Instant::now();
    let out = options
        .out
        .clone()
        .unwrap_or_else(|| default_folder(options));
    let out = std::path::absolute(&out).with_context(|| out.display().to_string())?;
    let all = jobs(&suite, options, data.as_deref(), &out)?;
    let share = options.share();
    let (jobs, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .enumerate()
        .partition(|(number, _)| share.has(*number));
    let [jobs, others] =
        [jobs, others].map(|jobs| jobs.into_iter().map(|(_, job)| job).collect::<Vec<Job>>());
    let width = width(options, jobs.len());

    println!("{}: {}", suite.title, suite.about);
    let finished = jobs
        .iter()
        .filter(|job| job.folder.state() == State::Finished)
        .count();
    println!(
        "{} runs in {}, {finished} of them finished already; takes {}",
        jobs.len(),
        out.display(),
        suite.takes
    );
    let commit = match program {
        Some(_) => "unknown (--program)".to_owned(),
        None => workspace::commit(),
    };
    let mnm = program.map_or_else(workspace::build_mnm, Ok)?;
    let remarks = check_data(&mnm, &suite, data.as_deref())?;
    println!("training, {width} at a time");
    interrupt::count_interrupts()?;
    let plan = Plan {
        mnm,
        commit,
        jobs: width,
        data: data.as_deref(),
    };
    let outcomes = train::work(&plan, &jobs);
    if interrupt::stopped() {
        bail!("stopped; the same command goes on from here");
    }

    if share.is_part() {
        println!(
            "share {share}: {} runs here, {} with the others",
            jobs.len(),
            others.len()
        );
    }
    let failures: Vec<String> = jobs
        .iter()
        .zip(&outcomes)
        .filter_map(|(job, outcome)| match outcome {
            Outcome::Failed(why) => Some(format!("{}: {why}", job.run.name)),
            _ => None,
        })
        .collect();
    let told = match others.iter().find(|job| !job.is_done()) {
        // Who comes last tells of all.
        Some(job) => {
            println!("{} is still to be trained: no tables yet", job.run.name);
            Ok(())
        }
        None => tell(&suite, options, &plan, &remarks, &out),
    };
    println!("took {}", view::words(start.elapsed()));
    if failures.is_empty() {
        return told;
    }
    let list = failures.join("\n");
    let failed = format!("{} of {} runs failed:\n{list}", failures.len(), jobs.len());
    told.context(failed.clone())?;
    bail!(failed)
}

/// Tables, raw figures and report of all that the folder `out` holds of the suite by now, in this call or before.
fn tell(
    suite: &Suite,
    options: &Options,
    plan: &Plan<'_>,
    remarks: &[String],
    out: &Path,
) -> Result<()> {
    let jobs = known(suite, options, plan.data, out);
    let cells = results::gather(suite, &jobs)?;
    let players = players::gather(suite, &jobs)?;
    let further = further::gather(suite, &jobs)?;
    let raw = out.join("results.json");
    let mut figures = results::to_json(suite, &cells);
    figures["command"] = command(suite, options).into();
    figures["data"] = remarks.into();
    figures["players"] = players::to_json(suite, &players);
    figures["further"] = further::to_json(suite, &further);
    files::write(&raw, &format!("{figures:#}\n"))?;
    println!("\n{}", results::tables(suite, &cells, &players));
    print!("{}", further::tables(suite, &further));
    print!("{}", by_task::tables(suite, &jobs)?);
    for remark in remarks {
        println!("data: {remark}");
    }
    if options.quick {
        println!(
            "--quick: short runs on a part of the task; their figures say nothing about the models"
        );
    }
    println!("raw figures: {}", raw.display());
    let report = report(&plan.mnm, suite, &jobs, out).context("the report could not be made")?;
    if let Some(path) = report {
        println!("report: {}", path.display());
    }
    Ok(())
}

/// The program that was built before.
fn built(program: &Path) -> Result<PathBuf> {
    let found = program.canonicalize().ok().filter(|path| path.is_file());
    found.with_context(|| format!("--program {}: there is no such file", program.display()))
}

/// The data folder as an absolute path, if the suite takes one.
fn data_folder(suite: &Suite, options: &Options) -> Result<Option<PathBuf>> {
    match (&suite.needs_data, &options.data) {
        (Some(whence), None) => bail!(
            "the suite {} needs data: give their folder with --data DIR. {whence}",
            options.suite
        ),
        (None, Some(_)) if !suite.experiments.iter().any(|e| e.with_data) => bail!(
            "the suite {} generates its data: leave out --data",
            options.suite
        ),
        (_, Some(folder)) => {
            let folder = folder
                .canonicalize()
                .with_context(|| format!("--data {}", folder.display()))?;
            Ok(Some(folder))
        }
        (None, None) => Ok(None),
    }
}

/// Has `mnm data` look through the data, and says what is not as it was published. Gives these lines.
fn check_data(mnm: &Path, suite: &Suite, data: Option<&Path>) -> Result<Vec<String>> {
    let (Some(set), Some(path)) = (&suite.data_set, data) else {
        return Ok(Vec::new());
    };
    let checked = shell::capture(Command::new(mnm).args(["data", set]).arg(path))?;
    let differs = |line: &&str| {
        let line = line.to_lowercase();
        line.contains("not the published file") || line.contains("not the known file")
    };
    let remarks: Vec<String> = checked.lines().filter(differs).map(remark).collect();
    for remark in &remarks {
        println!("data: {remark}");
    }
    Ok(remarks)
}

/// A row of `mnm data` without its counts.
fn remark(row: &str) -> String {
    let words: Vec<&str> = row.split_whitespace().collect();
    match words.as_slice() {
        [task, split, _, _, _, what @ ..] => format!("qa{task} {split}: {}", what.join(" ")),
        _ => row.trim().to_owned(),
    }
}

/// The command that makes all of a suite's figures, as it is typed.
fn command(suite: &Suite, options: &Options) -> String {
    let seeds = options.seeds.filter(|seeds| *seeds > suite.seeds);
    let words = [
        Some(format!("cargo xtask reproduce {}", options.suite)),
        options.quick.then(|| "--quick".to_owned()),
        seeds.map(|seeds| format!("--seeds {seeds}")),
        options.data.as_ref().map(|_| "--data DIR".to_owned()),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn default_folder(options: &Options) -> PathBuf {
    // Short runs never mix with whole ones. (The suite "quick" is whole as it is.)
    let suffix = if options.quick { "-short" } else { "" };
    workspace::root()
        .join("runs")
        .join(format!("{}{suffix}", options.suite))
}

/// How many runs train at a time.
fn width(options: &Options, runs: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    options.jobs.map_or(cores, usize::from).min(runs.max(1))
}

/// Every run of the suite with its folder, checked against what is there.
fn jobs(suite: &Suite, options: &Options, data: Option<&Path>, out: &Path) -> Result<Vec<Job>> {
    let seeds = options.seeds.unwrap_or(suite.seeds);
    let all = suite.runs(seeds, options.quick, data);
    let mut runs: Vec<_> = all
        .into_iter()
        .filter(|run| options.wants(&run.name))
        .collect();
    if runs.is_empty() {
        bail!(
            "no run of the suite {} has {:?} in its name",
            options.suite,
            options.only.as_deref().unwrap_or_default()
        );
    }
    if width(options, runs.len()) > 1 {
        // Several runs side by side use the cores better than several threads in each; the figures are the same bits.
        runs.iter_mut()
            .for_each(|run| run.set.push("threads=1".to_owned()));
    }
    runs.into_iter()
        .map(|run| {
            let job = Job::new(suite, run, out);
            job.folder.check_note(&job.run)?;
            Ok(job)
        })
        .collect()
}

/// Every run of the suite that was asked for, or that was trained and evaluated before, with the settings that the suite has now.
fn known(suite: &Suite, options: &Options, data: Option<&Path>, out: &Path) -> Vec<Job> {
    let seeds = options.seeds.unwrap_or(0).max(suite.seeds);
    suite
        .runs(seeds, options.quick, data)
        .into_iter()
        .map(|run| Job::new(suite, run, out))
        .filter(|job| match job.folder.evaluation.is_file() {
            // Its folder may have been removed since, or begun anew.
            true => {
                job.folder.state() == State::Finished && job.folder.check_note(&job.run).is_ok()
            }
            false => options.wants(&job.run.name),
        })
        .collect()
}

/// Has `mnm report` draw what was trained into the suite's folder; the page, or `None` if nothing was.
fn report(mnm: &Path, suite: &Suite, jobs: &[Job], out: &Path) -> Result<Option<PathBuf>> {
    let done: Vec<&Path> = jobs
        .iter()
        .filter(|job| job.folder.evaluation.is_file())
        .map(|job| job.folder.path.as_path())
        .collect();
    if done.is_empty() {
        return Ok(None);
    }
    let figures = suite.published.iter().filter_map(|f| f.report.as_deref());
    let published = figures.flat_map(|figure| ["--published", figure]);
    // Experiments of one task with other data or parts stand apart.
    let experiments = suite.experiments.iter();
    let sections: Vec<String> = experiments
        .map(|experiment| format!("{}-={}", experiment.name, experiment.title))
        .collect();
    let sections = sections.iter().flat_map(|text| ["--section", text]);
    shell::capture(
        Command::new(mnm)
            .arg("report")
            .args(done)
            .args(["--title", &suite.title])
            .args(published)
            .args(sections)
            .arg("--out")
            .arg(out),
    )?;
    Ok(Some(out.join("report.html")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_evaluated_before_is_told_with_what_was_asked_for_as_long_as_its_run_is_there() {
        let out = tempfile::tempdir().expect("a temporary folder");
        let suite = suite::load("quick").expect("there");
        let options = Options {
            suite: "quick".to_owned(),
            data: None,
            seeds: Some(1),
            quick: false,
            out: None,
            jobs: None,
            only: Some("no such name".to_owned()),
            share: None,
            program: None,
        };
        assert_eq!(command(&suite, &options), "cargo xtask reproduce quick");
        let more = Options {
            seeds: Some(9),
            quick: true,
            data: Some("/here".into()),
            ..options
        };
        let expected = "cargo xtask reproduce quick --quick --seeds 9 --data DIR";
        assert_eq!(command(&suite, &more), expected);
        let options = Options {
            seeds: Some(1),
            quick: false,
            data: None,
            ..more
        };
        let told = || known(&suite, &options, None, out.path()).len();
        assert_eq!(told(), 0);
        let run = suite.runs(1, false, None).remove(0);
        let job = Job::new(&suite, run, out.path());
        job.folder.prepare(&job.run, "1").expect("writable");
        std::fs::create_dir_all(&job.folder.path).expect("writable");
        let summary = job.folder.path.join("summary.json");
        std::fs::write(summary, r#"{"finished": true}"#).expect("writable");
        std::fs::write(&job.folder.evaluation, "{}").expect("writable");
        assert_eq!(told(), 1);
        std::fs::remove_dir_all(&job.folder.path).expect("was made");
        assert_eq!(told(), 0);
    }

    #[test]
    fn a_remark_is_a_row_without_its_counts() {
        let row = "     3  train     1800      132946       9000  NOT the published file: some";
        assert_eq!(remark(row), "qa3 train: NOT the published file: some");
        assert_eq!(remark(" short "), "short");
    }
}
