//! What was asked for, and what the model said.

use mnm_tasks::{Labels, OutputKind, UNKNOWN_CLASS};
use ndarray::{Array2, ArrayView1};

use super::Look;

/// One question with a class for an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    /// The step at which it is asked, from 1 as in the pictures.
    pub step: usize,
    /// The line that the step belongs to, from 1; `None` where the task has no lines.
    pub line: Option<usize>,
    /// The right answer.
    pub right: String,
    /// The model's.
    pub given: String,
    /// The probability that the model gave to it.
    pub probability: f64,
    /// Whether the two are the same.
    pub correct: bool,
}

/// The questions with classes for answers; none for an episode of bits.
pub(super) fn classes(look: &Look, outputs: &OutputKind) -> Vec<Answer> {
    let (Labels::Classes(classes), OutputKind::Classes { names }) = (&look.episode.labels, outputs)
    else {
        return Vec::new();
    };
    let name = |class: usize| names.get(class).map_or("?", String::as_str).to_owned();
    let asked = look.episode.target_steps.iter().zip(classes);
    asked
        .zip(look.logits.rows())
        .map(|((step, &class), logits)| {
            let (given, probability) = likeliest(logits);
            Answer {
                step: step + 1,
                line: line(look, *step),
                right: match class {
                    UNKNOWN_CLASS => "(never seen in training)".to_owned(),
                    class => name(class as usize),
                },
                given: name(given),
                probability,
                correct: given == class as usize,
            }
        })
        .collect()
}

fn line(look: &Look, step: usize) -> Option<usize> {
    let lines = (look.lines.len() < look.episode.steps()).then_some(&look.lines)?;
    Some(1 + lines.iter().position(|steps| steps.contains(&step))?)
}

/// The index of the largest logit and its softmax probability.
fn likeliest(logits: ArrayView1<f32>) -> (usize, f64) {
    let mut best = (0, f64::NEG_INFINITY);
    for (class, &logit) in logits.iter().enumerate() {
        if f64::from(logit) > best.1 {
            best = (class, f64::from(logit));
        }
    }
    let sum: f64 = logits.iter().map(|&o| (f64::from(o) - best.1).exp()).sum();
    (best.0, 1.0 / sum)
}

/// The bits asked for and the probabilities given to a one, both `[K, targets]`; `None` for an episode of classes.
pub(super) fn bits(look: &Look) -> Option<(Array2<f64>, Array2<f64>)> {
    let Labels::Bits(bits) = &look.episode.labels else {
        return None;
    };
    let right = bits.t().mapv(f64::from);
    let given = look.logits.t().mapv(|o| 1.0 / (1.0 + f64::from(-o).exp()));
    Some((right, given))
}

#[cfg(test)]
mod tests {
    use mnm_tasks::{Episode, Input};
    use ndarray::array;

    use super::*;

    fn look(labels: Labels, logits: Array2<f32>) -> Look {
        Look {
            episode: Episode {
                group: "g".to_owned(),
                line_starts: Vec::new(),
                input: Input::Tokens(vec![vec![]; 4]),
                target_steps: vec![1, 3],
                labels,
                text: None,
            },
            words: Vec::new(),
            asked: Vec::new(),
            logits,
            hidden: Vec::new(),
            memory: None,
            lines: Vec::new(),
            without: None,
        }
    }

    #[test]
    fn classes_have_names_and_probabilities() {
        let kind = OutputKind::Classes {
            names: ["home", "park"].map(str::to_owned).to_vec(),
        };
        let labels = Labels::Classes(vec![1, UNKNOWN_CLASS]);
        let mut look = look(labels, array![[0.0, 3.0_f32.ln()], [0.0, -50.0]]);
        let lines = |look: &Look| {
            classes(look, &kind)
                .iter()
                .map(|answer| answer.line)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(&look), [None, None]);
        look.lines = vec![0..1, 1..2, 2..4];
        assert_eq!(lines(&look), [Some(2), Some(3)]);
        let answers = classes(&look, &kind);
        assert_eq!((answers[0].step, answers[1].step), (2, 4));
        assert!(answers[0].correct && answers[0].given == "park" && answers[0].right == "park");
        assert!((answers[0].probability - 0.75).abs() < 1e-6);
        assert!(!answers[1].correct && answers[1].right.contains("never seen"));
        assert_eq!(bits(&look), None);
    }

    #[test]
    fn bits_become_probabilities() {
        let labels = Labels::Bits(array![[1.0, 0.0], [0.0, 0.0]]);
        let (right, given) = bits(&look(labels, array![[0.0, -9e9], [9e9, 0.0]])).unwrap();
        assert_eq!(right, array![[1.0, 0.0], [0.0, 0.0]]);
        assert_eq!(given, array![[0.5, 1.0], [0.0, 0.5]]);
    }
}
