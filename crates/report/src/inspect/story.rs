//! An episode as the picture of a memory at work.

use mnm_tasks::OutputKind;
use mnm_trainer::look::of_line;

use super::{InspectError, Look, Picture, answers};
use crate::plot::{MemoryAtWork, StoryAnswer, StoryLine};

/// The most lines of a story that is drawn.
const MOST_LINES: usize = 100;

/// The picture; `None` where nothing was left out, or the story is too long to be seen at once.
pub(super) fn at_work(
    look: &Look,
    outputs: &OutputKind,
    title: &str,
) -> Result<Option<Picture>, InspectError> {
    let Some(without) = &look.without else {
        return Ok(None);
    };
    if look.lines.len() > MOST_LINES {
        return Ok(None);
    }
    let mut lines: Vec<StoryLine> = look
        .lines
        .iter()
        .map(|steps| StoryLine {
            words: look
                .words
                .get(steps.clone())
                .map(of_line)
                .unwrap_or_default(),
            answer: None,
        })
        .collect();
    let asked = answers::classes(look, outputs).into_iter();
    for (answer, without) in asked.zip(without.rows()) {
        let line = look
            .lines
            .iter()
            .position(|line| line.contains(&(answer.step - 1)));
        let Some(line) = line.and_then(|line| lines.get_mut(line)) else {
            continue;
        };
        // The reader of stories drops the mark.
        if !look.episode.line_starts.is_empty() && !line.words.ends_with('?') {
            line.words.push('?');
        }
        line.answer = Some(StoryAnswer {
            given: answer.given,
            probability: answer.probability,
            right: (!answer.correct).then_some(answer.right),
            without: without
                .iter()
                .copied()
                .enumerate()
                .filter(|(_, without)| without.is_finite())
                .collect(),
        });
    }
    let plot = MemoryAtWork {
        title: title.to_owned(),
        note: "The wider a link, the further the probability of the answer falls when nothing is written in that line."
            .to_owned(),
        lines,
    };
    Ok(Some(Picture {
        name: "memory-at-work".to_owned(),
        title: "The memory at work".to_owned(),
        caption: "The story on the left, the questions on the right. For each link the model went through the story once more, \
                  with a write rate of 0 in that line; where the answer falls, the memory held it from there. Falls of less than \
                  3 points have no link."
            .to_owned(),
        svg: plot.svg()?,
    }))
}
