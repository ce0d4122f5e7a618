//! The mean of the trained parameters over many steps.

use mnm_tensor::kernels::vectorised;
use mnm_tensor::{Parameters, SharedArray};
use serde::{Deserialize, Serialize};

use crate::config::Average;

/// In front of the parameters' names, among a checkpoint's optimiser tensors.
const PREFIX: &str = "average.";

/// A mean over the steps so far, each step's parameters p taken in with a weight w:
///
/// ```text
/// mean <- mean + w (p - mean)
/// ```
///
/// The n-th step of a plain mean has w = 1 / n. That of an exponential one has w = (1 - d) / (1 - d^n): the weights of all steps
/// together are then 1 from the first step on, whose parameters need no other place to begin.
#[derive(Clone, Debug)]
pub(super) struct Mean {
    kind: Average,
    /// Of the trained parameters.
    mean: Parameters<SharedArray<f32>>,
    /// How many steps are in it.
    steps: u64,
}

/// What a checkpoint's metadata hold of it; `F` is what a validation finds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Progress<F> {
    pub(super) steps: u64,
    /// The best validation of the mean, and after how many steps it was.
    pub(super) best: Option<(F, u64)>,
}

impl Mean {
    /// The mean of no steps, of the parameters called `names`.
    pub(super) fn new(
        kind: Average,
        parameters: &Parameters<SharedArray<f32>>,
        names: &[String],
    ) -> Self {
        let zeros = names.iter().filter_map(|name| {
            let like = parameters.find(name)?;
            Some((name.clone(), SharedArray::zeros(like.raw_dim())))
        });
        Self {
            kind,
            mean: zeros.collect(),
            steps: 0,
        }
    }

    /// How many steps are in it; before the first one there is nothing to be had.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Takes in the parameters after step `step` of `all`, counted from 1.
    pub(super) fn take(&mut self, parameters: &Parameters<SharedArray<f32>>, step: u64, all: u64) {
        if let Average::Last(last) = self.kind {
            // Steps from before the last part are in it where a run goes on for longer than it was to; they cannot be taken
            // out again.
            let part = step.saturating_add(last).saturating_sub(all);
            if self.steps >= part {
                self.steps = 0;
            }
            if part == 0 {
                return;
            }
        }
        self.steps += 1;
        let weight = match self.kind {
            Average::Decay(decay) => (1.0 - decay) / (1.0 - decay.powf(self.steps as f64)),
            Average::Last(_) => 1.0 / self.steps as f64,
        };
        for (name, mean) in self.mean.iter_mut() {
            let Some(now) = parameters.find(name) else {
                continue;
            };
            if self.steps == 1 {
                mean.assign(now);
                continue;
            }
            let weight = weight as f32;
            match (mean.as_slice_mut(), now.as_slice()) {
                (Some(mean), Some(now)) => vectorised(|| {
                    let pairs = mean.iter_mut().zip(now);
                    pairs.for_each(|(mean, &now)| *mean += weight * (now - *mean));
                }),
                _ => mean.zip_mut_with(now, |mean, &now| *mean += weight * (now - *mean)),
            }
        }
    }

    /// All parameters, the trained ones replaced by their mean; `None` before the first step.
    pub(super) fn parameters(
        &self,
        parameters: &Parameters<SharedArray<f32>>,
    ) -> Option<Parameters<SharedArray<f32>>> {
        (self.steps > 0).then(|| {
            let mean = |name: &str, value: &SharedArray<f32>| {
                self.mean.find(name).unwrap_or(value).clone()
            };
            let all = parameters.iter();
            all.map(|(name, value)| (name.to_owned(), mean(name, value)))
                .collect()
        })
    }

    /// The mean as named arrays, for a checkpoint.
    pub(super) fn to_arrays(&self) -> impl Iterator<Item = (String, SharedArray<f32>)> {
        let arrays = self.mean.iter();
        arrays.map(|(name, value)| (format!("{PREFIX}{name}"), value.clone()))
    }

