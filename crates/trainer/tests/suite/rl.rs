//! Agents trained by A2C: exact resume in the middle of an episode, independence of the number of threads, a bandit
//! learned, evaluation beside the reference players, and what configs refuse.

use std::path::Path;

use mnm_tasks::Split;
use mnm_trainer::checkpoint::Checkpoint;
use mnm_trainer::rl::{Agent, Scene, evaluate};
use mnm_trainer::{Config, Ended, Run, Summary, TrainError, TrainOptions, Weights, train};

use crate::sizes;

/// 20 worlds: a block of 16 and one of 4.
fn config(name: &str, sets: &[&str]) -> Config {
    let mut all = vec![
        "model.controller=9",
        "model.value=5",
        "model.hidden=6",
        "train.batch=20",
        "train.steps=9",
        "train.log_every=2",
        "train.valid_every=5",
        "train.valid_episodes=20",
        "train.checkpoint_every=100",
        "rl.segment=7",
    ];
    all.extend(match name {
        "maze9" => &["data.steps=20"][..],
        "bandit" => &["data.pulls=20"],
        "cues" => &["data.cues=5", "data.rounds=4"],
        _ => &["data.rounds=2", "data.states=4"],
    });
    all.extend(sets);
    sizes::load(name, all)
}

fn run(config: &Config, out: &Path, resume: bool) -> Summary {
    let options = TrainOptions {
        resume,
        quiet: true,
        ..TrainOptions::default()
    };
    train(config, out, &options).unwrap()
}

fn assert_same(a: &Path, b: &Path) {
    for name in ["metrics.jsonl", "checkpoint.safetensors"] {
        let bytes = |folder: &Path| std::fs::read(folder.join(name)).unwrap();
        assert!(bytes(a) == bytes(b), "{name} differs");
    }
    // Its config says how many steps the sitting that wrote it had before it.
    let best = |folder: &Path| Checkpoint::read(&folder.join("best.safetensors")).unwrap();
    assert!(best(a).parameters == best(b).parameters, "the best differ");
}

/// Episodes of 20 steps in segments of 7, 7 and 6: a stop after 4 or 5 segments is in the middle of one.
#[test]
fn a_run_resumed_in_the_middle_of_an_episode_is_the_uninterrupted_one() {
    let models = [
        ("maze9", "model.rule=mnm-p"),
        ("bandit", "model.rule=mnm-g"),
        ("bandit", "model.rule=titans"),
        ("bandit", "model.rule=gated-delta"),
        ("bandit", "model.rule=rls"),
        ("mdp", "model.kind=lstm"),
    ];
    for (name, model) in models {
        let folder = tempfile::tempdir().unwrap();
        let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
        let summary = run(&config(name, &[model]), &whole, false);
        assert_eq!((summary.steps, summary.sequences), (9, 60));
        // Learning rate, entropy and horizon would follow the number of steps.
        let stopped = |steps| {
            let constant = [
                "train.decay=constant",
                "rl.entropy_to=1.0",
                "rl.horizon_to=1.0",
            ];
            config(name, &[&[model, steps], &constant[..]].concat())
        };
        for steps in ["train.steps=4", "train.steps=5", "train.steps=9"] {
            let done = run(&stopped(steps), &parts, true);
            assert_eq!(done.ended, Ended::Steps);
        }
        let again = folder.path().join("again");
        run(&stopped("train.steps=9"), &again, false);
        assert_same(&again, &parts);
    }
}

#[test]
fn an_agent_stops_early_as_every_training_does() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let easy = config("bandit", &["rl.stop_reward=0.0"]);
    let easy = run(&easy, &at("easy"), false);
    assert_eq!((easy.steps, easy.ended), (5, Ended::Reward));
    let sets = ["train.learning_rate=1e-30", "train.steps=50"];
    let stuck = config("bandit", &[&sets[..], &["train.patience=2"]].concat());
    let ended = run(&stuck, &at("stuck"), false);
    assert_eq!((ended.steps, ended.ended), (15, Ended::Patience));
    // Nothing was forgotten: it is as impatient when it is asked to go on.
    let again = run(&stuck, &at("stuck"), true);
    assert_eq!((again.steps, again.ended), (15, Ended::Patience));
    let patient = config("bandit", &[&sets[..], &["train.patience=4"]].concat());
    let patient = run(&patient, &at("stuck"), true);
    assert_eq!((patient.steps, patient.ended), (25, Ended::Patience));
    let error = Config::load("bandit", &["train.stop_error=1.0".to_owned()]).unwrap_err();
    assert!(error.to_string().contains("rl.stop_reward"), "{error}");
}

