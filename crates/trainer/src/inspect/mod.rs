//! One episode drawn: what a model writes to its memory and when, how well the writes take, and what is read.

mod agent;
mod answers;
mod look;
mod page;
mod pictures;
mod words;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use mnm_controller::ControllerError;
use mnm_memory::MemoryError;
use mnm_tasks::environment::EnvironmentError;
use mnm_tasks::{Split, TaskError};
use mnm_tensor::TensorError;
use thiserror::Error;

use crate::checkpoint::write_file;
use crate::linalg::LinalgError;
use crate::plot::PlotError;
use crate::{Run, TrainError};

pub use agent::inspect_agent;
pub use look::{Look, MemoryLook, Spectrum, look};
pub use pictures::{Picture, pictures};

/// Why an episode could not be drawn.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The episode cannot be had, or does not fit the model.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The singular values cannot be computed.
    #[error("the memory's singular values: {0}")]
    Linalg(#[from] LinalgError),
    /// A picture cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// Every step is compared with every other, and all states are kept.
    #[error(
        "an episode of {steps} steps is too long to look into: {most} at most; `mnm eval` takes any length"
    )]
    TooLong {
        /// The steps of the episode.
        steps: usize,
        /// The most that an episode may have.
        most: usize,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The errors of the crates below, as [`TrainError`] names them.
macro_rules! through_train_error {
    ($($error:ty),*) => {$(
        impl From<$error> for InspectError {
            fn from(error: $error) -> Self {
                Self::Train(error.into())
            }
        }
    )*};
}
through_train_error!(TensorError, ControllerError, TaskError, EnvironmentError);

impl From<MemoryError> for InspectError {
    fn from(error: MemoryError) -> Self {
        ControllerError::from(error).into()
    }
}

/// The most steps of an episode that is looked into.
const MOST_STEPS: usize = 5000;

fn check_length(steps: usize) -> Result<(), InspectError> {
    if steps > MOST_STEPS {
        let most = MOST_STEPS;
        return Err(InspectError::TooLong { steps, most });
    }
    Ok(())
}

/// An episode, drawn.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// A page that needs no other file.
    pub html: String,
    /// The pictures on it.
    pub pictures: Vec<Picture>,
}

/// Draws episode `index` of a split as the run's model goes through it.
///
/// # Errors
/// [`InspectError`]: no such episode, or numbers that are not finite.
pub fn inspect(run: &Run, split: Split, index: u64) -> Result<Inspection, InspectError> {
    let look = look(run, split, index)?;
    let pictures = pictures(&look)?;
    let html = page::page(run, split, index, &look, &pictures);
    Ok(Inspection { html, pictures })
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
