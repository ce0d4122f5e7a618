//! Adam with decoupled weight decay, and gradient clipping.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mnm_tensor::kernels::vectorised;
use mnm_tensor::{Float, Parameters, SharedArray};
use rayon::prelude::*;

use crate::config::TrainConfig;

/// The moments of Adam (Kingma and Ba 2015; decoupled decay by Loshchilov and Hutter 2019).
///
/// ```text
/// m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2
/// p <- p - rate * (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay p)
/// ```
#[derive(Clone, Debug)]
pub struct Adam<F: Float> {
    first: Parameters<SharedArray<F>>,
    second: Parameters<SharedArray<F>>,
}

/// Elements that a thread takes at a time: some ten microseconds of work.
const CHUNK: usize = 16 * 1024;

const FIRST: &str = "m.";
const SECOND: &str = "v.";

impl<F: Float> Adam<F> {
    /// Moments of zero for the parameters called `names`.
    pub fn new<'a>(
        parameters: &Parameters<SharedArray<F>>,
        names: impl Iterator<Item = &'a str>,
    ) -> Self {
        let zeros: Parameters<SharedArray<F>> = names
            .filter_map(|name| {
                let like = parameters.find(name)?;
                Some((name.to_owned(), SharedArray::zeros(like.raw_dim())))
            })
            .collect();
        Self {
            first: zeros.clone(),
            second: zeros,
        }
    }

    /// All moments, under the names of their parameters.
    pub fn moments(&self) -> impl Iterator<Item = (&str, &SharedArray<F>)> {
        self.first.iter().chain(self.second.iter())
    }

    /// The moments as named arrays: `m.NAME` and `v.NAME`.
    pub fn to_arrays(&self) -> Parameters<SharedArray<F>> {
        let named = |prefix: &'static str, moments: &Parameters<SharedArray<F>>| {
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
    pub fn restore(&mut self, arrays: &Parameters<SharedArray<F>>) -> bool {
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
        parameters: &mut Parameters<SharedArray<F>>,
        gradient: &Parameters<SharedArray<F>>,
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
        let (c1, c2) = (complement(b1), complement(b2));
        let (b1, b2, factor) = (F::of(b1), F::of(b2), F::of(factor));
        let update = Update {
            b1,
            b2,
            c1,
            c2,
            factor,
            rate,
            norm,
            epsilon,
            keep,
        };
        let mut changed: BTreeMap<&str, &mut SharedArray<F>> = parameters.iter_mut().collect();
        let moments = self.first.iter_mut().zip(self.second.iter_mut());
        let mut chunks = Vec::new();
        for ((name, m), (_, v)) in moments {
            let (Some(p), Some(g)) = (changed.remove(name), gradient.find(name)) else {
                continue;
            };
            let moments = row_major(m)
                .chunks_mut(CHUNK)
                .zip(row_major(v).chunks_mut(CHUNK));
            chunks.extend(row_major(p).chunks_mut(CHUNK).zip(moments).zip(pieces(g)));
        }
        // Each element is changed by itself: which thread does it shows in no bit.
        chunks.into_par_iter().for_each(|((p, (m, v)), g)| {
            vectorised(|| {
                for (((p, m), v), g) in p
                    .iter_mut()
                    .zip(m.iter_mut())
                    .zip(v.iter_mut())
                    .zip(g.iter())
                {
                    update.element(p, m, v, *g);
                }
            });
        });
    }
}

/// 1 - b for a rate b of decay. The complement of the rounded b, so that the two are one in all, unless rounding b spoils it: in f32 that of
/// 0.99999999 is 0, and the second moment would stay 0 too.
fn complement<F: Float>(b: f64) -> F {
    let (rounded, exact) = (F::one() - F::of(b), 1.0 - b);
    if (rounded.as_f64() - exact).abs() <= SPOILT * exact {
        rounded
    } else {
        F::of(exact)
    }
}

/// The relative error from which on the complement of a rounded rate is not used.
const SPOILT: f64 = 1e-3;

/// The numbers of a step that all elements share.
#[derive(Clone, Copy)]
struct Update<F> {
    b1: F,
    b2: F,
    c1: F,
    c2: F,
    factor: F,
    rate: F,
    norm: F,
    epsilon: F,
    keep: F,
}

