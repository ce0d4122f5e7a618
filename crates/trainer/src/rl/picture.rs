//! The picture in an agent's run folder.

use serde::Deserialize;

use crate::TrainError;
use crate::checkpoint::write_file;
use crate::plot::{Axis, LinePlot, Series, group_by_label};
use crate::run::RunFolder;

/// Points of the training curve at most; each is the mean of a stretch of lines.
const POINTS: usize = 200;

#[derive(Deserialize)]
struct Line {
    kind: String,
    sequences: f64,
    reward: Option<f64>,
}

/// Draws the mean reward of an episode in training and validation over the episodes played into the run's folder;
/// nothing if no episode has ended yet.
pub(super) fn curves(folder: &RunFolder) -> Result<(), TrainError> {
    let path = folder.metrics();
    let text =
        std::fs::read_to_string(&path).map_err(TrainError::file(&path, "read the metrics"))?;
    let lines: Vec<Line> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let curve = |kind: &str| -> Series {
        let own = lines.iter().filter(|line| line.kind == kind);
        own.filter_map(|line| Some((line.sequences, line.reward?)))
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
    let plot = LinePlot {
        title: "Reward of an episode".to_owned(),
        x: Axis::plain("episodes"),
        y: Axis::plain("mean reward"),
        groups,
        ..LinePlot::default()
    };
    let path = folder.curves();
    write_file(&path, plot.svg()?.as_bytes()).map_err(TrainError::file(&path, "write the curves"))
}
