//! The player that does not think.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Player;
use crate::environment::Environment;
use crate::stream;

/// Every action is as likely as the others.
#[derive(Debug, Clone)]
pub struct RandomPlayer {
    generator: ChaCha8Rng,
}

impl RandomPlayer {
    /// A player that draws from a stream of `seed`.
    pub fn new(seed: u64) -> Self {
        RandomPlayer {
            generator: stream(seed, "player/random", 0),
        }
    }
}

impl<E: Environment + ?Sized> Player<E> for RandomPlayer {
    fn begin(&mut self, _environment: &E) {}

    fn choose(&mut self, environment: &E, actions: &mut [u32]) {
        let count = environment.actions() as u32;
        actions.fill_with(|| self.generator.random_range(0..count));
    }
}
