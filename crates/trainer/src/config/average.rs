//! Which mean of the parameters of many steps is kept.

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// A mean of the parameters after many steps (Polyak and Juditsky 1992), kept beside the parameters themselves. It evens out
/// what single steps do at random; the training goes on from the parameters, not from their mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// An exponential moving average: a step weighs this much less than the next one.
    Decay(f64),
    /// The plain mean over so many steps at the end of the training.
    Last(u64),
}

impl Average {
    pub(super) fn validate(self) -> Result<(), ConfigError> {
        match self {
            Self::Decay(decay) if !(0.0..1.0).contains(&decay) => Err(ConfigError::range(
                "train.average.decay",
                decay,
                "a fraction from 0 to below 1; 0.999 averages over about a thousand steps",
            )),
            Self::Last(0) => Err(ConfigError::range(
                "train.average.last",
                0,
                "a number of steps, 1 or more",
            )),
            Self::Decay(_) | Self::Last(_) => Ok(()),
        }
    }
}
