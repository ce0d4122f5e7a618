//! What happens at each step of a sequence: its words, and a bar under them.

use super::axis::{Axis, Scale};
use super::canvas::{self, Align, Canvas, Font};
use super::categories::no_model;
use super::digits::three_digits;
use super::error::PlotError;
use super::frame::Header;
use super::legend::Legend;
use super::span::Span;
use super::style::{Colour, GRID, INK, MARGIN, MUTED, TEXT_SIZE, TICK_SIZE};
use super::text;

const WIDTH: f64 = 860.0;
const WORD_ROW: f64 = 20.0;
const BAR_ROW: f64 = 44.0;
const NUMBER_ROW: f64 = 16.0;
const ROW_GAP: f64 = 16.0;
const LEFT: f64 = MARGIN + 34.0;
const NARROWEST: f64 = 28.0;
const PADDING: f64 = 12.0;

/// One step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimelineStep {
    /// What the model was shown.
    pub words: String,
    /// How high the bar is. Not finite: no bar.
    pub value: f64,
    /// Drawn in a second colour: for example steps that ask.
    pub marked: bool,
}

/// Steps read like text, in rows from left to right, with a bar under each step's words and its number below.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// Stands above the plot; may be empty.
    pub title: String,
    /// What the bars show.
    pub value: Axis,
    /// The values of an empty and of a full bar. (0, 1) suits a write rate.
    pub range: (f64, f64),
    /// What `marked` means, for the legend; empty for no legend.
    pub mark: String,
    /// The steps.
    pub steps: Vec<TimelineStep>,
}

/// A step with its place.
struct Cell<'a> {
    step: &'a TimelineStep,
    number: usize,
    words: String,
    left: f64,
    width: f64,
    row: usize,
}

impl Timeline {
    /// The picture.
    ///
    /// # Errors
    /// If there are no steps, or if the range is not two finite numbers in order.
    pub fn svg(&self) -> Result<String, PlotError> {
        let (low, high) = self.range;
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(PlotError::Value {
                title: self.title.clone(),
                what: format!("the range's end ({low} to {high})"),
                value: high,
                expected: "a finite number above the range's start",
            });
        }
        let cells = flow(&self.steps);
        let Some(last) = cells.last() else {
            return Err(PlotError::Empty {
                title: self.title.clone(),
                expected: "step",
            });
        };
        let span = Span {
            low,
            high,
            scale: Scale::Linear,
        };
        let entries = [
            (self.value.text(), colour(false)),
            (self.mark.clone(), colour(true)),
        ];
        let legend = Legend::new(entries, WIDTH - 2.0 * MARGIN);
        let header = Header {
            title: &self.title,
            note: "",
            legend,
        };
        let row_height = WORD_ROW + BAR_ROW + NUMBER_ROW + ROW_GAP;
        let height = header.bottom() + (last.row + 1) as f64 * row_height;
        canvas::draw(WIDTH, height, &self.description(), |canvas| {
            header.draw(canvas, WIDTH)?;
            for row in cells.chunk_by(|one, other| one.row == other.row) {
                let Some(number) = row.first().map(|cell| cell.row) else {
                    continue;
                };
                let top = header.bottom() + number as f64 * row_height;
                draw_row(canvas, row, &span, top)?;
                for cell in row {
                    let corner = (cell.left + cell.width, top + row_height - ROW_GAP);
                    canvas.tip((cell.left, top), corner, &self.says(cell));
                }
            }
            Ok(())
        })
    }
}

impl Timeline {
    /// What a step says, with its words whole.
    fn says(&self, cell: &Cell<'_>) -> String {
        let words = match cell.step.words.as_str() {
            "" => String::new(),
            words => format!(", {words}"),
        };
        let value = if cell.step.value.is_finite() {
            three_digits(cell.step.value)
        } else {
            "none".to_owned()
        };
        format!("step {}{words}: {} {value}", cell.number, self.value.text())
    }

    /// What a screen reader says.
    fn description(&self) -> String {
        let title = text::before(&self.title, ". ");
        let values = || {
            self.steps
                .iter()
                .map(|step| step.value)
                .filter(|v| v.is_finite())
        };
        let (low, high) = (
            values().fold(f64::INFINITY, f64::min),
            values().fold(f64::NEG_INFINITY, f64::max),
        );
        let (count, value) = (self.steps.len(), self.value.text());
        if low > high {
            return format!("{title}{value} of {count} steps.");
        }
        let (low, high) = (three_digits(low), three_digits(high));
        format!("{title}{value} of {count} steps, from {low} to {high}.")
    }
}

/// Gives every step a place, wrapping like text.
fn flow(steps: &[TimelineStep]) -> Vec<Cell<'_>> {
    let room = WIDTH - MARGIN - LEFT;
    let (mut x, mut row) = (0.0, 0);
    let mut cells = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let words = text::fit(&step.words, TEXT_SIZE, room - PADDING);
        let width = (text::width(&words, TEXT_SIZE) + PADDING).max(NARROWEST);
        if x > 0.0 && x + width > room {
            (x, row) = (0.0, row + 1);
        }
        cells.push(Cell {
            step,
            number: index + 1,
            words,
            left: LEFT + x,
            width,
            row,
        });
        x += width;
    }
    cells
}

