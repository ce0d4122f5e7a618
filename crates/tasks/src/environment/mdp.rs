//! Small Markov decision processes that are drawn anew every trial.

use std::fmt::Write;

use rand::RngExt;

use super::progress::{Progress, Sizes};
use super::state::{Reader, Writer};
use super::{Environment, EnvironmentError};
use serde::{Deserialize, Serialize};

use crate::distributions::{dirichlet, normal};
use crate::{OptionError, Split, stream};

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
#[derive(Debug, Clone)]
pub struct TabularMdp {
    options: TabularMdpOptions,
    seed: u64,
    /// The names of the random streams: of the processes, and of the steps.
    streams: [String; 2],
    progress: Progress,
    states: Vec<usize>,
    /// `[B, S, A, S]`.
    transitions: Vec<f64>,
    /// `[B, S, A]`.
    means: Vec<f64>,
}

impl TabularMdp {
    const NAME: &str = "mdp";

    /// `batch` processes, drawn from streams of `seed` and `split`.
    ///
    /// # Errors
    /// Where an option is out of range, or the batch empty.
    pub fn new(
        options: TabularMdpOptions,
        batch: usize,
        seed: u64,
        split: Split,
    ) -> Result<Self, EnvironmentError> {
        let TabularMdpOptions {
            states,
            actions,
            horizon,
            rounds,
        } = options;
        OptionError::unless(
            (2..=1000).contains(&states),
            Self::NAME,
            "states",
            states,
            "2 to 1000",
        )?;
        OptionError::unless(
            (2..=1000).contains(&actions),
            Self::NAME,
            "actions",
            actions,
            "2 to 1000",
        )?;
        OptionError::unless(
            states * states * actions <= MOST_TRANSITIONS,
            Self::NAME,
            "states",
            states,
            format!("states x actions x states of at most {MOST_TRANSITIONS}"),
        )?;
        OptionError::unless(
            (1..=10_000).contains(&horizon),
            Self::NAME,
            "horizon",
            horizon,
            "1 to 10000",
        )?;
        OptionError::unless(
            (1..=10_000).contains(&rounds),
            Self::NAME,
            "rounds",
            rounds,
            "1 to 10000",
        )?;
        OptionError::unless(batch > 0, Self::NAME, "batch", batch, "1 or more")?;
        let width = states + 1 + Sizes::tail(actions);
        let sizes = Sizes {
            environment: Self::NAME,
            batch,
            width,
            actions,
            steps: horizon * rounds,
        };
        Ok(TabularMdp {
            seed,
            streams: ["process", "step"].map(|what| format!("{}/{split}/{what}", Self::NAME)),
            progress: Progress::new(sizes),
            states: vec![0; batch],
            transitions: vec![0.0; batch * states * actions * states],
            means: vec![0.0; batch * states * actions],
            options,
        })
    }

    /// The options that the process was made with.
    pub fn options(&self) -> &TabularMdpOptions {
        &self.options
    }

    /// The state of each world, `[B]`.
    pub fn states(&self) -> &[usize] {
        &self.states
    }

    /// The probabilities of the next state of each world, state and action, `[B, S, A, S]`.
    pub fn transitions(&self) -> &[f64] {
        &self.transitions
    }

    /// The mean reward of each world, state and action, `[B, S, A]`.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// The steps that the present round has had.
    pub fn step_of_round(&self) -> usize {
        self.progress.step % self.options.horizon
    }

    fn draw_processes(&mut self) {
        let TabularMdpOptions {
            states, actions, ..
        } = self.options;
        let means = self.means.chunks_exact_mut(states * actions);
        let transitions = self.transitions.chunks_exact_mut(states * actions * states);
        for (sample, (means, transitions)) in means.zip(transitions).enumerate() {
            let mut generator = stream(self.seed, &self.streams[0], self.progress.episode(sample));
            means.fill_with(|| 1.0 + normal(&mut generator));
            for next in transitions.chunks_exact_mut(states) {
                next.fill(1.0);
                dirichlet(next, &mut generator);
            }
        }
    }
}

