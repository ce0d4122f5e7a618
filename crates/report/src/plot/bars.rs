//! Bars with error bars: our figures beside published ones.

use super::axis::{Axis, Scale};
use super::bar::Bar;
use super::canvas::{self, Align, Canvas, Font};
use super::categories::categories;
use super::error::PlotError;
use super::frame::{Frame, Header, left_margin};
use super::legend::Legend;
use super::span::Span;
use super::style::{Colour, INK, MARGIN, MUTED, NOTE_SIZE, REFERENCE, TEXT_SIZE};
use super::text;

const WIDTH: f64 = 760.0;
const THICKNESS: f64 = 18.0;
const BETWEEN: f64 = 10.0;
const UPRIGHT_HEIGHT: f64 = 280.0;
const TICKS: usize = 6;

/// Which way the bars point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orientation {
    /// To the right, labels on the left: best for long labels.
    #[default]
    Horizontal,
    /// Up, labels below.
    Vertical,
}

/// Bars in the order given, from zero.
#[derive(Clone, Debug, Default)]
pub struct BarPlot {
    /// Stands above the plot; may be empty.
    pub title: String,
    /// What is measured.
    pub value: Axis,
    /// Which way the bars point.
    pub orientation: Orientation,
    /// The bars.
    pub bars: Vec<Bar>,
}

impl BarPlot {
    /// The picture.
    ///
    /// # Errors
    /// If there is no bar, if a value or an error is not finite, or if an error is negative.
    pub fn svg(&self) -> Result<String, PlotError> {
        self.check()?;
        let ends = self
            .bars
            .iter()
            .flat_map(|bar| [0.0, bar.value, bar.high(), bar.low()]);
        let span = Span::round(ends, Scale::Linear, TICKS).ok_or_else(|| PlotError::Empty {
            title: self.title.clone(),
            expected: "bar",
        })?;
        let families = self.families();
        // A family of one bar is named by that.
        let told = families.iter().filter(|family| {
            let own = self.bars.iter().filter(|bar| bar.family == family.name);
            families.len() > 1 && (family.reference || own.count() > 1)
        });
        let entries = told.map(|family| (family.name.to_owned(), family.colour));
        let legend = Legend::new(entries, WIDTH - 2.0 * MARGIN);
        let with_errors = self.bars.iter().any(|bar| bar.error.is_some());
        let note = if with_errors {
            "error bars: ± one standard deviation"
        } else {
            ""
        };
        let header = Header {
            title: &self.title,
            note,
            legend,
        };
        match self.orientation {
            Orientation::Horizontal => self.horizontal(&header, &span),
            Orientation::Vertical => self.vertical(&header, &span),
        }
    }

    fn horizontal(&self, header: &Header<'_>, span: &Span) -> Result<String, PlotError> {
        let labels: Vec<_> = self
            .bars
            .iter()
            .map(|bar| text::fit(&bar.label, TEXT_SIZE, WIDTH * 0.35))
            .collect();
        let figures = self
            .bars
            .iter()
            .map(|bar| text::width(&bar.figure(), NOTE_SIZE))
            .fold(0.0, f64::max);
        let top = header.bottom();
        let frame = Frame {
            // Labels are set larger than ticks.
            left: left_margin(labels.iter().map(String::as_str), "") * TEXT_SIZE
                / super::style::TICK_SIZE,
            top,
            right: WIDTH - MARGIN - figures - 8.0,
            bottom: top + self.bars.len() as f64 * (THICKNESS + BETWEEN) + BETWEEN,
        };
        canvas::draw(WIDTH, frame.bottom + 46.0, &self.description(), |canvas| {
            header.draw(canvas, WIDTH)?;
            frame.draw_x_ticks(canvas, span, &span.ticks(TICKS))?;
            frame.name_x(canvas, &self.value.text(), 31.0)?;
            let foot = frame.x(span, 0.0);
            for (index, (bar, label)) in self.bars.iter().zip(&labels).enumerate() {
                let upper = frame.top + BETWEEN + index as f64 * (THICKNESS + BETWEEN);
                let middle = upper + THICKNESS / 2.0;
                let end = frame.x(span, bar.value);
                let colour = self.colour(bar);
                canvas.rectangle(
                    (foot.min(end), upper),
                    (foot.max(end), upper + THICKNESS),
                    colour,
                )?;
                if bar.error.is_some() {
                    let (low, high) = (frame.x(span, bar.low()), frame.x(span, bar.high()));
                    whisker(canvas, (low, middle), (high, middle))?;
                }
                canvas.text(
                    (frame.left - 9.0, middle),
                    label,
                    Font::new(TEXT_SIZE, INK, Align::Right),
                )?;
                let row = (
                    (MARGIN, upper - BETWEEN / 2.0),
                    (WIDTH, upper + THICKNESS + BETWEEN / 2.0),
                );
                canvas.tip(row.0, row.1, &self.says(bar));
                let after = frame.x(span, bar.high().max(0.0)) + 7.0;
                canvas.text(
                    (after, middle),
                    &bar.figure(),
                    Font::new(NOTE_SIZE, MUTED, Align::Left),
                )?;
            }
            canvas.line(&[(foot, frame.top), (foot, frame.bottom)], INK, 1.0)
        })
    }

