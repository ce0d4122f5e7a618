//! A page on which shapes are put, in pixels from the upper left corner.
//!
//! plotters rounds coordinates to whole units, which shows as steps in a curve; a unit here is a tenth of a pixel, and
//! the SVG's `viewBox` scales it back.

use std::cell::RefCell;
use std::fmt::Write;

use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::error::PlotError;
use super::style::{BACKGROUND, Colour, Dash, INK, in_the_dark};
use super::text;

/// Units a pixel.
const FINE: f64 = 10.0;
const FONT: &str = "Helvetica, Arial, sans-serif";

/// How text sits on its point.
#[derive(Clone, Copy)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

/// How text looks. It is centred vertically on its point.
#[derive(Clone, Copy)]
pub(super) struct Font {
    pub size: f64,
    pub colour: Colour,
    pub align: Align,
    pub bold: bool,
    /// Reading upwards, turned about its point.
    pub upwards: bool,
}

impl Font {
    pub fn new(size: f64, colour: Colour, align: Align) -> Self {
        Self {
            size,
            colour,
            align,
            bold: false,
            upwards: false,
        }
    }

    pub fn title() -> Self {
        Self {
            bold: true,
            ..Self::new(super::style::TITLE_SIZE, INK, Align::Left)
        }
    }
}

/// The share of its own size below which a picture is not shrunk on a page: its text would be too small to read.
pub(super) const LEAST_SCALE: f64 = 0.85;

pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
    /// Invisible shapes over the others, with what they say where the pointer rests on them.
    tips: RefCell<String>,
}

/// An SVG of `width` by `height` pixels that `paint` fills; `description` is what a screen reader says. It follows the reader's
/// choice of light or dark.
pub(super) fn draw(
    width: f64,
    height: f64,
    description: &str,
    paint: impl FnOnce(&Canvas<'_>) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    let (width, height) = (width.ceil(), height.ceil());
    let mut svg = String::new();
    let tips = {
        let units = ((width * FINE) as u32, (height * FINE) as u32);
        let canvas = Canvas {
            area: SVGBackend::with_string(&mut svg, units).into_drawing_area(),
            tips: RefCell::default(),
        };
        canvas.rectangle((0.0, 0.0), (width, height), BACKGROUND)?;
        paint(&canvas)?;
        canvas.area.present().map_err(failed)?;
        canvas.tips.take()
    };
    let body = svg.split_once('>').map(|(_, body)| body.trim_end());
    let body = body
        .and_then(|body| body.strip_suffix("</svg>"))
        .ok_or_else(|| PlotError::Drawing("the SVG writer wrote no root element".to_owned()))?;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {} {}\" style=\"--least:{:.0}px\" role=\"img\" aria-label=\"{}\" stroke-linejoin=\"round\">\n\
         <style>{}</style>{body}",
        width * FINE,
        height * FINE,
        width * LEAST_SCALE,
        text::escape(description),
        in_the_dark("plot", body),
    );
    if !tips.is_empty() {
        // Formatting into a string cannot fail.
        let _ = writeln!(svg, "<g fill=\"none\" pointer-events=\"all\">\n{tips}</g>");
    }
    Ok(svg + "</svg>\n")
}

