//! The picture in a run folder.

use std::fs::File;
use std::io::{BufRead, BufReader};

use crate::TrainError;
use crate::checkpoint::write_file;
use crate::metrics::Record;
use crate::plot::{Axis, LinePlot, Series, group_by_label};
use crate::run::RunFolder;

/// Points of the training curve at most; each is the mean of a stretch of lines.
const POINTS: usize = 200;

/// Draws the error in training and validation over the sequences seen into the run's folder; nothing if there is no
/// line of metrics yet.
pub(crate) fn curves(folder: &RunFolder) -> Result<(), TrainError> {
    let path = folder.metrics();
    let file = File::open(&path).map_err(TrainError::file(&path, "read the metrics"))?;
    let (mut training, mut validation) = (Vec::new(), Vec::new());
    for line in BufReader::new(file).lines() {
        let line = line.map_err(TrainError::file(&path, "read the metrics"))?;
        // Lines of other kinds have their own pictures.
        match serde_json::from_str(&line) {
            Ok(Record::Train {
                sequences, error, ..
            }) => training.push((sequences as f64, error)),
            Ok(Record::Valid {
                sequences, error, ..
            }) => validation.push((sequences as f64, error)),
            Err(_) => {}
        }
    }
    let training: Series = training.into_iter().collect();
    let validation: Series = validation.into_iter().collect();
    let curves = [
        ("training", training.averaged(POINTS)),
        ("validation", validation),
    ]
    .into_iter()
    .filter(|(_, series)| !series.points.is_empty())
    .map(|(label, series)| (label.to_owned(), series));
    let groups = group_by_label(curves);
    if groups.is_empty() {
        return Ok(());
    }
    let plot = LinePlot {
        title: "Wrong answers".to_owned(),
        x: Axis::plain("sequences seen"),
        y: Axis::new("error", "%"),
        groups,
        ..LinePlot::default()
    };
    let path = folder.curves();
    write_file(&path, plot.svg()?.as_bytes()).map_err(TrainError::file(&path, "write the curves"))
}
