//! The learning curves in a run folder.

use std::path::PathBuf;

use mnm_trainer::RunFolder;
use mnm_trainer::checkpoint::{LARGEST_RECORDS, read_text, write_file};
use serde::Deserialize;
use thiserror::Error;

use crate::plot::{Axis, LinePlot, PlotError, Scale, Series, group_by_label};

/// Points of the training curve at most; each is the mean of a stretch of lines.
const POINTS: usize = 200;

/// Why learning curves could not be drawn.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CurvesError {
    /// A picture cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
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

/// What is drawn of a line of `metrics.jsonl`.
#[derive(Deserialize)]
struct Line {
    kind: String,
    sequences: f64,
    error: Option<f64>,
    reward: Option<f64>,
}

/// Draws the curves of a run into its folder, in training and validation: the error over the sequences seen, or an agent's mean
/// reward of an episode over the episodes played. Nothing if there is no such figure in its metrics yet.
///
/// # Errors
/// [`CurvesError`]: metrics that cannot be read, or a picture that cannot be written.
pub fn draw_curves(folder: &RunFolder) -> Result<(), CurvesError> {
    let path = folder.metrics();
    let text =
        read_text(&path, LARGEST_RECORDS).map_err(CurvesError::file(path, "read the metrics"))?;
    // Lines of other kinds have their own pictures.
    let lines: Vec<Line> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let plot = if lines.iter().any(|line| line.reward.is_some()) {
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
    let curve = |kind: &str| -> Series {
        let own = lines.iter().filter(|line| line.kind == kind);
        own.filter_map(|line| Some((line.sequences, line.reward.or(line.error)?)))
            .collect()
    };
    let curves = [
        ("training", curve("train").averaged(POINTS)),
        ("validation", curve("valid")),
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
