//! What the steps of a segment were worth.

/// Advantages and returns of the steps of a segment, `[T, B]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct Credit {
    /// How much better than expected each action was, A_t.
    pub advantages: Vec<f64>,
    /// What the values should have been, R_t = A_t + V_t.
    pub returns: Vec<f64>,
}

/// Generalised advantages (Schulman et al., arXiv 1506.02438) of `batch` worlds:
///
/// ```text
/// d_t = r_t + gamma V_{t+1} - V_t;   A_t = d_t + gamma lambda A_{t+1}, A_T = 0
/// ```
///
/// `rewards` is `[T, B]`; `values` is `[T + 1, B]`, the last row what is expected after the segment: zeros where the
/// episode is over. With `lambda` 1, R_t is the n-step return. Steps that `values` does not reach are left out.
pub fn credit(rewards: &[f64], values: &[f64], batch: usize, gamma: f64, lambda: f64) -> Credit {
    let mut advantages = vec![0.0; rewards.len()];
    let mut ahead = vec![0.0; batch];
    let steps = rewards.len() / batch.max(1);
    for t in (0..steps).rev() {
        let row = t * batch..(t + 1) * batch;
        let (Some(now), Some(next)) = (
            values.get(row.clone()),
            values.get((t + 1) * batch..(t + 2) * batch),
        ) else {
            continue;
        };
        let worlds = rewards[row.clone()].iter().zip(now.iter().zip(next));
        for ((sum, advantage), (reward, (now, next))) in
            ahead.iter_mut().zip(&mut advantages[row]).zip(worlds)
        {
            *sum = reward + gamma * next - now + gamma * lambda * *sum;
            *advantage = *sum;
        }
    }
    let returns = advantages.iter().zip(values).map(|(a, v)| a + v).collect();
    Credit {
        advantages,
        returns,
    }
}

#[cfg(test)]
mod tests {
    use mnm_tasks::stream;
    use rand::RngExt;

    use super::*;

    const T: usize = 7;
    const B: usize = 3;

    fn numbers(name: &str, count: usize) -> Vec<f64> {
        let mut generator = stream(4, name, 0);
        (0..count)
            .map(|_| 2.0 * generator.random::<f64>() - 1.0)
            .collect()
    }

    /// The definition as a sum: A_t = sum over k of (gamma lambda)^k d_{t+k}, world by world.
    #[test]
    fn advantages_are_discounted_sums_of_surprises() {
        let (rewards, values) = (numbers("r", T * B), numbers("v", (T + 1) * B));
        for (gamma, lambda) in [(0.9, 0.8), (1.0, 1.0), (0.5, 0.0)] {
            let found = credit(&rewards, &values, B, gamma, lambda);
            for b in 0..B {
                for t in 0..T {
                    let surprise = |s: usize| {
                        rewards[s * B + b] + gamma * values[(s + 1) * B + b] - values[s * B + b]
                    };
                    let expected: f64 = (t..T)
                        .map(|s| (gamma * lambda).powi((s - t) as i32) * surprise(s))
                        .sum();
                    let at = t * B + b;
                    assert!((found.advantages[at] - expected).abs() < 1e-12);
                    assert!((found.returns[at] - expected - values[at]).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn with_lambda_one_returns_are_those_of_n_steps() {
        let (rewards, values) = (numbers("r", T * B), numbers("v", (T + 1) * B));
        let gamma: f64 = 0.9;
        let found = credit(&rewards, &values, B, gamma, 1.0);
        for b in 0..B {
            for t in 0..T {
                let paid: f64 = (t..T)
                    .map(|s| gamma.powi((s - t) as i32) * rewards[s * B + b])
                    .sum();
                let expected = paid + gamma.powi((T - t) as i32) * values[T * B + b];
                assert!((found.returns[t * B + b] - expected).abs() < 1e-12);
            }
        }
    }
}
