//! A matrix as coloured cells: for example how similar each read key is to each write key.

use ndarray::Array2;

use super::axis::{Axis, Scale};
use super::canvas::{self, Align, Canvas, Font};
use super::colour_map::ColourMap;
use super::digits::three_digits;
use super::error::PlotError;
use super::frame::{Frame, Header, left_margin};
use super::grid::{cell, coarse, places};
use super::legend::Legend;
use super::span::Span;
use super::style::{Colour, INK, MARGIN, MISSING, MUTED, TEXT_SIZE, TICK_SIZE};
use super::text;

/// Colours are rounded to this many shades, so that equal neighbours can be drawn as one.
const SHADES: f64 = 96.0;
const BAR_WIDTH: f64 = 14.0;
const COLOUR_TICKS: usize = 5;
/// Cells reach this far under the next ones: edges that only touch leave a bright seam when a viewer smooths them.
const OVERLAP: f64 = 0.7;
/// Of more cells than this, none says its number: the picture would be mostly that.
const TIPS: usize = 1600;

/// Cells in the order of the matrix: row 0 on top, column 0 on the left. Rows and columns count from 1.
#[derive(Clone, Debug, Default)]
pub struct HeatMap {
    /// Stands above the plot; may be empty.
    pub title: String,
    /// What the columns are.
    pub x: Axis,
    /// What the rows are.
    pub y: Axis,
    /// What the colours are.
    pub value: Axis,
    /// One number for each cell, [rows, columns]. NaN is drawn grey.
    pub values: Array2<f64>,
    /// The numbers at either end of the colours; None takes the values' own, symmetric about zero for
    /// [`ColourMap::Diverging`].
    pub range: Option<(f64, f64)>,
    /// How numbers become colours.
    pub colours: ColourMap,
    /// A name for each row; empty for numbers.
    pub row_labels: Vec<String>,
    /// A name for each column; empty for numbers.
    pub column_labels: Vec<String>,
}

impl HeatMap {
    /// The picture.
    ///
    /// # Errors
    /// If no value is finite, if the range is not two finite numbers in order, or if there are labels, but not one for
    /// each row or column.
    pub fn svg(&self) -> Result<String, PlotError> {
        let span = self.span()?;
        let (rows, columns) = self.values.dim();
        check_labels(&self.title, "row", &self.row_labels, rows)?;
        check_labels(&self.title, "column", &self.column_labels, columns)?;

        let (width, height) = cell(rows, columns);
        let row_ticks = places(&self.row_labels, rows, height, TICK_SIZE + 2.0);
        let column_ticks = places(&self.column_labels, columns, width, TICK_SIZE + 2.0);
        let upright = column_ticks
            .iter()
            .any(|(_, label)| text::width(label, TICK_SIZE) > 26.0);
        let below = if upright {
            column_ticks
                .iter()
                .map(|(_, label)| text::width(label, TICK_SIZE))
                .fold(0.0, f64::max)
                + 6.0
        } else {
            18.0
        };

        let header = Header {
            title: &self.title,
            note: "",
            legend: Legend::new([], 0.0),
        };
        let top = header.bottom();
        let left = left_margin(
            row_ticks.iter().map(|(_, label)| label.as_str()),
            &self.y.text(),
        );
        let frame = Frame {
            left,
            top,
            right: left + columns as f64 * width,
            bottom: top + rows as f64 * height,
        };
        let bar = Frame {
            left: frame.right + 26.0,
            top,
            right: frame.right + 26.0 + BAR_WIDTH,
            bottom: frame.bottom.max(top + 110.0),
        };
        let page_width = (bar.right + beside(&span) + 8.0 + MARGIN)
            .max(text::width(&self.title, 16.0) + 2.0 * MARGIN);
        let page_height = (frame.bottom + below + 26.0).max(bar.bottom + 16.0);
        canvas::draw(
            page_width,
            page_height,
            &self.description(&span),
            |canvas| {
                header.draw(canvas, page_width)?;
                self.draw_cells(canvas, &frame, &span)?;
                if rows * columns <= TIPS {
                    self.add_tips(canvas, &frame, (width, height));
                }
                for (row, label) in &row_ticks {
                    let y = frame.top + (*row as f64 + 0.5) * height;
                    canvas.text(
                        (frame.left - 6.0, y),
                        label,
                        Font::new(TICK_SIZE, MUTED, Align::Right),
                    )?;
                }
                for (column, label) in &column_ticks {
                    let x = frame.left + (*column as f64 + 0.5) * width;
                    let align = if upright { Align::Right } else { Align::Centre };
                    let font = Font {
                        upwards: upright,
                        ..Font::new(TICK_SIZE, MUTED, align)
                    };
                    canvas.text(
                        (x, frame.bottom + if upright { 6.0 } else { 11.0 }),
                        label,
                        font,
                    )?;
                }
                frame.name_x(canvas, &self.x.text(), below + 12.0)?;
                frame.name_y(canvas, &self.y.text())?;
                self.draw_colour_bar(canvas, &bar, &span)
            },
        )
    }

