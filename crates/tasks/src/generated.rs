//! Tasks without end: what a new one has to say for itself, and the rest of it, written once.

use ndarray::ArrayView2;
use rand_chacha::ChaCha8Rng;

use crate::{
    Episode, Errors, Interface, Lengths, OptionError, Split, Task, TaskError, scoring, stream,
};

/// A kind of episode that is drawn at random: its options, and what follows from them.
///
/// Implemented by the options of a task; [`Generated`] makes the task of them. Episode `index` of a split is drawn from the
/// stream `NAME/SPLIT` of that index: first [`sizes`](Generator::sizes), so that its length can be had without the rest of
/// it, then [`episode`](Generator::episode).
pub trait Generator: Clone + Send + Sync {
    /// The task's name, which is also that of its random streams and of the group that its episodes count under.
    const NAME: &'static str;

    /// What of an episode is drawn first and settles its number of steps: a length, or several.
    type Sizes;

    /// The options that are lengths, split by split, each with its name and its least and greatest value.
    fn lengths(&mut self) -> Vec<LengthOption<'_>>;

    /// Checks the other options.
    ///
    /// # Errors
    /// The first that is out of range.
    fn check(&self) -> Result<(), OptionError>;

    /// The inputs and outputs that a model must have.
    fn interface(&self) -> Interface;

    /// Draws the lengths of an episode.
    fn sizes(&self, draw: &mut LengthDraw) -> Self::Sizes;

    /// The number of steps T of an episode of these sizes.
    fn steps(&self, sizes: &Self::Sizes) -> usize;

    /// Draws the rest of the episode, T steps long.
    fn episode(&self, sizes: Self::Sizes, random: &mut ChaCha8Rng) -> Episode;

    /// How many answers are wrong, as [`Task::errors`].
    fn errors(&self, episode: &Episode, logits: ArrayView2<f32>) -> Errors {
        scoring::count(&episode.labels, logits)
    }

    /// The episode for a human reader, as [`Task::render`].
    fn render(
        &self,
        interface: &Interface,
        episode: &Episode,
        logits: Option<ArrayView2<f32>>,
    ) -> String;
}

/// An option that is a length, and what it may be in every split.
#[derive(Debug)]
pub struct LengthOption<'a> {
    /// Its name.
    pub name: &'static str,
    /// What is set.
    pub lengths: &'a mut Lengths,
    /// The least length allowed.
    pub least: usize,
    /// The greatest.
    pub most: usize,
}

impl<'a> LengthOption<'a> {
    /// The option `name`, of `least` to `most`.
    pub fn new(name: &'static str, lengths: &'a mut Lengths, least: usize, most: usize) -> Self {
        LengthOption {
            name,
            lengths,
            least,
            most,
        }
    }
}

/// Draws the lengths of one episode.
#[derive(Debug)]
pub struct LengthDraw {
    split: Split,
    index: u64,
    random: ChaCha8Rng,
}

impl LengthDraw {
    /// A length of the span that holds for this episode.
    pub fn length(&mut self, lengths: &Lengths) -> usize {
        lengths.at(self.split, self.index).draw(&mut self.random)
    }
}

/// The task that the options `G` describe, with random streams of a seed.
#[derive(Debug, Clone)]
pub struct Generated<G> {
    options: G,
    seed: u64,
    interface: Interface,
}

impl<G: Generator> Generated<G> {
    /// The task of these options, drawn from streams of `seed`.
    ///
    /// # Errors
    /// Where an option is out of range.
    pub fn new(mut options: G, seed: u64) -> Result<Self, OptionError> {
        for option in options.lengths() {
            let LengthOption {
                name, least, most, ..
            } = option;
            option.lengths.check(G::NAME, name, least, most)?;
        }
        options.check()?;
        let interface = options.interface();
        Ok(Generated {
            options,
            seed,
            interface,
        })
    }

    /// The options that the task was made with.
    pub fn options(&self) -> &G {
        &self.options
    }

    /// The sizes of an episode, and the generator as it stands after those draws.
    fn sizes(&self, split: Split, index: u64) -> (G::Sizes, ChaCha8Rng) {
        let random = stream(self.seed, &format!("{}/{split}", G::NAME), index);
        let mut draw = LengthDraw {
            split,
            index,
            random,
        };
        let sizes = self.options.sizes(&mut draw);
        (sizes, draw.random)
    }
}

impl<G: Generator> Task for Generated<G> {
    fn name(&self) -> &str {
        G::NAME
    }

    fn interface(&self) -> &Interface {
        &self.interface
    }

    fn len(&self, _split: Split) -> Option<u64> {
        None
    }

    fn steps(&self, split: Split, index: u64) -> usize {
        self.options.steps(&self.sizes(split, index).0)
    }

    fn episode(&self, split: Split, index: u64) -> Result<Episode, TaskError> {
        let (sizes, mut random) = self.sizes(split, index);
        Ok(self.options.episode(sizes, &mut random))
    }

    fn errors(&self, episode: &Episode, logits: ArrayView2<f32>) -> Errors {
        self.options.errors(episode, logits)
    }

    fn render(&self, episode: &Episode, logits: Option<ArrayView2<f32>>) -> String {
        self.options.render(&self.interface, episode, logits)
    }
}
