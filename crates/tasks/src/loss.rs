//! The two losses of the tasks, with their gradients, as plain functions in f64.
//!
//! The loss of a target row follows from what is asked: a class (softmax cross-entropy, in nats) or bits (Bernoulli
//! cross-entropy, in bits). Both are sums over the targets; divide by [`Loss::targets`] for a mean. A trainer
//! computes the same with its own tensors, and may count bits in nats (1 bit is ln 2 nats): these are the definition that it
//! can be held to.

use std::f64::consts::LN_2;

use ndarray::{Array2, ArrayView2};

use crate::{Labels, UNKNOWN_CLASS};

/// A loss summed over targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// The sum over the targets; nats for classes, bits for bits.
    pub sum: f64,
    /// How many targets are in the sum. Those of [`UNKNOWN_CLASS`] are not.
    pub targets: usize,
    /// The derivative of `sum` with respect to the logits, `[targets, K]`.
    pub gradient: Array2<f64>,
}

/// Logits or classes that do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LossError {
    /// The logits have another shape than the labels ask for.
    #[error("logits have shape {found:?}: expected {expected:?} (targets, outputs)")]
    Shape {
        /// The shape of the logits.
        found: [usize; 2],
        /// What the labels ask for.
        expected: [usize; 2],
    },
    /// A class that has no logit.
    #[error("target {target} is of class {class}, but there are logits for {classes} classes only")]
    Class {
        /// The row of the target.
        target: usize,
        /// Its class.
        class: u32,
        /// The number of logits a target.
        classes: usize,
    },
}

/// The loss that fits the labels: [`softmax_cross_entropy`] or [`bernoulli_bits`].
///
/// # Errors
/// As those two.
pub fn of_labels(labels: &Labels, logits: ArrayView2<f64>) -> Result<Loss, LossError> {
    match labels {
        Labels::Classes(classes) => softmax_cross_entropy(classes, logits),
        Labels::Bits(bits) => bernoulli_bits(bits.view(), logits),
    }
}

/// Softmax cross-entropy in nats: the sum over targets i of log(sum over k of exp(o_ik)) - o_{i, class i}.
///
/// `logits` is `[targets, K]`. Rows of [`UNKNOWN_CLASS`] add nothing and have a zero gradient. Stable for any finite
/// logits: the largest of a row is taken out before the exponential.
///
/// # Errors
/// Where there is not one row of logits a class, or a class is K or more.
pub fn softmax_cross_entropy(classes: &[u32], logits: ArrayView2<f64>) -> Result<Loss, LossError> {
    let (rows, width) = logits.dim();
    if rows != classes.len() {
        return Err(LossError::Shape {
            found: [rows, width],
            expected: [classes.len(), width],
        });
    }
    let mut loss = Loss {
        sum: 0.0,
        targets: 0,
        gradient: Array2::zeros((rows, width)),
    };
    for (target, &class) in classes.iter().enumerate() {
        if class == UNKNOWN_CLASS {
            continue;
        }
        let row = logits.row(target);
        let Some(&asked) = row.get(class as usize) else {
            return Err(LossError::Class {
                target,
                class,
                classes: width,
            });
        };
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut gradient = loss.gradient.row_mut(target);
        gradient.assign(&row.mapv(|logit| (logit - largest).exp()));
        let partition = gradient.sum();
        gradient /= partition;
        gradient[class as usize] -= 1.0;
        loss.sum += partition.ln() + (largest - asked);
        loss.targets += 1;
    }
    Ok(loss)
}

/// Bernoulli cross-entropy in bits: the sum over targets and bits of -log2 of the probability, the logistic function
/// of its logit, that the model gave the bit.
///
/// `bits` and `logits` are `[targets, K]`, bits 0 or 1. Summed over a sequence this is the figure that the Neural Turing
/// Machine's authors plot as "cost per sequence (bits)": what it would cost to send the answer to one who has the model.
///
/// # Errors
/// Where the two shapes differ.
pub fn bernoulli_bits(bits: ArrayView2<f32>, logits: ArrayView2<f64>) -> Result<Loss, LossError> {
    if bits.dim() != logits.dim() {
        return Err(LossError::Shape {
            found: logits.dim().into(),
            expected: bits.dim().into(),
        });
    }
    let mut loss = Loss {
        sum: 0.0,
        targets: bits.nrows(),
        gradient: Array2::zeros(logits.raw_dim()),
    };
    ndarray::Zip::from(&mut loss.gradient)
        .and(bits)
        .and(logits)
        .for_each(|gradient, &bit, &logit| {
            let bit = f64::from(bit);
            // log(1 + e^o) - bit * o, with the exponential of a negative number only.
            loss.sum += (logit.max(0.0) - bit * logit + (-logit.abs()).exp().ln_1p()) / LN_2;
            *gradient = (logistic(logit) - bit) / LN_2;
        });
    Ok(loss)
}

fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use rand::RngExt;

    use super::*;
    use crate::stream;

    fn random(rows: usize, columns: usize, index: u64) -> Array2<f64> {
        let mut generator = stream(3, "loss", index);
        Array2::from_shape_simple_fn((rows, columns), || generator.random_range(-4.0..4.0))
    }

    /// Holds every entry of the gradient to a central difference of the sum.
    fn check_gradient(logits: &Array2<f64>, loss: impl Fn(&Array2<f64>) -> Loss) {
        let gradient = loss(logits).gradient;
        assert!(
            gradient.iter().any(|g| g.abs() > 0.1),
            "a gradient near zero proves nothing"
        );
        let step = 1e-5;
        for (place, &expected) in gradient.indexed_iter() {
            let (mut above, mut below) = (logits.clone(), logits.clone());
            above[place] += step;
            below[place] -= step;
            let difference = (loss(&above).sum - loss(&below).sum) / (2.0 * step);
            assert!(
                (difference - expected).abs() < 1e-8,
                "{place:?}: {difference} against {expected}"
            );
        }
    }

    #[test]
    fn gradients_equal_central_differences() {
        let classes = [2, 0, UNKNOWN_CLASS, 4, 4];
        check_gradient(&random(5, 5, 0), |logits| {
            softmax_cross_entropy(&classes, logits.view()).unwrap()
        });
        let bits = random(4, 3, 1).mapv(|x| if x > 0.0 { 1.0_f32 } else { 0.0 });
        check_gradient(&random(4, 3, 2), |logits| {
            bernoulli_bits(bits.view(), logits.view()).unwrap()
        });
    }

    #[test]
    fn ignorance_costs_what_it_must() {
        let loss = softmax_cross_entropy(&[1, 3], Array2::zeros((2, 4)).view()).unwrap();
        assert!((loss.sum - 2.0 * 4.0_f64.ln()).abs() < 1e-12 && loss.targets == 2);
        let loss =
            bernoulli_bits(array![[0.0, 1.0, 1.0]].view(), Array2::zeros((1, 3)).view()).unwrap();
        assert!((loss.sum - 3.0).abs() < 1e-12);
    }

    #[test]
    fn large_logits_stay_finite() {
        let loss = softmax_cross_entropy(&[0, 1], array![[1e4, -1e4], [1e4, -1e4]].view()).unwrap();
        assert_eq!(loss.sum, 2e4);
        assert_eq!(loss.gradient, array![[0.0, 0.0], [1.0, -1.0]]);
        let loss = bernoulli_bits(
            array![[1.0, 0.0, 1.0]].view(),
            array![[1e4, -1e4, -1e4]].view(),
        )
        .unwrap();
        assert!((loss.sum - 1e4 / LN_2).abs() < 1e-9);
        assert_eq!(loss.gradient, array![[0.0, 0.0, -1.0 / LN_2]]);
    }

    #[test]
    fn an_unknown_class_has_no_loss_and_no_gradient() {
        let loss = softmax_cross_entropy(&[UNKNOWN_CLASS], array![[1.0, 2.0]].view()).unwrap();
        assert_eq!(
            loss,
            Loss {
                sum: 0.0,
                targets: 0,
                gradient: Array2::zeros((1, 2))
            }
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let logits = array![[1.0, 2.0]];
        let error = softmax_cross_entropy(&[0, 1], logits.view()).unwrap_err();
        assert_eq!(
            error,
            LossError::Shape {
                found: [1, 2],
                expected: [2, 2]
            }
        );
        let error = softmax_cross_entropy(&[2], logits.view()).unwrap_err();
        assert_eq!(
            error,
            LossError::Class {
                target: 0,
                class: 2,
                classes: 2
            }
        );
        let error = bernoulli_bits(array![[1.0_f32]].view(), logits.view()).unwrap_err();
        assert_eq!(
            error,
            LossError::Shape {
                found: [1, 2],
                expected: [1, 1]
            }
        );
    }
}
