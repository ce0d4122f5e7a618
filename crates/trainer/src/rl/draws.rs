//! Which action an agent takes.

use mnm_tasks::{Split, stream};
use mnm_tensor::kernels::Kernels;
use rand::RngExt;

use super::policy::Said;

/// The draws that decide the actions of a split's episodes: functions of the seed, the split, the episode and its step.
pub(super) struct Draws {
    seed: u64,
    /// The name of the stream.
    name: String,
}

impl Draws {
    /// Those of a run with this seed.
    pub(super) fn new(seed: u64, split: Split) -> Self {
        Self {
            seed,
            name: format!("actions/{split}"),
        }
    }

    /// The actions of the episodes `first` and on at a step of `length`, from what the agent says of each.
    pub(super) fn choose<F: Kernels>(
        &self,
        said: &Said<F>,
        length: usize,
        first: u64,
        step: usize,
        actions: &mut [u32],
    ) {
        for (sample, (action, logits)) in (0..).zip(actions.iter_mut().zip(said.logits())) {
            let episode = first.wrapping_add(sample);
            let moment = episode
                .wrapping_mul(length as u64)
                .wrapping_add(step as u64);
            *action = draw_action(logits, stream(self.seed, &self.name, moment).random());
        }
    }
}

/// The action that a uniform draw `u` from [0, 1) picks from softmax(`logits`).
pub fn draw_action<F: Kernels>(logits: &[F], u: f64) -> u32 {
    let top = logits
        .iter()
        .map(|x| x.as_f64())
        .fold(f64::NEG_INFINITY, f64::max);
    let weight = |x: &F| (x.as_f64() - top).exp();
    let mut left = u * logits.iter().map(weight).sum::<f64>();
    for (action, logit) in logits.iter().enumerate() {
        left -= weight(logit);
        if left < 0.0 {
            return action as u32;
        }
    }
    // Rounding may leave a little after the last action; logits that are no numbers end here too, and are found out by
    // the check of the loss.
    logits.len().saturating_sub(1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_come_as_often_as_the_policy_says() {
        let logits = [0.5_f64, -1.0, 2.0, 0.0];
        let sum: f64 = logits.iter().map(|x| x.exp()).sum();
        let draws = 100_000;
        let mut counts = [0_u32; 4];
        for draw in 0..draws {
            counts[draw_action(&logits, f64::from(draw) / f64::from(draws)) as usize] += 1;
        }
        for (count, logit) in counts.iter().zip(logits) {
            let share = f64::from(*count) / f64::from(draws);
            assert!((share - logit.exp() / sum).abs() < 1e-4, "{counts:?}");
        }
        assert_eq!(draw_action(&[1e30_f64, -1e30], 0.999), 0);
        assert_eq!(draw_action(&[f64::NAN, 0.0], 0.5), 1);
    }
}
