//! What an agent earns in fresh episodes, beside the reference players in the same ones.

use mnm_controller::Model;
use mnm_tasks::Split;
use mnm_tasks::environment::Vectorised;
use mnm_tasks::players::{Player, play};
use mnm_tensor::{Parameters, SharedArray};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::agent::{Agent, AgentPlayer};
use super::arena::{Contest, in_contest};
use super::environment::no_environment;
use crate::batch::BLOCK;
use crate::config::{Config, DataConfig};
use crate::error::TrainError;
use crate::team::{Alone, Team, part, share};

/// A mean over episodes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// Its standard error; 0 for a single episode.
    pub standard_error: f64,
}

impl Spread {
    /// Of one figure an episode.
    fn of(figures: &[f64]) -> Self {
        let count = figures.len().max(1) as f64;
        let mean = figures.iter().sum::<f64>() / count;
        let squares: f64 = figures.iter().map(|x| (x - mean) * (x - mean)).sum();
        Self {
            mean,
            standard_error: (squares / (count - 1.0).max(1.0) / count).sqrt(),
        }
    }
}

/// What a player earned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Of a whole episode.
    pub reward: Spread,
    /// Expected regret of a whole episode, for bandits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regret: Option<Spread>,
    /// Mazes: the share of the episodes in which the reward was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<f64>,
    /// Mazes: mean steps to the first find, of the episodes that had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps_to_first_find: Option<f64>,
    /// Mazes: mean steps from one find to the next: short where the agent remembers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps_to_later_finds: Option<f64>,
    /// The mean reward of each step of the episode, `[T]`.
    pub by_position: Vec<f64>,
}

impl Figures {
    /// The mean reward of a step by tenths of the episode, from its begin to its end; step by step, if it has fewer than ten.
    pub fn tenths(&self) -> Vec<f64> {
        let steps = self.by_position.len();
        let parts = steps.min(10);
        let from = |part: usize| part * steps / parts;
        (0..parts)
            .map(|part| &self.by_position[from(part)..from(part + 1)])
            .map(|part| part.iter().sum::<f64>() / part.len() as f64)
            .collect()
    }
}

/// An agent beside the reference players.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentEvaluation {
    /// The environment.
    pub task: String,
    /// The split of the episodes.
    pub split: String,
    /// How many were played.
    pub episodes: u64,
    /// What the model is called.
    pub model: String,
    /// What the agent earned.
    #[serde(flatten)]
    pub agent: Figures,
    /// What others earned in the same episodes, from the floor to the ceiling.
    pub players: Vec<(String, Figures)>,
}

/// What was played: rewards `[T][B]`, and regrets `[B]` where there are any.
#[derive(Default, Serialize, Deserialize)]
struct Played {
    rewards: Vec<Vec<f32>>,
    regrets: Option<Vec<f64>>,
}

impl Played {
    /// Takes the episodes of `other` behind its own.
    fn extend(&mut self, other: Self) {
        if self.rewards.is_empty() {
            *self = other;
            return;
        }
        for (row, more) in self.rewards.iter_mut().zip(other.rewards) {
            row.extend(more);
        }
        if let (Some(regrets), Some(more)) = (&mut self.regrets, other.regrets) {
            regrets.extend(more);
        }
    }

    fn figures(&self, finds: bool) -> Figures {
        let batch = self.rewards.first().map_or(0, Vec::len);
        let mut totals = vec![0.0; batch];
        for row in &self.rewards {
            for (total, &reward) in totals.iter_mut().zip(row) {
                *total += f64::from(reward);
            }
        }
        let position =
            |row: &Vec<f32>| row.iter().map(|&r| f64::from(r)).sum::<f64>() / batch.max(1) as f64;
        let finds = finds.then(|| Finds::of(&self.rewards));
        Figures {
            reward: Spread::of(&totals),
            regret: self.regrets.as_deref().map(Spread::of),
            found: finds
                .as_ref()
                .map(|finds| finds.first.len() as f64 / batch.max(1) as f64),
            steps_to_first_find: finds.as_ref().and_then(|finds| mean(&finds.first)),
            steps_to_later_finds: finds.as_ref().and_then(|finds| mean(&finds.later)),
            by_position: self.rewards.iter().map(position).collect(),
        }
    }
}

/// Steps until finds of all episodes.
#[derive(Default)]
struct Finds {
    first: Vec<usize>,
    later: Vec<usize>,
}

impl Finds {
    fn of(rewards: &[Vec<f32>]) -> Self {
        let batch = rewards.first().map_or(0, Vec::len);
        let (mut finds, mut last) = (Self::default(), vec![None; batch]);
        for (step, row) in rewards.iter().enumerate() {
            for (last, _) in last
                .iter_mut()
                .zip(row)
                .filter(|(_, reward)| **reward > 0.0)
            {
                match last.replace(step) {
                    Some(before) => finds.later.push(step - before),
                    None => finds.first.push(step + 1),
                }
            }
        }
        finds
    }
}

fn mean(counts: &[usize]) -> Option<f64> {
    (!counts.is_empty()).then(|| counts.iter().sum::<usize>() as f64 / counts.len() as f64)
}

