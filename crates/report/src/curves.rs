//! The learning curves in a run folder.

use std::path::PathBuf;

use mnm_trainer::RunFolder;
use mnm_trainer::checkpoint::{LARGEST_RECORDS, read_text, write_file};
use thiserror::Error;

use crate::plot::{Axis, LinePlot, PlotError, Scale, Series, group_by_label};
use crate::report::{ReportError, parse_metrics};

/// Points of the training curve at most; each is the mean of a stretch of lines.
const POINTS: usize = 200;

/// Why learning curves could not be drawn.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CurvesError {
    /// A picture cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A line of the metrics is no record.
    #[error(transparent)]
    Metrics(#[from] ReportError),
    /// A file of the run folder cannot be read or written.
    #[error("{path}: cannot {action}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl CurvesError {
    fn file(path: PathBuf, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::File {
            path,
            action,
            source,
        }
    }
}

/// Draws the curves of a run into its folder, in training and validation, there also with averaged weights: the error over the sequences seen, or
/// an agent's mean reward of an episode over the episodes played. Nothing if there is no such figure in its metrics yet.
///
/// # Errors
/// [`CurvesError`]: metrics that cannot be read, or a picture that cannot be written.
pub fn draw_curves(folder: &RunFolder) -> Result<(), CurvesError> {
    let path = folder.metrics();
    let unread = CurvesError::file(path.clone(), "read the metrics");
    let text = read_text(&path, LARGEST_RECORDS).map_err(unread)?;
    let (train, valid) = parse_metrics(&path, &text)?;
    let rewards = train.iter().map(|line| line.reward);
    let rewards = rewards.chain(valid.iter().map(|line| line.reward));
    let plot = if rewards.flatten().next().is_some() {
        LinePlot {
            title: "Reward of an episode".to_owned(),
            x: Axis::plain("episodes"),
            y: Axis::plain("mean reward"),
            ..LinePlot::default()
        }
    } else {
        LinePlot {
            title: "Wrong answers".to_owned(),
            x: Axis::plain("sequences seen"),
            y: Axis::new("error", "%"),
            y_scale: Scale::Log,
            ..LinePlot::default()
        }
    };
    let trained = train.iter().map(|l| (l.sequences, l.reward.or(l.error)));
    let raw = valid.iter().map(|l| (l.sequences, l.reward.or(l.error)));
    let averaged = valid.iter().map(|l| {
        let error = l.average.as_ref().and_then(|average| average.error);
        (l.sequences, l.average_reward.or(error))
    });
    let curves = [
        ("training", known(trained).averaged(POINTS)),
        ("validation", known(raw)),
        ("validation, averaged weights", known(averaged)),
    ]
    .into_iter()
    .filter(|(_, series)| !series.points.is_empty())
    .map(|(label, series)| (label.to_owned(), series));
    let groups = group_by_label(curves);
    if groups.is_empty() {
        return Ok(());
    }
    let path = folder.curves();
    let svg = LinePlot { groups, ..plot }.svg()?;
    write_file(&path, svg.as_bytes()).map_err(CurvesError::file(path, "write the curves"))
}

/// The points that have both numbers.
fn known(points: impl Iterator<Item = (Option<u64>, Option<f64>)>) -> Series {
    let both = points.filter_map(|(x, y)| Some((x? as f64, y?)));
    both.collect()
}
