//! A story with its questions: the lines on the left, the questions on the right, and a link from each question to every line
//! that its answer hangs on.

use std::fmt::Write;

use super::error::PlotError;
use super::text;

const MARGIN: f64 = 16.0;
const SIZE: f64 = 15.0;
const SMALL: f64 = 12.5;
const STATEMENT_ROW: f64 = 26.0;
const QUESTION_ROW: f64 = 46.0;
const NUMBERS: f64 = 26.0;
/// Room between the columns, for the links.
const GAP: f64 = 72.0;
/// How small it may become on a narrow page: a story with its questions fits a telephone, in letters of eleven points.
const LEAST_SCALE: f64 = 0.73;
/// The width of a link whose answer hangs on one line altogether.
const WIDEST: f64 = 9.0;
/// Falls below this are not drawn.
const LEAST: f64 = 0.03;

/// Colours for light and for dark surroundings. Prefixed, because a page that takes the picture in takes these rules in too.
const STYLE: &str = "\
.maw{font-family:Helvetica,Arial,sans-serif}.maw-page{fill:#fff}.maw-ink{fill:#1f2933}.maw-muted{fill:#5b6670}\
.maw-ask{fill:#2e4fd6;font-weight:bold}.maw-wrong{fill:#b2182b;font-weight:bold}\
.maw-link{fill:none;stroke:#7433f0;stroke-linecap:round;opacity:.85}.maw-link:hover{opacity:1;stroke:#1f2933}\
@media(prefers-color-scheme:dark){.maw-page{fill:#14181d}.maw-ink{fill:#e4e8ec}.maw-muted{fill:#9aa5b1}\
.maw-ask{fill:#8ea2ff}.maw-wrong{fill:#ff8a80}.maw-link{stroke:#a24dff}.maw-link:hover{stroke:#e4e8ec}}";

/// A line of a story.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoryLine {
    /// What the model was shown.
    pub words: String,
    /// What it answered, if this is a question.
    pub answer: Option<StoryAnswer>,
}

/// An answer, and what it hangs on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoryAnswer {
    /// What the model answered.
    pub given: String,
    /// Its probability, 0 to 1.
    pub probability: f64,
    /// The right answer, where the model's is another.
    pub right: Option<String>,
    /// The lines (from 0) and the probability of the same answer without what was written in that line.
    pub without: Vec<(usize, f64)>,
}

/// The picture of a memory at work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryAtWork {
    /// Stands above the picture.
    pub title: String,
    /// How to read it.
    pub note: String,
    /// The story.
    pub lines: Vec<StoryLine>,
}

impl MemoryAtWork {
    /// The picture. It follows the reader's choice of light or dark.
    ///
    /// # Errors
    /// If there are no lines.
    pub fn svg(&self) -> Result<String, PlotError> {
        if self.lines.is_empty() {
            return Err(PlotError::Empty {
                title: self.title.clone(),
                expected: "line",
            });
        }
        let column = |of: &dyn Fn(&StoryLine) -> f64, least: f64, most: f64| {
            let widths = self.lines.iter().map(of);
            widths.fold(least, f64::max).min(most)
        };
        let left = column(&|line| statement_width(line), 150.0, 380.0);
        let right = column(&|line| question_width(line), 130.0, 300.0);
        let (from, to) = (MARGIN + NUMBERS, MARGIN + NUMBERS + left + GAP);
        let width = to + right + MARGIN;
        let heading = wrapped(&self.title, 17.0, width - 2.0 * MARGIN);
        let note = wrapped(&self.note, SMALL, width - 2.0 * MARGIN);
        let top = MARGIN + 22.0 * heading.len() as f64 + 17.0 * note.len() as f64 + 10.0;
        let mut next = top;
        let rows = self.lines.iter().map(|line| {
            let row = next + STATEMENT_ROW / 2.0;
            next += if line.answer.is_some() {
                QUESTION_ROW
            } else {
                STATEMENT_ROW
            };
            row
        });
        let rows: Vec<f64> = rows.collect();
        let height = next + MARGIN;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"maw\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" style=\"--least:{:.0}px\" role=\"img\" aria-label=\"{}\">\n<style>{STYLE}</style>\n\
             <rect class=\"maw-page\" width=\"100%\" height=\"100%\"/>\n",
            width * LEAST_SCALE,
            text::escape(&self.description()),
        );
        let mut y = MARGIN + 12.0;
        for line in &heading {
            put(
                &mut svg,
                (MARGIN, y),
                17.0,
                "maw-ink\" font-weight=\"bold",
                line,
            );
            y += 22.0;
        }
        for line in &note {
            put(&mut svg, (MARGIN, y), SMALL, "maw-muted", line);
            y += 17.0;
        }
        // Links first, so that words lie over them.
        for (index, line) in self.lines.iter().enumerate() {
            for (earlier, without) in line.answer.iter().flat_map(|answer| &answer.without) {
                let Some((said, start)) = self.lines.get(*earlier).zip(rows.get(*earlier)) else {
                    continue;
                };
                let x = from
                    + 8.0
                    + if said.answer.is_some() {
                        left
                    } else {
                        statement_width(said).min(left)
                    };
                self.link(
                    &mut svg,
                    (x, *start),
                    (to - 8.0, rows[index]),
                    index,
                    *earlier,
                    *without,
                );
            }
        }
        for (number, (line, y)) in (1..).zip(self.lines.iter().zip(&rows)) {
            put(
                &mut svg,
                (MARGIN, *y),
                SMALL,
                "maw-muted",
                &number.to_string(),
            );
            match &line.answer {
                None => put(
                    &mut svg,
                    (from, *y),
                    SIZE,
                    "maw-ink",
                    &text::fit(&line.words, SIZE, left),
                ),
                Some(answer) => {
                    put(
                        &mut svg,
                        (to, *y),
                        SIZE,
                        "maw-ask",
                        &text::fit(&line.words, SIZE, right),
                    );
                    let class = if answer.right.is_some() {
                        "maw-wrong"
                    } else {
                        "maw-ink"
                    };
                    put(
                        &mut svg,
                        (to, *y + 20.0),
                        SIZE,
                        class,
                        &text::fit(&said(answer), SIZE, right),
                    );
                }
            }
        }
        Ok(svg + "</svg>\n")
    }

    /// A curve from a line's end to a question's beginning, as wide as the answer's probability falls.
    fn link(
        &self,
        svg: &mut String,
        start: (f64, f64),
        end: (f64, f64),
        question: usize,
        line: usize,
        without: f64,
    ) {
        let Some(answer) = &self.lines[question].answer else {
            return;
        };
        let fall = answer.probability - without;
        if fall.is_nan() || fall < LEAST {
            return;
        }
        let middle = (start.0.max(end.0 - GAP) + end.0) / 2.0;
        let tip = format!(
            "Without what line {} wrote, \u{201c}{}\u{201d} falls from {} to {}",
            line + 1,
            answer.given,
            percent(answer.probability),
            percent(without),
        );
        // Formatting into a string cannot fail.
        let _ = writeln!(
            svg,
            "<path class=\"maw-link\" stroke-width=\"{:.1}\" d=\"M{:.0} {:.0}C{middle:.0} {:.0} {middle:.0} {:.0} {:.0} {:.0}\">\
             <title>{}</title></path>",
            (fall * WIDEST).max(0.8),
            start.0,
            start.1,
            start.1,
            end.1,
            end.0,
            end.1,
            text::escape(&tip),
        );
    }

    /// What a screen reader says: every question, its answer, and the line that counts most.
    fn description(&self) -> String {
        let asked = self.lines.iter().filter_map(|line| {
            let answer = line.answer.as_ref()?;
            let most = answer.without.iter().min_by(|a, b| a.1.total_cmp(&b.1));
            let from = most
                .filter(|(_, without)| answer.probability - without >= LEAST)
                .map_or(String::new(), |(line, _)| {
                    format!(", read from line {}", line + 1)
                });
            Some(format!(" {} {}{from}.", line.words, answer.given))
        });
        format!("{}.{}", self.title, asked.collect::<String>())
    }
}

