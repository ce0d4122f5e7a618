//! A page on which shapes are put, in pixels from the upper left corner.
//!
//! plotters rounds coordinates to whole units, which shows as steps in a curve; a unit here is a tenth of a pixel, and
//! the SVG's `viewBox` scales it back.

use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::error::PlotError;
use super::style::{BACKGROUND, Colour, Dash, INK};
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

pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
}

/// An SVG of `width` by `height` pixels that `paint` fills; `description` is what a screen reader says.
pub(super) fn draw(
    width: f64,
    height: f64,
    description: &str,
    paint: impl FnOnce(&Canvas<'_>) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    let (width, height) = (width.ceil(), height.ceil());
    let mut svg = String::new();
    {
        let units = ((width * FINE) as u32, (height * FINE) as u32);
        let canvas = Canvas {
            area: SVGBackend::with_string(&mut svg, units).into_drawing_area(),
        };
        canvas.rectangle((0.0, 0.0), (width, height), BACKGROUND)?;
        paint(&canvas)?;
        canvas.area.present().map_err(failed)?;
    }
    let body = svg.split_once('>').map(|(_, body)| body);
    let body =
        body.ok_or_else(|| PlotError::Drawing("the SVG writer wrote no root element".to_owned()))?;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" \
         role=\"img\" aria-label=\"{}\" stroke-linejoin=\"round\">{body}",
        width * FINE,
        height * FINE,
        text::escape(description),
    ))
}

impl Canvas<'_> {
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
            canvas.line(&[(0.0, 0.0), (1.25, 3.0)], INK, 1.5)
        });
        let svg = svg.unwrap();
        assert!(
            svg.starts_with(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"51\""
            ),
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
    }
}
