//! What one kind of learning has of its own; everything else about a training is the [loop](super::training)'s.

use std::path::Path;
use std::sync::Arc;

use mnm_controller::Model;
use mnm_tasks::{Split, Vocabulary};
use mnm_tensor::{Parameters, SharedArray};
use serde::{Deserialize, Serialize};

use super::learner::Learner;
use super::origin::Origin;
use super::step::StepOutcome;
use super::summary::{Ended, Summary};
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::error::TrainError;
use crate::folder::RunFolder;
use crate::room;
use crate::team::Team;

/// What every training counts. `F` is what a validation found.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters<F> {
    /// Optimiser steps done.
    pub(super) step: u64,
    /// Sequences seen, or episodes played to their end.
    pub(super) sequences: u64,
    /// The best validation, and after how many steps it was.
    pub(super) best: Option<Dated<F>>,
}

impl<F> Counters<F> {
    /// Validations since the best one, `every` so many steps.
    pub(super) fn validations_without_better(&self, every: u64) -> u64 {
        let best = self.best.as_ref().map_or(self.step, |(_, step)| *step);
        self.step / every - best / every
    }
}

/// What a validation found, and after how many steps it was.
pub(super) type Dated<F> = (F, u64);

/// What validations of averaged parameters found.
#[derive(Clone, Copy)]
pub(super) struct Means<'a, F> {
    pub(super) last: Option<&'a Dated<F>>,
    pub(super) best: Option<&'a Dated<F>>,
}

/// What is needed to go on, beside parameters and optimiser.
pub(super) struct Saved {
    /// The counters, for the checkpoint's metadata.
    pub(super) progress: serde_json::Value,
    /// Arrays that are carried from step to step, by name.
    pub(super) carried: Parameters<SharedArray<f32>>,
}

/// What every kind asks of its model before it makes anything large: whether the parameters of `train.from` fit it, and whether it fits
/// into the machine.
pub(super) fn check(
    config: &Config,
    origin: &Origin,
    model: &Model<f32>,
    load: &room::Load,
) -> Result<(), TrainError> {
    origin.check_model(config, model)?;
    room::check(config, model, load, &room::OF_DATA)
}

/// One kind of learning: what a step does, what a validation finds and when it is better, and what goes into records and
/// checkpoints. All ranks of a training call the same methods, and each method gives all of them the same.
pub(super) trait Learning: Sized {
    /// What a validation finds.
    type Found: Clone + Serialize + for<'a> Deserialize<'a>;
    /// What a step notes for the logs, beside losses and gradient.
    type Noted;
    /// A line of `metrics.jsonl`.
    type Record: Serialize;

    /// Task and model, which has been [checked](check). Everything that can be wrong with config and data is found here, before anything
    /// is written.
    fn prepare(
        config: &Config,
        folder: &RunFolder,
        origin: &Origin,
        team: &Arc<dyn Team>,
    ) -> Result<(Self, Model<f32>), TrainError>;

    /// Takes up what [`Learning::save`] gave, from the checkpoint in the file `path`.
    fn resume(
        &mut self,
        model: &Model<f32>,
        checkpoint: &Checkpoint,
        path: &Path,
    ) -> Result<Counters<Self::Found>, TrainError>;

    /// What is needed to go on; only rank 0 need have all of it.
    ///
    /// # Errors
    /// A rank that is gone.
    fn save(&self, counters: &Counters<Self::Found>) -> Result<Saved, TrainError>;

    /// A checksum of what is learned from, where it is read and not generated.
    fn digest(&self) -> u32 {
        0
    }

    /// The name of the task or environment.
    fn task(&self) -> &str;

    /// What a person should know of the data before the training begins.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether what a validation finds may end a training before its last step.
    fn may_stop(_config: &Config) -> bool {
        true
    }

    /// Sequences, or worlds, of a block at most.
    fn block(&self, model: &Model<f32>) -> usize;

    /// The words and answers that the model knows by number.
    fn vocabulary(&self) -> Option<Vocabulary> {
        None
    }

    /// Losses and gradient of the step after `step` others.
    fn gradient(
        &mut self,
        learner: &Learner,
        step: u64,
    ) -> Result<(StepOutcome, Self::Noted), TrainError>;

    /// The step was taken: its figures count until the next line of `metrics.jsonl`.
    fn note(&mut self, outcome: &StepOutcome, noted: Self::Noted);

    /// What else is not finite after a step on any rank, by name.
    ///
    /// # Errors
    /// A rank that is gone.
    fn not_finite(&self) -> Result<Option<String>, TrainError> {
        Ok(None)
    }

    /// How it goes, for the progress bar.
    fn message(&self) -> String;

    /// Means since the last such line, which begin anew.
    fn training_record(&mut self, counters: &Counters<Self::Found>) -> Self::Record;

    /// A line about a validation, and about that of averaged parameters.
    fn validation_record(
        &self,
        counters: &Counters<Self::Found>,
        found: &Self::Found,
        average: Option<&Self::Found>,
    ) -> Self::Record;

    /// A line's figures for an observer, by name, and what else is worth a curve.
    fn scalars(&self, record: &Self::Record) -> Vec<(&'static str, f64)>;

    /// Validates parameters.
    fn validate(
        &self,
        model: &Model<f32>,
        parameters: &Parameters<SharedArray<f32>>,
    ) -> Result<Self::Found, TrainError>;

    /// Whether a validation is better than the best one so far.
    fn is_better(found: &Self::Found, best: &Self::Found) -> bool;

    /// Why the training may end with this best validation, if it is as good as asked for.
    fn is_enough(&self, best: &Self::Found) -> Option<Ended>;

    /// A validation in words.
    fn words(found: &Self::Found) -> String;

    /// Adds its own to the summary: the best validation, and the last and the best one of averaged parameters.
    fn summarise(
        &self,
        best: Option<&Dated<Self::Found>>,
        means: Means<'_, Self::Found>,
        summary: &mut Summary,
    );
}

/// The error of a validation whose figures are no numbers.
pub(super) fn overflow(what: &'static str) -> TrainError {
    TrainError::Overflow {
        what,
        split: Split::Valid,
    }
}
