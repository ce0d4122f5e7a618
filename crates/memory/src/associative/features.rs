//! What stands between a key and the memory: a fixed map that is not learned.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, dot};
use mnm_tensor::{Init, SharedArray};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::AssociativeError;
use super::weights::Weights;

/// The features of a key that the memory stores values under.
///
/// A linear memory holds as many pairs as its keys are wide. A random map to more features than that, of which every one is a bent
/// function of the whole key, makes room for as many pairs as there are features. All but `Raw` look at the direction of a key alone: its
/// length does not matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Features {
    /// The key itself.
    #[default]
    Raw,
    /// The key divided by its length.
    Unit,
    /// `tanh(gain (R k / |k| + b)) / sqrt(count)`, R normal of deviation 1 and b of deviation 0.3: a random hidden layer. For least squares; the delta
    /// rule, which does not set features apart, wants sparse ones.
    Tanh {
        /// How many features.
        count: usize,
        /// How bent they are: the larger, the less have keys to do with each other that are near.
        gain: f64,
        /// The seed of R and b.
        seed: u64,
    },
    /// Sparse distributed memory (Kanerva 1988): of `count` random places in key space the `active` nearest to the key are 1 / sqrt(active), the
    /// others 0.
    Nearest {
        /// How many places.
        count: usize,
        /// How many of them a key makes active.
        active: usize,
        /// The seed of the places.
        seed: u64,
    },
}

impl Features {
    /// `count` tanh features of gain 2.
    pub fn tanh(count: usize) -> Self {
        Self::Tanh {
            count,
            gain: 2.0,
            seed: 0,
        }
    }

    /// The `active` nearest of `count` places.
    pub fn nearest(count: usize, active: usize) -> Self {
        Self::Nearest {
            count,
            active,
            seed: 0,
        }
    }

    /// How many there are for keys of this width.
    pub fn count(&self, key: usize) -> usize {
        match *self {
            Self::Raw | Self::Unit => key,
            Self::Tanh { count, .. } | Self::Nearest { count, .. } => count,
        }
    }

    /// Refuses settings out of range for memories of F.
    pub(super) fn check<F: Kernels>(&self) -> Result<(), AssociativeError> {
        // The matrix has entries of several times the gain, and products with it are summed up.
        let most = F::max_value().sqrt();
        match *self {
            Self::Raw | Self::Unit => Ok(()),
            Self::Tanh { count: 0, .. } | Self::Nearest { count: 0, .. } => Err(
                AssociativeError::setting("count", 0, "at least one feature"),
            ),
            Self::Tanh { gain, .. } if !(gain > 0.0 && gain.is_finite()) => Err(
                AssociativeError::setting("gain", gain, "a finite number above 0"),
            ),
            Self::Tanh { gain, .. } if !(F::min_positive_value()..=most).contains(&F::of(gain)) => {
                Err(AssociativeError::setting(
                    "gain",
                    gain,
                    "at most the root of the largest number of the memory's type, and at least the smallest normal one",
                ))
            }
            Self::Nearest { count, active, .. } if active == 0 || active > count => Err(
                AssociativeError::setting("active", active, "at least 1 and at most `count`"),
            ),
            Self::Tanh { .. } | Self::Nearest { .. } => Ok(()),
        }
    }
}

/// The map that [`Features`] describe, its random parts drawn.
#[derive(Clone, Debug)]
pub(super) enum FeatureMap<F> {
    Raw,
    Unit,
    Tanh { weights: Weights<F>, bias: Vec<F> },
    Nearest { places: Weights<F>, active: usize },
}

impl<F: Kernels> FeatureMap<F> {
    /// Draws the map for keys of a width. What is drawn in double and in single precision is the same, up to rounding.
    pub(super) fn drawn(features: &Features, key: usize) -> Self {
        let normal = |seed, stream, shape: &[usize], deviation: f64| -> Vec<F> {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            generator.set_stream(stream);
            let drawn: SharedArray<F> = Init::Normal { deviation }.draw(shape, &mut generator);
            drawn.iter().copied().collect()
        };
        match *features {
            Features::Raw => Self::Raw,
            Features::Unit => Self::Unit,
            Features::Tanh { count, gain, seed } => Self::Tanh {
                weights: Weights::dense(count, key, &normal(seed, 0, &[count, key], gain)),
                bias: normal(seed, 1, &[count], 0.3 * gain),
            },
            Features::Nearest {
                count,
                active,
                seed,
            } => Self::Nearest {
                places: Weights::dense(
                    count,
                    key,
                    &unit_rows(normal(seed, 0, &[count, key], 1.0), key),
                ),
                active,
            },
        }
    }

