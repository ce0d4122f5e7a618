//! Players of tabular MDPs.

use rand_chacha::ChaCha8Rng;

use super::{Plan, Player, plan};
use crate::distributions::{dirichlet, normal};
use crate::environment::{Environment, TabularMdp};
use crate::stream;

/// Knows the process and plays it best: the ceiling.
#[derive(Debug, Clone, Default)]
pub struct MdpOptimum {
    plans: Vec<Plan>,
}

impl MdpOptimum {
    /// The plan of each world, once begun.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }
}

fn follow(plans: &[Plan], mdp: &TabularMdp, actions: &mut [u32]) {
    for ((action, plan), &state) in actions.iter_mut().zip(plans).zip(mdp.states()) {
        *action = plan.action(mdp.step_of_round(), state);
    }
}

impl Player<TabularMdp> for MdpOptimum {
    fn begin(&mut self, mdp: &TabularMdp) {
        let (states, actions) = (mdp.options().states, mdp.options().actions);
        let transitions = mdp.transitions().chunks_exact(states * actions * states);
        let worlds = transitions.zip(mdp.means().chunks_exact(states * actions));
        self.plans = worlds
            .map(|(transitions, means)| plan(states, mdp.options().horizon, transitions, means))
            .collect();
    }

    fn choose(&mut self, mdp: &TabularMdp, actions: &mut [u32]) {
        follow(&self.plans, mdp, actions);
    }
}

/// Posterior sampling (PSRL): before each round, draws a process from what is known and plays the round as is best in it.
///
/// The prior is the one that the processes are drawn from: flat Dirichlet transitions, normal mean rewards of mean 1 and
/// variance 1, rewards of variance 1 around them.
/// Source: Osband, Russo, Van Roy, "(More) efficient reinforcement learning via posterior sampling" (arXiv 1306.0940).
#[derive(Debug, Clone)]
pub struct PosteriorSampling {
    generator: ChaCha8Rng,
    /// `[B, S, A, S]`: how often each next state was seen.
    next_counts: Vec<f64>,
    /// `[B, S, A]`: the number of the rewards seen, and their sum.
    rewards: Vec<(f64, f64)>,
    /// Each world's state and step of the round when it acted.
    before: Vec<usize>,
    plans: Vec<Plan>,
}

impl PosteriorSampling {
    /// A player that draws from a stream of `seed`.
    pub fn new(seed: u64) -> Self {
        PosteriorSampling {
            generator: stream(seed, "player/psrl", 0),
            next_counts: Vec::new(),
            rewards: Vec::new(),
            before: Vec::new(),
            plans: Vec::new(),
        }
    }

    fn sample_plans(&mut self, mdp: &TabularMdp) {
        let (states, actions) = (mdp.options().states, mdp.options().actions);
        self.plans.clear();
        let counts = self.next_counts.chunks_exact(states * actions * states);
        for (counts, rewards) in counts.zip(self.rewards.chunks_exact(states * actions)) {
            let mut transitions: Vec<f64> = counts.iter().map(|count| count + 1.0).collect();
            for next in transitions.chunks_exact_mut(states) {
                dirichlet(next, &mut self.generator);
            }
            // With noise and prior of variance 1, the posterior counts the prior mean, 1, as one more reward.
            let means: Vec<f64> = rewards
                .iter()
                .map(|(n, sum)| {
                    (sum + 1.0) / (n + 1.0) + normal(&mut self.generator) / (n + 1.0).sqrt()
                })
                .collect();
            self.plans
                .push(plan(states, mdp.options().horizon, &transitions, &means));
        }
    }
}

impl Player<TabularMdp> for PosteriorSampling {
    fn begin(&mut self, mdp: &TabularMdp) {
        self.next_counts = vec![0.0; mdp.transitions().len()];
        self.rewards = vec![(0.0, 0.0); mdp.means().len()];
        self.before = vec![0; mdp.batch()];
    }

    fn choose(&mut self, mdp: &TabularMdp, actions: &mut [u32]) {
        if mdp.step_of_round() == 0 {
            self.sample_plans(mdp);
        }
        self.before.copy_from_slice(mdp.states());
        follow(&self.plans, mdp, actions);
    }

    fn learn(&mut self, mdp: &TabularMdp, actions: &[u32], rewards: &[f32]) {
        let (states, choices) = (mdp.options().states, mdp.options().actions);
        // The first state of a round follows from the rules, not from the process.
        let moved = mdp.step_of_round() != 0;
        let steps = self
            .before
            .iter()
            .zip(actions.iter().zip(rewards))
            .zip(mdp.states());
        for (sample, ((&state, (&action, &reward)), &next)) in steps.enumerate() {
            let pair = (sample * states + state) * choices + action as usize;
            let (n, sum) = &mut self.rewards[pair];
            *n += 1.0;
            *sum += f64::from(reward);
            if moved {
                self.next_counts[pair * states + next] += 1.0;
            }
        }
    }
}
