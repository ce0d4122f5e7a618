//! Players of the grid maze.

use std::collections::HashMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Player;
use crate::environment::{Environment, GridMaze, MOVES, MazeMap};
use crate::stream;

/// Shortest paths to the cells asked for, kept.
#[derive(Debug, Clone, Default)]
struct Paths {
    distances: HashMap<usize, Vec<Option<u32>>>,
}

impl Paths {
    fn distances(&mut self, map: &MazeMap, goal: usize) -> &[Option<u32>] {
        self.distances
            .entry(goal)
            .or_insert_with(|| map.distances(goal))
    }

    /// The first move of a shortest path from `from` to `goal`.
    fn toward(&mut self, map: &MazeMap, from: usize, goal: usize) -> u32 {
        let distances = self.distances(map, goal);
        let actions = 0..MOVES.len() as u32;
        actions
            .min_by_key(|&action| distances[map.after(from, action)].unwrap_or(u32::MAX))
            .unwrap_or_default()
    }
}

/// Knows where the reward is and takes shortest paths: the ceiling.
#[derive(Debug, Clone, Default)]
pub struct MazeOracle {
    paths: Paths,
}

impl Player<GridMaze> for MazeOracle {
    fn begin(&mut self, _maze: &GridMaze) {
        self.paths = Paths::default();
    }

    fn choose(&mut self, maze: &GridMaze, actions: &mut [u32]) {
        for (action, (&agent, &goal)) in actions
            .iter_mut()
            .zip(maze.agents().iter().zip(maze.goals()))
        {
            *action = self.paths.toward(maze.map(), agent, goal);
        }
    }
}

/// Looks for the reward once, on a good tour of all cells, and takes shortest paths from then on.
///
/// It knows the plan and where it stands (also after a jump, which an agent that sees 3 x 3 cells has to work out), but
/// not where the reward is. As every episode begins in the centre, one tour serves all: of many random tours that always
/// go to a nearest cell not yet visited, the one that comes to the cells soonest, on average.
#[derive(Debug, Clone)]
pub struct IdealExplorer {
    generator: ChaCha8Rng,
    paths: Paths,
    /// The moves of the tour.
    tour: Vec<u32>,
    /// Per world: the moves made, and the reward cell once it is known.
    worlds: Vec<(usize, Option<usize>)>,
    /// Per world: the cell that the chosen move leads to.
    ahead: Vec<usize>,
}

impl IdealExplorer {
    const TOURS: usize = 400;

    /// A player whose tour is the best of those drawn from a stream of `seed`.
    pub fn new(seed: u64) -> Self {
        IdealExplorer {
            generator: stream(seed, "player/explorer", 0),
            paths: Paths::default(),
            tour: Vec::new(),
            worlds: Vec::new(),
            ahead: Vec::new(),
        }
    }

    /// The moves of the tour on which it looks for the reward, from the centre, once begun.
    pub fn tour(&self) -> &[u32] {
        &self.tour
    }

    /// A tour, and the sum over all cells of the moves until the cell is first visited.
    fn draw_tour(&mut self, map: &MazeMap) -> (usize, Vec<u32>) {
        let (mut at, mut cost, mut moves) = (map.centre(), 0, Vec::new());
        let mut left: Vec<usize> = map
            .free()
            .iter()
            .copied()
            .filter(|&cell| cell != at)
            .collect();
        while !left.is_empty() {
            let distances = self.paths.distances(map, at);
            let nearest = left.iter().filter_map(|&cell| distances[cell]).min();
            let choices: Vec<usize> = (0..left.len())
                .filter(|&place| distances[left[place]] == nearest)
                .collect();
            let goal = left[choices[self.generator.random_range(0..choices.len())]];
            while at != goal {
                let action = self.paths.toward(map, at, goal);
                at = map.after(at, action);
                moves.push(action);
            }
            left.retain(|&cell| cell != goal);
            cost += moves.len();
        }
        (cost, moves)
    }
}

impl Player<GridMaze> for IdealExplorer {
    fn begin(&mut self, maze: &GridMaze) {
        self.paths = Paths::default();
        let best = (0..Self::TOURS).map(|_| self.draw_tour(maze.map())).min();
        self.tour = best.map(|(_, tour)| tour).unwrap_or_default();
        self.worlds = vec![(0, None); maze.batch()];
        self.ahead = vec![0; maze.batch()];
    }

    fn choose(&mut self, maze: &GridMaze, actions: &mut [u32]) {
        for (sample, action) in actions.iter_mut().enumerate() {
            let agent = maze.agents()[sample];
            let (moves, goal) = &mut self.worlds[sample];
            *action = match *goal {
                Some(goal) => self.paths.toward(maze.map(), agent, goal),
                None => self.tour.get(*moves).copied().unwrap_or_default(),
            };
            *moves += 1;
            self.ahead[sample] = maze.map().after(agent, *action);
        }
    }

    fn learn(&mut self, _maze: &GridMaze, _actions: &[u32], rewards: &[f32]) {
        for ((&reward, &ahead), (_, goal)) in rewards.iter().zip(&self.ahead).zip(&mut self.worlds)
        {
            if reward > 0.0 {
                *goal = Some(ahead);
            }
        }
    }
}
