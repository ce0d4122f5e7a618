//! What a bandit player has seen of each arm.

/// How often each arm of each world paid and did not pay.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    arms: usize,
    /// `[B, k]`: paid, did not pay.
    counts: Vec<(u32, u32)>,
}

impl Tally {
    pub(super) fn begin(&mut self, batch: usize, arms: usize) {
        self.arms = arms;
        self.counts.clear();
        self.counts.resize(batch * arms, (0, 0));
    }

    pub(super) fn learn(&mut self, actions: &[u32], rewards: &[f32]) {
        if self.arms == 0 {
            return;
        }
        for (counts, (&action, &reward)) in self
            .counts
            .chunks_exact_mut(self.arms)
            .zip(actions.iter().zip(rewards))
        {
            if let Some((paid, unpaid)) = counts.get_mut(action as usize) {
                *(if reward > 0.5 { paid } else { unpaid }) += 1;
            }
        }
    }

    /// Chooses in every world the arm of the highest score; `score` is given how often an arm paid and did not. The
    /// first is chosen of several that are alike.
    pub(super) fn choose(&self, actions: &mut [u32], mut score: impl FnMut((u32, u32)) -> f64) {
        if self.arms == 0 {
            return;
        }
        for (action, counts) in actions.iter_mut().zip(self.counts.chunks_exact(self.arms)) {
            *action = best(counts.iter().map(|&count| score(count)));
        }
    }
}

/// The index of the largest, the first of several; 0 of none.
pub(super) fn best(scores: impl Iterator<Item = f64>) -> u32 {
    let largest = scores
        .enumerate()
        .fold((0, f64::NEG_INFINITY), |best, (index, score)| {
            if score > best.1 { (index, score) } else { best }
        });
    largest.0 as u32
}
