//! How a trained run is opened again.

use std::path::{Path, PathBuf};

use mnm_controller::Model;
use mnm_tasks::{Interface, Task};
use mnm_tensor::{Parameters, SharedArray};
use serde_json::Value;

use crate::checkpoint::{Checkpoint, check_parameters};
use crate::config::Config;
use crate::error::TrainError;
use crate::task::{build_model, build_task, vocabulary_of};

pub use crate::folder::{RunFolder, Weights};

/// A trained run, ready to be evaluated.
pub struct Run {
    /// The config that it was trained with.
    pub config: Config,
    /// Its task, as an evaluation reads it ([`DataConfig::for_evaluation`](crate::config::DataConfig::for_evaluation)).
    pub task: Box<dyn Task>,
    /// Its model.
    pub model: Model<f32>,
    /// The trained parameters.
    pub parameters: Parameters<SharedArray<f32>>,
    /// The checkpoint that they came from.
    pub checkpoint: Checkpoint,
}

impl Run {
    /// Opens the run in `dir`, with `key=value` settings of its data on top (`data.dir=...`, `data.lengths.test.max=40`).
    ///
    /// # Errors
    /// [`TrainError::NoRun`], a setting of anything but the data, data that number the model's words otherwise, or what is wrong with the run's files or data.
    pub fn open(dir: &Path, weights: Weights, data: &[String]) -> Result<Self, TrainError> {
        let (file, checkpoint, config) = read(dir, weights)?;
        Self::of(&file, checkpoint, &config, data)
    }

    /// The run of a checkpoint from `file` and its config.
    pub(crate) fn of(
        file: &Path,
        checkpoint: Checkpoint,
        config: &Config,
        data: &[String],
    ) -> Result<Self, TrainError> {
        let config = config.with_data(data)?;
        let data = config.data.for_evaluation();
        let task = build_task(&data, config.seed, checkpoint.vocabulary.clone())?;
        if checkpoint.vocabulary.is_some()
            && vocabulary_of(task.interface()) != checkpoint.vocabulary
        {
            return Err(TrainError::OtherWords(file.to_owned()));
        }
        let model = fit(file, &config, task.interface(), &checkpoint)?;
        Ok(Self {
            config,
            task,
            model,
            parameters: checkpoint.parameters.clone(),
            checkpoint,
        })
    }
}

/// The file of these parameters of the run in `dir`.
///
/// # Errors
/// As [`RunFolder::weights`]; and best parameters that are not those that the run's checkpoint knows of, if both lie there.
pub fn file_of(dir: &Path, weights: Weights) -> Result<PathBuf, TrainError> {
    let folder = RunFolder::new(dir);
    let path = folder.weights(weights)?;
    let best = match weights {
        Weights::Best => "/best",
        Weights::BestAverage => "/average/best",
        Weights::Last | Weights::Average => return Ok(path),
    };
    let step = |value: &Value| value["step"].as_u64();
    // First these, which a training that runs writes last.
    let there = step(&Checkpoint::read(&path)?.progress);
    // A checkpoint that cannot be read is the matter of whoever needs it.
    let Ok(checkpoint) = Checkpoint::read(&folder.checkpoint()) else {
        return Ok(path);
    };
    let known = checkpoint.progress.pointer(best).and_then(|best| {
        // Of averaged parameters what was found stands beside its step.
        step(best).or_else(|| best.as_array()?.last()?.as_u64())
    });
    match (there, known) {
        // If the checkpoint's own are the best, a run that was killed, or that runs, may not have written them yet.
        (Some(there), Some(known))
            if there != known && step(&checkpoint.progress) != Some(known) =>
        {
            Err(TrainError::damaged(
                &path,
                &format!(
                    "it holds parameters after step {there}, though the best validation of the run was after step {known}. \
                     Restore the file of this run, or take others of its parameters (`--weights`)"
                ),
            ))
        }
        _ => Ok(path),
    }
}

/// The file of these parameters of the run in `dir`, the checkpoint there, and the config in it.
pub(crate) fn read(
    dir: &Path,
    weights: Weights,
) -> Result<(PathBuf, Checkpoint, Config), TrainError> {
    let path = file_of(dir, weights)?;
    let checkpoint = Checkpoint::read(&path)?;
    let config = Config::parse("the config in it", &checkpoint.config, &[])
        .map_err(|error| TrainError::damaged(&path, &error.to_string()))?;
    Ok((path, checkpoint, config))
}

/// The model of a checkpoint from `file`, which all of its parameters fit, for a task with this interface.
pub(crate) fn fit(
    file: &Path,
    config: &Config,
    interface: &Interface,
    checkpoint: &Checkpoint,
) -> Result<Model<f32>, TrainError> {
    let model = build_model(&config.model, interface, positions(checkpoint))?;
    check_parameters(&model.parameters(), &checkpoint.parameters)
        .map_err(TrainError::misfit(file))?;
    Ok(model)
}

/// The words of the longest sentence that a checkpoint's model was made for; a sentence of new data may be longer.
pub(crate) fn positions(checkpoint: &Checkpoint) -> Option<usize> {
    let table = checkpoint.parameters.find("encoder.position.weight")?;
    table.shape().first().copied()
}
