//! A trained agent, and the agent as a player among others.

use std::path::Path;

use mnm_controller::Model;
use mnm_tasks::Split;
use mnm_tasks::environment::Environment;
use mnm_tasks::players::Player;
use mnm_tensor::{Parameters, SharedArray};

use super::draws::Draws;
use super::environment::{build_agent, build_environment};
use super::policy::Policy;
use crate::checkpoint::{Checkpoint, check_parameters};
use crate::config::Config;
use crate::error::TrainError;
use crate::folder::Weights;
use crate::run::read;

/// A trained agent, ready to play.
pub struct Agent {
    /// The config that it was trained with.
    pub config: Config,
    /// The model.
    pub model: Model<f32>,
    /// The trained parameters.
    pub parameters: Parameters<SharedArray<f32>>,
    /// The optimiser steps after which they were these; None where their file does not say.
    pub step: Option<u64>,
}

impl Agent {
    /// The agent of the run in `dir`, with `key=value` settings of its environment on top; `None` if the run is not one of
    /// reinforcement learning.
    ///
    /// # Errors
    /// [`TrainError::NoRun`], a setting of anything but `data`, or what is wrong with the run's files.
    pub fn open(dir: &Path, weights: Weights, data: &[String]) -> Result<Option<Self>, TrainError> {
        let (file, checkpoint, config) = read(dir, weights)?;
        if !config.data.is_environment() {
            return Ok(None);
        }
        Self::of(&file, checkpoint, &config, data).map(Some)
    }

    /// The agent of a checkpoint from `file` and its config.
    pub(crate) fn of(
        file: &Path,
        checkpoint: Checkpoint,
        config: &Config,
        data: &[String],
    ) -> Result<Self, TrainError> {
        let config = config.with_data(data)?;
        let one = build_environment(&config.data, 1, config.seed, Split::Test)?;
        let model = build_agent(&config.model, one.as_ref())?;
        check_parameters(&model.parameters(), &checkpoint.parameters)
            .map_err(TrainError::misfit(file))?;
        Ok(Self {
            config,
            model,
            step: checkpoint.step(),
            parameters: checkpoint.parameters,
        })
    }
}

/// The agent in play: it sees observations only, and draws its actions from its policy.
pub(super) struct AgentPlayer<'a> {
    policy: Policy<'a, f32>,
    draws: Draws,
    split: Split,
    first: u64,
    step: usize,
    observations: Vec<f32>,
    /// What went wrong; the actions are worth nothing from then on.
    failure: Option<TrainError>,
}

impl<'a> AgentPlayer<'a> {
    /// A player of the episodes `first` and on of a split.
    pub(super) fn new(
        model: &'a Model<f32>,
        parameters: &Parameters<SharedArray<f32>>,
        batch: usize,
        seed: u64,
        split: Split,
        first: u64,
    ) -> Result<Self, TrainError> {
        Ok(Self {
            policy: Policy::new(model, parameters, batch, None)?,
            draws: Draws::new(seed, split),
            split,
            first,
            step: 0,
            observations: vec![0.0; batch * model.input_width()],
            failure: None,
        })
    }

    /// What went wrong, if something did.
    pub(super) fn check(self) -> Result<(), TrainError> {
        self.failure.map_or(Ok(()), Err)
    }

    fn act(&mut self, length: usize, actions: &mut [u32]) -> Result<(), TrainError> {
        let said = self.policy.step(&self.observations)?;
        let said = said.checked(self.split)?;
        let (first, step) = (self.first, self.step);
        self.draws.choose(&said, length, first, step, actions);
        self.step += 1;
        Ok(())
    }
}

impl<E: Environment + ?Sized> Player<E> for AgentPlayer<'_> {
    fn begin(&mut self, _environment: &E) {
        self.step = 0;
        if let Err(error) = self.policy.begin() {
            self.failure.get_or_insert(error);
        }
    }

    fn choose(&mut self, environment: &E, actions: &mut [u32]) {
        let done = environment
            .observe(&mut self.observations)
            .map_err(TrainError::from)
            .and_then(|()| self.act(environment.episode_steps(), actions));
        if let Err(error) = done {
            self.failure.get_or_insert(error);
        }
    }
}
