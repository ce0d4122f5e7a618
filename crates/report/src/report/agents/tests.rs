//! From run folders of agents to the page.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::report::{Report, RunData};

/// What somebody earned: `reward` an episode, none of it in the first half.
fn earned(reward: f64) -> Value {
    let step = |place: usize| if place < 10 { 0.0 } else { reward / 10.0 };
    json!({
        "reward": {"mean": reward, "standard_error": 0.5},
        "found": 0.75,
        "steps_to_first_find": 20.0,
        "by_position": (0..20).map(step).collect::<Vec<_>>(),
    })
}

/// A run in the 9 x 9 maze, evaluated if `reward` is what it earned.
fn run(folder: &Path, model: &str, seed: u64, reward: Option<f64>) -> RunData {
    let path = folder.join(format!("{model}-{seed}"));
    fs::create_dir_all(&path).unwrap();
    let config = format!(
        "seed = {seed}\n[data]\ntask = \"maze\"\nsize = 9\n[model]\nkind = \"{model}\"\n[rl]\nsegment = 20\n"
    );
    fs::write(path.join("config.toml"), config).unwrap();
    let line = |kind: &str, episodes: u64| {
        let reward = (episodes > 32).then_some(episodes as f64);
        json!({"kind": kind, "step": episodes, "sequences": episodes, "reward": reward, "meta_loss": 0.1})
    };
    let lines = (1..=4).flat_map(|step| ["train", "valid"].map(|kind| line(kind, 32 * step)));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    fs::write(path.join("metrics.jsonl"), text).unwrap();
    if let Some(reward) = reward {
        let agent = json!({"reward": reward + 1.0, "step": 96, "environment_steps": 2560,
            "environment_steps_per_second": 900.0});
        let summary = json!({"finished": true, "steps": 128, "parameters": 41190, "valid": null, "agent": agent});
        fs::write(path.join("summary.json"), summary.to_string()).unwrap();
        let mut evaluation = earned(reward);
        evaluation["task"] = json!("maze");
        evaluation["split"] = json!("test");
        evaluation["episodes"] = json!(64);
        evaluation["model"] = json!(model);
        let seed = seed as f64;
        evaluation["players"] = json!([
            ["random", earned(10.0 + seed)],
            ["ideal explorer", earned(350.0 + 50.0 * seed)]
        ]);
        fs::write(path.join("evaluation-test.json"), evaluation.to_string()).unwrap();
    }
    RunData::read(&path).unwrap()
}

fn report(folder: &Path) -> Report {
    Report {
        title: "Mazes".to_owned(),
        runs: vec![
            run(folder, "lstm", 1, Some(300.0)),
            run(folder, "lstm", 2, Some(320.0)),
            run(folder, "dnc", 1, Some(100.0)),
            run(folder, "dnc", 2, None),
        ],
        ..Report::default()
    }
}

#[test]
fn agents_are_over_their_seeds_and_players_over_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let summary = report(folder.path()).summary().unwrap();
    let section = &summary.sections[0];
    let agents = section.agents.as_ref().unwrap();
    assert_eq!(agents.ideal.as_deref(), Some("ideal explorer"));
    assert_eq!(agents.episodes.iter().collect::<Vec<_>>(), [&64]);
    let [lstm, dnc] = agents.agents.as_slice() else {
        panic!("{agents:?}")
    };
    let reward = lstm.reward.as_ref().unwrap();
    assert_eq!((reward.seeds, reward.mean, reward.best), (2, 310.0, 320.0));
    assert_eq!(lstm.valid_reward.as_ref().unwrap().mean, 311.0);
    // The ideal explorer earned 400 with seed 1 and 450 with seed 2; dnc played with seed 1 alone.
    assert_eq!(lstm.of_ideal, Some(100.0 * 310.0 / 425.0));
    assert_eq!(dnc.of_ideal, Some(25.0));
    assert_eq!(
        lstm.tenths,
        [0.0, 0.0, 0.0, 0.0, 0.0, 31.0, 31.0, 31.0, 31.0, 31.0]
    );
    assert_eq!(lstm.regret, None);
    assert_eq!(dnc.reward.as_ref().unwrap().seeds, 1);
    // The seeds' players, each seed once: 11 and 12.
    let random = agents.players[0].reward.as_ref().unwrap();
    assert_eq!((random.seeds, random.mean), (2, 11.5));
    assert_eq!(
        section.groups[0].diverged, 0,
        "an agent has no error to lack"
    );
}

