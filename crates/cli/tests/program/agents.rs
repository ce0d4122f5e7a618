//! Agents: from a config to a report.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::mnm::{bad, command, folder, good, same_outcome, silent};

/// Settings with which an agent takes a second: 20 worlds (a block of 16 and one of 4), segments that cut episodes.
const TINY: &[&str] = &[
    "model.controller=9",
    "model.value=5",
    "model.hidden=6",
    "train.batch=20",
    "train.steps=8",
    "train.log_every=2",
    "train.valid_every=4",
    "train.valid_episodes=20",
    "train.checkpoint_every=3",
    "rl.segment=7",
    // Learning rate, entropy and horizon would follow the number of steps, which a resumed run is given anew.
    "train.decay=constant",
    "rl.entropy_to=1.0",
    "rl.horizon_to=1.0",
];

/// A config, what makes its episodes 20 steps long, a player, and a picture of an episode.
const ENVIRONMENTS: &[(&str, &[&str], &str, &str)] = &[
    ("maze9", &["data.steps=20"], "ideal explorer", "strip"),
    ("bandit", &["data.pulls=20"], "Thompson", "arms-after"),
    ("mdp", &["data.rounds=2"], "PSRL", "states-after"),
    (
        "cues",
        &["data.cues=5", "data.rounds=4"],
        "perfect memory",
        "cues-after",
    ),
];

fn train(name: &str, data: &[&str], out: &Path, more: &[&str]) -> Command {
    let mut command = command(["train", name, "--quiet", "--out"]);
    command.arg(out);
    for set in TINY.iter().chain(data) {
        command.args(["--set", set]);
    }
    command.args(more);
    command
}

fn on(name: &str, run: &Path, more: &[&str]) -> Command {
    let mut command = command([name]);
    command.arg(run).args(more);
    command
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_agent_is_trained_evaluated_inspected_and_reported() {
    for (name, data, player, picture) in ENVIRONMENTS {
        let (top, run) = folder();
        silent(&mut train(name, data, &run, &[]));
        let summary = json(&std::fs::read_to_string(run.join("summary.json")).unwrap());
        assert_eq!(
            summary["agent"]["environment_steps"],
            2 * 20 * (7 + 7 + 6) + 20 * (7 + 7)
        );
        assert_eq!(summary["sequences"], 40);
        assert!(run.join("curves.svg").is_file());

        let table = good(&mut on(
            "eval",
            &run,
            &["--split", "test", "--episodes", "18"],
        ));
        assert!(table.contains("18 episodes of 20 steps"), "{table}");
        let floor = if *name == "cues" {
            "no memory"
        } else {
            "random"
        };
        assert!(table.contains(player) && table.contains(floor), "{table}");
        assert!(
            !run.join("evaluation-test.json").exists(),
            "nothing was to be kept"
        );

        let kept = ["--split", "test", "--episodes", "18", "--json", "--keep"];
        let said = good(&mut on("eval", &run, &kept));
        assert_eq!(
            std::fs::read_to_string(run.join("evaluation-test.json")).unwrap(),
            said
        );
        let outcome = json(&said);
        assert_eq!(outcome["episodes"], 18);
        assert_eq!(outcome["by_position"].as_array().unwrap().len(), 20);
        let valid = json(&good(&mut on("eval", &run, &["--json"])));
        assert_eq!(
            valid["reward"]["mean"], summary["agent"]["reward"],
            "eval takes the best parameters"
        );

        good(&mut on(
            "inspect",
            &run,
            &["--split", "test", "--episode", "3"],
        ));
        let html = std::fs::read_to_string(run.join("inspect-test-3.html")).unwrap();
        assert!(html.contains("before training") && html.contains("What was written when"));
        assert!(run.join(format!("inspect-test-3/{picture}.svg")).is_file());

        let report = top.path().join("report.html");
        good(on("report", &run, &["--out"]).arg(&report));
        let html = std::fs::read_to_string(&report).unwrap();
        assert!(html.contains(player) && html.contains("by position in the episode"));
    }
}

/// Episodes of 20 steps in segments of 7, 7 and 6: after 2 and after 5 segments one is in the middle.
#[test]
fn an_agent_resumed_in_the_middle_of_an_episode_comes_to_the_same() {
    for (name, data, _, _) in ENVIRONMENTS {
        let (_top, whole) = folder();
        let parts = whole.with_file_name("parts");
        good(&mut train(name, data, &whole, &[]));
        for steps in ["train.steps=2", "train.steps=5", "train.steps=8"] {
            good(&mut train(
                name,
                data,
                &parts,
                &["--resume", "--set", steps],
            ));
        }
        same_outcome(&whole, &parts);
    }
}

#[test]
fn what_is_kept_is_of_the_run_as_it_is() {
    let (_top, run) = folder();
    good(&mut train("bandit", &["data.pulls=20"], &run, &[]));
    for more in [
        &["--keep", "--last"][..],
        &["--keep", "--average"],
        &["--keep", "--set", "data.pulls=30"],
    ] {
        let message = bad(2, &mut on("eval", &run, more));
        assert!(message.contains("--keep"), "{message}");
    }
    assert!(!run.join("evaluation-test-average.json").exists());
    let (_top, averaged) = folder();
    let more = ["--set", "train.average.decay=0.5"];
    good(&mut train("bandit", &["data.pulls=20"], &averaged, &more));
    let kept = ["--split", "test", "--episodes", "18", "--keep"];
    good(&mut on("eval", &averaged, &kept));
    let average = [&kept[..], &["--average", "--last"]].concat();
    good(&mut on("eval", &averaged, &average));
    for (file, weights) in [("test", "best"), ("test-average", "last-average")] {
        let text = std::fs::read_to_string(averaged.join(format!("evaluation-{file}.json")));
        assert_eq!(json(&text.unwrap())["weights"], weights);
    }
    let report = averaged.with_extension("html");
    good(on("report", &averaged, &["--out"]).arg(&report));
    let page = std::fs::read_to_string(&report).unwrap();
    assert!(
        page.contains("highest of the run"),
        "the raw figure stands beside it"
    );
}
