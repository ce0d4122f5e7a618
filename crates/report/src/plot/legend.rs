//! Which colour means what: swatches and labels in rows that wrap.

use super::canvas::{Align, Canvas, Font};
use super::error::PlotError;
use super::style::{Colour, Dash, INK, TEXT_SIZE};
use super::text;

const ROW: f64 = 20.0;
const SWATCH: f64 = 18.0;
const GAP: f64 = 7.0;
const BETWEEN: f64 = 22.0;

/// Entries with their places: x from the legend's left edge, row from the top.
pub(super) struct Legend {
    entries: Vec<(Entry, f64, usize)>,
    rows: usize,
}

/// A label and what it names: something filled with a colour, or a broken line.
pub(super) struct Entry {
    pub label: String,
    pub colour: Colour,
    pub dash: Option<Dash>,
}

impl Legend {
    /// Lays `entries` out in rows of at most `width` pixels. Entries without a label are left out.
    pub fn new(entries: impl IntoIterator<Item = (String, Colour)>, width: f64) -> Self {
        let filled = |(label, colour)| Entry {
            label,
            colour,
            dash: None,
        };
        Self::of(entries.into_iter().map(filled), width)
    }

    /// The same, with broken lines among the entries.
    pub fn of(entries: impl IntoIterator<Item = Entry>, width: f64) -> Self {
        let mut placed = Vec::new();
        let (mut x, mut row) = (0.0, 0);
        for mut entry in entries.into_iter().filter(|entry| !entry.label.is_empty()) {
            entry.label = text::fit(&entry.label, TEXT_SIZE, width - SWATCH - GAP);
            let length = SWATCH + GAP + text::width(&entry.label, TEXT_SIZE);
            if x > 0.0 && x + length > width {
                (x, row) = (0.0, row + 1);
            }
            placed.push((entry, x, row));
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
        for (entry, x, row) in &self.entries {
            let middle = top + (*row as f64 + 0.5) * ROW;
            let (from, to) = (left + x, left + x + SWATCH);
            match entry.dash {
                None => {
                    canvas.rectangle((from, middle - 4.0), (to, middle + 4.0), entry.colour)?;
                }
                Some(dash) => {
                    canvas.dashed_line(&[(from, middle), (to, middle)], entry.colour, 2.0, dash)?;
                }
            }
            canvas.text((to + GAP, middle), &entry.label, font)?;
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
        for (entry, x, _) in &legend.entries {
            assert!(
                x + SWATCH + GAP + text::width(&entry.label, TEXT_SIZE) <= 260.0,
                "{}",
                entry.label
            );
        }
        assert_eq!(Legend::new([(String::new(), INK)], 260.0).height(), 0.0);
    }
}
