//! What a set of runs came to: one page with figures, curves and configs, and the same figures for other programs.
//!
//! A report is built from run folders ([`RunData::read`]) and published figures ([`Published`]). Runs are put together
//! by task, or under a [`Heading`], then by model and by whatever else their configs differ in, apart from the seed.
//! Where a folder holds `evaluation-test.json`, as `mnm eval --keep` leaves it, its figures are those of the test split,
//! and those of `--keep-as` stand under them; agents are set beside the reference players in it.

mod agents;
mod charts;
mod error;
mod evaluation;
mod figure;
mod groups;
mod html;
mod markdown;
mod metrics;
mod number;
mod pictures;
mod published;
mod run;
mod summary;
mod table;

use std::path::Path;

use mnm_trainer::checkpoint::write_file;

pub use agents::{AgentsSummary, PlayerSummary};
pub use error::ReportError;
pub use figure::Figure;
pub use metrics::{AverageLine, TrainLine, ValidLine, parse as parse_metrics};
pub use published::Published;
pub use run::{RunData, RunSummary, SplitErrors};
pub use summary::{GroupSummary, RunFigures, SectionSummary, Summary};

/// Runs and what to say about them.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The page's heading.
    pub title: String,
    /// The command that makes the runs and this report again; empty if there is none.
    pub command: String,
    /// Figures of others, beside ours.
    pub published: Vec<Published>,
    /// Our runs.
    pub runs: Vec<RunData>,
    /// Runs that are to stand together, apart from others of their task.
    pub headings: Vec<Heading>,
}

/// The heading of the runs whose folders' names begin alike; of several that fit, the one with the longest prefix holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// How they begin.
    pub prefix: String,
    /// What stands over them.
    pub title: String,
}

impl Report {
    /// Writes the page to `path`: one HTML file with everything in it, which needs no network and no JavaScript.
    ///
    /// # Errors
    /// As [`Report::html`], or if the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), ReportError> {
        write(path.as_ref(), &self.html()?)
    }

    /// Writes `report.html`, `report.md`, `summary.json` and the folder `pictures` of SVG files into `folder`, which is
    /// created if missing.
    ///
    /// # Errors
    /// As [`Report::html`], or if a file cannot be written.
    pub fn write_folder(&self, folder: impl AsRef<Path>) -> Result<(), ReportError> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(|source| ReportError::Write {
            path: folder.to_owned(),
            source,
        })?;
        write(&folder.join("report.html"), &self.html()?)?;
        write(&folder.join("report.md"), &self.markdown()?)?;
        let summary = self.summary()?;
        write(&folder.join("summary.json"), &summary.to_json()?)?;
        let drawn = pictures::of_report(self, &summary)?;
        pictures::write(&drawn, &folder.join("pictures")).map(|_| ())
    }

    /// The page.
    ///
    /// # Errors
    /// If there are no runs, if two of them differ in nothing and so are one run counted twice, or if a plot cannot be
    /// drawn.
    pub fn html(&self) -> Result<String, ReportError> {
        html::page(self, &self.summary()?)
    }

    /// The tables of the page as Markdown.
    ///
    /// # Errors
    /// As [`Report::summary`].
    pub fn markdown(&self) -> Result<String, ReportError> {
        Ok(markdown::tables(&self.summary()?))
    }

    /// The figures.
    ///
    /// # Errors
    /// If there are no runs, or if two of them differ in nothing and so are one run counted twice.
    pub fn summary(&self) -> Result<Summary, ReportError> {
        Summary::of(self)
    }
}

fn write(path: &Path, text: &str) -> Result<(), ReportError> {
    write_file(path, text.as_bytes()).map_err(|source| ReportError::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