    fn span(&self) -> Result<Span, PlotError> {
        let finite = Span::tight(self.values.iter().copied()).ok_or_else(|| PlotError::Empty {
            title: self.title.clone(),
            expected: "finite cell",
        })?;
        match self.range {
            Some((low, high)) if low.is_finite() && high.is_finite() && low < high => Ok(Span {
                low,
                high,
                scale: Scale::Linear,
            }),
            Some((low, high)) => Err(PlotError::Value {
                title: self.title.clone(),
                what: format!("the range's end ({low} to {high})"),
                value: high,
                expected: "a finite number above the range's start",
            }),
            None if self.colours == ColourMap::Diverging => {
                let reach = finite.low.abs().max(finite.high.abs());
                Ok(Span {
                    low: -reach,
                    high: reach,
                    scale: Scale::Linear,
                })
            }
            None => Ok(finite),
        }
    }

    /// Every cell says where it is and its number.
    fn add_tips(&self, canvas: &Canvas<'_>, frame: &Frame, (width, height): (f64, f64)) {
        let name = |labels: &[String], axis: &Axis, place: usize| match labels.get(place) {
            Some(label) => format!("{} {label}", axis.label).trim().to_owned(),
            None => format!("{} {}", axis.label, place + 1).trim().to_owned(),
        };
        for ((row, column), value) in self.values.indexed_iter().filter(|(_, v)| v.is_finite()) {
            let corner = (
                frame.left + column as f64 * width,
                frame.top + row as f64 * height,
            );
            let words = format!(
                "{}, {}: {} {}",
                name(&self.row_labels, &self.y, row),
                name(&self.column_labels, &self.x, column),
                self.value.text(),
                three_digits(*value)
            );
            canvas.tip(corner, (corner.0 + width, corner.1 + height), &words);
        }
    }

    /// What a screen reader says.
    fn description(&self, span: &Span) -> String {
        let title = text::before(&self.title, ". ");
        let (rows, columns) = self.values.dim();
        let of = |axis: &Axis, count: usize| format!("{count} {}", axis.label).trim().to_owned();
        format!(
            "{title}{} as colours from {} to {}; rows: {}; columns: {}.",
            self.value.text(),
            three_digits(span.low),
            three_digits(span.high),
            of(&self.y, rows),
            of(&self.x, columns)
        )
    }

    /// One rectangle for each stretch of equal colour in a row.
    fn draw_cells(&self, canvas: &Canvas<'_>, frame: &Frame, span: &Span) -> Result<(), PlotError> {
        let cells = coarse(&self.values);
        let (rows, columns) = cells.dim();
        let x = |column: usize| {
            frame.left + (frame.right - frame.left) * column as f64 / columns as f64
        };
        let y = |row: usize| frame.top + (frame.bottom - frame.top) * row as f64 / rows as f64;
        for (row, values) in cells.rows().into_iter().enumerate() {
            let shades: Vec<_> = values
                .iter()
                .map(|value| self.shade(span, *value))
                .collect();
            let mut column = 0;
            for stretch in shades.chunk_by(|one, other| one == other) {
                let from = (x(column), y(row));
                let to = (
                    (x(column + stretch.len()) + OVERLAP).min(frame.right),
                    (y(row + 1) + OVERLAP).min(frame.bottom),
                );
                if let Some(colour) = stretch.first() {
                    canvas.rectangle(from, to, *colour)?;
                }
                column += stretch.len();
            }
        }
        Ok(())
    }

    fn shade(&self, span: &Span, value: f64) -> Colour {
        if value.is_nan() {
            return MISSING;
        }
        self.colours
            .colour((span.fraction(value) * SHADES).round() / SHADES)
    }

