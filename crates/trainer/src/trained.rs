//! A trained run of whatever kind, opened again.

use std::path::Path;

use crate::error::TrainError;
use crate::folder::Weights;
use crate::rl::Agent;
use crate::run::{Run, read};

/// What was trained.
pub enum Trained {
    /// A model of a task with questions and answers.
    Answers(Box<Run>),
    /// An agent.
    Agent(Box<Agent>),
}

impl Trained {
    /// Opens the run in `dir`, with `key=value` settings of its data or environment on top.
    ///
    /// # Errors
    /// As [`Run::open`] and [`Agent::open`].
    pub fn open(dir: &Path, weights: Weights, data: &[String]) -> Result<Self, TrainError> {
        let (file, checkpoint, config) = read(dir, weights)?;
        Ok(if config.data.is_environment() {
            Self::Agent(Box::new(Agent::of(&file, checkpoint, &config, data)?))
        } else {
            Self::Answers(Box::new(Run::of(&file, checkpoint, &config, data)?))
        })
    }
}
