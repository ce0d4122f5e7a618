//! What every plot has around its data: title, note, legend above; axes with grid, ticks and names about it.

use super::canvas::{Align, Canvas, Font};
use super::error::PlotError;
use super::legend::Legend;
use super::span::Span;
use super::style::{GRID, INK, MARGIN, MUTED, NOTE_SIZE, TEXT_SIZE, TICK_SIZE, TITLE_SIZE};
use super::text;
use super::ticks::Tick;

const TITLE_ROW: f64 = 25.0;
const NOTE_ROW: f64 = 18.0;
const AFTER: f64 = 10.0;

/// What stands above the data.
pub(super) struct Header<'a> {
    pub title: &'a str,
    /// How to read the picture, in small print.
    pub note: &'a str,
    pub legend: Legend,
}

impl Header<'_> {
    /// The y at which the data may begin.
    pub fn bottom(&self) -> f64 {
        MARGIN + self.title_height() + self.note_height() + self.legend.height() + AFTER
    }

    pub fn draw(&self, canvas: &Canvas<'_>, width: f64) -> Result<(), PlotError> {
        let room = width - 2.0 * MARGIN;
        if !self.title.is_empty() {
            // Bold letters are wider than the estimate.
            let title = text::fit(self.title, TITLE_SIZE * 1.05, room);
            canvas.text(
                (MARGIN, MARGIN + TITLE_ROW / 2.0 - 2.0),
                &title,
                Font::title(),
            )?;
        }
        if !self.note.is_empty() {
            let note = text::fit(self.note, NOTE_SIZE, room);
            let middle = MARGIN + self.title_height() + NOTE_ROW / 2.0 - 2.0;
            canvas.text(
                (MARGIN, middle),
                &note,
                Font::new(NOTE_SIZE, MUTED, Align::Left),
            )?;
        }
        self.legend.draw(
            canvas,
            MARGIN,
            MARGIN + self.title_height() + self.note_height(),
        )
    }

    fn title_height(&self) -> f64 {
        if self.title.is_empty() {
            0.0
        } else {
            TITLE_ROW
        }
    }

    fn note_height(&self) -> f64 {
        if self.note.is_empty() { 0.0 } else { NOTE_ROW }
    }
}

/// The rectangle that the data fills.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Frame {
    pub fn x(&self, span: &Span, value: f64) -> f64 {
        self.left + span.fraction(value) * (self.right - self.left)
    }

    pub fn y(&self, span: &Span, value: f64) -> f64 {
        self.bottom - span.fraction(value) * (self.bottom - self.top)
    }

    pub fn middle(&self) -> (f64, f64) {
        (
            (self.left + self.right) / 2.0,
            (self.top + self.bottom) / 2.0,
        )
    }

    /// Vertical grid lines, and their labels below.
    pub fn draw_x_ticks(
        &self,
        canvas: &Canvas<'_>,
        span: &Span,
        ticks: &[Tick],
    ) -> Result<(), PlotError> {
        let font = Font::new(TICK_SIZE, MUTED, Align::Centre);
        for tick in ticks {
            let x = self.x(span, tick.value);
            canvas.line(&[(x, self.top), (x, self.bottom)], GRID, 1.0)?;
            canvas.text((x, self.bottom + 12.0), &tick.label, font)?;
        }
        Ok(())
    }

    /// Horizontal grid lines, and their labels on the left.
    pub fn draw_y_ticks(
        &self,
        canvas: &Canvas<'_>,
        span: &Span,
        ticks: &[Tick],
    ) -> Result<(), PlotError> {
        let font = Font::new(TICK_SIZE, MUTED, Align::Right);
        for tick in ticks {
            let y = self.y(span, tick.value);
            canvas.line(&[(self.left, y), (self.right, y)], GRID, 1.0)?;
            canvas.text((self.left - 7.0, y), &tick.label, font)?;
        }
        Ok(())
    }

    /// The name of the horizontal axis, `below` pixels under the data.
    pub fn name_x(&self, canvas: &Canvas<'_>, name: &str, below: f64) -> Result<(), PlotError> {
        let font = Font::new(TEXT_SIZE, INK, Align::Centre);
        canvas.text((self.middle().0, self.bottom + below), name, font)
    }

    /// The name of the vertical axis, reading upwards along the picture's left edge.
    pub fn name_y(&self, canvas: &Canvas<'_>, name: &str) -> Result<(), PlotError> {
        let font = Font {
            upwards: true,
            ..Font::new(TEXT_SIZE, INK, Align::Centre)
        };
        canvas.text((MARGIN + 6.0, self.middle().1), name, font)
    }
}

/// Room on the left for tick labels and, if there is one, the axis' name.
pub(super) fn left_margin<'a>(labels: impl IntoIterator<Item = &'a str>, name: &str) -> f64 {
    let widest = labels
        .into_iter()
        .map(|label| text::width(label, TICK_SIZE))
        .fold(0.0, f64::max);
    MARGIN + widest + 9.0 + if name.is_empty() { 0.0 } else { 20.0 }
}
