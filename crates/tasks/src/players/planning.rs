//! Planning in a known process.

use super::arms::best;

/// What is best in a known Markov decision process of finite horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    states: usize,
    /// `[horizon, S]`.
    actions: Vec<u32>,
    values: Vec<f64>,
}

impl Plan {
    /// The best action in a state after `step` steps; 0 beyond the horizon.
    pub fn action(&self, step: usize, state: usize) -> u32 {
        self.actions
            .get(step * self.states + state)
            .copied()
            .unwrap_or_default()
    }

    /// The expected reward of a whole round from each state on, `[S]`.
    pub fn values(&self) -> &[f64] {
        &self.values
    }
}

/// Finite-horizon value iteration: V_h(s) = max over a of (r(s, a) + sum over s' of P(s' | s, a) V_{h-1}(s')), V_0 = 0.
///
/// `transitions` is `[S, A, S]`, `means` `[S, A]`, of `states` S, which is 1 or more; what does not divide is left out.
pub fn plan(states: usize, horizon: usize, transitions: &[f64], means: &[f64]) -> Plan {
    let choices = means.len() / states.max(1);
    let mut values = vec![0.0; states];
    let mut actions = vec![0; horizon * states];
    for step in (0..horizon).rev() {
        let worth = |pair: usize| {
            let next = transitions[pair * states..(pair + 1) * states]
                .iter()
                .zip(&values);
            means[pair] + next.map(|(p, value)| p * value).sum::<f64>()
        };
        let mut improved = vec![0.0; states];
        for state in 0..states {
            let pairs = state * choices..(state + 1) * choices;
            let action = best(pairs.clone().map(worth));
            actions[step * states + state] = action;
            improved[state] = worth(pairs.start + action as usize);
        }
        values = improved;
    }
    Plan {
        states,
        actions,
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_gives_up_a_reward_for_a_larger_one_later() {
        // In state 0, action 0 earns 1 and stays; action 1 earns nothing and leads to state 1, where all earns 5.
        let transitions = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0];
        let means = [1.0, 0.0, 5.0, 5.0];
        let plan = plan(2, 3, &transitions, &means);
        assert_eq!(
            [0, 1, 2].map(|step| plan.action(step, 0)),
            [1, 1, 0],
            "but not in the last step"
        );
        assert_eq!(plan.values(), [10.0, 15.0]);
    }

    #[test]
    fn chance_is_averaged_over() {
        let transitions = [0.25, 0.75, 1.0, 0.0];
        assert_eq!(
            plan(2, 2, &transitions, &[2.0, 4.0]).values(),
            [2.0 + 0.25 * 2.0 + 0.75 * 4.0, 6.0]
        );
    }
}
