//! Question-answering episodes for a human reader.

use std::fmt::Write;

use ndarray::ArrayView2;

use super::Encoding;
use crate::render::{Words, not_of_words};
use crate::{Episode, Interface, UNKNOWN_CLASS, scoring};

/// The story in words, with the right answer behind each question and, given `logits`, the model's.
pub(crate) fn render(
    interface: &Interface,
    encoding: Encoding,
    episode: &Episode,
    logits: Option<ArrayView2<f32>>,
) -> String {
    let Some(words) = Words::of(interface, episode) else {
        return not_of_words(episode);
    };
    let answer_name = |class: u32| match class {
        UNKNOWN_CLASS => "(an answer never seen in training)",
        class => words.answer(class),
    };

    let mut text = format!(
        "{}: {} steps, {} questions\n",
        episode.group,
        episode.steps(),
        episode.targets()
    );
    let mut targets = episode
        .target_steps
        .iter()
        .zip(words.classes)
        .enumerate()
        .peekable();
    let mut line_is_open = false;
    for (step, shown) in words.steps.iter().enumerate() {
        if !line_is_open {
            let _ = write!(text, "{:>4}", step + 1);
        }
        for &word in shown {
            let _ = write!(text, " {}", words.word(word));
        }
        let target = targets.next_if(|(_, (at, _))| **at == step);
        if let Some((target, (_, &class))) = target {
            let _ = write!(text, "?  {}", answer_name(class));
            if let Some(row) = logits
                .as_ref()
                .and_then(|logits| logits.rows().into_iter().nth(target))
            {
                let given = scoring::best_class(row);
                let verdict = if given == Some(class) {
                    "right"
                } else {
                    "WRONG"
                };
                let _ = write!(
                    text,
                    "  answered {} ({verdict})",
                    given.map_or("(not a number)", answer_name)
                );
            }
        }
        // Word by word, a line runs up to the next question: where its sentences end is not in the input.
        line_is_open = encoding == Encoding::Word && target.is_none();
        if !line_is_open {
            text.push('\n');
        }
    }
    if line_is_open {
        text.push('\n');
    }
    if let Some(note) = &episode.text {
        let _ = writeln!(text, "{note}");
    }
    text
}
