//! The grid maze.

mod map;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Game, Reader, Shape, Vectorised, Writer};
use crate::OptionError;

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
pub type GridMaze = Vectorised<Mazes>;

impl GridMaze {
    /// The plan, the same for every episode.
    pub fn map(&self) -> &MazeMap {
        &self.game.map
    }

    /// The cell of each world's agent, `[B]`.
    pub fn agents(&self) -> &[usize] {
        &self.game.agents
    }

    /// The hidden reward cell of each world, `[B]`: for oracles and pictures.
    pub fn goals(&self) -> &[usize] {
        &self.game.goals
    }
}

/// The worlds of a [`GridMaze`].
#[derive(Debug, Clone)]
pub struct Mazes {
    options: GridMazeOptions,
    map: MazeMap,
    agents: Vec<usize>,
    goals: Vec<usize>,
}

impl Mazes {
    const SIGHT: usize = 9;

    /// A random free cell other than `not`.
    fn free_cell(&self, not: usize, mut random: ChaCha8Rng) -> usize {
        loop {
            let cell = self.map.free()[random.random_range(0..self.map.free().len())];
            if cell != not {
                return cell;
            }
        }
    }
}

impl Game for Mazes {
    const NAME: &'static str = "maze";
    const STREAMS: [&'static str; 2] = ["goal", "jump"];
    type Options = GridMazeOptions;

    fn new(options: GridMazeOptions, batch: usize) -> Result<Self, OptionError> {
        let GridMazeOptions {
            size,
            steps,
            reward,
            wall_penalty,
        } = options;
        let is_side = (5..=101).contains(&size) && size % 2 == 1;
        let expected = "an odd number, 5 to 101";
        OptionError::unless(is_side, Self::NAME, "size", size, expected)?;
        OptionError::within(Self::NAME, "steps", steps, 1..=100_000)?;
        let pays = reward.is_finite() && reward > 0.0;
        OptionError::unless(pays, Self::NAME, "reward", reward, "a number above 0")?;
        let costs = wall_penalty.is_finite() && wall_penalty >= 0.0;
        let expected = "0 or a number above";
        OptionError::unless(costs, Self::NAME, "wall_penalty", wall_penalty, expected)?;
        let map = MazeMap::new(size);
        Ok(Mazes {
            agents: vec![map.centre(); batch],
            goals: vec![map.centre(); batch],
            map,
            options,
        })
    }

    fn options(&self) -> &GridMazeOptions {
        &self.options
    }

    fn shape(&self) -> Shape {
        Shape {
            seen: Self::SIGHT,
            actions: MOVES.len(),
            steps: self.options.steps,
        }
    }

    fn begin(&mut self, sample: usize, random: ChaCha8Rng) {
        self.agents[sample] = self.map.centre();
        self.goals[sample] = self.free_cell(self.map.centre(), random);
    }

    fn act(
        &mut self,
        sample: usize,
        action: u32,
        _step: usize,
        random: impl FnOnce() -> ChaCha8Rng,
    ) -> f32 {
        let (from, goal) = (self.agents[sample], self.goals[sample]);
        let to = self.map.after(from, action);
        let (at, reward) = if to == from {
            (from, -self.options.wall_penalty)
        } else if to == goal {
            (self.free_cell(goal, random()), self.options.reward)
        } else {
            (to, 0.0)
        };
        self.agents[sample] = at;
        reward
    }

    fn see(&self, sample: usize, _step: usize, seen: &mut [f32]) {
        for (place, entry) in seen.iter_mut().enumerate() {
            let (rows, columns) = (place as isize / 3 - 1, place as isize % 3 - 1);
            let is_wall = self.map.is_wall_at(self.agents[sample], rows, columns);
            *entry = f32::from(is_wall);
        }
    }

    fn save(&self, sample: usize, state: &mut Writer) {
        state.number(self.agents[sample] as u64);
    }

    fn load(&mut self, sample: usize, state: &mut Reader) -> Result<(), String> {
        let agent = state.index(self.map.cells(), "the cell of an agent")?;
        if self.map.is_wall(agent) {
            return Err(format!("an agent stands in the wall, on cell {agent}"));
        }
        self.agents[sample] = agent;
        Ok(())
    }

    /// `#` wall, `A` agent, `R` reward.
    fn render(&self, sample: usize, _step: usize) -> String {
        let mut text = String::with_capacity((self.map.size() + 1) * self.map.size());
        for cell in 0..self.map.cells() {
            text.push(match cell {
                cell if cell == self.agents[sample] => 'A',
                cell if cell == self.goals[sample] => 'R',
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