fn play_in<G: Contest>(
    arena: &mut Vectorised<G>,
    player: &mut dyn Player<Vectorised<G>>,
    first: u64,
) -> Result<Played, TrainError> {
    let rewards = play(arena, player, first)?;
    Ok(Played {
        rewards,
        regrets: G::regrets(arena).map(<[f64]>::to_vec),
    })
}

/// The agent in the first `episodes` episodes of a split: blocks in parallel and spread over ranks, put together in order.
fn play_agent<G: Contest>(
    team: &dyn Team,
    options: &G::Options,
    agent: AgentRef<'_>,
    split: Split,
    episodes: u64,
) -> Result<Figures, TrainError> {
    let starts: Vec<u64> = (0..episodes).step_by(BLOCK).collect();
    let block = |first: u64| {
        let batch = (episodes - first).min(BLOCK as u64) as usize;
        let mut arena = G::open(options, batch, agent.seed, split)?;
        let AgentRef {
            model,
            parameters,
            seed,
        } = agent;
        let mut player = AgentPlayer::new(model, parameters, batch, seed, split, first)?;
        let played = play_in(&mut arena, &mut player, first);
        player.check()?;
        played
    };
    let own = starts[part(team, starts.len())].to_vec();
    let parts = share(team, in_parallel(own, &block))?;
    let mut all = Played::default();
    parts.into_iter().for_each(|part| all.extend(part));
    Ok(all.figures(G::FINDS))
}

/// What `block` plays from each start on, in the order of the starts; compiled once for all environments.
fn in_parallel(
    starts: Vec<u64>,
    block: &(dyn Fn(u64) -> Result<Played, TrainError> + Sync),
) -> Result<Vec<Played>, TrainError> {
    starts.into_par_iter().map(block).collect()
}

#[derive(Clone, Copy)]
struct AgentRef<'a> {
    model: &'a Model<f32>,
    parameters: &'a Parameters<SharedArray<f32>>,
    seed: u64,
}

fn play_players<G: Contest>(
    options: &G::Options,
    seed: u64,
    split: Split,
    episodes: u64,
) -> Result<Vec<(String, Figures)>, TrainError> {
    let batch = usize::try_from(episodes).unwrap_or(usize::MAX);
    let mut arena = G::open(options, batch, seed, split)?;
    G::players(options, seed)?
        .into_iter()
        .map(|(name, mut player)| {
            let played = play_in(&mut arena, player.as_mut(), 0)?;
            Ok((name.to_owned(), played.figures(G::FINDS)))
        })
        .collect()
}

/// What the agent earns in the first `episodes` episodes of a split, which are spread over ranks.
pub(crate) fn play_split(
    team: &dyn Team,
    config: &Config,
    model: &Model<f32>,
    parameters: &Parameters<SharedArray<f32>>,
    split: Split,
    episodes: u64,
) -> Result<Figures, TrainError> {
    let agent = AgentRef {
        model,
        parameters,
        seed: config.seed,
    };
    in_contest!(&config.data, |options: Game| play_agent::<Game>(
        team, options, agent, split, episodes
    ))
}

/// Plays the first `episodes` episodes of a split with the agent and with the reference players, in the current thread
/// pool.
///
/// # Errors
/// A setting out of range, or no episodes.
pub fn evaluate(agent: &Agent, split: Split, episodes: u64) -> Result<AgentEvaluation, TrainError> {
    let (config, seed) = (&agent.config, agent.config.seed);
    let (model, parameters) = (&agent.model, &agent.parameters);
    let figures = play_split(&Alone, config, model, parameters, split, episodes)?;
    let players = in_contest!(&config.data, |options: Game| play_players::<Game>(
        options, seed, split, episodes
    ))?;
    Ok(AgentEvaluation {
        task: config.data.name().to_owned(),
        split: split.to_string(),
        episodes,
        model: config.model.label().to_owned(),
        agent: figures,
        players,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_a_small_table() {
        // Two episodes of four steps: finds after 2 and 3 steps, and after 4.
        let played = Played {
            rewards: vec![
                vec![0.0, 0.0],
                vec![10.0, -1.0],
                vec![10.0, 0.0],
                vec![0.0, 10.0],
            ],
            regrets: None,
        };
        let figures = played.figures(true);
        assert_eq!(figures.reward.mean, 14.5);
        assert!((figures.reward.standard_error - 5.5).abs() < 1e-12);
        assert_eq!(figures.found, Some(1.0));
        assert_eq!(figures.steps_to_first_find, Some(3.0));
        assert_eq!(figures.steps_to_later_finds, Some(1.0));
        assert_eq!(figures.by_position, [0.0, 4.5, 5.0, 5.0]);
        assert_eq!(played.figures(false).found, None);
    }

    #[test]
    fn an_episode_has_ten_parts_whether_ten_divides_it_or_not() {
        let tenths = |steps: u8| {
            let rewards = (0..steps).map(|step| vec![f32::from(step)]).collect();
            let played = Played {
                rewards,
                regrets: None,
            };
            played.figures(false).tenths()
        };
        assert_eq!(tenths(3), [0.0, 1.0, 2.0]);
        let fifteen = [0.0, 1.5, 3.0, 4.5, 6.0, 7.5, 9.0, 10.5, 12.0, 13.5];
        assert_eq!(tenths(15), fifteen);
        assert_eq!(tenths(20)[9], 18.5);
    }
}
