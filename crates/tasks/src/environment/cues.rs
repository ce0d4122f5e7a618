//! Cues, each with an action of its own that has to be found and remembered.

use std::fmt::Write;
use std::ops::Range;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Environment, Game, Reader, Shape, Vectorised, Writer};
use crate::OptionError;

/// The size of an episode of cues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CuesOptions {
    /// Different cues, C: 1 to 1000.
    pub cues: usize,
    /// The number of actions, A: 2 to 1000.
    pub actions: usize,
    /// How often every cue comes, N: 1 to 1000; with the cues, at most 100000 steps.
    pub rounds: usize,
}

impl Default for CuesOptions {
    /// 20 cues, four actions, eight rounds.
    fn default() -> Self {
        CuesOptions {
            cues: 20,
            actions: 4,
            rounds: 8,
        }
    }
}

impl CuesOptions {
    /// What a player with a perfect memory earns in an episode, on average: C times the sum over n = 1 .. N of min(n, A) / A.
    ///
    /// It tries an action that it has not tried for this cue until one pays, and then keeps to it. The A-th try cannot fail,
    /// so at the n-th coming of a cue the right action is taken with probability min(n, A) / A. Nothing does better: as long
    /// as none has paid, the actions left are alike, and a try tells nothing of other cues.
    pub fn ideal_reward(&self) -> f64 {
        let tries = |n: usize| n.min(self.actions) as f64 / self.actions as f64;
        self.cues as f64 * (1..=self.rounds).map(tries).sum::<f64>()
    }
}

/// Find the right action for every cue, and take it whenever the cue comes again.
///
/// Every episode draws one right action for each of the C cues. In each of N rounds every cue comes once, in an order drawn
/// anew. The right action earns 1, every other nothing. So an agent has to keep up to C facts at once, each from one step,
/// over some C steps; how well it does so is read off its reward, as that of a perfect memory is known
/// ([`CuesOptions::ideal_reward`]).
///
/// An observation is the cue (C, zeros behind the last step), the previous cue (C, zeros at first), the previous action one-hot (A), the
/// previous reward, the share of the episode that is over, 1. What came of an action is seen together with what it was the answer to, so
/// that an agent need not carry the one to the other, and what is left is to keep it. A cue is the square root of C in its own place and
/// zeros in the others, so that the mean square over cues is 1: as a single 1 among zeros it would hardly move a fresh controller, to which
/// all cues would look alike.
/// It is a contextual bandit with deterministic rewards, drawn anew every episode.
pub type Cues = Vectorised<Cueing>;

impl Cues {
    /// The cue that world `sample` shows, until the episode is over.
    pub fn cue(&self, sample: usize) -> Option<usize> {
        let step = self.step_of_episode();
        (step < self.episode_steps()).then(|| self.game.cue(sample, step))
    }

    /// The right action of each world and cue, `[B, C]`: for oracles and pictures.
    pub fn right(&self) -> &[u32] {
        &self.game.right
    }
}

/// The worlds of [`Cues`].
#[derive(Debug, Clone)]
pub struct Cueing {
    options: CuesOptions,
    /// `[B, C]`.
    right: Vec<u32>,
    /// The cue of each step, `[B, T]`.
    shown: Vec<usize>,
}

impl Cueing {
    fn steps(&self) -> usize {
        self.options.cues * self.options.rounds
    }

    fn cue(&self, sample: usize, step: usize) -> usize {
        self.shown[sample * self.steps() + step]
    }

    /// The cues of a world.
    fn cues(&self, sample: usize) -> Range<usize> {
        sample * self.options.cues..(sample + 1) * self.options.cues
    }
}

impl Game for Cueing {
    const NAME: &'static str = "cues";
    const STREAMS: [&'static str; 2] = ["cues", "step"];
    type Options = CuesOptions;

    fn new(options: CuesOptions, batch: usize) -> Result<Self, OptionError> {
        OptionError::within(Self::NAME, "cues", options.cues, 1..=1000)?;
        OptionError::within(Self::NAME, "actions", options.actions, 2..=1000)?;
        let most = (100_000 / options.cues).min(1000);
        OptionError::within(Self::NAME, "rounds", options.rounds, 1..=most)?;
        Ok(Cueing {
            right: vec![0; batch * options.cues],
            shown: vec![0; batch * options.cues * options.rounds],
            options,
        })
    }

    fn options(&self) -> &CuesOptions {
        &self.options
    }

    fn shape(&self) -> Shape {
        Shape {
            seen: 2 * self.options.cues,
            actions: self.options.actions,
            steps: self.steps(),
        }
    }

    fn begin(&mut self, sample: usize, mut random: ChaCha8Rng) {
        let (cues, actions) = (self.options.cues, self.options.actions as u32);
        let steps = sample * self.steps()..(sample + 1) * self.steps();
        let right = self.cues(sample);
        self.right[right].fill_with(|| random.random_range(0..actions));
        for round in self.shown[steps].chunks_exact_mut(cues) {
            (0..cues).zip(&mut *round).for_each(|(cue, at)| *at = cue);
            round.shuffle(&mut random);
        }
    }

    fn act(
        &mut self,
        sample: usize,
        action: u32,
        step: usize,
        _random: impl FnOnce() -> ChaCha8Rng,
    ) -> f32 {
        let cue = self.cue(sample, step);
        f32::from(action == self.right[self.cues(sample)][cue])
    }

    fn see(&self, sample: usize, step: usize, seen: &mut [f32]) {
        let cues = self.options.cues;
        let shown = (cues as f32).sqrt();
        if step < self.steps() {
            seen[self.cue(sample, step)] = shown;
        }
        if let Some(before) = step.checked_sub(1) {
            seen[cues + self.cue(sample, before)] = shown;
        }
    }

    /// Nothing of a world changes with the steps.
    fn save(&self, _sample: usize, _state: &mut Writer) {}

    fn load(&mut self, _sample: usize, _state: &mut Reader) -> Result<(), String> {
        Ok(())
    }

    /// The right action of every cue; the cue shown is marked.
    fn render(&self, sample: usize, step: usize) -> String {
        let CuesOptions { cues, rounds, .. } = self.options;
        let shown = (step < self.steps()).then(|| self.cue(sample, step));
        let mut text = format!("step {step} of {rounds} rounds of {cues}; cue > right action\n");
        for (cue, action) in self.right[self.cues(sample)].iter().enumerate() {
            let mark = if shown == Some(cue) { '*' } else { ' ' };
            let _ = write!(text, "{mark}{cue:>3}>{action}");
            if (cue + 1) % 10 == 0 || cue + 1 == cues {
                text.push('\n');
            }
        }
        text
    }
}

#[cfg(test)]
mod tests;