impl<F: Float> Update<F> {
    #[inline(always)]
    fn element(&self, p: &mut F, m: &mut F, v: &mut F, g: F) {
        let g = g * self.factor;
        *m = self.b1 * *m + self.c1 * g;
        *v = self.b2 * *v + self.c2 * g * g;
        *p = self.keep * *p - self.rate * *m / ((*v * self.norm).sqrt() + self.epsilon);
    }
}

/// The Euclidean norm of a whole gradient in double precision: sums of chunks, which any thread may take, added in the order
/// of the names.
pub fn global_norm<F: Float>(gradient: &Parameters<SharedArray<F>>) -> f64 {
    let chunks: Vec<Cow<'_, [F]>> = gradient.iter().flat_map(|(_, g)| pieces(g)).collect();
    let squares: Vec<f64> = chunks
        .par_iter()
        .map(|chunk| sum_of_squares(chunk))
        .collect();
    squares.iter().sum::<f64>().sqrt()
}

/// The elements in row-major order.
fn row_major<F: Float>(x: &mut SharedArray<F>) -> &mut [F] {
    if !x.is_standard_layout() {
        *x = x.as_standard_layout().into_owned().into_shared();
    }
    x.as_slice_mut().expect("it is in row-major order now")
}

/// The elements in row-major order, in chunks; copied only where they do not lie so.
fn pieces<F: Float>(x: &SharedArray<F>) -> Vec<Cow<'_, [F]>> {
    match x.as_slice() {
        Some(elements) => elements.chunks(CHUNK).map(Cow::Borrowed).collect(),
        None => {
            let elements: Vec<F> = x.iter().copied().collect();
            let copies = elements.chunks(CHUNK).map(<[F]>::to_vec);
            copies.map(Cow::Owned).collect()
        }
    }
}

fn sum_of_squares<F: Float>(x: &[F]) -> f64 {
    vectorised(|| {
        // Several sums side by side, because each addition waits for the one before it.
        let mut lanes = [0.0; 16];
        let chunks = x.chunks_exact(lanes.len());
        let rest = chunks.remainder();
        for chunk in chunks {
            for (sum, x) in lanes.iter_mut().zip(chunk) {
                *sum += x.as_f64() * x.as_f64();
            }
        }
        let rest = rest.iter().map(|x| x.as_f64() * x.as_f64()).sum::<f64>();
        rest + lanes.iter().sum::<f64>()
    })
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

    fn one(value: f64) -> Parameters<SharedArray<f64>> {
        [(
            "w".to_owned(),
            SharedArray::from_elem(ndarray::IxDyn(&[2]), value),
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

    /// A constant gradient moves a parameter by the learning rate, step by step, whatever the rates of decay.
    #[test]
    fn rates_of_decay_that_round_to_one_take_steps_of_the_learning_rate() {
        for beta2 in [
            0.0,
            0.9,
            0.999,
            0.99999,
            0.9999999,
            0.99999999,
            0.9999999999,
        ] {
            let settings = TrainConfig {
                beta2,
                ..TrainConfig::default()
            };
            let single = |value: f32| -> Parameters<SharedArray<f32>> {
                let array = SharedArray::from_elem(ndarray::IxDyn(&[2]), value);
                [("w".to_owned(), array)].into_iter().collect()
            };
            let mut parameters = single(1.0);
            let mut adam = Adam::new(&parameters, ["w"].into_iter());
            for step in 1..=5 {
                adam.step(&mut parameters, &single(0.3), 1.0, &settings, 0.01, step);
            }
            let found = parameters.get("w").expect("w")[[1]];
            assert!((found - 0.95).abs() < 1e-4, "beta2 = {beta2}: {found}");
        }
    }

    /// In the settings that are in use the constants are, to the bit, those of the rounded rates.
    #[test]
    fn the_usual_rates_keep_their_constants() {
        for b in [0.0, 0.5, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999] {
            assert_eq!(complement::<f32>(b), 1.0 - b as f32, "{b}");
        }
        assert_eq!(complement::<f32>(0.99999999), 1e-8);
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