fn draw_row(
    canvas: &Canvas<'_>,
    cells: &[Cell<'_>],
    span: &Span,
    top: f64,
) -> Result<(), PlotError> {
    let (upper, lower) = (top + WORD_ROW, top + WORD_ROW + BAR_ROW);
    let right = cells.last().map_or(LEFT, |cell| cell.left + cell.width);
    for tick in span.ticks(2) {
        let y = lower - span.fraction(tick.value) * BAR_ROW;
        canvas.line(&[(LEFT, y), (right, y)], GRID, 1.0)?;
        canvas.text(
            (LEFT - 6.0, y),
            &tick.label,
            Font::new(TICK_SIZE - 1.5, MUTED, Align::Right),
        )?;
    }
    for cell in cells {
        let middle = cell.left + cell.width / 2.0;
        canvas.text(
            (middle, upper - 9.0),
            &cell.words,
            Font::new(TEXT_SIZE, INK, Align::Centre),
        )?;
        let number = cell.number.to_string();
        canvas.text(
            (middle, lower + 9.0),
            &number,
            Font::new(TICK_SIZE - 1.5, MUTED, Align::Centre),
        )?;
        if cell.step.value.is_finite() {
            let y = lower - span.fraction(cell.step.value) * BAR_ROW;
            let (from, to) = ((cell.left + 2.0, y), (cell.left + cell.width - 2.0, lower));
            canvas.rectangle(from, to, colour(cell.step.marked))?;
        }
    }
    canvas.line(&[(LEFT, lower), (right, lower)], MUTED, 1.0)
}

fn colour(marked: bool) -> Colour {
    no_model(usize::from(marked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(words: &[&str]) -> Timeline {
        let step = |word: &&str| TimelineStep {
            words: (*word).to_owned(),
            value: 0.5,
            marked: false,
        };
        Timeline {
            title: "write rate".to_owned(),
            value: Axis::plain("rate"),
            range: (0.0, 1.0),
            mark: String::new(),
            steps: words.iter().map(step).collect(),
        }
    }

    #[test]
    fn steps_wrap_like_text_and_stay_on_the_page() {
        let timeline = timeline(&["mary", "went", "to", "the", "bathroom", "."].repeat(12));
        let cells = flow(&timeline.steps);
        assert_eq!(cells.len(), 72);
        assert!(cells[71].row >= 2, "{}", cells[71].row);
        assert!(
            cells
                .iter()
                .all(|cell| cell.left + cell.width <= WIDTH - MARGIN + 1e-9)
        );
        for pair in cells.windows(2).filter(|pair| pair[0].row == pair[1].row) {
            assert!(
                (pair[0].left + pair[0].width - pair[1].left).abs() < 1e-9,
                "neighbours touch, none overlap"
            );
        }
        let svg = timeline.svg().unwrap();
        assert_eq!(
            svg.matches("#7433F0").count(),
            73,
            "a bar for each step and the swatch"
        );
    }

    #[test]
    fn a_bar_is_as_high_as_its_value() {
        let mut timeline = timeline(&["a", "b", "c"]);
        timeline.steps[0].value = 0.25;
        timeline.steps[1].value = f64::NAN;
        timeline.steps[2] = TimelineStep {
            value: 7.0,
            marked: true,
            ..timeline.steps[2].clone()
        };
        timeline.mark = "question".to_owned();
        let svg = timeline.svg().unwrap();
        let heights = |colour: &str| -> Vec<f64> {
            let bars = svg
                .lines()
                .filter(|line| line.contains(colour) && line.starts_with("<rect"));
            let height = |line: &str| {
                line.split("height=\"")
                    .nth(1)?
                    .split('"')
                    .next()?
                    .parse()
                    .ok()
            };
            bars.skip(1).filter_map(height).collect()
        };
        assert!(svg.contains("<title>step 1, a: rate 0.25</title>"), "{svg}");
        assert!(svg.contains("rate of 3 steps, from 0.25 to 7."), "{svg}");
        assert_eq!(heights("#7433F0"), [0.25 * BAR_ROW * 10.0]);
        assert_eq!(
            heights("#4F9A00"),
            [BAR_ROW * 10.0],
            "held to the full range"
        );
    }

    #[test]
    fn a_sentence_wider_than_the_page_is_cut() {
        let long = "word ".repeat(60);
        let timeline = timeline(&[long.as_str()]);
        assert!(timeline.svg().unwrap().contains('…'));
    }

    #[test]
    fn refuses_no_steps_and_no_range() {
        assert!(matches!(timeline(&[]).svg(), Err(PlotError::Empty { .. })));
        let backwards = Timeline {
            range: (1.0, 0.0),
            ..timeline(&["a"])
        };
        assert!(matches!(backwards.svg(), Err(PlotError::Value { .. })));
    }
}
