//! What all environments keep in common: how far the episodes are, and each world's last action and reward.

use super::EnvironmentError;
use super::state::{Reader, Writer};

/// The fixed sizes of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) environment: &'static str,
    pub(super) batch: usize,
    pub(super) width: usize,
    pub(super) actions: usize,
    pub(super) steps: usize,
}

impl Sizes {
    /// The entries that every observation ends with: previous action, previous reward, share of the episode, 1.
    pub(super) const fn tail(actions: usize) -> usize {
        actions + 3
    }

    pub(super) fn check(
        &self,
        slice: &'static str,
        found: usize,
        expected: usize,
    ) -> Result<(), EnvironmentError> {
        if found == expected {
            return Ok(());
        }
        Err(EnvironmentError::Length {
            environment: self.environment,
            slice,
            found,
            expected,
        })
    }

    pub(super) fn check_observations(&self, observations: &[f32]) -> Result<(), EnvironmentError> {
        self.check("observations", observations.len(), self.batch * self.width)
    }
}

/// How far a batch of episodes is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Progress {
    pub(super) sizes: Sizes,
    /// The first episode of the batch, once one was begun.
    first: Option<u64>,
    pub(super) step: usize,
    /// Per world: previous action and reward.
    last: Vec<(Option<u32>, f32)>,
}

impl Progress {
    pub(super) fn new(sizes: Sizes) -> Self {
        Progress {
            sizes,
            first: None,
            step: 0,
            last: vec![(None, 0.0); sizes.batch],
        }
    }

    pub(super) fn begin(&mut self, first: u64) {
        self.first = Some(first);
        self.step = 0;
        self.last.fill((None, 0.0));
    }

    pub(super) fn has_begun(&self) -> bool {
        self.first.is_some()
    }

    /// The episode that world `sample` plays.
    pub(super) fn episode(&self, sample: usize) -> u64 {
        self.first.unwrap_or_default().wrapping_add(sample as u64)
    }

    /// A number for this step of this world's episode that no other step of any episode has (up to 2^64).
    pub(super) fn moment(&self, sample: usize) -> u64 {
        self.episode(sample)
            .wrapping_mul(self.sizes.steps as u64)
            .wrapping_add(self.step as u64)
    }

    /// Checks the arguments of a step.
    pub(super) fn check(
        &self,
        actions: &[u32],
        observations: &[f32],
        rewards: &[f32],
    ) -> Result<(), EnvironmentError> {
        let environment = self.sizes.environment;
        if self.first.is_none() || self.step >= self.sizes.steps {
            return Err(EnvironmentError::NotRunning {
                environment,
                begun: self.first.is_some(),
            });
        }
        self.sizes
            .check("actions", actions.len(), self.sizes.batch)?;
        self.sizes
            .check("rewards", rewards.len(), self.sizes.batch)?;
        self.sizes.check_observations(observations)?;
        match actions
            .iter()
            .enumerate()
            .find(|(_, action)| **action as usize >= self.sizes.actions)
        {
            Some((sample, &action)) => Err(EnvironmentError::Action {
                environment,
                sample,
                action,
                actions: self.sizes.actions,
            }),
            None => Ok(()),
        }
    }

    /// Notes what the worlds did in this step. Returns whether it was the last.
    pub(super) fn advance(&mut self, actions: &[u32], rewards: &[f32]) -> bool {
        for (last, (&action, &reward)) in self.last.iter_mut().zip(actions.iter().zip(rewards)) {
            *last = (Some(action), reward);
        }
        self.step += 1;
        self.step == self.sizes.steps
    }

    /// Writes the observations `[B, X]`: `see` writes the part that is the environment's own.
    pub(super) fn observe(
        &self,
        observations: &mut [f32],
        mut see: impl FnMut(usize, &mut [f32]),
    ) -> Result<(), EnvironmentError> {
        self.sizes.check_observations(observations)?;
        if self.first.is_none() {
            return Err(EnvironmentError::NotRunning {
                environment: self.sizes.environment,
                begun: false,
            });
        }
        let own = self.sizes.width - Sizes::tail(self.sizes.actions);
        let rows = observations.chunks_exact_mut(self.sizes.width);
        for (sample, (row, &(action, reward))) in rows.zip(&self.last).enumerate() {
            row.fill(0.0);
            let (seen, tail) = row.split_at_mut(own);
            see(sample, seen);
            if let Some(action) = action {
                tail[action as usize] = 1.0;
            }
            let share = self.step as f32 / self.sizes.steps as f32;
            tail[self.sizes.actions..].copy_from_slice(&[reward, share, 1.0]);
        }
        Ok(())
    }

    pub(super) fn save(&self, state: &mut Writer) {
        for size in [
            self.sizes.batch,
            self.sizes.width,
            self.sizes.actions,
            self.sizes.steps,
        ] {
            state.number(size as u64);
        }
        state.number(u64::from(self.first.is_some()));
        state.number(self.first.unwrap_or_default());
        state.number(self.step as u64);
        for &(action, reward) in &self.last {
            state.number(action.map_or(0, |action| u64::from(action) + 1));
            state.real(f64::from(reward));
        }
    }

    /// The progress that `save` wrote, of an environment of these sizes.
    pub(super) fn load(sizes: Sizes, state: &mut Reader) -> Result<Self, String> {
        let names = [
            "batch",
            "observation width",
            "number of actions",
            "number of steps",
        ];
        for (size, name) in [sizes.batch, sizes.width, sizes.actions, sizes.steps]
            .into_iter()
            .zip(names)
        {
            let found = state.number()?;
            if found != size as u64 {
                return Err(format!("its {name} is {found}, expected {size}"));
            }
        }
        let begun = state.index(2, "the mark of a begun episode")? == 1;
        let first = Some(state.number()?).filter(|_| begun);
        let step = state.index(sizes.steps + 1, "the step")?;
        let mut progress = Progress {
            first,
            step,
            ..Progress::new(sizes)
        };
        for last in &mut progress.last {
            let action = state.index(sizes.actions + 1, "an action")?;
            *last = (
                action.checked_sub(1).map(|action| action as u32),
                state.real()? as f32,
            );
        }
        Ok(progress)
    }
}