    /// Takes a mean over `steps` steps back from what [`Mean::to_arrays`] gave; `false` if one is missing or of another shape.
    pub(super) fn restore(&mut self, arrays: &Parameters<SharedArray<f32>>, steps: u64) -> bool {
        self.steps = steps;
        self.mean.iter_mut().all(|(name, value)| {
            let saved = arrays.find(&format!("{PREFIX}{name}"));
            saved
                .filter(|saved| saved.shape() == value.shape())
                .is_some_and(|saved| {
                    *value = saved.clone();
                    true
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mnm_tensor::Parameters;

    fn parameters(value: f32) -> Parameters<SharedArray<f32>> {
        let array = || ndarray::ArrayD::from_elem(vec![3], value).into_shared();
        [
            ("trained".to_owned(), array()),
            ("fixed".to_owned(), array()),
        ]
        .into_iter()
        .collect()
    }

    /// The mean of what is taken in, step after step, `all` of them to come.
    fn means(kind: Average, values: &[f32]) -> Vec<Option<f32>> {
        let mut mean = Mean::new(kind, &parameters(0.0), &["trained".to_owned()]);
        let all = values.len() as u64;
        (1..)
            .zip(values)
            .map(|(step, value)| {
                let now = parameters(*value);
                mean.take(&now, step, all);
                let found = mean.parameters(&now)?;
                assert_eq!(found.find("fixed"), now.find("fixed"));
                Some(found.find("trained")?[[1]])
            })
            .collect()
    }

    #[test]
    fn an_exponential_average_is_the_weighted_mean_from_the_first_step_on() {
        let (decay, values) = (0.9, [3.0, -1.0, 2.0, 7.0, 0.5]);
        for (n, found) in means(Average::Decay(decay), &values)
            .into_iter()
            .enumerate()
        {
            let weights: Vec<f64> = (0..=n).map(|k| decay.powf((n - k) as f64)).collect();
            let sum: f64 = weights
                .iter()
                .zip(values)
                .map(|(w, v)| w * f64::from(v))
                .sum();
            let expected = sum / weights.iter().sum::<f64>();
            let found = f64::from(found.expect("from the first step on"));
            assert!((found - expected).abs() < 1e-6, "{n}: {found} {expected}");
        }
    }

    #[test]
    fn a_plain_mean_begins_with_the_last_part() {
        let values = [30.0, 20.0, 4.0, 6.0, 8.0];
        let found = means(Average::Last(3), &values);
        assert_eq!(found, [None, None, Some(4.0), Some(5.0), Some(6.0)]);
        assert_eq!(
            means(Average::Last(50), &[2.0, 4.0]),
            [Some(2.0), Some(3.0)]
        );
    }

    #[test]
    fn a_plain_mean_begins_anew_where_the_end_has_moved() {
        let mut mean = Mean::new(Average::Last(3), &parameters(0.0), &["trained".to_owned()]);
        let mut after = |step: u64, all| {
            mean.take(&parameters(step as f32), step, all);
            let found = mean.parameters(&parameters(0.0))?;
            Some(found.find("trained")?[[1]])
        };
        let found = [1, 2, 3, 4].map(|step| after(step, 4));
        assert_eq!(found, [None, Some(2.0), Some(2.5), Some(3.0)]);
        // Of the last three of six steps, the fourth is in it, but with two others.
        let found = [5, 6].map(|step| after(step, 6));
        assert_eq!(found, [Some(5.0), Some(5.5)]);
        // Of the last three of twelve there is none yet.
        let found = [7, 8, 9, 10, 11].map(|step| after(step, 12));
        assert_eq!(found, [None, None, None, Some(10.0), Some(10.5)]);
    }

    #[test]
    fn a_mean_is_taken_up_where_it_was_left() {
        let names = ["trained".to_owned()];
        let mut mean = Mean::new(Average::Decay(0.5), &parameters(0.0), &names);
        mean.take(&parameters(1.0), 1, 9);
        mean.take(&parameters(2.0), 2, 9);
        let mut again = Mean::new(Average::Decay(0.5), &parameters(0.0), &names);
        let saved: Parameters<SharedArray<f32>> = mean.to_arrays().collect();
        assert!(again.restore(&saved, mean.steps()));
        for mean in [&mut mean, &mut again] {
            mean.take(&parameters(9.0), 3, 9);
        }
        let values = |mean: &Mean| mean.parameters(&parameters(0.0)).unwrap();
        assert!(values(&mean) == values(&again));
        assert!(!again.restore(&Parameters::new(), 2), "nothing was saved");
    }
}
