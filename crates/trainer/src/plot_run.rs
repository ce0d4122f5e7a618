//! The pictures of a run folder.

use crate::TrainError;
use crate::run::RunFolder;

/// Draws the learning curves of a run into its folder.
pub(crate) fn curves(_folder: &RunFolder) -> Result<(), TrainError> {
    Ok(())
}