impl Canvas<'_> {
    /// Has the picture say `words` where the pointer rests between these corners.
    pub fn tip(&self, from: (f64, f64), to: (f64, f64), words: &str) {
        let (left, top) = units((from.0.min(to.0), from.1.min(to.1)));
        let (right, bottom) = units((from.0.max(to.0), from.1.max(to.1)));
        let _ = writeln!(
            self.tips.borrow_mut(),
            "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\"><title>{}</title></rect>",
            right - left,
            bottom - top,
            text::escape(words),
        );
    }

    pub fn rectangle(
        &self,
        from: (f64, f64),
        to: (f64, f64),
        colour: Colour,
    ) -> Result<(), PlotError> {
        let style = rgb(colour).filled();
        self.area
            .draw(&Rectangle::new([units(from), units(to)], style))
            .map_err(failed)
    }

    pub fn line(&self, points: &[(f64, f64)], colour: Colour, width: f64) -> Result<(), PlotError> {
        let style = rgb(colour).stroke_width((width * FINE).round() as u32);
        let points: Vec<_> = points.iter().copied().map(units).collect();
        self.area
            .draw(&PathElement::new(points, style))
            .map_err(failed)
    }

    pub fn dashed_line(
        &self,
        points: &[(f64, f64)],
        colour: Colour,
        width: f64,
        dash: Dash,
    ) -> Result<(), PlotError> {
        let style = rgb(colour).stroke_width((width * FINE).round() as u32);
        let points: Vec<_> = points.iter().copied().map(units).collect();
        let [stroke, gap] = [dash.stroke, dash.gap].map(|length| (length * FINE).round() as u32);
        let element = DashedPathElement::new(points.iter().copied(), stroke, gap, style);
        self.area.draw(&element).map_err(failed)
    }

    pub fn polygon(
        &self,
        points: &[(f64, f64)],
        colour: Colour,
        opacity: f64,
    ) -> Result<(), PlotError> {
        let points: Vec<_> = points.iter().copied().map(units).collect();
        self.area
            .draw(&Polygon::new(points, rgb(colour).mix(opacity).filled()))
            .map_err(failed)
    }

    pub fn dot(&self, centre: (f64, f64), radius: f64, colour: Colour) -> Result<(), PlotError> {
        let radius = (radius * FINE).round() as i32;
        self.area
            .draw(&Circle::new(units(centre), radius, rgb(colour).filled()))
            .map_err(failed)
    }

    pub fn text(&self, at: (f64, f64), value: &str, font: Font) -> Result<(), PlotError> {
        let horizontal = match font.align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let style = if font.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        // The backend divides every font size by 1.24.
        let family = FontDesc::new(FontFamily::Name(FONT), font.size * FINE * 1.24, style);
        let turn = if font.upwards {
            FontTransform::Rotate270
        } else {
            FontTransform::None
        };
        let colour = rgb(font.colour);
        let style = TextStyle::from(family.transform(turn))
            .color(&colour)
            .pos(Pos::new(horizontal, VPos::Center));
        self.area
            .draw(&Text::new(text::clean(value), units(at), style))
            .map_err(failed)
    }
}

fn units((x, y): (f64, f64)) -> (i32, i32) {
    ((x * FINE).round() as i32, (y * FINE).round() as i32)
}

fn rgb([red, green, blue]: Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

fn failed(error: DrawingAreaErrorKind<std::io::Error>) -> PlotError {
    PlotError::Drawing(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_one_svg_element_with_escaped_text() {
        let svg = draw(100.0, 50.5, "a <b>", |canvas| {
            canvas.text(
                (1.0, 2.0),
                "x < y & \u{1}z",
                Font::new(12.0, INK, Align::Left),
            )?;
            canvas.tip((5.0, 9.0), (1.0, 2.0), "a < b");
            canvas.line(&[(0.0, 0.0), (1.25, 3.0)], INK, 1.5)
        });
        let svg = svg.unwrap();
        assert!(
            svg.starts_with("<svg xmlns") && svg.contains("width=\"100\" height=\"51\""),
            "{svg}"
        );
        assert!(
            svg.trim_end().ends_with("</svg>") && svg.matches("<svg").count() == 1,
            "{svg}"
        );
        assert!(
            svg.contains("aria-label=\"a &lt;b&gt;\"") && svg.contains("x &lt; y &amp; z"),
            "{svg}"
        );
        assert!(
            svg.contains("font-size=\"120") && svg.contains("stroke-width=\"15\""),
            "{svg}"
        );
        let tip =
            "<rect x=\"10\" y=\"20\" width=\"40\" height=\"70\"><title>a &lt; b</title></rect>";
        assert!(svg.contains(tip), "{svg}");
        assert!(svg.contains("prefers-color-scheme:dark"), "{svg}");
    }
}
