//! The worlds of a block, and how a segment is played in them.

use mnm_controller::Model;
use mnm_tasks::Split;
use mnm_tasks::environment::Environment;
use mnm_tensor::{Parameters, SharedArray};
use ndarray::IxDyn;
use serde::{Deserialize, Serialize};

use super::draws::Draws;
use super::loss::Segment;
use super::policy::Policy;
use super::returns::credit;
use crate::config::RlConfig;
use crate::error::TrainError;

/// A block of B worlds in the middle of their episodes, and what the agent carries through them.
pub(crate) struct Worlds {
    environment: Box<dyn Environment>,
    /// The present observations, `[B, X]`.
    observations: Vec<f32>,
    /// The first of the episodes that are played.
    pub(crate) first: u64,
    /// Steps of them that are done.
    pub(crate) step: usize,
    /// What each world's episode has earned, `[B]`.
    pub(crate) earned: Vec<f64>,
    /// The agent's state; `None` at the start of an episode.
    pub(crate) carried: Option<Parameters<SharedArray<f32>>>,
}

/// What playing a segment says to the logs.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Steps of all worlds.
    pub(crate) steps: usize,
    /// Episodes that came to their end.
    pub(crate) episodes: usize,
    /// What they earned, in sum.
    pub(crate) earned: f64,
}

impl std::ops::AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.episodes += other.episodes;
        self.earned += other.earned;
    }
}

impl Worlds {
    /// Begins the episodes `first` and on.
    pub(crate) fn begin(environment: Box<dyn Environment>, first: u64) -> Result<Self, TrainError> {
        let batch = environment.batch();
        let mut worlds = Self {
            observations: vec![0.0; batch * environment.observation_width()],
            environment,
            first,
            step: 0,
            earned: vec![0.0; batch],
            carried: None,
        };
        worlds.environment.reset(first, &mut worlds.observations)?;
        Ok(worlds)
    }

    /// The environment's state.
    pub(crate) fn save(&self) -> Vec<u8> {
        self.environment.save()
    }

    /// Takes up a saved state of the environment.
    pub(crate) fn load(&mut self, state: &[u8]) -> Result<(), TrainError> {
        self.environment.load(state)?;
        Ok(self.environment.observe(&mut self.observations)?)
    }

    /// The number of worlds B.
    pub(crate) fn batch(&self) -> usize {
        self.environment.batch()
    }

    /// Plays a segment, `seed` the seed of the actions' streams; `stride` is how many episodes on the worlds go when
    /// theirs are over.
    pub(crate) fn play(
        &mut self,
        model: &Model<f32>,
        parameters: &Parameters<SharedArray<f32>>,
        settings: &RlConfig,
        seed: u64,
        stride: u64,
    ) -> Result<(Segment<f32>, Outcome), TrainError> {
        let (batch, length) = (self.batch(), self.environment.episode_steps());
        let steps = settings.segment_of(length).min(length - self.step);
        let draws = Draws::new(seed, Split::Train);
        let carried = self.carried.take();
        let mut policy = Policy::new(model, parameters, batch, carried.as_ref())?;
        let width = self.environment.observation_width();
        let mut seen = Vec::with_capacity(steps * batch * width);
        let mut chosen = Vec::with_capacity(steps * batch);
        let mut rewards = Vec::with_capacity(steps * batch);
        let mut values = Vec::with_capacity((steps + 1) * batch);
        let (mut actions, mut paid) = (vec![0; batch], vec![0.0; batch]);
        let mut is_over = false;
        for _ in 0..steps {
            seen.extend_from_slice(&self.observations);
            let said = policy.step(&self.observations)?;
            values.extend(said.values());
            draws.choose(&said, length, self.first, self.step, &mut actions);
            chosen.extend_from_slice(&actions);
            is_over = self
                .environment
                .step(&actions, &mut self.observations, &mut paid)?;
            self.step += 1;
            for (earned, &reward) in self.earned.iter_mut().zip(&paid) {
                *earned += f64::from(reward);
                rewards.push(f64::from(reward) * settings.reward_scale);
            }
        }
        let mut outcome = Outcome {
            steps: steps * batch,
            ..Outcome::default()
        };
        if is_over {
            // The end is a part of the game, and the agent sees how far it is: nothing is to be expected after it.
            values.resize(values.len() + batch, 0.0);
            outcome.episodes = batch;
            outcome.earned = self.earned.iter().sum();
            self.earned.fill(0.0);
            self.first += stride;
            self.step = 0;
            self.environment.reset(self.first, &mut self.observations)?;
        } else {
            values.extend(policy.peek(&self.observations)?.values());
            self.carried = Some(policy.carried()?);
        }
        let credit = credit(&rewards, &values, batch, settings.gamma, settings.lambda);
        let observations = SharedArray::from_shape_vec(IxDyn(&[steps, batch, width]), seen)
            .map_err(|e| TrainError::Batch(e.to_string()))?;
        let segment = Segment {
            observations,
            actions: chosen,
            advantages: credit.advantages,
            returns: credit.returns,
            carried,
        };
        Ok((segment, outcome))
    }
}
