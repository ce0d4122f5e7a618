//! `cargo xtask bench`: our own benches, with `--peers` one training step here, in PyTorch and in JAX, with `--agents` the
//! training of an agent here and in PyTorch, with `--tensor` a step of a small net on our tensor core and three others, or with
//! `--build` what compiling costs.

mod agents;
mod builds;
mod measurements;
mod programs;
mod tensor;

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::ci::announced;
use crate::{files, setup, shell, workspace};
use measurements::Measurements;
use programs::Program;

/// The two shapes of `docs/performance.md`, as B,T,X,C,M,U,H,K.
const SHAPES: &[(&str, &str)] = &[
    ("S", "32,50,100,100,100,100,1,177"),
    ("L", "64,100,128,256,100,100,4,177"),
];

/// The paper's two write rules.
const RULES: &[&str] = &["mnm-p", "mnm-g"];

/// Options of `cargo xtask bench`.
#[derive(Args)]
pub struct Options {
    /// Measure the same training step in PyTorch and JAX (installed into target/peers-venv) and compare
    #[arg(long)]
    peers: bool,
    /// Measure an agent's training, in environment steps per second, here and in PyTorch
    #[arg(long, conflicts_with_all = ["peers", "shape"])]
    agents: bool,
    /// Measure a step of a small net, and a penalty on a gradient, on mnm-tensor, in PyTorch, on candle and on burn
    #[arg(long, conflicts_with_all = ["peers", "agents", "shape"])]
    tensor: bool,
    /// Measure what compiling costs, in CPU seconds: program, tests, from nothing and after an edit
    #[arg(long, conflicts_with_all = ["peers", "agents", "tensor", "shape"])]
    build: bool,
    /// With --peers, --agents or --tensor: how often every program is measured, in turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// With --peers, --agents or --tensor: timed training steps a measurement [default: 10, 100 of agents, 200 of small nets]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    steps: Option<u32>,
    /// With --peers, --agents or --tensor: threads of every program [default: the number of cores]
    #[arg(long)]
    threads: Option<usize>,
    /// With --peers: only this shape
    #[arg(long, value_parser = ["S", "L"])]
    shape: Option<String>,
    /// Without --peers: arguments for `cargo bench`, as the name of a bench
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Runs the benches.
///
/// # Errors
/// If a build, an installation, or a measurement of ours fails.
pub fn run(options: &Options) -> Result<()> {
    setup::run(&setup::Options::default())?;
    let threads = options
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    if options.build {
        return builds::run();
    }
    if options.peers {
        return compare(options, options.steps.unwrap_or(10), threads);
    }
    if options.agents {
        return agents::compare(options.rounds, options.steps.unwrap_or(100), threads);
    }
    if options.tensor {
        return tensor::compare(options.rounds, options.steps.unwrap_or(200), threads);
    }
    shell::pass_through(
        shell::cargo()
            .args(["bench", "--package", "mnm-benches", "--"])
            .args(&options.arguments),
    )
}

/// Has `benches` draw the summary into the folder `pictures`: no plotting library is compiled for xtask.
fn draw(summary: &Path, pictures: &Path) -> Result<()> {
    let mut command = shell::cargo();
    command.args([
        "run",
        "--release",
        "--package",
        "mnm-benches",
        "--bin",
        "bars",
        "--",
    ]);
    announced(command.arg(summary).arg(pictures))
}

/// Measures ours and the peers in turns, so that a slow minute of the machine falls on all of them alike.
fn compare(options: &Options, steps: u32, threads: usize) -> Result<()> {
    let folder = workspace::target_dir()?;
    let mut programs = vec![
        Program::ours()?,
        Program::torch(&folder)?,
        Program::compiled_torch(&folder)?,
        Program::jax(&folder)?,
    ];
    programs.retain(|program| match program.needs_trial() {
        false => true,
        true => {
            // As small as it gets: what is asked is whether it compiles at all.
            let trial = program.measure(RULES[0], "2,3,4,5,6,7,1,8", 1, threads);
            if let Err(error) = &trial {
                println!("left out: {} does not run here: {error:#}", program.name);
            }
            trial.is_ok()
        }
    });
    let shapes: Vec<_> = SHAPES
        .iter()
        .filter(|(name, _)| {
            options
                .shape
                .as_deref()
                .is_none_or(|wanted| wanted == *name)
        })
        .collect();
    let mut measurements = Measurements::default();
    for round in 1..=options.rounds {
        for (name, sizes) in &shapes {
            for rule in RULES {
                for program in &programs {
                    let measured = program
                        .measure(rule, sizes, steps, threads)
                        .with_context(|| format!("{} on {rule}, shape {name}", program.name))?;
                    println!(
                        "round {round} of {}, {name} {rule} {}: {:.2} ms a step, {:.0} MiB",
                        options.rounds,
                        program.name,
                        measured.step_s * 1e3,
                        measured.rss_mib
                    );
                    measurements.add(name, rule, program.name, measured);
                }
            }
        }
    }
    let rows = measurements.rows();
    if rows.is_empty() {
        bail!("nothing was measured");
    }
    let folder = folder.join("peers");
    let summary = folder.join("summary.json");
    let text = measurements::to_json(&rows, steps, threads);
    files::write(&summary, &format!("{text:#}\n"))?;
    let pictures = folder.join("pictures");
    draw(&summary, &pictures)?;
    println!("\n{}", measurements::table(&rows));
    println!(
        "medians over {} rounds of {} steps each, {threads} threads",
        options.rounds, steps
    );
    println!(
        "raw figures: {}\npictures: {}",
        summary.display(),
        pictures.display()
    );
    Ok(())
}
