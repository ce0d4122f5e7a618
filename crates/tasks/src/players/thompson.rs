//! Thompson sampling.

use rand_chacha::ChaCha8Rng;

use super::Player;
use super::arms::Tally;
use crate::distributions::beta;
use crate::environment::{Bandit, Environment};
use crate::stream;

/// Draws a mean for each arm from what is known of it (a beta distribution; uniform at first) and pulls the arm whose
/// draw is highest. Source: Thompson, "On the likelihood that one unknown probability exceeds another", 1933.
#[derive(Debug, Clone)]
pub struct ThompsonSampling {
    tally: Tally,
    generator: ChaCha8Rng,
}

impl ThompsonSampling {
    /// A player that draws from a stream of `seed`.
    pub fn new(seed: u64) -> Self {
        ThompsonSampling {
            tally: Tally::default(),
            generator: stream(seed, "player/thompson", 0),
        }
    }
}

impl Player<Bandit> for ThompsonSampling {
    fn begin(&mut self, bandit: &Bandit) {
        self.tally.begin(bandit.batch(), bandit.actions());
    }

    fn choose(&mut self, _bandit: &Bandit, actions: &mut [u32]) {
        let generator = &mut self.generator;
        self.tally.choose(actions, |(paid, unpaid)| {
            beta(1.0 + f64::from(paid), 1.0 + f64::from(unpaid), generator)
        });
    }

    fn learn(&mut self, _bandit: &Bandit, actions: &[u32], rewards: &[f32]) {
        self.tally.learn(actions, rewards);
    }
}
