//! One episode, step by step, for those who want to see it.

use mnm_controller::Model;
use mnm_tasks::Split;
use mnm_tasks::environment::{Cueing, Environment, MazeMap, Mazes, Processes, Pulling, Vectorised};
use mnm_tensor::{Parameters, SharedArray};

use super::agent::Agent;
use super::arena::Contest;
use super::draws::Draws;
use super::environment::no_environment;
use super::policy::Policy;
use crate::config::DataConfig;
use crate::error::TrainError;
use crate::task::draw_parameters;

/// An episode of T steps as an agent played it.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What it saw, `[T, X]` row by row.
    pub observations: Vec<f32>,
    /// What it did, `[T]`.
    pub actions: Vec<u32>,
    /// What that earned, `[T]`.
    pub rewards: Vec<f32>,
    /// What it could not see, and where it was.
    pub scene: Scene,
}

/// The world of an episode.
#[derive(Clone, Debug)]
pub enum Scene {
    /// A grid maze.
    Maze {
        /// The plan.
        map: MazeMap,
        /// The cell with the reward.
        goal: usize,
        /// The cell in which each step began, `[T]`.
        cells: Vec<usize>,
    },
    /// A bandit.
    Bandit {
        /// The probability with which each arm pays.
        means: Vec<f64>,
    },
    /// A tabular MDP.
    Mdp {
        /// The mean reward of each state and action, `[S, A]`.
        means: Vec<f64>,
        /// The number of actions, A.
        actions: usize,
        /// Steps of a round.
        horizon: usize,
        /// The state in which each step began, `[T]`.
        states: Vec<usize>,
    },
    /// Cues.
    Cues {
        /// The right action of each cue, `[C]`.
        right: Vec<u32>,
        /// The cue of each step, `[T]`.
        shown: Vec<usize>,
    },
}

impl Agent {
    /// First values, drawn anew: the parameters before training, unless that began with those of another run
    /// (`train.from`).
    ///
    /// # Errors
    /// If they cannot be drawn as the config says.
    pub fn untrained(&self) -> Result<Parameters<SharedArray<f32>>, TrainError> {
        draw_parameters(
            &self.model.parameters(),
            self.config.model.init,
            self.config.seed,
        )
    }

    /// Plays episode `index` of a split with `parameters`, as the evaluation does.
    ///
    /// # Errors
    /// A setting out of range.
    pub fn record(
        &self,
        parameters: &Parameters<SharedArray<f32>>,
        split: Split,
        index: u64,
    ) -> Result<Recording, TrainError> {
        let player = Player {
            model: &self.model,
            parameters,
            seed: self.config.seed,
            split,
            index,
        };
        match &self.config.data {
            DataConfig::Maze(options) => {
                let mut cells = Vec::new();
                let (maze, tape) =
                    player.play::<Mazes>(options, |maze| cells.extend(maze.agents()))?;
                Ok(tape.in_scene(Scene::Maze {
                    map: maze.map().clone(),
                    goal: maze.goals().first().copied().unwrap_or_default(),
                    cells,
                }))
            }
            DataConfig::Bandit(options) => {
                let (bandit, tape) = player.play::<Pulling>(options, |_| ())?;
                Ok(tape.in_scene(Scene::Bandit {
                    means: bandit.means().to_vec(),
                }))
            }
            DataConfig::Mdp(options) => {
                let mut states = Vec::new();
                let (mdp, tape) =
                    player.play::<Processes>(options, |mdp| states.extend(mdp.states()))?;
                Ok(tape.in_scene(Scene::Mdp {
                    means: mdp.means().to_vec(),
                    actions: options.actions,
                    horizon: options.horizon,
                    states,
                }))
            }
            DataConfig::Cues(options) => {
                let mut shown = Vec::new();
                let (cues, tape) =
                    player.play::<Cueing>(options, |cues| shown.extend(cues.cue(0)))?;
                Ok(tape.in_scene(Scene::Cues {
                    right: cues.right().to_vec(),
                    shown,
                }))
            }
            _ => Err(no_environment()),
        }
    }
}

struct Player<'a> {
    model: &'a Model<f32>,
    parameters: &'a Parameters<SharedArray<f32>>,
    seed: u64,
    split: Split,
    index: u64,
}

/// What every environment has of an episode.
#[derive(Default)]
struct Tape {
    observations: Vec<f32>,
    actions: Vec<u32>,
    rewards: Vec<f32>,
}

impl Tape {
    fn in_scene(self, scene: Scene) -> Recording {
        Recording {
            observations: self.observations,
            actions: self.actions,
            rewards: self.rewards,
            scene,
        }
    }
}

impl Player<'_> {
    /// Plays to the end; `glance` sees the world before each step.
    fn play<G: Contest>(
        &self,
        options: &G::Options,
        mut glance: impl FnMut(&Vectorised<G>),
    ) -> Result<(Vectorised<G>, Tape), TrainError> {
        let mut arena = G::open(options, 1, self.seed, self.split)?;
        let mut policy = Policy::new(self.model, self.parameters, 1, None)?;
        let length = arena.episode_steps();
        let draws = Draws::new(self.seed, self.split);
        let mut seen = vec![0.0; arena.observation_width()];
        let (mut actions, mut paid) = ([0], [0.0]);
        let mut tape = Tape::default();
        arena.reset(self.index, &mut seen)?;
        for step in 0..length {
            glance(&arena);
            tape.observations.extend(&seen);
            let said = policy.step(&seen)?.checked(self.split)?;
            draws.choose(&said, length, self.index, step, &mut actions);
            arena.step(&actions, &mut seen, &mut paid)?;
            tape.actions.extend(actions);
            tape.rewards.extend(paid);
        }
        Ok((arena, tape))
    }
}
