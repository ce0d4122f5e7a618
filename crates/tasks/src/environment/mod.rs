//! Environments for reinforcement learning: a [grid maze](GridMaze), [bandits](Bandit), [tabular MDPs](TabularMdp),
//! [cues](Cues) to be remembered.
//!
//! An [`Environment`] is a batch of B worlds that step together; all their episodes have the same length, so that none
//! has to wait for another. What an agent has to remember (where the reward was, which arm paid) holds for one episode,
//! and a new episode draws a new world: its memory should begin with the episode and last through it.
//!
//! Episode e of an environment is a pure function of (seed, split, e) and of the actions: neither the batch that it is
//! played in nor the episodes before it matter.
//!
//! [`Vectorised`] is all that the environments here have in common; a new one is an implementation of [`Game`].

mod bandit;
mod cues;
mod error;
mod maze;
mod mdp;
mod progress;
mod state;
mod vectorised;

pub use bandit::{Arms, Bandit, BanditOptions, Pulling};
pub use cues::{Cueing, Cues, CuesOptions};
pub use error::EnvironmentError;
pub use maze::{GridMaze, GridMazeOptions, MOVES, MazeMap, Mazes};
pub use mdp::{Processes, TabularMdp, TabularMdpOptions};
pub use state::{Reader, Writer};
pub use vectorised::{Game, Shape, Vectorised};

/// A batch of B worlds in lock step.
///
/// Observations are what a recurrent agent needs and nothing more: what it sees now, its previous action as a one-hot
/// vector (zeros at first), the previous reward, the share of the episode that is over, and a constant 1.
pub trait Environment: Send {
    /// A short name: `maze`, `bandit`, `mdp`, `cues`.
    fn name(&self) -> &str;

    /// The number of worlds, B.
    fn batch(&self) -> usize;

    /// The width of an observation, X.
    fn observation_width(&self) -> usize;

    /// The number of actions, A.
    fn actions(&self) -> usize;

    /// The steps of an episode, T.
    fn episode_steps(&self) -> usize;

    /// Begins the episodes `first` to `first + B - 1` and writes the first observations, `[B, X]`.
    ///
    /// # Errors
    /// Where the slice has not B X entries.
    fn reset(&mut self, first: u64, observations: &mut [f32]) -> Result<(), EnvironmentError>;

    /// Takes an action in every world (`[B]`, each below A) and writes the observations that follow, `[B, X]`, and the
    /// rewards, `[B]`. Returns whether that was the last step of the episodes. Allocates nothing.
    ///
    /// # Errors
    /// Where a slice has the wrong length, an action is A or more, or the episodes are over or not begun; nothing has
    /// changed then.
    fn step(
        &mut self,
        actions: &[u32],
        observations: &mut [f32],
        rewards: &mut [f32],
    ) -> Result<bool, EnvironmentError>;

    /// Writes the present observations, `[B, X]`, once more: what `reset` or `step` wrote last. For use after
    /// [`load`](Environment::load).
    ///
    /// # Errors
    /// Where the slice has not B X entries, or no episode was begun.
    fn observe(&self, observations: &mut [f32]) -> Result<(), EnvironmentError>;

    /// The state in the middle of an episode, for an exact resume by an environment of the same options, seed and split.
    fn save(&self) -> Vec<u8>;

    /// Takes up a saved state.
    ///
    /// # Errors
    /// Where the bytes are not a state of this kind of environment and this batch; nothing has changed then.
    fn load(&mut self, state: &[u8]) -> Result<(), EnvironmentError>;

    /// World `sample` as it stands, for a human reader; empty if there is no such world or no episode was begun.
    fn render(&self, sample: usize) -> String;
}
