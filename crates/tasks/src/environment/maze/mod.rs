//! The grid maze.

mod map;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::progress::{Progress, Sizes};
use super::state::{Reader, Writer};
use super::{Environment, EnvironmentError};
use serde::{Deserialize, Serialize};

use crate::{OptionError, Split, stream};

pub use map::{MOVES, MazeMap};

/// The size and the rewards of a grid maze.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GridMazeOptions {
    /// The side n, walls included: odd, 5 to 101.
    pub size: usize,
    /// Steps an episode: 1 to 100000.
    pub steps: usize,
    /// What reaching the hidden cell earns: above 0.
    pub reward: f32,
    /// What running into a wall costs: 0 or more.
    pub wall_penalty: f32,
}

impl Default for GridMazeOptions {
    /// 9 x 9, 200 steps, a reward of 10, no wall penalty.
    fn default() -> Self {
        GridMazeOptions {
            size: 9,
            steps: 200,
            reward: 10.0,
            wall_penalty: 0.0,
        }
    }
}

/// Find the hidden reward once, then go straight back to it for the rest of the episode.
///
/// The agent begins in the centre of a [`MazeMap`]. One free cell, other than the centre, is the episode's reward cell,
/// which cannot be seen. Entering it earns the reward and moves the agent to a random free cell, not the reward cell.
/// The four actions are [`MOVES`]; a move into a wall leaves the agent where it is, at the cost of the wall penalty.
///
/// An observation holds 16 numbers: the 3 x 3 cells around the agent, row by row, 1 for a wall; the previous action
/// one-hot (4); the previous reward; the share of the episode that is over; 1.
/// Source: Miconi, Clune, Stanley, "Differentiable plasticity" (arXiv 1804.02464) and "Backpropamine" (arXiv 2002.10585).
#[derive(Debug, Clone)]
pub struct GridMaze {
    options: GridMazeOptions,
    map: MazeMap,
    seed: u64,
    /// The names of the random streams: of the reward cells, and of the jumps.
    streams: [String; 2],
    progress: Progress,
    agents: Vec<usize>,
    goals: Vec<usize>,
}

impl GridMaze {
    const NAME: &str = "maze";
    const SIGHT: usize = 9;

    /// `batch` mazes, drawn from streams of `seed` and `split`.
    ///
    /// # Errors
    /// Where an option is out of range, or the batch empty.
    pub fn new(
        options: GridMazeOptions,
        batch: usize,
        seed: u64,
        split: Split,
    ) -> Result<Self, EnvironmentError> {
        let GridMazeOptions {
            size,
            steps,
            reward,
            wall_penalty,
        } = options;
        OptionError::unless(
            (5..=101).contains(&size) && size % 2 == 1,
            Self::NAME,
            "size",
            size,
            "an odd number, 5 to 101",
        )?;
        OptionError::unless(
            (1..=100_000).contains(&steps),
            Self::NAME,
            "steps",
            steps,
            "1 to 100000",
        )?;
        let is_amount = |x: f32| x.is_finite() && x >= 0.0;
        OptionError::unless(
            is_amount(reward) && reward > 0.0,
            Self::NAME,
            "reward",
            reward,
            "a number above 0",
        )?;
        let expected = "0 or a number above";
        OptionError::unless(
            is_amount(wall_penalty),
            Self::NAME,
            "wall_penalty",
            wall_penalty,
            expected,
        )?;
        OptionError::unless(batch > 0, Self::NAME, "batch", batch, "1 or more")?;
        let actions = MOVES.len();
        let width = Self::SIGHT + Sizes::tail(actions);
        let map = MazeMap::new(size);
        Ok(GridMaze {
            seed,
            streams: ["goal", "jump"].map(|what| format!("{}/{split}/{what}", Self::NAME)),
            progress: Progress::new(Sizes {
                environment: Self::NAME,
                batch,
                width,
                actions,
                steps,
            }),
            agents: vec![map.centre(); batch],
            goals: vec![map.centre(); batch],
            map,
            options,
        })
    }

    /// The options that the maze was made with.
    pub fn options(&self) -> &GridMazeOptions {
        &self.options
    }

    /// The plan, the same for every episode.
    pub fn map(&self) -> &MazeMap {
        &self.map
    }

    /// The cell of each world's agent, `[B]`.
    pub fn agents(&self) -> &[usize] {
        &self.agents
    }

    /// The hidden reward cell of each world, `[B]`: for oracles and pictures.
    pub fn goals(&self) -> &[usize] {
        &self.goals
    }

