//! One episode drawn: what a model writes to its memory and when, how well the writes take, and what is read.

mod agent;
mod answers;
mod page;
mod pictures;
mod story;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use mnm_tasks::Split;
use mnm_trainer::checkpoint::write_file;
use mnm_trainer::{Run, TrainError};
use thiserror::Error;

use crate::plot::PlotError;

pub use agent::inspect_agent;
pub use mnm_trainer::look::{Look, MemoryLook, Spectrum, look};
pub use pictures::{Picture, pictures};

/// Why an episode could not be drawn.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The episode cannot be had, is too long to look into, or does not fit the model.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A picture cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A file cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// An episode, drawn.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// A page that needs no other file.
    pub html: String,
    /// The pictures on it.
    pub pictures: Vec<Picture>,
}

/// Draws episode `index` of a split as the run's model goes through it. `command` is what makes the page again, to be printed on it;
/// empty if there is none.
///
/// # Errors
/// [`InspectError`]: no such episode, or numbers that are not finite.
pub fn inspect(
    run: &Run,
    split: Split,
    index: u64,
    command: &str,
) -> Result<Inspection, InspectError> {
    let look = look(run, split, index)?;
    let title = format!(
        "{} on {}, {split} episode {index}",
        run.config.model.label(),
        run.task.name()
    );
    let outputs = &run.task.interface().outputs;
    let mut all: Vec<Picture> = story::at_work(&look, outputs, &title)?
        .into_iter()
        .collect();
    let first = all.len();
    all.extend(pictures(&look)?);
    let (story, pictures) = all.split_at(first);
    let html = page::page(run, &title, command, &look, story, pictures);
    Ok(Inspection {
        html,
        pictures: all,
    })
}

impl Inspection {
    /// Writes the page to `path`, and its pictures as SVG into a folder beside it that is named like the page. Gives the
    /// folder's path.
    ///
    /// # Errors
    /// [`InspectError::Write`].
    pub fn write(&self, path: &Path) -> Result<PathBuf, InspectError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| InspectError::Write { path, source }
        };
        if path.is_dir() {
            return Err(failed(path)(ErrorKind::IsADirectory.into()));
        }
        // `page` has no extension to lose: a folder of its very name would be in its place.
        let folder = match path.extension() {
            // A run's folder is the run's.
            Some(_) if !path.with_extension("").join("config.toml").exists() => {
                path.with_extension("")
            }
            _ => path.with_extension("pictures"),
        };
        std::fs::create_dir_all(&folder).map_err(failed(&folder))?;
        for picture in &self.pictures {
            let file = folder.join(format!("{}.svg", picture.name));
            write_file(&file, picture.svg.as_bytes()).map_err(failed(&file))?;
        }
        write_file(path, self.html.as_bytes()).map_err(failed(path))?;
        Ok(folder)
    }
}