#[test]
fn an_agent_that_ends_before_its_first_validation_is_validated() {
    let folder = tempfile::tempdir().unwrap();
    let summary = run(&config("mdp", &["train.steps=2"]), folder.path(), false);
    let agent = Agent::open(folder.path(), Weights::Best, &[])
        .unwrap()
        .unwrap();
    let valid = evaluate(&agent, Split::Valid, 20).unwrap().agent.reward;
    let found = summary.agent.unwrap();
    assert_eq!((found.reward, found.step), (Some(valid.mean), Some(2)));
    let metrics = std::fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap();
    assert!(
        !metrics.contains("valid"),
        "a run that goes on has no such line"
    );
}

#[test]
fn a_step_removes_the_evaluation_of_the_agent_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let evaluation = folder.path().join("evaluation-test.json");
    run(&config("bandit", &[]), folder.path(), false);
    std::fs::write(&evaluation, "{}").unwrap();
    run(&config("bandit", &[]), folder.path(), true);
    assert!(evaluation.exists(), "no step was taken");
    run(&config("bandit", &["train.steps=10"]), folder.path(), true);
    assert!(!evaluation.exists());
}

/// The first step is taken with the settings as they stand, the second with those half the way on.
#[test]
fn entropy_and_horizon_are_those_of_the_step() {
    let trained = |steps: &str, set: &str| {
        let folder = tempfile::tempdir().unwrap();
        let sets = [
            "train.decay=constant",
            "rl.entropy_to=1.0",
            "rl.horizon_to=1.0",
            steps,
            set,
        ];
        run(&config("mdp", &sets), folder.path(), false);
        let last = folder.path().join("checkpoint.safetensors");
        Checkpoint::read(&last).unwrap().parameters
    };
    for (steps, same) in [("train.steps=1", true), ("train.steps=2", false)] {
        let constant = trained(steps, "rl.gamma=0.7");
        for set in ["rl.entropy_to=0.0", "rl.horizon_to=5.0"] {
            assert!((trained(steps, set) == constant) == same, "{steps}, {set}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for model in ["model.rule=mnm-p", "model.rule=titans", "model.kind=lstm"] {
        let folder = tempfile::tempdir().unwrap();
        let one = folder.path().join("1");
        run(&config("maze9", &[model, "threads=1"]), &one, false);
        for threads in ["2", "5"] {
            let more = folder.path().join(threads);
            let sets = [model, &format!("threads={threads}")];
            run(&config("maze9", &sets), &more, false);
            assert_same(&one, &more);
        }
    }
}

/// Two arms, of which one pays always what the other does not: a few seconds of training must leave half of what random
/// play loses far behind.
#[test]
fn a_bandit_is_learned() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(
        "bandit",
        &[
            "data.arms=2",
            "data.dependence=dependent",
            "model.controller=24",
            "model.value=12",
            "model.hidden=12",
            "train.batch=32",
            "train.steps=250",
            "train.learning_rate=0.005",
            "train.valid_every=250",
            "train.valid_episodes=256",
            "rl.segment=0",
            "rl.entropy_weight=0.01",
        ],
    );
    let summary = run(&config, folder.path(), false);
    let agent = Agent::open(folder.path(), Weights::Best, &[])
        .unwrap()
        .unwrap();
    let valid = evaluate(&agent, Split::Valid, 256).unwrap();
    assert_eq!(
        summary.agent.and_then(|agent| agent.reward),
        Some(valid.agent.reward.mean),
        "the run folder is evaluated to what the training saw"
    );
    let fresh = evaluate(&agent, Split::Test, 256).unwrap();
    let regret = |name: &str| {
        let (_, figures) = fresh.players.iter().find(|(n, _)| n == name).unwrap();
        figures.regret.unwrap().mean
    };
    let agents = fresh.agent.regret.unwrap().mean;
    assert!(
        agents < 0.6 * regret("random"),
        "regret {agents}, random {}",
        regret("random")
    );
    assert!(regret("Thompson") < 0.6 * regret("random"));
    let tenths = &fresh.agent.by_position;
    assert_eq!(tenths.len(), 20);
    let (early, late) = (tenths[0], tenths[10..].iter().sum::<f64>() / 10.0);
    assert!(
        late > early + 0.05,
        "it learns within the episode: {early} {late}"
    );
}

#[test]
fn every_environment_has_its_players() {
    let names = [
        ("maze9", "oracle"),
        ("bandit", "Thompson"),
        ("mdp", "optimum"),
        ("cues", "perfect memory"),
    ];
    for (name, player) in names {
        let folder = tempfile::tempdir().unwrap();
        run(&config(name, &["train.steps=1"]), folder.path(), false);
        let agent = Agent::open(folder.path(), Weights::Last, &[])
            .unwrap()
            .unwrap();
        let outcome = evaluate(&agent, Split::Test, 18).unwrap();
        assert_eq!(outcome.agent.found.is_some(), name == "maze9");
        assert_eq!(outcome.agent.regret.is_some(), name == "bandit");
        let reward = |wanted: &str| {
            let found = outcome.players.iter().find(|(n, _)| n == wanted);
            found.unwrap().1.reward.mean
        };
        let floor = if name == "cues" {
            "no memory"
        } else {
            "random"
        };
        assert!(reward(player) > reward(floor), "{name}");
    }
}

#[test]
fn a_recorded_episode_is_the_one_that_is_evaluated() {
    for name in ["maze9", "bandit", "mdp", "cues"] {
        let folder = tempfile::tempdir().unwrap();
        run(&config(name, &["train.steps=2"]), folder.path(), false);
        let agent = Agent::open(folder.path(), Weights::Last, &[])
            .unwrap()
            .unwrap();
        let split = Split::Test;
        let played = evaluate(&agent, split, 18).unwrap().agent.reward.mean;
        let total = |index| -> f64 {
            let episode = agent.record(&agent.parameters, split, index).unwrap();
            assert_eq!(episode.actions.len(), 20);
            if let Scene::Maze { map, cells, .. } = &episode.scene {
                assert_eq!((cells.len(), cells[0]), (20, map.centre()));
            }
            episode
                .rewards
                .iter()
                .map(|&reward| f64::from(reward))
                .sum()
        };
        let recorded = (0..18).map(total).sum::<f64>() / 18.0;
        assert!(
            (recorded - played).abs() < 1e-6,
            "{name}: {recorded} {played}"
        );
    }
}

/// What is drawn as "before training" is what the training began with.
#[test]
fn the_untrained_agent_is_the_one_that_was_trained() {
    let folder = tempfile::tempdir().unwrap();
    let options = TrainOptions::default();
    options
        .stop
        .store(true, std::sync::atomic::Ordering::Relaxed);
    let summary = train(&config("maze9", &[]), folder.path(), &options).unwrap();
    assert_eq!((summary.ended, summary.steps), (Ended::Interrupted, 0));
    let agent = Agent::open(folder.path(), Weights::Last, &[])
        .unwrap()
        .unwrap();
    assert!(agent.untrained().unwrap() == agent.parameters);
}

#[test]
fn configs_of_tasks_and_environments_are_told_apart() {
    let load = |name: &str, set: &str| Config::load(name, &[set.to_owned()]);
    assert!(load("stories", "seed=2").unwrap().rl.is_none());
    let printed = load("maze9", "seed=2").unwrap().to_toml();
    assert!(printed.contains("[rl]") && printed.contains("reward_scale"));
    let again = Config::parse("printed", &printed, &[]).unwrap();
    assert_eq!(again.to_toml(), printed);
    let refusals = [
        ("stories", "rl.gamma=0.5", "rl"),
        ("maze9", "rl.gama=0.5", "gama"),
        ("maze9", "rl.gamma=1.5", "rl.gamma"),
        ("maze9", "train.truncate=10", "rl.segment"),
        ("maze9", "model.dropout_hidden=0.5", "model.dropout_hidden"),
        ("maze9", "data.sise=9", "sise"),
        ("maze9", "data.size=8", "data.size"),
    ];
    for (name, set, word) in refusals {
        let message = load(name, set).expect_err(set).to_string();
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn agents_and_answers_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    run(&config("maze9", &["train.steps=1"]), folder.path(), false);
    let Err(error) = Run::open(folder.path(), Weights::Last, &[]) else {
        panic!("a maze has no answers");
    };
    assert!(matches!(error, TrainError::Kind { .. }));
    assert!(error.to_string().contains("environment"), "{error}");
}
