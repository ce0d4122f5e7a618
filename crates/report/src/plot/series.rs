//! Curves and how they are put together.

/// One curve: points in any order. Points that are not finite are not drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// x and y of every point.
    pub points: Vec<(f64, f64)>,
}

impl FromIterator<(f64, f64)> for Series {
    fn from_iter<I: IntoIterator<Item = (f64, f64)>>(points: I) -> Self {
        Self {
            points: points.into_iter().collect(),
        }
    }
}

impl Series {
    /// At most `count` points, each the mean of a stretch of consecutive finite ones: a noisy curve made readable.
    pub fn averaged(&self, count: usize) -> Self {
        let finite: Vec<_> = self
            .points
            .iter()
            .filter(|(x, y)| x.is_finite() && y.is_finite())
            .collect();
        let stretch = finite.len().div_ceil(count.max(1)).max(1);
        let mean = |points: &[&(f64, f64)]| {
            let (x, y) = points
                .iter()
                .fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
            (x / points.len() as f64, y / points.len() as f64)
        };
        finite.chunks(stretch).map(mean).collect()
    }

    /// The largest x of a finite point.
    pub fn end(&self) -> Option<f64> {
        self.last().map(|(x, _)| x)
    }

    /// The same curve, kept at its last value as far as `end`.
    pub fn held_until(mut self, end: f64) -> Self {
        if let Some((x, y)) = self.last()
            && x < end
        {
            self.points.push((end, y));
        }
        self
    }

    /// The finite point of the largest x.
    fn last(&self) -> Option<(f64, f64)> {
        self.points
            .iter()
            .copied()
            .filter(|(x, y)| x.is_finite() && y.is_finite())
            .max_by(|one, other| one.0.total_cmp(&other.0))
    }
}

/// Curves that share a label and a colour: the seeds of one model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// What the legend says.
    pub label: String,
    /// One curve for each seed.
    pub series: Vec<Series>,
}

/// Gathers curves under their labels, in the order in which the labels first appear.
pub fn group_by_label(curves: impl IntoIterator<Item = (String, Series)>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (label, series) in curves {
        match groups.iter_mut().find(|group| group.label == label) {
            Some(group) => group.series.push(series),
            None => groups.push(Group {
                label,
                series: vec![series],
            }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_held_at_its_last_finite_value() {
        let curve: Series = [(2.0, 5.0), (1.0, 3.0), (7.0, f64::NAN)]
            .into_iter()
            .collect();
        assert_eq!(curve.end(), Some(2.0));
        assert_eq!(
            curve.clone().held_until(4.0).points.last(),
            Some(&(4.0, 5.0))
        );
        assert_eq!(curve.held_until(2.0).points.len(), 3);
        assert_eq!(Series::default().held_until(1.0), Series::default());
    }

    #[test]
    fn labels_keep_their_first_order() {
        let curve = |y: f64| Series {
            points: vec![(0.0, y)],
        };
        let curves =
            [("b", 1.0), ("a", 2.0), ("b", 3.0)].map(|(label, y)| (label.to_owned(), curve(y)));
        let groups = group_by_label(curves);
        let expected = [("b", vec![curve(1.0), curve(3.0)]), ("a", vec![curve(2.0)])];
        assert_eq!(
            groups,
            expected.map(|(label, series)| Group {
                label: label.to_owned(),
                series
            })
        );
    }

    #[test]
    fn averaging_takes_means_and_leaves_out_what_is_not_finite() {
        let series: Series = [(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0), (4.0, 5.0)]
            .into_iter()
            .collect();
        assert_eq!(series.averaged(2).points, [(1.0, 2.0), (4.0, 5.0)]);
        assert_eq!(
            series.averaged(9).points,
            [(0.0, 1.0), (2.0, 3.0), (4.0, 5.0)]
        );
        assert_eq!(series.averaged(0).points.len(), 1);
    }
}
