//! Agents: rewards instead of errors, beside the reference players that played the same episodes.

pub(super) mod charts;
pub(super) mod table;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::figure::Figure;
use super::groups::Section;
use super::run::RunData;
use mnm_trainer::rl::{AgentEvaluation, Figures};

/// Players that an agent can come up to at best: what one that knows what to do would earn.
const IDEALS: [&str; 3] = ["ideal explorer", "optimum", "perfect memory"];

/// What agents and reference players earned in one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentsSummary {
    /// The numbers of episodes that were played on the test split.
    pub episodes: BTreeSet<u64>,
    /// The player that stands for 100 % of the reward; None if the environment has none.
    pub ideal: Option<String>,
    /// Ours, one for each model.
    pub agents: Vec<PlayerSummary>,
    /// The reference players, over the same seeds.
    pub players: Vec<PlayerSummary>,
}

/// What a player earned, over the seeds. But for the validation, figures are of the test split, and None if it was not
/// played.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlayerSummary {
    /// The model, or the player's name.
    pub label: String,
    /// Reward of an episode on the validation split, of the last averaged weights where they are kept, else in the best
    /// evaluation; None for reference players.
    pub valid_reward: Option<Figure>,
    /// Reward of an episode; of the last averaged weights, where they were evaluated.
    pub reward: Option<Figure>,
    /// Beside them, the reward with the weights of the best evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_reward: Option<Figure>,
    /// Its share of the ideal's reward, in percent.
    pub of_ideal: Option<f64>,
    /// Expected regret of an episode, for bandits.
    pub regret: Option<Figure>,
    /// Mazes: episodes in which the reward was found, in percent.
    pub found: Option<Figure>,
    /// Mazes: steps to the first find.
    pub first_find: Option<Figure>,
    /// Mazes: steps from one find to the next.
    pub later_finds: Option<Figure>,
    /// Mean reward of a step, by tenths of the episode; empty if it was not played.
    pub tenths: Vec<f64>,
}

impl AgentsSummary {
    /// The figures of a section; None if it is not one of agents.
    pub(super) fn of(section: &Section<'_>) -> Option<Self> {
        let runs = section.groups.iter().flat_map(|group| &group.runs);
        if !runs.clone().any(|run| run.is_agent()) {
            return None;
        }
        let by_seed = played(section);
        let played: Vec<&AgentEvaluation> = by_seed.values().copied().collect();
        let mut players: Vec<PlayerSummary> = names(&played)
            .into_iter()
            .map(|name| PlayerSummary::of(name, &of_player(&played, name), &[]))
            .collect();
        let ideal = IDEALS.iter().find_map(|ideal| {
            let player = players.iter().find(|player| player.label == *ideal)?;
            Some((player.label.clone(), player.reward.as_ref()?.mean))
        });
        let mut agents: Vec<PlayerSummary> = section
            .groups
            .iter()
            .map(|group| {
                let figures: Vec<_> = group.runs.iter().filter_map(|run| figures(run)).collect();
                let valid: Vec<_> = group
                    .runs
                    .iter()
                    .filter_map(|run| run.valid_reward())
                    .collect();
                let averaged = group.runs.iter().any(|run| run.played_average.is_some());
                let raw = group.runs.iter().filter(|_| averaged);
                let raw: Vec<_> = raw
                    .filter(|run| run.ended().is_some())
                    .filter_map(|run| Some(run.played.as_ref()?.agent.reward.mean))
                    .collect();
                PlayerSummary {
                    raw_reward: Figure::of_rewards(&raw),
                    ..PlayerSummary::of(&group.label, &figures, &valid)
                }
            })
            .collect();
        if let Some((name, full)) = ideal.as_ref().filter(|(_, full)| *full > 0.0) {
            for player in &mut players {
                player.of_ideal = player.reward.as_ref().map(|own| 100.0 * own.mean / full);
            }
            // A model with fewer seeds than another played in fewer worlds.
            for (agent, group) in agents.iter_mut().zip(&section.groups) {
                let runs = group.runs.iter().filter(|run| figures(run).is_some());
                let same: Vec<_> = runs
                    .filter_map(|run| by_seed.get(&seed(run)).copied())
                    .collect();
                let full = Figure::of_rewards(&rewards(&of_player(&same, name)));
                let own = agent.reward.as_ref().zip(full);
                agent.of_ideal = own.map(|(own, full)| 100.0 * own.mean / full.mean);
            }
        }
        Some(Self {
            episodes: runs
                .filter_map(|run| evaluated(run))
                .map(|played| played.episodes)
                .collect(),
            ideal: ideal.map(|(name, _)| name),
            agents,
            players,
        })
    }
}

