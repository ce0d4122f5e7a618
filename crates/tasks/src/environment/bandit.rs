//! Bandits whose arms are drawn anew every episode.

use std::fmt::Write;
use std::str::FromStr;

use rand::RngExt;

use super::progress::{Progress, Sizes};
use super::state::{Reader, Writer};
use super::{Environment, EnvironmentError};
use serde::{Deserialize, Serialize};

use crate::{OptionError, Split, stream};

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
                task: Bandit::NAME,
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
#[derive(Debug, Clone)]
pub struct Bandit {
    options: BanditOptions,
    seed: u64,
    /// The names of the random streams: of the arms, and of the pulls.
    streams: [String; 2],
    progress: Progress,
    /// `[B, k]`.
    means: Vec<f64>,
    regrets: Vec<f64>,
}

impl Bandit {
    const NAME: &str = "bandit";

    /// `batch` bandits, drawn from streams of `seed` and `split`.
    ///
    /// # Errors
    /// Where an option is out of range, or the batch empty.
    pub fn new(
        options: BanditOptions,
        batch: usize,
        seed: u64,
        split: Split,
    ) -> Result<Self, EnvironmentError> {
        let BanditOptions { arms, pulls, .. } = options;
        OptionError::unless(
            (2..=1000).contains(&arms),
            Self::NAME,
            "arms",
            arms,
            "2 to 1000",
        )?;
        OptionError::unless(
            (1..=100_000).contains(&pulls),
            Self::NAME,
            "pulls",
            pulls,
            "1 to 100000",
        )?;
        OptionError::unless(batch > 0, Self::NAME, "batch", batch, "1 or more")?;
        let sizes = Sizes {
            environment: Self::NAME,
            batch,
            width: Sizes::tail(arms),
            actions: arms,
            steps: pulls,
        };
        Ok(Bandit {
            seed,
            streams: ["arms", "pull"].map(|what| format!("{}/{split}/{what}", Self::NAME)),
            progress: Progress::new(sizes),
            means: vec![0.0; batch * arms],
            regrets: vec![0.0; batch],
            options,
        })
    }

    /// The options that the bandit was made with.
    pub fn options(&self) -> &BanditOptions {
        &self.options
    }

    /// The probabilities with which each world's arms pay, `[B, k]`.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// The expected regret of each world so far, `[B]`: the sum over its pulls of the best arm's mean less the pulled
    /// arm's.
    pub fn regrets(&self) -> &[f64] {
        &self.regrets
    }

    fn draw_arms(&mut self) {
        let arms = self.options.arms;
        for (sample, means) in self.means.chunks_exact_mut(arms).enumerate() {
            let mut generator = stream(self.seed, &self.streams[0], self.progress.episode(sample));
            match self.options.dependence {
                Arms::Independent => means.fill_with(|| generator.random()),
                Arms::Dependent => {
                    let p: f64 = generator.random();
                    means.fill(1.0 - p);
                    means[generator.random_range(0..arms)] = p;
                }
            }
        }
    }
}

impl Environment for Bandit {
    fn name(&self) -> &str {
        Self::NAME
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
        self.regrets.fill(0.0);
        self.draw_arms();
        self.observe(observations)
    }

    fn step(
        &mut self,
        actions: &[u32],
        observations: &mut [f32],
        rewards: &mut [f32],
    ) -> Result<bool, EnvironmentError> {
        self.progress.check(actions, observations, rewards)?;
        let worlds = self
            .means
            .chunks_exact(self.options.arms)
            .zip(&mut self.regrets);
        for (sample, ((means, regret), (&action, reward))) in
            worlds.zip(actions.iter().zip(&mut *rewards)).enumerate()
        {
            let mean = means[action as usize];
            let mut generator = stream(self.seed, &self.streams[1], self.progress.moment(sample));
            *reward = if generator.random::<f64>() < mean {
                1.0
            } else {
                0.0
            };
            *regret += means.iter().copied().fold(0.0, f64::max) - mean;
        }
        let is_over = self.progress.advance(actions, rewards);
        self.observe(observations)?;
        Ok(is_over)
    }

    fn observe(&self, observations: &mut [f32]) -> Result<(), EnvironmentError> {
        self.progress.observe(observations, |_, _| ())
    }

    fn save(&self) -> Vec<u8> {
        let mut state = Writer::default();
        self.progress.save(&mut state);
        self.regrets.iter().for_each(|&regret| state.real(regret));
        state.finish()
    }

