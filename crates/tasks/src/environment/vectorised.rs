//! A batch of worlds of one game, stepped together: what every environment does, written once.

use rand_chacha::ChaCha8Rng;

use super::progress::{Progress, Sizes};
use super::state::{Reader, Writer};
use super::{Environment, EnvironmentError};
use crate::{OptionError, Split, stream};

/// The numbers that the rules of a game settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The entries of an observation that are the game's own, before the previous action, the reward and so on.
    pub seen: usize,
    /// The number of actions, A.
    pub actions: usize,
    /// The steps of an episode, T.
    pub steps: usize,
}

/// The worlds of a batch, and the rules by which they change. [`Vectorised`] makes the environment of them.
///
/// What a world is drawn anew with every episode (where the reward is, what an arm pays) is a function of the episode's
/// number and is not saved; what changes with the steps is.
pub trait Game: Clone + Send {
    /// The environment's name, and the first word of its random streams'.
    const NAME: &'static str;

    /// The last words of the streams from which an episode's world is drawn, and what happens in a step.
    const STREAMS: [&'static str; 2];

    /// What can be set.
    type Options;

    /// Room for `batch` worlds.
    ///
    /// # Errors
    /// Where an option is out of range; the batch is not empty.
    fn new(options: Self::Options, batch: usize) -> Result<Self, OptionError>;

    /// The options.
    fn options(&self) -> &Self::Options;

    /// The numbers that follow from the options.
    fn shape(&self) -> Shape;

    /// Draws world `sample` for a new episode, and sets it to where it begins.
    fn begin(&mut self, sample: usize, random: ChaCha8Rng);

    /// Takes an action, below A, in world `sample`; `step` steps were taken before. `random` makes the generator of this
    /// step, for those that need one. Gives the reward. Allocates nothing.
    fn act(
        &mut self,
        sample: usize,
        action: u32,
        step: usize,
        random: impl FnOnce() -> ChaCha8Rng,
    ) -> f32;

    /// Writes what can be seen in world `sample` after `step` steps into zeros, [`Shape::seen`] of them.
    fn see(&self, sample: usize, step: usize, seen: &mut [f32]);

    /// Writes what has changed in world `sample` since the episode began.
    fn save(&self, sample: usize, state: &mut Writer);

    /// Takes up what `save` wrote, in a world that has just begun the same episode.
    ///
    /// # Errors
    /// What does not fit, in words.
    fn load(&mut self, sample: usize, state: &mut Reader) -> Result<(), String>;

    /// World `sample`, which exists, after `step` steps, for a human reader.
    fn render(&self, sample: usize, step: usize) -> String;
}

/// The environment of a game: B worlds in lock step, drawn from streams of a seed and a split.
#[derive(Debug, Clone)]
pub struct Vectorised<G> {
    pub(super) game: G,
    seed: u64,
    /// The names of the random streams: of the worlds, and of the steps.
    streams: [String; 2],
    progress: Progress,
}

impl<G: Game> Vectorised<G> {
    /// `batch` worlds, drawn from streams of `seed` and `split`.
    ///
    /// # Errors
    /// Where an option is out of range, or the batch empty.
    pub fn new(
        options: G::Options,
        batch: usize,
        seed: u64,
        split: Split,
    ) -> Result<Self, EnvironmentError> {
        OptionError::unless(batch > 0, G::NAME, "batch", batch, "1 or more")?;
        let game = G::new(options, batch)?;
        let Shape {
            seen,
            actions,
            steps,
        } = game.shape();
        Ok(Vectorised {
            seed,
            streams: G::STREAMS.map(|what| format!("{}/{split}/{what}", G::NAME)),
            progress: Progress::new(Sizes {
                environment: G::NAME,
                batch,
                width: seen + Sizes::tail(actions),
                actions,
                steps,
            }),
            game,
        })
    }

    /// The options that the environment was made with.
    pub fn options(&self) -> &G::Options {
        self.game.options()
    }

    /// The steps that the episodes have had.
    pub fn step_of_episode(&self) -> usize {
        self.progress.step
    }

    /// Draws the worlds of the episodes that `progress` is in.
    fn begin(&mut self) {
        for sample in 0..self.progress.sizes.batch {
            let episode = self.progress.episode(sample);
            let random = stream(self.seed, &self.streams[0], episode);
            self.game.begin(sample, random);
        }
    }

    /// The environment in a saved state.
    fn restored(&self, mut state: Reader) -> Result<Self, String> {
        let mut restored = Vectorised {
            progress: Progress::load(self.progress.sizes, &mut state)?,
            ..self.clone()
        };
        restored.begin();
        for sample in 0..self.progress.sizes.batch {
            restored.game.load(sample, &mut state)?;
        }
        state.finish()?;
        Ok(restored)
    }
}

impl<G: Game> Environment for Vectorised<G> {
    fn name(&self) -> &str {
        G::NAME
    }

    fn batch(&self) -> usize {
        self.progress.sizes.batch
    }

    fn observation_width(&self) -> usize {
        self.progress.sizes.width
    }

    fn actions(&self) -> usize {
        self.progress.sizes.actions
    }

    fn episode_steps(&self) -> usize {
        self.progress.sizes.steps
    }

    fn reset(&mut self, first: u64, observations: &mut [f32]) -> Result<(), EnvironmentError> {
        self.progress.sizes.check_observations(observations)?;
        self.progress.begin(first);
        self.begin();
        self.observe(observations)
    }

    fn step(
        &mut self,
        actions: &[u32],
        observations: &mut [f32],
        rewards: &mut [f32],
    ) -> Result<bool, EnvironmentError> {
        self.progress.check(actions, observations, rewards)?;
        let (progress, seed, name) = (&self.progress, self.seed, &self.streams[1]);
        for (sample, (&action, reward)) in actions.iter().zip(rewards.iter_mut()).enumerate() {
            let random = || stream(seed, name, progress.moment(sample));
            *reward = self.game.act(sample, action, progress.step, random);
        }
        let is_over = self.progress.advance(actions, rewards);
        self.observe(observations)?;
        Ok(is_over)
    }

    fn observe(&self, observations: &mut [f32]) -> Result<(), EnvironmentError> {
        let step = self.progress.step;
        self.progress.observe(observations, |sample, seen| {
            self.game.see(sample, step, seen);
        })
    }

    fn save(&self) -> Vec<u8> {
        let mut state = Writer::default();
        self.progress.save(&mut state);
        (0..self.batch()).for_each(|sample| self.game.save(sample, &mut state));
        state.finish()
    }

    fn load(&mut self, state: &[u8]) -> Result<(), EnvironmentError> {
        let restored = self.restored(Reader::new(state));
        *self = restored.map_err(|problem| EnvironmentError::State {
            environment: G::NAME,
            problem,
        })?;
        Ok(())
    }

    fn render(&self, sample: usize) -> String {
        if sample < self.batch() && self.progress.has_begun() {
            self.game.render(sample, self.progress.step)
        } else {
            String::new()
        }
    }
}
