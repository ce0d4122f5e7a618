//! From a config to its task, and from the task to its model.

use mnm_controller::{InputSpec, Model};
use mnm_tasks::{Babi, Episode, InputKind, Interface, Split, Task, TaskError, Vocabulary};
use mnm_tensor::Float;
use mnm_tensor::kernels::Kernels;

use crate::config::DataConfig;
use crate::error::TrainError;
use crate::linalg;
use mnm_controller::{InitScheme, ModelConfig};
use mnm_tasks::stream;
use mnm_tensor::{Init, ParameterSpec, Parameters, SharedArray};

/// The task that `data` describes, with random streams of `seed`. A model that was trained brings its `vocabulary`.
///
/// # Errors
/// An option out of range, or data that are missing or malformed.
pub fn build_task(
    data: &DataConfig,
    seed: u64,
    vocabulary: Option<Vocabulary>,
) -> Result<Box<dyn Task>, TrainError> {
    if let DataConfig::Babi(options) = data {
        let babi = match vocabulary {
            Some(known) => Babi::with_vocabulary(options.clone(), known)?,
            None => Babi::load(options.clone())?,
        };
        return Ok(Box::new(babi.with_seed(seed)));
    }
    match data.generated(seed) {
        Some(task) => Ok(task?),
        None => Err(an_environment(data.name())),
    }
}

fn an_environment(task: &str) -> TrainError {
    TrainError::Kind {
        task: task.to_owned(),
        is: "an environment that an agent plays, not a task with questions and answers",
        instead: "`mnm train` and `mnm eval` know what to do with it",
    }
}

/// An episode of the task, held to its interface.
///
/// # Errors
/// [`TaskError`]: there is none of this index, or it cannot be used.
pub fn checked_episode(task: &dyn Task, split: Split, index: u64) -> Result<Episode, TaskError> {
    let episode = task.episode(split, index)?;
    match episode.check(task.interface()) {
        Ok(()) => Ok(episode),
        Err(reason) => Err(TaskError::Episode {
            task: task.name().to_owned(),
            split,
            index,
            reason,
        }),
    }
}

/// The words and answers of a task that has them, as a checkpoint carries them.
pub fn vocabulary_of(interface: &Interface) -> Option<Vocabulary> {
    match (&interface.input, &interface.outputs) {
        (InputKind::Tokens { vocabulary, .. }, mnm_tasks::OutputKind::Classes { names }) => {
            Some(Vocabulary {
                words: vocabulary.clone(),
                answers: names.clone(),
            })
        }
        _ => None,
    }
}

/// The model of `config` for a task with this interface. `positions` are the words of the longest sentence that the
/// model was made for; by default those of the task.
///
/// # Errors
/// A setting out of range.
pub fn build_model<F: Kernels>(
    config: &ModelConfig,
    interface: &Interface,
    positions: Option<usize>,
) -> Result<Model<F>, TrainError> {
    let input = match &interface.input {
        InputKind::Dense { width } => InputSpec::Dense { width: *width },
        InputKind::Tokens {
            vocabulary,
            words_per_step,
        } => InputSpec::Tokens {
            vocabulary: vocabulary.len(),
            positions: positions.unwrap_or(*words_per_step),
        },
    };
    Ok(Model::new(config, input, interface.outputs.width())?)
}

/// Every parameter's first value, each drawn from the stream of `seed` and its own name.
///
/// # Errors
/// LAPACK's, for an orthogonal start.
pub fn draw_parameters<F: Float>(
    specs: &[ParameterSpec],
    scheme: InitScheme,
    seed: u64,
) -> Result<Parameters<SharedArray<F>>, TrainError> {
    specs
        .iter()
        .map(|spec| {
            let mut generator = stream(seed, &format!("init/{}", spec.name), 0);
            let value = match (scheme, spec.shape.as_slice()) {
                // A table that is looked up has no use for orthogonal rows.
                (InitScheme::Orthogonal, &[rows, columns])
                    if !spec.name.starts_with("encoder.")
                        && !matches!(spec.init, Init::Constant { .. }) =>
                {
                    let drawn = linalg::orthogonal(rows, columns, 1.0, &mut generator)?;
                    spec.scaled(drawn.mapv(F::of).into_dyn().into_shared())
                }
                _ => spec.draw(&mut generator),
            };
            Ok((spec.name.clone(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mnm_tasks::{DoubleCopy, DoubleCopyOptions, Labels};
    use ndarray::ArrayView2;

    /// Double copy, but for a label that is lost.
    struct Forgetful(DoubleCopy);

    impl Task for Forgetful {
        fn name(&self) -> &str {
            "forgetful"
        }

        fn interface(&self) -> &Interface {
            self.0.interface()
        }

        fn len(&self, split: Split) -> Option<u64> {
            self.0.len(split)
        }

        fn steps(&self, split: Split, index: u64) -> usize {
            self.0.steps(split, index)
        }

        fn episode(&self, split: Split, index: u64) -> Result<Episode, TaskError> {
            let mut episode = self.0.episode(split, index)?;
            if let Labels::Bits(bits) = &mut episode.labels {
                *bits = bits.slice(ndarray::s![1.., ..]).to_owned();
            }
            Ok(episode)
        }

        fn render(&self, episode: &Episode, logits: Option<ArrayView2<f32>>) -> String {
            self.0.render(episode, logits)
        }
    }

    #[test]
    fn an_episode_that_cannot_be_used_is_named() {
        let task = DoubleCopy::new(DoubleCopyOptions::default(), 1).expect("the defaults");
        assert!(checked_episode(&task, Split::Train, 7).is_ok());
        let error =
            checked_episode(&Forgetful(task), Split::Train, 7).expect_err("a label too few");
        let error = error.to_string();
        for part in ["forgetful: episode 7 of the train split", "labels for"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
