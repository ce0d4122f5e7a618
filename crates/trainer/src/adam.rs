//! Adam with decoupled weight decay, and gradient clipping.

use mnm_tensor::{Array, Float, Parameters};
use ndarray::Zip;

use crate::config::TrainConfig;

/// The moments of Adam (Kingma and Ba 2015; decoupled decay by Loshchilov and Hutter 2019).
///
/// ```text
/// m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2
/// p <- p - rate * (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay p)
/// ```
#[derive(Clone, Debug)]
pub struct Adam<F: Float> {
    first: Parameters<Array<F>>,
    second: Parameters<Array<F>>,
}

const FIRST: &str = "m.";
const SECOND: &str = "v.";

impl<F: Float> Adam<F> {
    /// Moments of zero for the parameters called `names`.
    pub fn new<'a>(
        parameters: &Parameters<Array<F>>,
        names: impl Iterator<Item = &'a str>,
    ) -> Self {
        let zeros: Parameters<Array<F>> = names
            .filter_map(|name| {
                let like = parameters.find(name)?;
                Some((name.to_owned(), Array::zeros(like.raw_dim())))
            })
            .collect();
        Self {
            first: zeros.clone(),
            second: zeros,
        }
    }

    /// The moments as named arrays: `m.NAME` and `v.NAME`.
    pub fn to_arrays(&self) -> Parameters<Array<F>> {
        let named = |prefix: &'static str, moments: &Parameters<Array<F>>| {
            moments
                .iter()
                .map(|(name, value)| (format!("{prefix}{name}"), value.clone()))
                .collect::<Vec<_>>()
        };
        let mut all = named(FIRST, &self.first);
        all.extend(named(SECOND, &self.second));
        all.into_iter().collect()
    }

    /// Takes moments back from what [`Adam::to_arrays`] gave; `false` if one is missing or of another shape.
    pub fn restore(&mut self, arrays: &Parameters<Array<F>>) -> bool {
        let both = [(FIRST, &mut self.first), (SECOND, &mut self.second)];
        for (prefix, moments) in both {
            for (name, value) in moments.iter_mut() {
                match arrays.find(&format!("{prefix}{name}")) {
                    Some(saved) if saved.shape() == value.shape() => *value = saved.clone(),
                    _ => return false,
                }
            }
        }
        true
    }

    /// One step, `step` counted from 1, with `gradient` multiplied by `factor` first.
    pub fn step(
        &mut self,
        parameters: &mut Parameters<Array<F>>,
        gradient: &Parameters<Array<F>>,
        factor: f64,
        settings: &TrainConfig,
        learning_rate: f64,
        step: u64,
    ) {
        let (b1, b2) = (settings.beta1, settings.beta2);
        let power = |b: f64| 1.0 - b.powf(step as f64);
        let (rate, norm) = (F::of(learning_rate / power(b1)), F::of(1.0 / power(b2)));
        let (epsilon, keep) = (
            F::of(settings.epsilon),
            F::of(1.0 - learning_rate * settings.weight_decay),
        );
        let (b1, b2, factor) = (F::of(b1), F::of(b2), F::of(factor));
        let (c1, c2) = (F::one() - b1, F::one() - b2);
        for (name, g) in gradient.iter() {
            let (Some(p), Some(m), Some(v)) = (
                parameters.find_mut(name),
                self.first.find_mut(name),
                self.second.find_mut(name),
            ) else {
                continue;
            };
            Zip::from(p.view_mut())
                .and(m.view_mut())
                .and(v.view_mut())
                .and(g.view())
                .for_each(|p, m, v, &g| {
                    let g = g * factor;
                    *m = b1 * *m + c1 * g;
                    *v = b2 * *v + c2 * g * g;
                    *p = keep * *p - rate * *m / ((*v * norm).sqrt() + epsilon);
                });
        }
    }
}

/// The Euclidean norm of a whole gradient, summed in double precision in the order of the names.
pub fn global_norm<F: Float>(gradient: &Parameters<Array<F>>) -> f64 {
    gradient
        .iter()
        .map(|(_, g)| g.iter().map(|x| x.as_f64() * x.as_f64()).sum::<f64>())
        .sum::<f64>()
        .sqrt()
}

/// What a gradient of norm `norm` is multiplied by so that the norm is at most `clip` (0 does not clip).
pub fn clip_factor(norm: f64, clip: f64) -> f64 {
    if clip > 0.0 && norm > clip {
        clip / norm
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: f64) -> Parameters<Array<f64>> {
        [(
            "w".to_owned(),
            Array::from_elem(ndarray::IxDyn(&[2]), value),
        )]
        .into_iter()
        .collect()
    }

    #[test]
    fn three_steps_as_by_hand() {
        let settings = TrainConfig {
            weight_decay: 0.1,
            ..TrainConfig::default()
        };
        let mut parameters = one(1.0);
        let mut adam = Adam::new(&parameters, ["w"].into_iter());
        let (mut p, mut m, mut v) = (1.0_f64, 0.0_f64, 0.0_f64);
        for (step, g) in [(1, 0.5), (2, -1.0), (3, 0.25)] {
            adam.step(&mut parameters, &one(g), 2.0, &settings, 0.01, step);
            let g = 2.0 * g;
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let (mh, vh) = (
                m / (1.0 - 0.9_f64.powi(step as i32)),
                v / (1.0 - 0.999_f64.powi(step as i32)),
            );
            p = p - 0.01 * 0.1 * p - 0.01 * mh / (vh.sqrt() + 1e-8);
        }
        let found = parameters.get("w").expect("w")[[1]];
        assert!((found - p).abs() < 1e-12, "{found} {p}");
    }

    #[test]
    fn moments_survive_a_round_trip() {
        let mut parameters = one(1.0);
        let mut adam = Adam::new(&parameters, ["w"].into_iter());
        adam.step(
            &mut parameters,
            &one(0.5),
            1.0,
            &TrainConfig::default(),
            0.01,
            1,
        );
        let mut other = Adam::new(&parameters, ["w"].into_iter());
        assert!(other.restore(&adam.to_arrays()));
        assert_eq!(other.to_arrays(), adam.to_arrays());
        assert!(!other.restore(&Parameters::new()));
    }

    #[test]
    fn clipping_bounds_the_norm() {
        let norm = global_norm(&one(3.0));
        assert!((norm - 18.0_f64.sqrt()).abs() < 1e-12);
        assert!((clip_factor(norm, 1.0) * norm - 1.0).abs() < 1e-12);
        assert_eq!((clip_factor(norm, 0.0), clip_factor(norm, 5.0)), (1.0, 1.0));
    }
}
