//! Small Markov decision processes that are drawn anew every trial.

use std::fmt::Write;
use std::ops::Range;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Game, Reader, Shape, Vectorised, Writer};
use crate::OptionError;
use crate::distributions::{dirichlet, normal};

/// The most transition probabilities of a process: 80 MB of them.
const MOST_TRANSITIONS: usize = 10_000_000;

/// The size of a tabular MDP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TabularMdpOptions {
    /// The number of states, S: 2 to 1000, and S x A x S at most ten million.
    pub states: usize,
    /// The number of actions, A: 2 to 1000.
    pub actions: usize,
    /// Steps until the process begins again in its first state: 1 to 10000.
    pub horizon: usize,
    /// How often it does so with the same process: 1 to 10000.
    pub rounds: usize,
}

impl Default for TabularMdpOptions {
    /// 10 states, 5 actions, 10 rounds of 10 steps.
    fn default() -> Self {
        TabularMdpOptions {
            states: 10,
            actions: 5,
            horizon: 10,
            rounds: 10,
        }
    }
}

/// Learn an unknown Markov decision process while playing it.
///
/// Every episode draws a process: the next state's probabilities of each state and action from the flat Dirichlet
/// distribution, the mean rewards from the normal distribution of mean 1 and variance 1; a reward is normal around its
/// mean, with variance 1. An episode of this environment (a trial, as RL^2 has it) is `rounds` rounds of `horizon` steps
/// with the same process; each round begins in state 0.
///
/// An observation is the state one-hot (S); 1 if a round begins; the previous action one-hot (A); the previous reward;
/// the share of the episode that is over; 1.
/// Source: Duan et al., "RL^2" (arXiv 1611.02779), section 3.2.
pub type TabularMdp = Vectorised<Processes>;

impl TabularMdp {
    /// The state of each world, `[B]`.
    pub fn states(&self) -> &[usize] {
        &self.game.states
    }

    /// The probabilities of the next state of each world, state and action, `[B, S, A, S]`.
    pub fn transitions(&self) -> &[f64] {
        &self.game.transitions
    }

    /// The mean reward of each world, state and action, `[B, S, A]`.
    pub fn means(&self) -> &[f64] {
        &self.game.means
    }

    /// The steps that the present round has had.
    pub fn step_of_round(&self) -> usize {
        self.step_of_episode() % self.options().horizon
    }
}

/// The worlds of a [`TabularMdp`].
#[derive(Debug, Clone)]
pub struct Processes {
    options: TabularMdpOptions,
    states: Vec<usize>,
    /// `[B, S, A, S]`.
    transitions: Vec<f64>,
    /// `[B, S, A]`.
    means: Vec<f64>,
}

impl Processes {
    /// The pairs of state and action of a world.
    fn pairs(&self, sample: usize) -> Range<usize> {
        let pairs = self.options.states * self.options.actions;
        sample * pairs..(sample + 1) * pairs
    }

    /// The probabilities of the next state that belong to some pairs.
    fn next(&self, pairs: Range<usize>) -> Range<usize> {
        pairs.start * self.options.states..pairs.end * self.options.states
    }
}

impl Game for Processes {
    const NAME: &'static str = "mdp";
    const STREAMS: [&'static str; 2] = ["process", "step"];
    type Options = TabularMdpOptions;

    fn new(options: TabularMdpOptions, batch: usize) -> Result<Self, OptionError> {
        let TabularMdpOptions {
            states,
            actions,
            horizon,
            rounds,
        } = options;
        OptionError::within(Self::NAME, "states", states, 2..=1000)?;
        OptionError::within(Self::NAME, "actions", actions, 2..=1000)?;
        let expected = format!("states x actions x states of at most {MOST_TRANSITIONS}");
        let holds = states * states * actions <= MOST_TRANSITIONS;
        OptionError::unless(holds, Self::NAME, "states", states, expected)?;
        OptionError::within(Self::NAME, "horizon", horizon, 1..=10_000)?;
        OptionError::within(Self::NAME, "rounds", rounds, 1..=10_000)?;
        Ok(Processes {
            states: vec![0; batch],
            transitions: vec![0.0; batch * states * actions * states],
            means: vec![0.0; batch * states * actions],
            options,
        })
    }

    fn options(&self) -> &TabularMdpOptions {
        &self.options
    }

    fn shape(&self) -> Shape {
        Shape {
            seen: self.options.states + 1,
            actions: self.options.actions,
            steps: self.options.horizon * self.options.rounds,
        }
    }

    fn begin(&mut self, sample: usize, mut random: ChaCha8Rng) {
        self.states[sample] = 0;
        let pairs = self.pairs(sample);
        let next = self.next(pairs.clone());
        self.means[pairs].fill_with(|| 1.0 + normal(&mut random));
        for next in self.transitions[next].chunks_exact_mut(self.options.states) {
            next.fill(1.0);
            dirichlet(next, &mut random);
        }
    }

    fn act(
        &mut self,
        sample: usize,
        action: u32,
        step: usize,
        random: impl FnOnce() -> ChaCha8Rng,
    ) -> f32 {
        let mut random = random();
        let state = self.states[sample];
        let pair = self.pairs(sample).start + state * self.options.actions + action as usize;
        let reward = self.means[pair] + normal(&mut random);
        let round_ends = (step + 1).is_multiple_of(self.options.horizon);
        self.states[sample] = if round_ends {
            0
        } else {
            let next = &self.transitions[self.next(pair..pair + 1)];
            pick(next, random.random())
        };
        reward as f32
    }

    fn see(&self, sample: usize, step: usize, seen: &mut [f32]) {
        seen[self.states[sample]] = 1.0;
        let round_begins = step.is_multiple_of(self.options.horizon);
        seen[self.options.states] = f32::from(round_begins);
    }

    fn save(&self, sample: usize, state: &mut Writer) {
        state.number(self.states[sample] as u64);
    }

    fn load(&mut self, sample: usize, state: &mut Reader) -> Result<(), String> {
        self.states[sample] = state.index(self.options.states, "a state")?;
        Ok(())
    }

    /// The mean rewards, a row a state (the present one marked), and the most likely next state of each action.
    fn render(&self, sample: usize, step: usize) -> String {
        let TabularMdpOptions {
            states,
            actions,
            horizon,
            rounds,
        } = self.options;
        let (round, step) = (step / horizon, step % horizon);
        let mut text = format!(
            "round {round} of {rounds}, step {step} of {horizon}: mean reward > likeliest state\n"
        );
        let pairs = self.pairs(sample);
        let means = self.means[pairs.clone()].iter();
        let next = self.transitions[self.next(pairs)].chunks_exact(states);
        for (pair, (mean, next)) in means.zip(next).enumerate() {
            let (state, action) = (pair / actions, pair % actions);
            if action == 0 {
                let mark = if state == self.states[sample] {
                    '*'
                } else {
                    ' '
                };
                let _ = write!(text, "{mark}{state:>3}");
            }
            let likeliest = next.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            let likeliest = likeliest.map_or(0, |(state, _)| state);
            let _ = write!(text, "  {mean:+.2}>{likeliest}");
            if action + 1 == actions {
                text.push('\n');
            }
        }
        text
    }
}

/// The index at which the running sum of the probabilities passes `share`, a number in [0, 1).
fn pick(probabilities: &[f64], share: f64) -> usize {
    let mut sum = 0.0;
    let passed = probabilities.iter().position(|probability| {
        sum += probability;
        sum > share
    });
    // The sum may fall short of 1 by rounding.
    passed.unwrap_or(probabilities.len() - 1)
}

#[cfg(test)]
mod tests;