    fn draw_colour_bar(
        &self,
        canvas: &Canvas<'_>,
        bar: &Frame,
        span: &Span,
    ) -> Result<(), PlotError> {
        let steps = SHADES as usize;
        let y = |step: usize| bar.bottom - (bar.bottom - bar.top) * step as f64 / steps as f64;
        for step in 0..steps {
            let colour = self.colours.colour((step as f64 + 0.5) / SHADES);
            canvas.rectangle(
                (bar.left, (y(step + 1) - OVERLAP).max(bar.top)),
                (bar.right, y(step)),
                colour,
            )?;
        }
        for tick in span.ticks(COLOUR_TICKS) {
            let y = bar.y(span, tick.value);
            canvas.line(&[(bar.right, y), (bar.right + 4.0, y)], MUTED, 1.0)?;
            canvas.text(
                (bar.right + 8.0, y),
                &tick.label,
                Font::new(TICK_SIZE, MUTED, Align::Left),
            )?;
        }
        let font = Font {
            upwards: true,
            ..Font::new(TEXT_SIZE, INK, Align::Centre)
        };
        canvas.text(
            (bar.right + beside(span), bar.middle().1),
            &self.value.text(),
            font,
        )
    }
}

/// Where the name of the colours stands, in pixels right of their bar.
fn beside(span: &Span) -> f64 {
    let ticks = span.ticks(COLOUR_TICKS);
    ticks
        .iter()
        .map(|tick| text::width(&tick.label, TICK_SIZE))
        .fold(0.0, f64::max)
        + 20.0
}

fn check_labels(
    title: &str,
    what: &'static str,
    labels: &[String],
    expected: usize,
) -> Result<(), PlotError> {
    if labels.is_empty() || labels.len() == expected {
        return Ok(());
    }
    Err(PlotError::Labels {
        title: title.to_owned(),
        what,
        labels: labels.len(),
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn map(values: Array2<f64>) -> HeatMap {
        HeatMap {
            title: "similarity".to_owned(),
            x: Axis::plain("write step"),
            values,
            ..HeatMap::default()
        }
    }

    #[test]
    fn equal_neighbours_are_one_rectangle() {
        let stripes = |values: Array2<f64>| {
            let svg = map(values).svg().unwrap();
            svg.matches("#FDE725").count() + svg.matches("#440154").count()
        };
        // The colour bar has neither end's colour itself.
        assert_eq!(stripes(array![[0.0, 0.0, 1.0], [1.0, 1.0, 1.0]]), 3);
        assert_eq!(stripes(array![[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]), 6);
    }

    #[test]
    fn a_diverging_map_is_white_at_zero_and_nan_is_grey() {
        let map = HeatMap {
            colours: ColourMap::Diverging,
            ..map(array![[0.0, -1.0, f64::NAN]])
        };
        let svg = map.svg().unwrap();
        for colour in ["#F7F7F7", "#2166AC", "#D0D4D8"] {
            assert!(svg.contains(colour), "{colour}");
        }
    }

    #[test]
    fn a_cell_says_its_number_where_they_are_not_too_many() {
        let map = HeatMap {
            y: Axis::plain("read at step"),
            value: Axis::plain("cosine"),
            ..map(array![[0.0, 0.125], [f64::NAN, 1.0]])
        };
        let svg = map.svg().unwrap();
        let tip = "<title>read at step 1, write step 2: cosine 0.125</title>";
        assert!(
            svg.contains(tip) && svg.matches("<title>").count() == 3,
            "{svg}"
        );
        assert!(svg.contains("cosine as colours from 0 to 1"), "{svg}");
        let named = HeatMap {
            row_labels: ["1 a", "2 b"].map(str::to_owned).to_vec(),
            ..map.clone()
        };
        let tip = "<title>read at step 1 a, write step 2: cosine 0.125</title>";
        assert!(named.svg().unwrap().contains(tip));
        let large = HeatMap {
            values: Array2::zeros((41, 40)),
            range: Some((0.0, 1.0)),
            ..map
        };
        assert!(!large.svg().unwrap().contains("<title>"));
    }

    #[test]
    fn labels_must_be_as_many_as_rows() {
        let map = HeatMap {
            row_labels: vec!["a".to_owned()],
            ..map(array![[0.0], [1.0]])
        };
        assert_eq!(
            map.svg().unwrap_err().to_string(),
            "plot \"similarity\": 1 row labels for 2; expected one each, or none"
        );
    }

    #[test]
    fn refuses_empty_matrices_and_ranges() {
        assert!(matches!(
            map(Array2::zeros((0, 4))).svg(),
            Err(PlotError::Empty { .. })
        ));
        assert!(matches!(
            map(array![[f64::NAN]]).svg(),
            Err(PlotError::Empty { .. })
        ));
        let map = HeatMap {
            range: Some((1.0, 1.0)),
            ..map(array![[1.0]])
        };
        assert!(matches!(map.svg(), Err(PlotError::Value { .. })));
    }
}