    fn load(&mut self, state: &[u8]) -> Result<(), EnvironmentError> {
        let mut state = Reader::new(state);
        let mut read = || {
            let progress = Progress::load(self.progress.sizes, &mut state)?;
            let regrets = self
                .regrets
                .iter()
                .map(|_| state.real())
                .collect::<Result<Vec<_>, _>>()?;
            Ok((progress, regrets))
        };
        let read = read().and_then(|read| Reader::finish(state).map(|()| read));
        (self.progress, self.regrets) = read.map_err(|problem| EnvironmentError::State {
            environment: Self::NAME,
            problem,
        })?;
        // The arms follow from the episodes' numbers.
        self.draw_arms();
        Ok(())
    }

    /// A bar for each arm, as long as its chance of paying.
    fn render(&self, sample: usize) -> String {
        let Some(means) = self.means.chunks_exact(self.options.arms).nth(sample) else {
            return String::new();
        };
        if !self.progress.has_begun() {
            return String::new();
        }
        let mut text = format!(
            "after {} of {} pulls\n",
            self.progress.step, self.options.pulls
        );
        for (arm, mean) in means.iter().enumerate() {
            let bar = "=".repeat((mean * 40.0).round() as usize);
            let _ = writeln!(text, "{arm:>4} {mean:.2} |{bar}");
        }
        let _ = writeln!(text, "regret {:.2}", self.regrets[sample]);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bandit(dependence: Arms, batch: usize) -> Bandit {
        let options = BanditOptions {
            arms: 4,
            pulls: 50,
            dependence,
        };
        let mut bandit = Bandit::new(options, batch, 3, Split::Train).unwrap();
        bandit.reset(0, &mut vec![0.0; batch * 7]).unwrap();
        bandit
    }

    #[test]
    fn arms_pay_as_often_as_they_should() {
        let batch = 400;
        let mut bandit = bandit(Arms::Independent, batch);
        let (mut observations, mut rewards) = (vec![0.0; batch * 7], vec![0.0; batch]);
        let mut paid = vec![0.0; batch];
        while !bandit
            .step(&vec![2; batch], &mut observations, &mut rewards)
            .unwrap()
        {
            paid.iter_mut()
                .zip(&rewards)
                .for_each(|(sum, reward)| *sum += f64::from(*reward));
        }
        paid.iter_mut()
            .zip(&rewards)
            .for_each(|(sum, reward)| *sum += f64::from(*reward));
        let (mut excess, mut variance) = (0.0, 0.0);
        for (sample, paid) in paid.iter().enumerate() {
            let means = &bandit.means()[sample * 4..sample * 4 + 4];
            excess += paid - 50.0 * means[2];
            variance += 50.0 * means[2] * (1.0 - means[2]);
            let best = means.iter().copied().fold(0.0, f64::max);
            assert!((bandit.regrets()[sample] - 50.0 * (best - means[2])).abs() < 1e-9);
        }
        assert!(
            excess.abs() < 5.0 * variance.sqrt(),
            "{excess} too many of {batch} x 50 pulls paid"
        );
        let mean = bandit.means().iter().sum::<f64>() / (4 * batch) as f64;
        assert!(
            (mean - 0.5).abs() < 5.0 * (1.0 / 12.0 / 1600.0_f64).sqrt(),
            "uniform means, {mean} on average"
        );
    }

    #[test]
    fn dependent_arms_tell_of_one_another() {
        let bandit = bandit(Arms::Dependent, 100);
        let mut odd_ones = [0; 4];
        for means in bandit.means().chunks_exact(4) {
            let others = |arm: usize| {
                (0..4)
                    .filter(move |&other| other != arm)
                    .map(|other| means[other])
            };
            let odd = (0..4)
                .find(|&arm| others(arm).all(|mean| mean == 1.0 - means[arm]))
                .unwrap();
            odd_ones[odd] += 1;
        }
        assert!(
            odd_ones.iter().all(|&count| count > 10),
            "every arm has its turn: {odd_ones:?}"
        );
    }

    #[test]
    fn render_shows_the_arms() {
        let bandit = bandit(Arms::Independent, 1);
        let text = bandit.render(0);
        assert_eq!(text.lines().count(), 6);
        assert!(
            text.contains(&format!("0 {:.2} |", bandit.means()[0])),
            "{text}"
        );
    }

    #[test]
    fn options_out_of_range_are_named() {
        let error = |arms, pulls, batch| {
            let options = BanditOptions {
                arms,
                pulls,
                dependence: Arms::Independent,
            };
            Bandit::new(options, batch, 0, Split::Train)
                .unwrap_err()
                .to_string()
        };
        assert!(error(1, 10, 1).contains("`arms`"));
        assert!(error(2, 0, 1).contains("`pulls`"));
        assert!(error(2, 10, 0).contains("`batch`"));
        assert_eq!("both".parse::<Arms>().unwrap_err().option, "dependence");
    }
}
