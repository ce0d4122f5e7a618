//! What a step of a training has to compute, as far as memory is concerned.

use mnm_tasks::{Episode, Input, Labels, Split, Task};

use crate::config::{Config, RlConfig};

/// Episodes whose lengths are looked at.
const SAMPLE: u64 = 256;

/// A world of an environment and the record of its steps, about.
const WORLD: f64 = 4096.0;

/// The sizes of a step, and of a validation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    /// Sequences of a step, of this rank.
    pub(crate) sequences: usize,
    /// Steps of the longest of them.
    pub(crate) steps: usize,
    /// How many of them ask for an answer.
    pub(crate) asked: f64,
    /// Bytes of an episode: what it shows, and all else.
    pub(crate) shown_bytes: f64,
    pub(crate) other_bytes: f64,
    /// Episodes of a validation, and the steps of the longest.
    pub(crate) validated: usize,
    pub(crate) validated_steps: usize,
    pub(crate) threads: usize,
    /// Whether the sequences are worlds in which an agent plays.
    pub(crate) world: bool,
}

impl Load {
    /// Of a training on `task` by so many ranks.
    pub(crate) fn of_task(config: &Config, task: &dyn Task, ranks: usize) -> Self {
        let (index, steps) = longest(task, Split::Train);
        let (_, validated_steps) = longest(task, Split::Valid);
        let at_most = |split, wanted: usize| {
            let there = task.len(split).and_then(|n| usize::try_from(n).ok());
            there.map_or(wanted, |n| n.min(wanted))
        };
        let episode = task.episode(Split::Train, index).ok();
        let [shown, other] = episode.as_ref().map_or([0.0; 2], bytes);
        let valid_episodes = usize::try_from(config.train.valid_episodes).unwrap_or(usize::MAX);
        let validated = match task.len(Split::Valid) {
            // Of a data set that is read all.
            Some(all) => usize::try_from(all).unwrap_or(usize::MAX),
            None => valid_episodes,
        };
        Self {
            sequences: at_most(Split::Train, config.train.batch).div_ceil(ranks.max(1)),
            steps,
            asked: episode.map_or(0.0, |episode| episode.targets() as f64),
            shown_bytes: shown,
            other_bytes: other,
            validated: validated.div_ceil(ranks.max(1)),
            validated_steps,
            threads: threads(config),
            world: false,
        }
    }

    /// Of an agent that plays, by so many ranks.
    pub(crate) fn of_worlds(config: &Config, rl: &RlConfig, ranks: usize) -> Self {
        let of_rank = |n: usize| n.div_ceil(ranks.max(1));
        let valid_episodes = usize::try_from(config.train.valid_episodes).unwrap_or(usize::MAX);
        Self {
            sequences: of_rank(config.train.batch),
            steps: rl.segment,
            asked: rl.segment as f64,
            shown_bytes: 0.0,
            other_bytes: WORLD,
            validated: of_rank(valid_episodes),
            validated_steps: 1,
            threads: threads(config),
            world: true,
        }
    }

    /// Bytes of an episode.
    pub(super) fn episode_bytes(&self) -> f64 {
        self.shown_bytes + self.other_bytes
    }

    /// Half as many steps; says how many there were.
    pub(super) fn halve_steps(&mut self) -> usize {
        let whole = self.steps;
        self.steps = (whole / 2).max(1);
        self.validated_steps = (self.validated_steps / 2).max(1);
        self.asked /= 2.0;
        self.shown_bytes /= 2.0;
        self.other_bytes /= 2.0;
        whole
    }
}

/// As many as the config asks for.
pub(crate) fn threads(config: &Config) -> usize {
    match config.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

/// The longest of some episodes, spread over a split: its index and its steps. Those of a task that makes its own are far apart, so that a
/// curriculum has long ended with most.
fn longest(task: &dyn Task, split: Split) -> (u64, usize) {
    let (count, apart) = match task.len(split) {
        Some(all) => (all.min(SAMPLE), (all / SAMPLE).max(1)),
        None => (SAMPLE, 1 << 32),
    };
    (0..count)
        .map(|n| (n * apart, task.steps(split, n * apart)))
        .max_by_key(|(_, steps)| *steps)
        .unwrap_or((0, 1))
}

/// What an episode shows, and all else of it, in bytes.
fn bytes(episode: &Episode) -> [f64; 2] {
    /// A vector of its own: its length, its place, and what the allocator takes.
    const VECTOR: usize = 40;
    let shown = match &episode.input {
        Input::Dense(x) => 4 * x.len(),
        Input::Tokens(steps) => steps.iter().map(|words| VECTOR + 4 * words.len()).sum(),
    };
    let labels = match &episode.labels {
        Labels::Classes(classes) => 4 * classes.len(),
        Labels::Bits(bits) => 4 * bits.len(),
    };
    let text = episode.text.as_ref().map_or(0, String::len);
    let places = 8 * (episode.target_steps.len() + episode.line_starts.len());
    let other = labels + text + places + size_of::<Episode>() + 4 * VECTOR;
    [shown as f64, other as f64]
}
