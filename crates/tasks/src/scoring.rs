//! Counting errors.

use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::{Labels, UNKNOWN_CLASS};

/// How many answers were wrong: questions of questions, or bits of bits.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Errors {
    /// The wrong ones.
    pub wrong: f64,
    /// All.
    pub total: f64,
}

impl Errors {
    /// The share of wrong answers in percent; 0 if nothing was asked.
    pub fn percent(self) -> f64 {
        if self.total > 0.0 {
            100.0 * self.wrong / self.total
        } else {
            0.0
        }
    }
}

impl std::ops::AddAssign for Errors {
    fn add_assign(&mut self, other: Self) {
        self.wrong += other.wrong;
        self.total += other.total;
    }
}

impl std::iter::Sum for Errors {
    fn sum<I: Iterator<Item = Self>>(errors: I) -> Self {
        errors.fold(Errors::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

/// The index of the largest logit, the first one if several are; `None` if the row is empty or holds a NaN.
pub(crate) fn best_class(row: ArrayView1<f32>) -> Option<u32> {
    let mut best: Option<(usize, f32)> = None;
    for (class, &logit) in row.iter().enumerate() {
        if logit.is_nan() {
            return None;
        }
        if best.is_none_or(|(_, so_far)| logit > so_far) {
            best = Some((class, logit));
        }
    }
    best.map(|(class, _)| class as u32)
}

/// Whether a bit's logit gives the bit: above 0 is one, else zero. NaN is never right.
pub(crate) fn bit_is_right(bit: f32, logit: f32) -> bool {
    if bit > 0.5 { logit > 0.0 } else { logit <= 0.0 }
}

/// Counts the errors of `logits` `[targets, K]`. Targets without logits of the right width are wrong.
pub(crate) fn count(labels: &Labels, logits: ArrayView2<f32>) -> Errors {
    match labels {
        Labels::Classes(classes) => count_classes(classes, logits),
        Labels::Bits(bits) => count_bits(bits, logits),
    }
}

fn count_classes(classes: &[u32], logits: ArrayView2<f32>) -> Errors {
    let answers = logits
        .rows()
        .into_iter()
        .map(best_class)
        .chain(std::iter::repeat(None));
    let right = classes
        .iter()
        .zip(answers)
        .filter(|&(&class, answer)| class != UNKNOWN_CLASS && answer == Some(class))
        .count();
    Errors {
        wrong: (classes.len() - right) as f64,
        total: classes.len() as f64,
    }
}

fn count_bits(bits: &Array2<f32>, logits: ArrayView2<f32>) -> Errors {
    let right = if bits.dim() == logits.dim() {
        bits.iter()
            .zip(logits.iter())
            .filter(|&(&bit, &logit)| bit_is_right(bit, logit))
            .count()
    } else {
        0
    };
    Errors {
        wrong: (bits.len() - right) as f64,
        total: bits.len() as f64,
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn classes_are_judged_by_the_largest_logit() {
        let logits = array![[0.1, 0.9, -3.0], [2.0, 1.0, 0.0], [0.0, f32::NAN, 9.0]];
        assert_eq!(
            count(&Labels::Classes(vec![1, 1, 2]), logits.view()),
            Errors {
                wrong: 2.0,
                total: 3.0
            },
            "the second is wrong, the third has a NaN"
        );
    }

    #[test]
    fn an_unknown_class_and_a_missing_row_are_wrong() {
        let labels = Labels::Classes(vec![0, UNKNOWN_CLASS, 0]);
        assert_eq!(
            count(&labels, array![[1.0, 0.0], [1.0, 0.0]].view()),
            Errors {
                wrong: 2.0,
                total: 3.0
            }
        );
    }

    #[test]
    fn bits_are_judged_by_sign() {
        let labels = Labels::Bits(array![[0.0, 1.0], [1.0, 1.0]]);
        let logits = array![[-0.1, 3.0], [f32::NAN, -2.0]];
        assert_eq!(
            count(&labels, logits.view()),
            Errors {
                wrong: 2.0,
                total: 4.0
            }
        );
        assert_eq!(
            count(&labels, array![[1.0_f32]].view()),
            Errors {
                wrong: 4.0,
                total: 4.0
            }
        );
    }

    #[test]
    fn errors_add_up() {
        let sum: Errors = [
            Errors {
                wrong: 1.0,
                total: 4.0,
            },
            Errors {
                wrong: 0.0,
                total: 4.0,
            },
        ]
        .into_iter()
        .sum();
        assert_eq!(sum.percent(), 12.5);
        assert_eq!(Errors::default().percent(), 0.0);
    }
}
