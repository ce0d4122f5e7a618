//! Several seeds as one line and a band.

use super::series::Series;

/// Where the curves lie at one x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub x: f64,
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

/// More points than this cannot be told apart on the page; they are joined.
const MOST_POINTS: usize = 500;

/// Minimum, median and maximum of the curves at every x that one of them has. A curve counts between its first and its
/// last x, where it is interpolated linearly.
pub(super) fn spread(series: &[Series]) -> Vec<Spread> {
    let curves: Vec<_> = series
        .iter()
        .map(in_order)
        .filter(|curve| !curve.is_empty())
        .collect();
    let mut places: Vec<f64> = curves.iter().flatten().map(|point| point.0).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let all: Vec<_> = places.into_iter().filter_map(|x| at(&curves, x)).collect();
    let stretch = all.len().div_ceil(MOST_POINTS).max(1);
    all.chunks(stretch).filter_map(join).collect()
}

/// The finite points by growing x; of those with the same x the last, as a resumed run repeats its last steps.
fn in_order(series: &Series) -> Vec<(f64, f64)> {
    let mut points: Vec<_> = series
        .points
        .iter()
        .copied()
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .collect();
    points.reverse();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    points.dedup_by_key(|point| point.0);
    points
}

fn at(curves: &[Vec<(f64, f64)>], x: f64) -> Option<Spread> {
    let mut values: Vec<f64> = curves
        .iter()
        .filter_map(|curve| interpolate(curve, x))
        .collect();
    values.sort_by(f64::total_cmp);
    let (&low, &high) = (values.first()?, values.last()?);
    Some(Spread {
        x,
        low,
        median: median(&values)?,
        high,
    })
}

fn interpolate(curve: &[(f64, f64)], x: f64) -> Option<f64> {
    let after = curve.partition_point(|point| point.0 < x);
    let right = curve.get(after)?;
    if right.0 == x {
        return Some(right.1);
    }
    let left = curve.get(after.checked_sub(1)?)?;
    let weight = (x - left.0) / (right.0 - left.0);
    Some(left.1 * (1.0 - weight) + right.1 * weight)
}

fn join(stretch: &[Spread]) -> Option<Spread> {
    let mut medians: Vec<f64> = stretch.iter().map(|spread| spread.median).collect();
    medians.sort_by(f64::total_cmp);
    Some(Spread {
        x: stretch.get(stretch.len() / 2)?.x,
        low: stretch
            .iter()
            .map(|spread| spread.low)
            .fold(f64::INFINITY, f64::min),
        median: median(&medians)?,
        high: stretch
            .iter()
            .map(|spread| spread.high)
            .fold(f64::NEG_INFINITY, f64::max),
    })
}

fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    let lower = if sorted.len().is_multiple_of(2) {
        *sorted.get(middle.checked_sub(1)?)?
    } else {
        upper
    };
    Some(lower + (upper - lower) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(f64, f64)]) -> Series {
        points.iter().copied().collect()
    }

    #[test]
    fn three_seeds_give_their_minimum_median_and_maximum() {
        let seeds = [3.0, 1.0, 10.0].map(|y| series(&[(0.0, y), (1.0, 2.0 * y)]));
        let expected = [
            Spread {
                x: 0.0,
                low: 1.0,
                median: 3.0,
                high: 10.0,
            },
            Spread {
                x: 1.0,
                low: 2.0,
                median: 6.0,
                high: 20.0,
            },
        ];
        assert_eq!(spread(&seeds), expected);
    }

    #[test]
    fn curves_are_interpolated_within_their_own_range_only() {
        let found = spread(&[series(&[(0.0, 0.0), (2.0, 4.0)]), series(&[(1.0, 6.0)])]);
        let expected = [
            Spread {
                x: 0.0,
                low: 0.0,
                median: 0.0,
                high: 0.0,
            },
            Spread {
                x: 1.0,
                low: 2.0,
                median: 4.0,
                high: 6.0,
            },
            Spread {
                x: 2.0,
                low: 4.0,
                median: 4.0,
                high: 4.0,
            },
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_repeated_step_counts_once_and_what_is_not_finite_not_at_all() {
        let found = spread(&[
            series(&[(1.0, 5.0), (0.0, 1.0), (1.0, 7.0), (2.0, f64::NAN)]),
            Series::default(),
        ]);
        let expected = [
            Spread {
                x: 0.0,
                low: 1.0,
                median: 1.0,
                high: 1.0,
            },
            Spread {
                x: 1.0,
                low: 7.0,
                median: 7.0,
                high: 7.0,
            },
        ];
        assert_eq!(found, expected);
        assert_eq!(spread(&[]), []);
    }

    #[test]
    fn long_curves_are_thinned_without_losing_their_extremes() {
        let mut curve: Vec<_> = (0..10_000).map(|x| (f64::from(x), 1.0)).collect();
        curve[4321].1 = 50.0;
        let found = spread(&[series(&curve)]);
        assert!(found.len() <= MOST_POINTS);
        assert_eq!(
            found.iter().map(|spread| spread.high).fold(0.0, f64::max),
            50.0
        );
        assert!(found.iter().all(|spread| spread.median == 1.0));
    }
}
