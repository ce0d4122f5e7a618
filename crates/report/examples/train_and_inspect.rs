//! Trains a small model on generated stories, evaluates it, and draws one episode.
//!
//! `cargo run --release --package mnm-report --example train_and_inspect [FOLDER]`

use std::error::Error;
use std::path::PathBuf;

use mnm_report::CurvesAndEvents;
use mnm_report::inspect::inspect;
use mnm_tasks::Split;
use mnm_trainer::{Config, Run, TrainOptions, Weights, evaluate, train_observed};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| std::env::temp_dir().join("mnm-train-and-inspect"));
    let settings = [
        "data.people=2",
        "data.places=3",
        "model.controller=32",
        "model.value=32",
        "model.hidden=32",
        "model.embedding=32",
        "train.steps=200",
        "train.valid_every=50",
        "train.valid_episodes=64",
    ];
    let config = Config::load("stories", &settings.map(str::to_owned))?;
    let options = TrainOptions {
        resume: true,
        ..TrainOptions::default()
    };
    train_observed(&config, &folder, &options, &mut CurvesAndEvents::default())?;

    let run = Run::open(&folder, Weights::Best, &[])?;
    let task = run.task.as_ref();
    let outcome = evaluate(task, &run.model, &run.parameters, Split::Test, 256)?;
    println!("{:.2} % of the answers are wrong", outcome.error.mean);

    let page = folder.join("episode.html");
    inspect(&run, Split::Test, 0, "")?.write(&page)?;
    println!("one episode drawn: {}", page.display());
    Ok(())
}
