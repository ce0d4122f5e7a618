//! Reference players: what they earned in the episodes that our agents were evaluated in.

use anyhow::Result;
use serde_json::{Value, json};

use super::job::Job;
use super::results;
use super::suite::Suite;

/// One player of an experiment, such as random play.
#[derive(Debug, PartialEq)]
pub struct Player {
    /// Index into the suite's experiments.
    pub experiment: usize,
    /// As `mnm eval` calls it.
    pub name: String,
    /// Its figures, one for each seed.
    pub values: Vec<f64>,
}

/// Gathers the players from the evaluations of agents; of a seed once, as they do the same beside every model.
///
/// # Errors
/// If an evaluation cannot be read.
pub fn gather(suite: &Suite, jobs: &[Job]) -> Result<Vec<Player>> {
    let mut players: Vec<Player> = Vec::new();
    let mut seen: Vec<(usize, &str)> = Vec::new();
    for job in jobs.iter().filter(|job| job.folder.evaluation.is_file()) {
        let experiment = job.run.experiment;
        let seed = (experiment, seed(job));
        if seen.contains(&seed) {
            continue;
        }
        seen.push(seed);
        let evaluation = results::evaluation(&job.folder.evaluation)?;
        for player in evaluation["players"].as_array().into_iter().flatten() {
            let figure = player[1].pointer(&suite.experiments[experiment].measure.path);
            let (Some(name), Some(value)) = (player[0].as_str(), figure.and_then(Value::as_f64))
            else {
                continue;
            };
            let known =
                |player: &&mut Player| player.experiment == experiment && player.name == name;
            match players.iter_mut().find(known) {
                Some(player) => player.values.push(value),
                None => players.push(Player {
                    experiment,
                    name: name.to_owned(),
                    values: vec![value],
                }),
            }
        }
    }
    Ok(players)
}

/// The override that sets a run's seed.
fn seed(job: &Job) -> &str {
    let set = job.run.set.iter().find(|set| set.starts_with("seed="));
    set.map_or("", String::as_str)
}

/// The same figures for programs.
pub fn to_json(suite: &Suite, players: &[Player]) -> Value {
    let entry = |player: &Player| {
        json!({
            "experiment": suite.experiments[player.experiment].name,
            "player": player.name,
            "values": player.values,
        })
    };
    players.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE: &str = r#"
        title = "T"
        about = "A"
        takes = "no time"
        [[experiment]]
        name = "maze9"
        title = "Maze"
        config = "maze9"
        measure = { path = "/reward/mean", title = "reward", larger_is_better = true }
        [[model]]
        name = "mnm-p"
        title = "MNM-p"
        [[model]]
        name = "lstm"
        title = "LSTM"
    "#;

    #[test]
    fn a_player_counts_once_a_seed_whatever_stands_beside_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let suite: Suite = toml::from_str(SUITE).expect("a good suite");
        let jobs = Job::all(&suite, 2, folder.path());
        for (place, job) in jobs.iter().enumerate() {
            job.folder.prepare(&job.run, "1").expect("writable");
            let reward = |mean: usize| json!({"reward": {"mean": mean}});
            let mut evaluation = reward(100);
            evaluation["players"] =
                json!([["random", reward(10 + place)], ["oracle", reward(400)]]);
            std::fs::write(&job.folder.evaluation, evaluation.to_string()).expect("writable");
        }
        let players = gather(&suite, &jobs).expect("good evaluations");
        let names: Vec<&str> = players.iter().map(|player| player.name.as_str()).collect();
        assert_eq!(names, ["random", "oracle"]);
        assert_eq!(
            players[0].values,
            [10.0, 12.0],
            "of the first model of either seed"
        );
        let cells = results::gather(&suite, &jobs).expect("good evaluations");
        let table = results::tables(&suite, &cells, &players);
        assert!(
            table.contains("(oracle)") && table.contains("400.00"),
            "{table}"
        );
        assert_eq!(to_json(&suite, &players)[1]["player"], "oracle");
    }
}
