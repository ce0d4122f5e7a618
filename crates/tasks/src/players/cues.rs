//! Players of cues.

use super::Player;
use crate::environment::{Cues, Environment};

/// Knows every cue's right action: the ceiling.
#[derive(Debug, Clone, Default)]
pub struct CueOracle;

impl Player<Cues> for CueOracle {
    fn begin(&mut self, _cues: &Cues) {}

    fn choose(&mut self, cues: &Cues, actions: &mut [u32]) {
        let right = cues.right().chunks_exact(cues.options().cues);
        for (sample, (action, right)) in actions.iter_mut().zip(right).enumerate() {
            *action = cues.cue(sample).map_or(0, |cue| right[cue]);
        }
    }
}

/// Has to find them, and forgets nothing: tries one action after the other for each cue and keeps to the one that paid. No
/// player that does not know earns more on average ([`ideal_reward`](crate::environment::CuesOptions::ideal_reward)).
#[derive(Debug, Clone, Default)]
pub struct PerfectMemory {
    /// The action to take next for each world and cue, `[B, C]`.
    next: Vec<u32>,
    /// The place in `next` of each world's cue when it acted.
    asked: Vec<usize>,
}

impl Player<Cues> for PerfectMemory {
    fn begin(&mut self, cues: &Cues) {
        self.next = vec![0; cues.right().len()];
        self.asked = vec![0; cues.batch()];
    }

    fn choose(&mut self, cues: &Cues, actions: &mut [u32]) {
        let places = actions.iter_mut().zip(&mut self.asked).enumerate();
        for (sample, (action, asked)) in places {
            *asked = sample * cues.options().cues + cues.cue(sample).unwrap_or(0);
            *action = self.next[*asked];
        }
    }

    fn learn(&mut self, _cues: &Cues, _actions: &[u32], rewards: &[f32]) {
        for (&asked, &reward) in self.asked.iter().zip(rewards) {
            if reward == 0.0 {
                self.next[asked] += 1;
            }
        }
    }
}
