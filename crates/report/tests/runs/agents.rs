//! Runs of agents: their curves, and their episodes drawn.

use std::path::Path;

use mnm_report::CurvesAndEvents;
use mnm_report::inspect::inspect_agent;
use mnm_tasks::Split;
use mnm_trainer::rl::Agent;
use mnm_trainer::{Config, TrainOptions, Weights, train_observed};

/// An agent of a few segments, with `more` settings.
fn run(name: &str, more: &[&str], out: &Path) {
    let mut all = vec![
        "model.controller=9",
        "model.value=5",
        "model.hidden=6",
        "train.batch=4",
        "train.steps=9",
        "train.log_every=2",
        "train.valid_every=5",
        "train.valid_episodes=8",
        "rl.segment=7",
    ];
    all.extend(match name {
        "maze9" => &["data.steps=20"][..],
        "bandit" => &["data.pulls=20"],
        "cues" => &["data.cues=5", "data.rounds=4"],
        _ => &["data.rounds=2", "data.states=4"],
    });
    all.extend(more);
    let sets: Vec<String> = all.into_iter().map(str::to_owned).collect();
    let config = Config::load(name, &sets).unwrap();
    let options = TrainOptions {
        quiet: true,
        ..TrainOptions::default()
    };
    train_observed(&config, out, &options, &mut CurvesAndEvents::default()).unwrap();
}

fn agent(folder: &Path) -> Agent {
    Agent::open(folder, Weights::Last, &[]).unwrap().unwrap()
}

#[test]
fn curves_and_events_of_an_agent_are_left_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    run("bandit", &["train.average.decay=0.9"], folder.path());
    let curves = std::fs::read_to_string(folder.path().join("curves.svg")).unwrap();
    for text in ["mean reward", "validation, averaged weights"] {
        assert!(curves.contains(text), "no {text:?} in {curves}");
    }
    let events = folder.path().join("events.out.tfevents.0000000000.mnm");
    let bytes = std::fs::read(events).unwrap();
    for tag in ["train/reward", "valid/reward", "train/steps_per_second"] {
        let found = bytes.windows(tag.len()).any(|part| part == tag.as_bytes());
        assert!(found, "no curve {tag}");
    }
}

#[test]
fn an_agents_episode_is_drawn() {
    for (name, pictures) in [
        ("maze9", ["strip", "earned", "rates"]),
        ("bandit", ["arms-before", "arms-after", "rates"]),
        ("mdp", ["states-before", "states-after", "rates"]),
        ("cues", ["cues-before", "cues-after", "rates"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        run(name, &["train.steps=2"], folder.path());
        let inspection = inspect_agent(&agent(folder.path()), Split::Test, 3, "").unwrap();
        let names: Vec<&str> = inspection
            .pictures
            .iter()
            .map(|p| p.name.as_str())
            .collect();
        for picture in pictures {
            assert!(names.contains(&picture), "{name}: {names:?}");
        }
        assert!(inspection.html.contains("before training"));
    }
}

#[test]
fn random_initial_weights_are_not_said_to_be_what_another_run_had_learned() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    run("bandit", &[], &first);
    let from = format!("train.from={}", first.display());
    run("bandit", &[&from], &second);
    let page = |run: &Path| inspect_agent(&agent(run), Split::Test, 0, "").unwrap().html;
    let (first, second) = (page(&first), page(&second));
    assert!(first.contains("before training") && !first.contains("random initial weights"));
    assert!(!second.contains("before training") && second.contains("with random initial weights"));
}