impl PlayerSummary {
    fn of(label: &str, figures: &[&Figures], valid: &[f64]) -> Self {
        let over = |value: fn(&Figures) -> Option<f64>| -> Vec<f64> {
            figures
                .iter()
                .filter_map(|figures| value(figures))
                .collect()
        };
        Self {
            label: label.to_owned(),
            valid_reward: Figure::of_rewards(valid),
            reward: Figure::of_rewards(&rewards(figures)),
            raw_reward: None,
            of_ideal: None,
            regret: Figure::of(&over(|figures| Some(figures.regret?.mean))),
            found: Figure::of_rewards(&over(|figures| Some(100.0 * figures.found?))),
            first_find: Figure::of(&over(|figures| figures.steps_to_first_find)),
            later_finds: Figure::of(&over(|figures| figures.steps_to_later_finds)),
            tenths: tenths(figures),
        }
    }
}

fn rewards(figures: &[&Figures]) -> Vec<f64> {
    figures.iter().map(|figures| figures.reward.mean).collect()
}

fn seed(run: &RunData) -> Option<i64> {
    run.value("seed").and_then(toml::Value::as_integer)
}

/// What a run's agent earned.
fn figures(run: &RunData) -> Option<&Figures> {
    evaluated(run).map(|played| &played.agent)
}

/// The evaluation of a run that has finished; one that goes on has played with weights that it will not end with.
pub(super) fn evaluated(run: &RunData) -> Option<&AgentEvaluation> {
    let kept = run.played_average.as_ref().or(run.played.as_ref());
    run.ended().and(kept)
}

/// One evaluation of each seed: players do the same in all of them, whatever agent they stand beside. Of several, the
/// one with the most episodes.
fn played<'a>(section: &Section<'a>) -> BTreeMap<Option<i64>, &'a AgentEvaluation> {
    let mut by_seed: BTreeMap<Option<i64>, &AgentEvaluation> = BTreeMap::new();
    for run in section.groups.iter().flat_map(|group| &group.runs) {
        let Some(evaluation) = evaluated(run) else {
            continue;
        };
        let known = by_seed.entry(seed(run)).or_insert(evaluation);
        if known.episodes < evaluation.episodes {
            *known = evaluation;
        }
    }
    by_seed
}

/// The players' names, from the floor to the ceiling.
fn names<'a>(played: &[&'a AgentEvaluation]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in played.iter().flat_map(|evaluation| &evaluation.players) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

/// What a player earned, one for each seed.
fn of_player<'a>(played: &[&'a AgentEvaluation], name: &str) -> Vec<&'a Figures> {
    let players = played.iter().flat_map(|evaluation| &evaluation.players);
    players
        .filter(|(known, _)| known == name)
        .map(|(_, figures)| figures)
        .collect()
}

/// Means over the seeds, by tenths of the episode.
fn tenths(figures: &[&Figures]) -> Vec<f64> {
    let mut sums: Vec<f64> = Vec::new();
    for figures in figures {
        for (place, mean) in figures.tenths().into_iter().enumerate() {
            match sums.get_mut(place) {
                Some(sum) => *sum += mean,
                None => sums.push(mean),
            }
        }
    }
    let count = figures.len().max(1) as f64;
    sums.iter().map(|sum| sum / count).collect()
}

#[cfg(test)]
mod tests;
