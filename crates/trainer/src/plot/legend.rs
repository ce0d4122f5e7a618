//! Which colour means what: swatches and labels in rows that wrap.

use super::canvas::{Align, Canvas, Font};
use super::error::PlotError;
use super::style::{Colour, INK, TEXT_SIZE};
use super::text;

const ROW: f64 = 20.0;
const SWATCH: f64 = 18.0;
const GAP: f64 = 7.0;
const BETWEEN: f64 = 22.0;

/// Entries with their places: x from the legend's left edge, row from the top.
pub(super) struct Legend {
    entries: Vec<(String, Colour, f64, usize)>,
    rows: usize,
}

impl Legend {
    /// Lays `entries` out in rows of at most `width` pixels. Entries without a label are left out.
    pub fn new(entries: impl IntoIterator<Item = (String, Colour)>, width: f64) -> Self {
        let mut placed = Vec::new();
        let (mut x, mut row) = (0.0, 0);
        for (label, colour) in entries.into_iter().filter(|(label, _)| !label.is_empty()) {
            let label = text::fit(&label, TEXT_SIZE, width - SWATCH - GAP);
            let length = SWATCH + GAP + text::width(&label, TEXT_SIZE);
            if x > 0.0 && x + length > width {
                (x, row) = (0.0, row + 1);
            }
            placed.push((label, colour, x, row));
            x += length + BETWEEN;
        }
        let rows = if placed.is_empty() { 0 } else { row + 1 };
        Self {
            entries: placed,
            rows,
        }
    }

    pub fn height(&self) -> f64 {
        self.rows as f64 * ROW
    }

    pub fn draw(&self, canvas: &Canvas<'_>, left: f64, top: f64) -> Result<(), PlotError> {
        let font = Font::new(TEXT_SIZE, INK, Align::Left);
        for (label, colour, x, row) in &self.entries {
            let middle = top + (*row as f64 + 0.5) * ROW;
            canvas.rectangle(
                (left + x, middle - 4.0),
                (left + x + SWATCH, middle + 4.0),
                *colour,
            )?;
            canvas.text((left + x + SWATCH + GAP, middle), label, font)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_wrap_and_nothing_leaves_the_width() {
        let entries = (0..9).map(|index| (format!("label number {index}"), INK));
        let legend = Legend::new(entries, 260.0);
        assert!(legend.rows >= 4, "{}", legend.rows);
        for (label, _, x, _) in &legend.entries {
            assert!(
                x + SWATCH + GAP + text::width(label, TEXT_SIZE) <= 260.0,
                "{label}"
            );
        }
        assert_eq!(Legend::new([(String::new(), INK)], 260.0).height(), 0.0);
    }
}