    fn vertical(&self, header: &Header<'_>, span: &Span) -> Result<String, PlotError> {
        let ticks = span.ticks(TICKS);
        let top = header.bottom() + 8.0;
        let frame = Frame {
            left: left_margin(
                ticks.iter().map(|tick| tick.label.as_str()),
                &self.value.text(),
            ),
            top,
            right: WIDTH - MARGIN,
            bottom: top + UPRIGHT_HEIGHT,
        };
        let pitch = (frame.right - frame.left) / self.bars.len() as f64;
        let half = (pitch * 0.34).min(30.0);
        // Labels lie flat where they have room and stand upright where they do not.
        let widest = self
            .bars
            .iter()
            .map(|bar| text::width(&bar.label, TEXT_SIZE))
            .fold(0.0, f64::max);
        let flat = widest <= pitch - 6.0;
        let below = if flat { 30.0 } else { widest.min(170.0) + 26.0 };
        canvas::draw(WIDTH, frame.bottom + below, &self.description(), |canvas| {
            header.draw(canvas, WIDTH)?;
            frame.draw_y_ticks(canvas, span, &ticks)?;
            frame.name_y(canvas, &self.value.text())?;
            let foot = frame.y(span, 0.0);
            for (index, bar) in self.bars.iter().enumerate() {
                let middle = frame.left + (index as f64 + 0.5) * pitch;
                let end = frame.y(span, bar.value);
                canvas.rectangle(
                    (middle - half, foot.min(end)),
                    (middle + half, foot.max(end)),
                    self.colour(bar),
                )?;
                if bar.error.is_some() {
                    let (low, high) = (frame.y(span, bar.low()), frame.y(span, bar.high()));
                    whisker(canvas, (middle, low), (middle, high))?;
                }
                canvas.tip(
                    (middle - half, frame.top),
                    (middle + half, frame.bottom),
                    &self.says(bar),
                );
                let label = text::fit(&bar.label, TEXT_SIZE, if flat { pitch } else { 170.0 });
                let align = if flat { Align::Centre } else { Align::Right };
                let font = Font {
                    upwards: !flat,
                    ..Font::new(TEXT_SIZE, INK, align)
                };
                canvas.text(
                    (middle, frame.bottom + if flat { 14.0 } else { 9.0 }),
                    &label,
                    font,
                )?;
                if text::width(&bar.figure(), NOTE_SIZE) <= pitch - 2.0 {
                    let above = frame.y(span, bar.high().max(0.0)) - 9.0;
                    canvas.text(
                        (middle, above),
                        &bar.figure(),
                        Font::new(NOTE_SIZE, MUTED, Align::Centre),
                    )?;
                }
            }
            canvas.line(&[(frame.left, foot), (frame.right, foot)], INK, 1.0)
        })
    }

    /// What a bar says.
    fn says(&self, bar: &Bar) -> String {
        let family = match bar.family.as_str() {
            family if bar.label.starts_with(family) => String::new(),
            family => format!(", {family}"),
        };
        let unit = &self.value.unit;
        let figure = format!("{}: {} {unit}", bar.label, bar.figure());
        format!("{}{family}", figure.trim_end())
    }

    /// What a screen reader says: every bar.
    fn description(&self) -> String {
        let bars = self.bars.iter().map(|bar| format!(" {}.", self.says(bar)));
        let title = text::before(&self.title, ": ");
        format!("{title}{}.{}", self.value.text(), bars.collect::<String>())
    }