    /// From the parts that [`FeatureMap::parts`] gives, of fitting lengths.
    pub(super) fn of(features: &Features, key: usize, weights: &[F], bias: Vec<F>) -> Self {
        match *features {
            Features::Raw => Self::Raw,
            Features::Unit => Self::Unit,
            Features::Tanh { count, .. } => Self::Tanh {
                weights: Weights::dense(count, key, weights),
                bias,
            },
            Features::Nearest { count, active, .. } => Self::Nearest {
                places: Weights::dense(count, key, weights),
                active,
            },
        }
    }

    /// Matrix \[count, key] and bias \[count], where there are such.
    pub(super) fn parts(&self) -> (Option<&Weights<F>>, Option<&[F]>) {
        match self {
            Self::Raw | Self::Unit => (None, None),
            Self::Tanh { weights, bias } => (Some(weights), Some(bias)),
            Self::Nearest { places, .. } => (Some(places), None),
        }
    }

    /// Whether the features are the keys themselves.
    pub(super) fn is_raw(&self) -> bool {
        matches!(self, Self::Raw)
    }

    /// How many numbers [`FeatureMap::map`] works in, beside its result, for so many keys.
    pub(super) fn work(&self, rows: usize, key: usize) -> usize {
        match self {
            Self::Raw | Self::Unit => 0,
            Self::Tanh { .. } => rows * key,
            Self::Nearest { places, .. } => rows * key + places.shape()[0],
        }
    }

    /// The features \[rows, count] of `keys` \[rows, key].
    pub(super) fn map(&self, keys: Matrix<'_, F>, features: &mut [F], work: &mut [F]) {
        let (rows, key) = (keys.rows(), keys.columns());
        match self {
            Self::Raw => each(keys, features, |from, to| to.copy_from_slice(from)),
            Self::Unit => each(keys, features, direction),
            Self::Tanh { weights, bias } => {
                let count = bias.len();
                each(keys, work, direction);
                let sums = MatrixMut::dense(features, rows, count);
                weights.apply_rows(Matrix::dense(work, rows, key), sums);
                for row in features.chunks_exact_mut(count).take(rows) {
                    for (sum, &bias) in row.iter_mut().zip(bias) {
                        *sum += bias;
                    }
                }
                F::tanh_slice(features);
                let scale = F::of((count as f64).sqrt().recip());
                features.iter_mut().for_each(|x| *x *= scale);
            }
            Self::Nearest { places, active } => {
                let count = places.shape()[0];
                let (directions, order) = work.split_at_mut(rows * key);
                each(keys, directions, direction);
                let nearness = MatrixMut::dense(features, rows, count);
                places.apply_rows(Matrix::dense(directions, rows, key), nearness);
                for row in features.chunks_exact_mut(count).take(rows) {
                    keep_largest(row, *active, order);
                }
            }
        }
    }
}

/// Does something for each key and the row of the result that belongs to it.
fn each<F: Kernels>(keys: Matrix<'_, F>, to: &mut [F], mut body: impl FnMut(&[F], &mut [F])) {
    let width = keys.columns();
    for (row, to) in to.chunks_exact_mut(width).take(keys.rows()).enumerate() {
        body(keys.row(row), to);
    }
}

/// `k / |k|`; a key of zeros has no direction, and stays.
fn direction<F: Kernels>(from: &[F], to: &mut [F]) {
    let square = dot(from, from);
    // Beyond the range of squares the largest entry goes out first.
    let scale = if square.is_finite() && square > F::min_positive_value() {
        square.sqrt()
    } else {
        let largest = from.iter().fold(F::zero(), |most, x| most.max(x.abs()));
        if largest == F::zero() {
            return to.copy_from_slice(from);
        }
        let squares: F = from.iter().map(|&x| (x / largest) * (x / largest)).sum();
        for (to, &x) in to.iter_mut().zip(from) {
            *to = x / largest / squares.sqrt();
        }
        return;
    };
    for (to, &x) in to.iter_mut().zip(from) {
        *to = x / scale;
    }
}