impl Environment for TabularMdp {
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
        self.states.fill(0);
        self.draw_processes();
        self.observe(observations)
    }

    fn step(
        &mut self,
        actions: &[u32],
        observations: &mut [f32],
        rewards: &mut [f32],
    ) -> Result<bool, EnvironmentError> {
        self.progress.check(actions, observations, rewards)?;
        let TabularMdpOptions {
            states,
            actions: choices,
            horizon,
            ..
        } = self.options;
        let round_ends = (self.progress.step + 1).is_multiple_of(horizon);
        for (sample, (&action, reward)) in actions.iter().zip(rewards.iter_mut()).enumerate() {
            let pair = (sample * states + self.states[sample]) * choices + action as usize;
            let mut generator = stream(self.seed, &self.streams[1], self.progress.moment(sample));
            *reward = (self.means[pair] + normal(&mut generator)) as f32;
            let next = &self.transitions[pair * states..(pair + 1) * states];
            self.states[sample] = if round_ends {
                0
            } else {
                pick(next, generator.random())
            };
        }
        let is_over = self.progress.advance(actions, rewards);
        self.observe(observations)?;
        Ok(is_over)
    }

    fn observe(&self, observations: &mut [f32]) -> Result<(), EnvironmentError> {
        let round_begins = self.step_of_round() == 0;
        self.progress.observe(observations, |sample, seen| {
            seen[self.states[sample]] = 1.0;
            seen[self.options.states] = if round_begins { 1.0 } else { 0.0 };
        })
    }

    fn save(&self) -> Vec<u8> {
        let mut state = Writer::default();
        self.progress.save(&mut state);
        self.states
            .iter()
            .for_each(|&world| state.number(world as u64));
        state.finish()
    }

    fn load(&mut self, state: &[u8]) -> Result<(), EnvironmentError> {
        let mut state = Reader::new(state);
        let mut read = || {
            let progress = Progress::load(self.progress.sizes, &mut state)?;
            let worlds = self
                .states
                .iter()
                .map(|_| state.index(self.options.states, "a state"));
            let worlds = worlds.collect::<Result<Vec<_>, _>>()?;
            Ok((progress, worlds))
        };
        let read = read().and_then(|read| Reader::finish(state).map(|()| read));
        (self.progress, self.states) = read.map_err(|problem| EnvironmentError::State {
            environment: Self::NAME,
            problem,
        })?;
        // The processes follow from the episodes' numbers.
        self.draw_processes();
        Ok(())
    }

    /// The mean rewards, a row a state (the present one marked), and the most likely next state of each action.
    fn render(&self, sample: usize) -> String {
        let TabularMdpOptions {
            states,
            actions,
            horizon,
            rounds,
        } = self.options;
        let Some(means) = self.means.chunks_exact(states * actions).nth(sample) else {
            return String::new();
        };
        if !self.progress.has_begun() {
            return String::new();
        }
        let (round, step) = (self.progress.step / horizon, self.step_of_round());
        let mut text = format!(
            "round {round} of {rounds}, step {step} of {horizon}: mean reward > likeliest state\n"
        );
        for (state, row) in means.chunks_exact(actions).enumerate() {
            let mark = if state == self.states[sample] {
                '*'
            } else {
                ' '
            };
            let _ = write!(text, "{mark}{state:>3}");
            for (action, mean) in row.iter().enumerate() {
                let pair = (sample * states + state) * actions + action;
                let next = &self.transitions[pair * states..(pair + 1) * states];
                let likeliest = next
                    .iter()
                    .enumerate()
                    .max_by(|a, b| a.1.total_cmp(b.1))
                    .map_or(0, |(state, _)| state);
                let _ = write!(text, "  {mean:+.2}>{likeliest}");
            }
            text.push('\n');
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
