//! How pairs are stored.

use mnm_tensor::kernels::Kernels;
use serde::{Deserialize, Serialize};

use super::AssociativeError;

/// How an [`AssociativeMemory`](super::AssociativeMemory) stores a pair. In the equations `x` are the features of the key (the key
/// itself, unless a feature map stands before the memory), `v` is the value and `e = v - W x` what the memory gets wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Method {
    /// `W += rate e x^T / |x|^2`: the delta rule of Widrow and Hoff (1960) in its normalised form. At rate 1 the pair is stored
    /// exactly, and what was stored under orthogonal keys stays.
    Delta {
        /// The part of the error that a write takes away, above 0 and at most 1.
        rate: f64,
    },
    /// Recursive least squares: after every write `W` minimises
    /// `sum_i l^(n-i) |W x_i - v_i|^2 + l^n ridge |W|^2` with `l = 1 - forgetting`.
    ///
    /// Where keys leave directions of their space unused, forgetting would let these wear out; they are held, and a write then takes 1.6 to 3.3 times
    /// as long as thirty plain lines on the same kernels. What keys do visit is forgotten in time, as everywhere.
    ///
    /// Once a key came that is longer than about `sqrt(ridge / epsilon)`, 92 in single precision at the usual ridge, pairs under keys so long count
    /// for less, as if the ridge were `epsilon |x|^2`: less than that would be rounded away.
    LeastSquares {
        /// The weight of the empty memory against one pair, above 0.
        ridge: f64,
        /// The part of its weight that every earlier pair loses with a write: 0 keeps all for ever, 0.01 has a memory of about 100.
        forgetting: f64,
    },
    /// `W = (1 - forgetting) W + rate v x^T / |x|^2`: outer products summed up, without a look at what is there.
    Hebbian {
        /// The weight of a pair, above 0.
        rate: f64,
        /// The part of the memory that a write takes away: 0 keeps all.
        forgetting: f64,
    },
    /// The memory network of section 2 of the paper, `W^L tanh(W^{L-1} .. tanh(W^1 x))`, written by gradient steps on `|e|^2`, each as long
    /// as the linearised network asks for, and halved until the error shrinks: no rate runs away.
    Deep {
        /// The widths of the hidden layers, from the key to the value; without any it is one matrix.
        hidden: Vec<usize>,
        /// Steps of a write, 1 to 16. A write ends before, if the pair is stored.
        steps: usize,
        /// The part of the linearised step that is taken, above 0 and at most 1.
        rate: f64,
        /// The seed of the first weights of the hidden layers.
        seed: u64,
    },
}

impl Method {
    /// The largest number of gradient steps of one write.
    pub const MOST_STEPS: usize = 16;

    /// The delta rule at rate 1.
    pub fn delta() -> Self {
        Self::Delta { rate: 1.0 }
    }

    /// Least squares with a ridge of 0.001, without forgetting.
    pub fn least_squares() -> Self {
        Self::LeastSquares {
            ridge: 1e-3,
            forgetting: 0.0,
        }
    }

    /// Outer products at rate 1, without forgetting.
    pub fn hebbian() -> Self {
        Self::Hebbian {
            rate: 1.0,
            forgetting: 0.0,
        }
    }

    /// A network with hidden layers of these widths, four steps a write.
    pub fn deep(hidden: impl Into<Vec<usize>>) -> Self {
        Self::Deep {
            hidden: hidden.into(),
            steps: 4,
            rate: 1.0,
            seed: 0,
        }
    }

    /// Refuses settings out of range for memories of F.
    pub(super) fn check<F: Kernels>(&self) -> Result<(), AssociativeError> {
        let part = |name, found: f64, expected| {
            (found > 0.0 && found <= 1.0)
                .then_some(())
                .ok_or_else(|| AssociativeError::setting(name, found, expected))
        };
        let positive = |name, found: f64| {
            (found > 0.0 && found.is_finite())
                .then_some(())
                .ok_or_else(|| AssociativeError::setting(name, found, "a finite number above 0"))
        };
        let fading = |found: f64| {
            (0.0..1.0).contains(&found).then_some(()).ok_or_else(|| {
                AssociativeError::setting("forgetting", found, "at least 0 and below 1")
            })
        };
        match self {
            Self::Delta { rate } => part("rate", *rate, "above 0 and at most 1"),
            Self::LeastSquares { ridge, forgetting } => {
                positive("ridge", *ridge)?;
                // P is 1 / ridge in the empty memory, and grows to that over sqrt(epsilon) where pairs are forgotten.
                let most = (F::epsilon().as_f64().sqrt() * ridge).recip();
                if !F::of(*ridge).is_normal() || !F::of(most).is_finite() {
                    return Err(AssociativeError::setting(
                        "ridge",
                        ridge,
                        "a normal number of the memory's type, of which the inverse is finite in it with room to grow",
                    ));
                }
                fading(*forgetting)
            }
            Self::Hebbian { rate, forgetting } => {
                positive("rate", *rate)?;
                fading(*forgetting)
            }
            Self::Deep {
                hidden,
                steps,
                rate,
                ..
            } => {
                if hidden.contains(&0) {
                    return Err(AssociativeError::setting(
                        "hidden",
                        format!("{hidden:?}"),
                        "widths of at least 1",
                    ));
                }
                if !(1..=Self::MOST_STEPS).contains(steps) {
                    return Err(AssociativeError::setting("steps", steps, "1 to 16"));
                }
                part("rate", *rate, "above 0 and at most 1")
            }
        }
    }
}
