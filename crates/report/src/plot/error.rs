//! Why a picture could not be drawn.

use thiserror::Error;

/// Data that cannot be drawn.
#[derive(Debug, Error)]
pub enum PlotError {
    /// Not one finite point, bar, cell or step.
    #[error("plot \"{title}\": there is nothing to draw; expected at least one {expected}")]
    Empty {
        /// Title of the plot.
        title: String,
        /// What is missing.
        expected: &'static str,
    },
    /// A number that has no place on the page.
    #[error("plot \"{title}\": {what} is {value}; expected {expected}")]
    Value {
        /// Title of the plot.
        title: String,
        /// Which number.
        what: String,
        /// The number.
        value: f64,
        /// What would do.
        expected: &'static str,
    },
    /// As many labels as rows or columns are needed.
    #[error("plot \"{title}\": {labels} {what} labels for {expected}; expected one each, or none")]
    Labels {
        /// Title of the plot.
        title: String,
        /// Row or column.
        what: &'static str,
        /// Labels given.
        labels: usize,
        /// Rows or columns there are.
        expected: usize,
    },
    /// The SVG writer's report.
    #[error("the SVG could not be written: {0}")]
    Drawing(String),
}