fn unit_rows<F: Kernels>(mut entries: Vec<F>, width: usize) -> Vec<F> {
    for row in entries.chunks_exact_mut(width) {
        let from = row.to_vec();
        direction(&from, row);
    }
    entries
}

/// The `active` largest of a row become `1 / sqrt(active)`, the others 0; among equal ones the first are taken. `order` is working memory
/// of the same length.
fn keep_largest<F: Kernels>(row: &mut [F], active: usize, order: &mut [F]) {
    let value = F::of((active as f64).sqrt().recip());
    order.copy_from_slice(row);
    let descending = |a: &F, b: &F| b.partial_cmp(a).unwrap_or(std::cmp::Ordering::Equal);
    let (above, &mut least, _) = order.select_nth_unstable_by(active - 1, descending);
    // Those that are larger than the least are all taken; of those equal to it as many as there is room for.
    let larger = above.iter().filter(|&&x| x > least).count();
    let mut room = active - larger;
    for x in row {
        let taken = *x > least || (*x == least && room > 0);
        if *x == least && taken {
            room -= 1;
        }
        *x = if taken { value } else { F::zero() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept_and_among_equals_the_first() {
        let mut row = [0.5_f64, 2.0, -1.0, 0.5, 0.5, 3.0];
        keep_largest(&mut row, 4, &mut [0.0; 6]);
        assert_eq!(row, [0.5, 0.5, 0.0, 0.5, 0.0, 0.5]);
        let mut row = [1.0_f32; 3];
        keep_largest(&mut row, 3, &mut [0.0; 3]);
        assert!(row.iter().all(|&x| x == 1.0 / 3f32.sqrt()));
    }

    #[test]
    fn directions_outlive_keys_whose_squares_do_not_fit() {
        for scale in [1.0_f32, 1e-30, 1e30] {
            let mut to = [0.0; 3];
            direction(&[3.0 * scale, 0.0, -4.0 * scale], &mut to);
            assert!(
                (to[0] - 0.6).abs() < 1e-6 && (to[2] + 0.8).abs() < 1e-6,
                "{to:?}"
            );
        }
        let mut to = [1.0_f32; 2];
        direction(&[0.0, 0.0], &mut to);
        assert_eq!(to, [0.0, 0.0]);
    }

    #[test]
    fn maps_are_what_their_equations_say() {
        let key = [0.3_f64, -0.4, 1.2];
        let unit = key.map(|x| x / 1.3);
        let FeatureMap::Tanh { weights, bias } = FeatureMap::<f64>::drawn(&Features::tanh(7), 3)
        else {
            panic!("tanh features")
        };
        let expected: Vec<f64> = weights
            .rows()
            .zip(&bias)
            .map(|(row, b)| {
                let sum: f64 = row.iter().zip(&unit).map(|(w, x)| w * x).sum();
                (sum + b).tanh() / 7f64.sqrt()
            })
            .collect();
        let map = FeatureMap::Tanh { weights, bias };
        let (mut found, mut work) = ([0.0; 7], vec![0.0; map.work(1, 3)]);
        map.map(Matrix::dense(&key, 1, 3), &mut found, &mut work);
        assert!(
            expected
                .iter()
                .zip(&found)
                .all(|(a, b)| (a - b).abs() < 1e-12),
            "{found:?}"
        );

        let map = FeatureMap::<f64>::drawn(&Features::nearest(9, 2), 3);
        let FeatureMap::Nearest { places, .. } = &map else {
            panic!("places")
        };
        let nearness: Vec<f64> = places
            .rows()
            .map(|row| row.iter().zip(&unit).map(|(w, x)| w * x).sum())
            .collect();
        let (mut found, mut work) = ([0.0; 9], vec![0.0; map.work(1, 3)]);
        map.map(Matrix::dense(&key, 1, 3), &mut found, &mut work);
        let rank = |place: usize| nearness.iter().filter(|&&x| x > nearness[place]).count();
        for (place, feature) in found.iter().enumerate() {
            assert_eq!(*feature > 0.0, rank(place) < 2, "{nearness:?} {found:?}");
        }
    }
}