/// It was finished and evaluated, then trained on: what it played with are not the weights that it will end with.
#[test]
fn a_run_that_goes_on_has_no_reward_yet() {
    let folder = tempfile::tempdir().unwrap();
    let mut report = report(folder.path());
    report.runs[1].summary.as_mut().unwrap().finished = false;
    report.runs[3].played = report.runs[0].played.clone();
    let summary = report.summary().unwrap();
    let agents = summary.sections[0].agents.as_ref().unwrap();
    let [lstm, dnc] = agents.agents.as_slice() else {
        panic!("{agents:?}")
    };
    for (player, reward) in [(lstm, 300.0), (dnc, 100.0)] {
        let figure = player.reward.as_ref().unwrap();
        assert_eq!((figure.seeds, figure.mean), (1, reward));
        assert_eq!(player.tenths[9], reward / 10.0);
    }
    // Its players would have been those of seed 2.
    let random = agents.players[0].reward.as_ref().unwrap();
    assert_eq!((random.seeds, random.mean), (1, 11.0));
}

#[test]
fn markdown_has_rewards_beside_the_players() {
    let folder = tempfile::tempdir().unwrap();
    let expected = "\
| player | seeds | validation | reward | of ideal, % | found, % | first find | updates | parameters | note |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |
| lstm | 2 | 311.0 ± 14.14 | 310.0 ± 14.14 | 73 | 75.00 ± 0.00 | 20.00 ± 0.00 | 128 | 41,190 |  |
| dnc | 1 of 2 | 101.0 | 100.0 | 25 | 75.00 | 20.00 | 128 | 41,190 | 1 not finished |
";
    let markdown = report(folder.path()).markdown().unwrap();
    assert!(markdown.starts_with(expected), "{markdown}");
    assert!(
        markdown.contains("| *random* | 2 | – | 11.50 ± 0.71 | 3 |"),
        "{markdown}"
    );
    assert!(markdown.contains("by tenths of the episode") && markdown.contains("| lstm | 0.00 |"));
    assert!(!markdown.contains("error"), "{markdown}");
}

#[test]
fn an_agent_counts_with_its_last_averaged_weights() {
    let folder = tempfile::tempdir().unwrap();
    let mut report = report(folder.path());
    let mut average = report.runs[0].played.clone().unwrap();
    average.agent.reward.mean = 290.0;
    report.runs[0].played_average = Some(average);
    let markdown = report.markdown().unwrap();
    let head = "| player | seeds | validation | reward | highest of the run |";
    assert!(markdown.starts_with(head), "{markdown}");
    let row = "| lstm | 2 | 311.0 ± 14.14 | 305.0 ± 21.21 | 310.0 ± 14.14 |";
    assert!(markdown.contains(row), "{markdown}");
    assert!(report.html().unwrap().contains("last averaged weights"));
}

#[test]
fn the_page_shows_curves_and_players() {
    let folder = tempfile::tempdir().unwrap();
    let page = report(folder.path()).html().unwrap();
    assert_eq!(
        page.matches("<svg").count(),
        5,
        "bars, by position, training, validation, meta loss"
    );
    for text in [
        "episodes played",
        "step of the episode",
        "reference players",
        "ideal explorer",
        "reward 320.0",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("Errors in percent"));
}

#[test]
fn runs_without_an_evaluation_still_have_their_curves() {
    let folder = tempfile::tempdir().unwrap();
    let report = Report {
        runs: vec![run(folder.path(), "lstm", 1, None)],
        ..Report::default()
    };
    let page = report.html().unwrap();
    assert_eq!(
        page.matches("<svg").count(),
        3,
        "training, validation, meta loss"
    );
    assert!(report.markdown().unwrap().contains("1 not finished"));
}

#[test]
fn a_kept_evaluation_of_something_else_is_named() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "lstm", 1, Some(1.0));
    let path = folder.path().join("lstm-1");
    fs::write(path.join("evaluation-test.json"), "{\"error\": 3}").unwrap();
    let error = RunData::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("evaluation-test.json") && error.contains("mnm eval --keep"),
        "{error}"
    );
}
