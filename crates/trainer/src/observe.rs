//! Who looks at a training: the loop tells an observer what it writes down, and knows nothing of pictures.

use crate::folder::RunFolder;

pub use crate::error::ObserverError;

/// Looks at a training, a method for each of its moments. What is not of interest need not be written.
///
/// `()` looks at nothing. `mnm-report` has the observer that leaves learning curves and TensorBoard files in a run folder.
pub trait Observer {
    /// The training is about to go on after `step` steps; 0 for its first. What was seen of later ones does not count: the run was
    /// killed then, and takes them anew. A checkpoint is there, also before the first step.
    ///
    /// # Errors
    /// What stands in the observer's way.
    fn begin(&mut self, folder: &RunFolder, step: u64) -> Result<(), ObserverError> {
        let _ = (folder, step);
        Ok(())
    }

    /// What a person should know of what was found at the begin, a line each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Figures after `step` steps, by name ("train/loss", "valid/error"): those of a line of `metrics.jsonl`, and the speed.
    ///
    /// # Errors
    /// What stands in the observer's way.
    fn scalars(&mut self, step: u64, scalars: &[(&str, f64)]) -> Result<(), ObserverError> {
        let _ = (step, scalars);
        Ok(())
    }

    /// A checkpoint is about to be written: what was seen so far must outlive it.
    ///
    /// # Errors
    /// What stands in the observer's way.
    fn save(&mut self) -> Result<(), ObserverError> {
        Ok(())
    }

    /// The training is over, and its folder complete.
    ///
    /// # Errors
    /// What stands in the observer's way.
    fn end(&mut self, folder: &RunFolder) -> Result<(), ObserverError> {
        let _ = folder;
        Ok(())
    }
}

impl Observer for () {}