    /// In the order in which they first appear.
    fn families(&self) -> Vec<Family<'_>> {
        let mut firsts: Vec<&Bar> = Vec::new();
        for bar in &self.bars {
            if firsts.iter().all(|first| first.family != bar.family) {
                firsts.push(bar);
            }
        }
        let own = firsts.iter().filter(|bar| !bar.reference);
        let mut colours = categories(own.map(|bar| bar.family.as_str())).into_iter();
        let firsts = firsts.into_iter().map(|bar| Family {
            name: &bar.family,
            reference: bar.reference,
            colour: if bar.reference {
                REFERENCE
            } else {
                colours.next().unwrap_or(REFERENCE)
            },
        });
        firsts.collect()
    }

    fn colour(&self, bar: &Bar) -> Colour {
        let mut families = self.families().into_iter();
        let own = families.find(|family| family.name == bar.family);
        own.map_or(REFERENCE, |family| family.colour)
    }

    fn check(&self) -> Result<(), PlotError> {
        for bar in &self.bars {
            let refuse = |part: &str, value, expected| PlotError::Value {
                title: self.title.clone(),
                what: format!("the {part} of bar \"{}\"", bar.label),
                value,
                expected,
            };
            if !bar.value.is_finite() {
                return Err(refuse("value", bar.value, "a finite number"));
            }
            if let Some(error) = bar.error.filter(|error| !error.is_finite() || *error < 0.0) {
                return Err(refuse("error", error, "a finite number, not negative"));
            }
        }
        if self.bars.is_empty() {
            return Err(PlotError::Empty {
                title: self.title.clone(),
                expected: "bar",
            });
        }
        Ok(())
    }
}

/// Bars that share a colour.
struct Family<'a> {
    name: &'a str,
    reference: bool,
    colour: Colour,
}

/// A thin line with a crossbar at either end.
fn whisker(canvas: &Canvas<'_>, from: (f64, f64), to: (f64, f64)) -> Result<(), PlotError> {
    canvas.line(&[from, to], INK, 1.3)?;
    let (across_x, across_y) = if from.1 == to.1 {
        (0.0, 4.0)
    } else {
        (4.0, 0.0)
    };
    for (x, y) in [from, to] {
        canvas.line(
            &[(x - across_x, y - across_y), (x + across_x, y + across_y)],
            INK,
            1.3,
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot() -> BarPlot {
        let bar = |label: &str, value, error, family: &str| Bar {
            label: label.to_owned(),
            value,
            error,
            figure: String::new(),
            family: family.to_owned(),
            reference: family == "as cited",
        };
        BarPlot {
            title: "bAbI".to_owned(),
            value: Axis::new("mean error", "%"),
            bars: vec![
                bar("mnm-p", 0.6, Some(0.7), "measured here"),
                bar("DNC", 12.8, Some(4.7), "as cited"),
                bar("LSTM", 27.0, None, "as cited"),
            ],
            ..BarPlot::default()
        }
    }

    #[test]
    fn both_orientations_show_every_bar_and_its_figure() {
        for orientation in [Orientation::Horizontal, Orientation::Vertical] {
            let svg = BarPlot {
                orientation,
                ..plot()
            }
            .svg()
            .unwrap();
            for text in [
                "mnm-p",
                "DNC",
                "LSTM",
                "as cited",
                "mean error [%]",
                "12.8 ± 4.7",
                "27",
                "standard",
            ] {
                assert!(svg.contains(text), "{text}: {svg}");
            }
            let said = "<title>DNC: 12.8 ± 4.7 %, as cited</title>";
            assert!(
                svg.contains(said) && svg.contains("aria-label=\"bAbI: mean error [%]. mnm-p: 0.6")
            );
            let own = svg.matches("#7433F0").count();
            let grey = svg.matches("#8A949E").count();
            assert_eq!((own, grey), (1, 3), "bars, and the swatch of several");
            assert!(!svg.contains("\nmeasured here"), "one bar says it itself");
        }
    }

    #[test]
    fn one_family_needs_no_legend() {
        let mut plot = plot();
        plot.bars.truncate(1);
        assert!(!plot.svg().unwrap().contains("\nmeasured here"));
    }

    #[test]
    fn a_bar_without_a_number_is_named() {
        let mut plot = plot();
        plot.bars[1].value = f64::NAN;
        let error = plot.svg().unwrap_err();
        assert_eq!(
            error.to_string(),
            "plot \"bAbI\": the value of bar \"DNC\" is NaN; expected a finite number"
        );
        plot.bars[1] = Bar {
            error: Some(-1.0),
            ..Bar::default()
        };
        assert!(matches!(
            plot.svg(),
            Err(PlotError::Value { value: -1.0, .. })
        ));
        plot.bars.clear();
        assert!(matches!(plot.svg(), Err(PlotError::Empty { .. })));
    }
}