fn statement_width(line: &StoryLine) -> f64 {
    match line.answer {
        None => text::width(&line.words, SIZE),
        Some(_) => 0.0,
    }
}

fn question_width(line: &StoryLine) -> f64 {
    line.answer.as_ref().map_or(0.0, |answer| {
        text::width(&line.words, SIZE).max(text::width(&said(answer), SIZE)) * 1.05
    })
}

fn said(answer: &StoryAnswer) -> String {
    let right = answer
        .right
        .as_ref()
        .map_or(String::new(), |right| format!(", not {right}"));
    format!(
        "\u{2192} {}{right}  {}",
        answer.given,
        percent(answer.probability)
    )
}

fn percent(probability: f64) -> String {
    format!("{:.1} %", 100.0 * probability)
}

/// Text whose middle is at `at`'s height.
fn put(svg: &mut String, at: (f64, f64), size: f64, class: &str, words: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{:.0}\" y=\"{:.0}\" font-size=\"{size}\" class=\"{class}\">{}</text>",
        at.0,
        at.1 + size * 0.35,
        text::escape(words),
    );
}

/// The words in lines no wider than `limit`.
fn wrapped(words: &str, size: f64, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text::width(&format!("{line} {word}"), size) <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story() -> MemoryAtWork {
        let told = |words: &str| StoryLine {
            words: words.to_owned(),
            answer: None,
        };
        MemoryAtWork {
            title: "A <story>".to_owned(),
            note: "How to read it".to_owned(),
            lines: vec![
                told("ada walked to the barn"),
                told("chidi ran to the forge"),
                StoryLine {
                    words: "where is ada?".to_owned(),
                    answer: Some(StoryAnswer {
                        given: "barn".to_owned(),
                        probability: 0.9,
                        right: None,
                        without: vec![(0, 0.1), (1, 0.89)],
                    }),
                },
            ],
        }
    }

    #[test]
    fn a_link_is_as_wide_as_the_answer_falls_and_small_falls_are_left_out() {
        let svg = story().svg().unwrap();
        assert_eq!(svg.matches("<path").count(), 1, "{svg}");
        assert!(svg.contains(&format!("stroke-width=\"{:.1}\"", 0.8 * WIDEST)));
        assert!(svg.contains("falls from 90.0 % to 10.0 %"), "{svg}");
        assert!(svg.contains("A &lt;story&gt;") && svg.contains("read from line 1"));
    }

    #[test]
    fn a_wrong_answer_names_the_right_one() {
        let mut story = story();
        story.lines[2].answer.as_mut().unwrap().right = Some("attic".to_owned());
        assert!(story.svg().unwrap().contains("barn, not attic"));
    }

    #[test]
    fn what_a_line_says_stays_in_its_column() {
        let mut story = story();
        story.lines[0].words = "and then ".repeat(40);
        let svg = story.svg().unwrap();
        assert!(svg.contains('…'));
    }

    #[test]
    fn no_lines_are_refused() {
        let empty = MemoryAtWork::default();
        assert!(matches!(empty.svg(), Err(PlotError::Empty { .. })));
    }
}
