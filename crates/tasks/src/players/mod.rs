//! Reference players: what agents that know what to do would earn.
//!
//! - [`RandomPlayer`], of any environment: the floor.
//! - [`MazeOracle`] knows the hidden reward: the ceiling of the [`GridMaze`](crate::environment::GridMaze).
//!   [`IdealExplorer`] has to find it once.
//! - [`ThompsonSampling`], [`Ucb1`], [`Gittins`], of a [`Bandit`](crate::environment::Bandit).
//! - [`MdpOptimum`] knows the process, [`PosteriorSampling`] (PSRL) learns it, of a
//!   [`TabularMdp`](crate::environment::TabularMdp).
//! - [`CueOracle`] knows the right actions, [`PerfectMemory`] finds them and forgets nothing, of
//!   [`Cues`](crate::environment::Cues).

mod arms;
mod cues;
mod gittins;
mod maze;
mod mdp;
mod planning;
mod random;
mod thompson;
mod ucb1;

use crate::environment::{Environment, EnvironmentError};

pub use cues::{CueOracle, PerfectMemory};
pub use gittins::{Gittins, GittinsTable};
pub use maze::{IdealExplorer, MazeOracle};
pub use mdp::{MdpOptimum, PosteriorSampling};
pub use planning::{Plan, plan};
pub use random::RandomPlayer;
pub use thompson::ThompsonSampling;
pub use ucb1::Ucb1;

/// A player of an environment. It may look at everything in it; which of that it uses is what sets players apart.
pub trait Player<E: Environment + ?Sized> {
    /// Forgets what was before: the environment was reset.
    fn begin(&mut self, environment: &E);

    /// Chooses an action for every world, `[B]`.
    fn choose(&mut self, environment: &E, actions: &mut [u32]);

    /// Takes note of what the actions earned, `[B]`.
    fn learn(&mut self, _environment: &E, _actions: &[u32], _rewards: &[f32]) {}
}

/// Plays the episodes `first` to `first + B - 1` to their end. Returns the rewards, step by step, `[T][B]`.
///
/// # Errors
/// Where the player chooses an action that there is not.
pub fn play<E: Environment + ?Sized>(
    environment: &mut E,
    player: &mut (impl Player<E> + ?Sized),
    first: u64,
) -> Result<Vec<Vec<f32>>, EnvironmentError> {
    let batch = environment.batch();
    let mut observations = vec![0.0; batch * environment.observation_width()];
    let (mut actions, mut rewards) = (vec![0; batch], vec![0.0; batch]);
    let mut earned = Vec::with_capacity(environment.episode_steps());
    environment.reset(first, &mut observations)?;
    player.begin(environment);
    loop {
        player.choose(environment, &mut actions);
        let is_over = environment.step(&actions, &mut observations, &mut rewards)?;
        player.learn(environment, &actions, &rewards);
        earned.push(rewards.clone());
        if is_over {
            return Ok(earned);
        }
    }
}

/// The mean over the batch of the reward of a whole episode, from what [`play`] returned.
pub fn mean_total(earned: &[Vec<f32>]) -> f64 {
    let batch = earned.first().map_or(1, Vec::len).max(1);
    earned
        .iter()
        .flatten()
        .map(|&reward| f64::from(reward))
        .sum::<f64>()
        / batch as f64
}
