//! Helpers for the readable form of episodes.

use std::fmt::Write;

use ndarray::{ArrayView1, ArrayView2};

use crate::{Episode, Input, Labels, scoring};

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

/// A bit episode, one line a step: what goes in, what should come out, what did come out and where it is wrong (`x`).
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
        let _ = write!(text, "{step:>4}  {}", parts.join(" | "));
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
