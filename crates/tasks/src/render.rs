//! Helpers for the readable form of episodes.

use std::fmt::Write;

use ndarray::{ArrayView1, ArrayView2};

use crate::{Episode, Input, InputKind, Interface, Labels, OutputKind, scoring};

/// What stands for an episode that has no words or no classes.
pub(crate) fn not_of_words(episode: &Episode) -> String {
    format!("{}: not an episode of words\n", episode.group)
}

/// The words and answers of an episode, with their names.
pub(crate) struct Words<'a> {
    vocabulary: &'a [String],
    names: &'a [String],
    pub(crate) steps: &'a [Vec<u32>],
    pub(crate) classes: &'a [u32],
}

impl<'a> Words<'a> {
    /// `None` for an episode of vectors or of bits.
    pub(crate) fn of(interface: &'a Interface, episode: &'a Episode) -> Option<Self> {
        match (
            &interface.input,
            &interface.outputs,
            &episode.input,
            &episode.labels,
        ) {
            (
                InputKind::Tokens { vocabulary, .. },
                OutputKind::Classes { names },
                Input::Tokens(steps),
                Labels::Classes(classes),
            ) => Some(Words {
                vocabulary,
                names,
                steps,
                classes,
            }),
            _ => None,
        }
    }

    /// All words, step after step.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = u32> + 'a {
        self.steps.iter().flatten().copied()
    }

    pub(crate) fn word(&self, token: u32) -> &'a str {
        self.vocabulary
            .get(token as usize)
            .map_or("?", String::as_str)
    }

    pub(crate) fn answer(&self, class: u32) -> &'a str {
        self.names.get(class as usize).map_or("?", String::as_str)
    }

    /// The answer that a row of logits gives, marked where it is not `class`.
    pub(crate) fn given(&self, row: ArrayView1<f32>, class: u32) -> String {
        let given = scoring::best_class(row);
        let mark = if given == Some(class) { "" } else { "(x)" };
        format!("{}{mark}", given.map_or("?", |given| self.answer(given)))
    }
}

/// A step's vector of zeros and ones: `#` for one, `.` for zero, anything else as a number.
pub(crate) fn marks(row: ArrayView1<f32>) -> String {
    row.iter().fold(String::new(), |mut text, &x| {
        match x {
            0.0 => text.push('.'),
            1.0 => text.push('#'),
            other => {
                let _ = write!(text, " {other:+.2} ");
            }
        }
        text
    })
}

/// A bit episode, one line a step, counted from 1: what goes in, what should come out, what did come out and where it is wrong (`x`).
///
/// `columns` splits the input row into named parts of the given widths.
pub(crate) fn bit_episode(
    episode: &Episode,
    columns: &[(&str, usize)],
    logits: Option<ArrayView2<f32>>,
) -> String {
    let (Input::Dense(input), Labels::Bits(bits)) = (&episode.input, &episode.labels) else {
        return format!("{}: not an episode of bits\n", episode.group);
    };
    let names = columns
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(" | ");
    let mut text = format!(
        "{}: {} steps; input {names}\n",
        episode.group,
        episode.steps()
    );
    if let Some(note) = &episode.text {
        let _ = writeln!(text, "{note}");
    }
    let mut targets = episode.target_steps.iter().enumerate().peekable();
    for (step, row) in input.rows().into_iter().enumerate() {
        let mut parts = Vec::with_capacity(columns.len());
        let mut start = 0;
        for (_, width) in columns {
            let end = (start + width).min(row.len());
            parts.push(marks(row.slice(ndarray::s![start..end])));
            start = end;
        }
        let _ = write!(text, "{:>4}  {}", step + 1, parts.join(" | "));
        if let Some((target, _)) = targets.next_if(|(_, at)| **at == step) {
            let expected = bits.row(target);
            let _ = write!(text, "  -> {}", marks(expected));
            if let Some(answer) = logits
                .as_ref()
                .and_then(|logits| logits.rows().into_iter().nth(target))
            {
                let given = answer.mapv(|logit| if logit > 0.0 { 1.0 } else { 0.0 });
                let wrong = expected.iter().zip(answer).map(|(&bit, &logit)| {
                    if scoring::bit_is_right(bit, logit) {
                        ' '
                    } else {
                        'x'
                    }
                });
                let _ = write!(
                    text,
                    "  answered {}  {}",
                    marks(given.view()),
                    wrong.collect::<String>()
                );
            }
        }
        let trimmed = text.trim_end().len();
        text.truncate(trimmed);
        text.push('\n');
    }
    text
}
