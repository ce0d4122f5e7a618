//! Do the parameters of a file fit a model?

use mnm_tensor::{ParameterSpec, Parameters, SharedArray};

use super::CheckpointError;

/// How many problems a message lists before it only counts.
const LISTED: usize = 6;

/// Whether a parameter belongs to a task's encoder, which a model on plain vectors does without.
pub fn is_encoder(name: &str) -> bool {
    name.starts_with("encoder.")
}

/// Checks that `parameters` are exactly those that `specs` ask for, each of its shape.
///
/// # Errors
/// [`CheckpointError::Misfit`], naming what is missing, of another shape, or not known to the model.
pub fn check_parameters(
    specs: &[ParameterSpec],
    parameters: &Parameters<SharedArray<f32>>,
) -> Result<(), CheckpointError> {
    let mut problems = Vec::new();
    for spec in specs {
        match parameters.find(&spec.name) {
            None => problems.push(format!("`{}` {:?} is missing", spec.name, spec.shape)),
            Some(found) if found.shape() != spec.shape => problems.push(format!(
                "`{}` has shape {:?}, expected {:?}",
                spec.name,
                found.shape(),
                spec.shape
            )),
            Some(_) => {}
        }
    }
    let known = |name: &str| specs.iter().any(|spec| spec.name == name);
    problems.extend(
        parameters
            .iter()
            .filter(|(name, _)| !known(name))
            .map(|(name, found)| format!("`{name}` {:?} belongs to no part of it", found.shape())),
    );
    if problems.is_empty() {
        return Ok(());
    }
    let more = problems.len().saturating_sub(LISTED);
    problems.truncate(LISTED);
    let mut text = problems.join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    Err(CheckpointError::Misfit { problems: text })
}