    /// A random free cell other than `not`.
    fn free_cell(&self, not: usize, mut generator: ChaCha8Rng) -> usize {
        loop {
            let cell = self.map.free()[generator.random_range(0..self.map.free().len())];
            if cell != not {
                return cell;
            }
        }
    }

    fn draw_goals(&mut self) {
        for sample in 0..self.goals.len() {
            let generator = stream(self.seed, &self.streams[0], self.progress.episode(sample));
            self.goals[sample] = self.free_cell(self.map.centre(), generator);
        }
    }
}

impl Environment for GridMaze {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn batch(&self) -> usize {
        self.progress.sizes.batch
    }

    fn observation_width(&self) -> usize {
        self.progress.sizes.width
    }

    fn actions(&self) -> usize {
        self.progress.sizes.actions
    }

    fn episode_steps(&self) -> usize {
        self.progress.sizes.steps
    }

    fn reset(&mut self, first: u64, observations: &mut [f32]) -> Result<(), EnvironmentError> {
        self.progress.sizes.check_observations(observations)?;
        self.progress.begin(first);
        self.agents.fill(self.map.centre());
        self.draw_goals();
        self.observe(observations)
    }

    fn step(
        &mut self,
        actions: &[u32],
        observations: &mut [f32],
        rewards: &mut [f32],
    ) -> Result<bool, EnvironmentError> {
        self.progress.check(actions, observations, rewards)?;
        for (sample, (&action, reward)) in actions.iter().zip(rewards.iter_mut()).enumerate() {
            let (from, goal) = (self.agents[sample], self.goals[sample]);
            let to = self.map.after(from, action);
            (self.agents[sample], *reward) = if to == from {
                (from, -self.options.wall_penalty)
            } else if to == goal {
                let generator = stream(self.seed, &self.streams[1], self.progress.moment(sample));
                (self.free_cell(goal, generator), self.options.reward)
            } else {
                (to, 0.0)
            };
        }
        let is_over = self.progress.advance(actions, rewards);
        self.observe(observations)?;
        Ok(is_over)
    }

    fn observe(&self, observations: &mut [f32]) -> Result<(), EnvironmentError> {
        self.progress.observe(observations, |sample, seen| {
            for (place, entry) in seen.iter_mut().enumerate() {
                let (rows, columns) = (place as isize / 3 - 1, place as isize % 3 - 1);
                *entry = if self.map.is_wall_at(self.agents[sample], rows, columns) {
                    1.0
                } else {
                    0.0
                };
            }
        })
    }

    fn save(&self) -> Vec<u8> {
        let mut state = Writer::default();
        self.progress.save(&mut state);
        self.agents
            .iter()
            .for_each(|&agent| state.number(agent as u64));
        state.finish()
    }

    fn load(&mut self, state: &[u8]) -> Result<(), EnvironmentError> {
        let mut state = Reader::new(state);
        let mut read = || {
            let progress = Progress::load(self.progress.sizes, &mut state)?;
            let mut agents = Vec::with_capacity(self.agents.len());
            for _ in 0..self.agents.len() {
                let agent = state.index(self.map.cells(), "the cell of an agent")?;
                if self.map.is_wall(agent) {
                    return Err(format!("an agent stands in the wall, on cell {agent}"));
                }
                agents.push(agent);
            }
            Ok((progress, agents))
        };
        let read = read().and_then(|read| Reader::finish(state).map(|()| read));
        let (progress, agents) = read.map_err(|problem| EnvironmentError::State {
            environment: Self::NAME,
            problem,
        })?;
        (self.progress, self.agents) = (progress, agents);
        // The reward cells follow from the episodes' numbers.
        self.draw_goals();
        Ok(())
    }

    /// `#` wall, `A` agent, `R` reward.
    fn render(&self, sample: usize) -> String {
        let (Some(&agent), Some(&goal)) = (self.agents.get(sample), self.goals.get(sample)) else {
            return String::new();
        };
        if !self.progress.has_begun() {
            return String::new();
        }
        let mut text = String::with_capacity((self.map.size() + 1) * self.map.size());
        for cell in 0..self.map.cells() {
            text.push(match cell {
                cell if cell == agent => 'A',
                cell if cell == goal => 'R',
                cell if self.map.is_wall(cell) => '#',
                _ => '.',
            });
            if (cell + 1) % self.map.size() == 0 {
                text.push('\n');
            }
        }
        text
    }
}

#[cfg(test)]
mod tests;
