//! Bandits whose arms are drawn anew every episode.

use std::fmt::Write;
use std::ops::Range;
use std::str::FromStr;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Game, Reader, Shape, Vectorised, Writer};
use crate::OptionError;

/// How the arms of an episode hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arms {
    /// Each arm pays with a probability of its own, uniform in [0, 1].
    #[default]
    Independent,
    /// One arm, any of them, pays with probability p, uniform in [0, 1], and every other with 1 - p: one pull tells
    /// something of all. With two arms these are the dependent arms of Wang et al.
    Dependent,
}

impl FromStr for Arms {
    type Err = OptionError;

    /// `"independent"` or `"dependent"`.
    fn from_str(word: &str) -> Result<Self, OptionError> {
        match word {
            "independent" => Ok(Arms::Independent),
            "dependent" => Ok(Arms::Dependent),
            _ => Err(OptionError {
                task: Pulling::NAME,
                option: "dependence",
                value: format!("{word:?}"),
                expected: "\"independent\" or \"dependent\"".to_owned(),
            }),
        }
    }
}

/// The size of a bandit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BanditOptions {
    /// The number of arms: 2 to 1000.
    pub arms: usize,
    /// Pulls an episode: 1 to 100000.
    pub pulls: usize,
    /// How the arms hang together.
    pub dependence: Arms,
}

impl Default for BanditOptions {
    /// Five independent arms, 100 pulls.
    fn default() -> Self {
        BanditOptions {
            arms: 5,
            pulls: 100,
            dependence: Arms::Independent,
        }
    }
}

/// Pull the arms of a bandit: each pays 1 with a probability that holds for the episode, else 0.
///
/// An observation is the previous action one-hot (k), the previous reward, the share of the episode that is over, 1.
/// Sources: Duan et al., "RL^2" (arXiv 1611.02779), section 3.1; Wang et al., "Learning to reinforcement learn"
/// (arXiv 1611.05763), section 3.1.
pub type Bandit = Vectorised<Pulling>;

impl Bandit {
    /// The probabilities with which each world's arms pay, `[B, k]`.
    pub fn means(&self) -> &[f64] {
        &self.game.means
    }

    /// The expected regret of each world so far, `[B]`: the sum over its pulls of the best arm's mean less the pulled
    /// arm's.
    pub fn regrets(&self) -> &[f64] {
        &self.game.regrets
    }
}

/// The worlds of a [`Bandit`].
#[derive(Debug, Clone)]
pub struct Pulling {
    options: BanditOptions,
    /// `[B, k]`.
    means: Vec<f64>,
    regrets: Vec<f64>,
}

impl Pulling {
    fn arms(&self, sample: usize) -> Range<usize> {
        sample * self.options.arms..(sample + 1) * self.options.arms
    }
}

impl Game for Pulling {
    const NAME: &'static str = "bandit";
    const STREAMS: [&'static str; 2] = ["arms", "pull"];
    type Options = BanditOptions;

    fn new(options: BanditOptions, batch: usize) -> Result<Self, OptionError> {
        OptionError::within(Self::NAME, "arms", options.arms, 2..=1000)?;
        OptionError::within(Self::NAME, "pulls", options.pulls, 1..=100_000)?;
        Ok(Pulling {
            means: vec![0.0; batch * options.arms],
            regrets: vec![0.0; batch],
            options,
        })
    }

    fn options(&self) -> &BanditOptions {
        &self.options
    }

    fn shape(&self) -> Shape {
        Shape {
            seen: 0,
            actions: self.options.arms,
            steps: self.options.pulls,
        }
    }

    fn begin(&mut self, sample: usize, mut random: ChaCha8Rng) {
        self.regrets[sample] = 0.0;
        let arms = self.arms(sample);
        let means = &mut self.means[arms];
        match self.options.dependence {
            Arms::Independent => means.fill_with(|| random.random()),
            Arms::Dependent => {
                let p: f64 = random.random();
                means.fill(1.0 - p);
                means[random.random_range(0..means.len())] = p;
            }
        }
    }

    fn act(
        &mut self,
        sample: usize,
        action: u32,
        _step: usize,
        random: impl FnOnce() -> ChaCha8Rng,
    ) -> f32 {
        let means = &self.means[self.arms(sample)];
        let mean = means[action as usize];
        self.regrets[sample] += means.iter().copied().fold(0.0, f64::max) - mean;
        let pays = random().random::<f64>() < mean;
        f32::from(pays)
    }

    fn see(&self, _sample: usize, _step: usize, _seen: &mut [f32]) {}

    fn save(&self, sample: usize, state: &mut Writer) {
        state.real(self.regrets[sample]);
    }

    fn load(&mut self, sample: usize, state: &mut Reader) -> Result<(), String> {
        self.regrets[sample] = state.real()?;
        Ok(())
    }

    /// A bar for each arm, as long as its chance of paying.
    fn render(&self, sample: usize, step: usize) -> String {
        let mut text = format!("after {step} of {} pulls\n", self.options.pulls);
        for (arm, mean) in self.means[self.arms(sample)].iter().enumerate() {
            let bar = "=".repeat((mean * 40.0).round() as usize);
            let _ = writeln!(text, "{arm:>4} {mean:.2} |{bar}");
        }
        let _ = writeln!(text, "regret {:.2}", self.regrets[sample]);
        text
    }
}

#[cfg(test)]
mod tests;
