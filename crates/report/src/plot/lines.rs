//! Learning curves: a line for each group of seeds, and a band from the worst seed to the best.

use super::axis::{Axis, Scale};
use super::canvas::{self, Canvas};
use super::categories::categories;
use super::colour_map::ColourMap;
use super::digits::three_digits;
use super::error::PlotError;
use super::frame::{Frame, Header, left_margin};
use super::legend::{Entry, Legend};
use super::series::Group;
use super::span::Span;
use super::spread::{Spread, spread};
use super::style::{Colour, Dash, INK, MARGIN, reference};
use super::text;

const WIDTH: f64 = 760.0;
const DATA_HEIGHT: f64 = 300.0;
const TICKS: usize = 6;
/// More curves than this are drawn thinner.
const MANY: usize = 12;
/// Of one band; more than six share what six have, so that lines stay visible through them.
const BAND_OPACITY: f64 = 0.18;
/// Points of a curve, about, that say their numbers.
const TIPS: usize = 40;
/// How far from such a point the pointer may be.
const REACH: f64 = 6.0;

/// How lines are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// Colours that are easily told apart: a model's own, and others for what is no model. They repeat after fifteen groups.
    #[default]
    Categorical,
    /// From dark to bright in the order of the groups: for ranks, such as singular values.
    Ordered,
}

/// Curves over a common horizontal axis.
///
/// A group with several series is drawn as their median with a band from their minimum to their maximum.
#[derive(Clone, Debug, Default)]
pub struct LinePlot {
    /// Stands above the plot; may be empty.
    pub title: String,
    /// The horizontal axis, always linear.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// How the vertical axis is spread.
    pub y_scale: Scale,
    /// How groups are coloured.
    pub palette: Palette,
    /// The curves.
    pub groups: Vec<Group>,
    /// Curves to compare them with, drawn broken and in greys.
    pub references: Vec<Group>,
}

struct Curve {
    label: String,
    colour: Colour,
    points: Vec<Spread>,
    band: bool,
    /// A reference's way of being broken.
    dash: Option<Dash>,
}

impl LinePlot {
    /// The picture.
    ///
    /// # Errors
    /// If no point can be shown: none is finite or, on a logarithmic scale, positive.
    pub fn svg(&self) -> Result<String, PlotError> {
        let curves: Vec<_> = self
            .groups
            .iter()
            .enumerate()
            .map(|(index, group)| self.curve(index, group))
            .chain(self.references.iter().enumerate().map(reference_curve))
            .collect();
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let empty = || PlotError::Empty {
            title: self.title.clone(),
            expected: "finite point (positive on a log scale)",
        };
        let x_span = Span::tight(points().map(|point| point.x))
            .ok_or_else(empty)?
            .reaching_zero();
        let y_values = points().flat_map(|point| [point.low, point.high]);
        let y_span = Span::round(y_values, self.y_scale, TICKS).ok_or_else(empty)?;

        let note = self.note(&curves);
        let header = Header {
            title: &self.title,
            note: &note,
            legend: Legend::of(self.legend_entries(&curves), WIDTH - 2.0 * MARGIN),
        };
        let y_ticks = y_span.ticks(TICKS);
        let top = header.bottom();
        let frame = Frame {
            left: left_margin(
                y_ticks.iter().map(|tick| tick.label.as_str()),
                &self.y.text(),
            ),
            top,
            right: WIDTH - MARGIN - 8.0,
            bottom: top + DATA_HEIGHT,
        };
        let described = self.description(&curves);
        canvas::draw(WIDTH, frame.bottom + 46.0, &described, |canvas| {
            header.draw(canvas, WIDTH)?;
            frame.draw_x_ticks(canvas, &x_span, &x_span.ticks(8))?;
            frame.draw_y_ticks(canvas, &y_span, &y_ticks)?;
            frame.name_x(canvas, &self.x.text(), 31.0)?;
            frame.name_y(canvas, &self.y.text())?;
            canvas.line(
                &[(frame.left, frame.bottom), (frame.right, frame.bottom)],
                INK,
                1.0,
            )?;
            let bands = || curves.iter().filter(|curve| curve.band);
            let opacity = BAND_OPACITY * (6.0 / bands().count() as f64).min(1.0);
            for curve in bands() {
                draw_band(canvas, &frame, &x_span, &y_span, curve, opacity)?;
            }
            // The first group lies on top.
            let width = if curves.len() > MANY { 1.3 } else { 2.0 };
            for curve in curves.iter().rev() {
                draw_line(canvas, &frame, &x_span, &y_span, curve, width)?;
                let every = curve.points.len().div_ceil(TIPS).max(1);
                for point in curve.points.iter().rev().step_by(every) {
                    let (x, y) = (frame.x(&x_span, point.x), frame.y(&y_span, point.median));
                    let corner = |by: f64| (x + by, y + by);
                    canvas.tip(corner(-REACH), corner(REACH), &self.says(curve, point));
                }
            }
            Ok(())
        })
    }

    /// How to read the picture.
    fn note(&self, curves: &[Curve]) -> String {
        let mut parts = Vec::new();
        if curves.iter().any(|curve| curve.band) {
            parts.push("line: median of the seeds; band: from the lowest to the highest");
        }
        let mut values = curves.iter().flat_map(|curve| &curve.points);
        if self.y_scale == Scale::Log && values.any(|point| point.low <= 0.0) {
            parts.push("0 lies at the foot of the logarithmic axis");
        }
        parts.join("; ")
    }

    /// What a point of a curve says.
    fn says(&self, curve: &Curve, point: &Spread) -> String {
        let [x, median, low, high] =
            [point.x, point.median, point.low, point.high].map(three_digits);
        let label = text::before(&curve.label, ": ");
        let unit = match self.y.unit.as_str() {
            "" => String::new(),
            unit => format!(" {unit}"),
        };
        let spread = if curve.band && low != high {
            format!(" ({low} to {high})")
        } else {
            String::new()
        };
        format!("{label}{median}{spread}{unit}; {} {x}", self.x.label)
    }

    /// What a screen reader says: the axes, and where every curve ends.
    fn description(&self, curves: &[Curve]) -> String {
        let title = text::before(&self.title, ". ");
        let ends = curves.iter().filter_map(|curve| {
            let point = curve.points.last()?;
            Some(format!(" {}.", self.says(curve, point)))
        });
        // Of many, those that the legend names.
        let ends: String = ends.take(MANY).collect();
        format!("{title}{} over {}.{ends}", self.y.text(), self.x.text())
    }

    fn curve(&self, index: usize, group: &Group) -> Curve {
        let band = group.series.len() > 1;
        let label = match group.series.len() {
            _ if group.label.is_empty() => String::new(),
            0 | 1 => group.label.clone(),
            seeds => format!("{} ({seeds} seeds)", group.label),
        };
        let colour = match self.palette {
            Palette::Categorical => {
                categories(self.groups.iter().map(|group| group.label.as_str()))[index]
            }
            // The bright end of the map fades on white.
            Palette::Ordered => ColourMap::Sequential
                .colour(0.88 * index as f64 / (self.groups.len().max(2) - 1) as f64),
        };
        Curve {
            label,
            colour,
            points: spread(&group.series),
            band,
            dash: None,
        }
    }

    /// All curves; of many in order, five from first to last.
    fn legend_entries(&self, curves: &[Curve]) -> Vec<Entry> {
        let entry = |curve: &Curve| Entry {
            label: curve.label.clone(),
            colour: curve.colour,
            dash: curve.dash,
        };
        match self.palette {
            Palette::Ordered if curves.len() > MANY => (0..5)
                .filter_map(|place| curves.get(place * (curves.len() - 1) / 4))
                .map(entry)
                .collect(),
            _ => curves
                .iter()
                .filter(|curve| !curve.points.is_empty())
                .map(entry)
                .collect(),
        }
    }
}

/// A reference has no seeds to tell apart: its series are seen as one.
fn reference_curve((index, group): (usize, &Group)) -> Curve {
    let (colour, dash) = reference(index);
    Curve {
        label: group.label.clone(),
        colour,
        points: spread(&group.series),
        band: false,
        dash: Some(dash),
    }
}

fn draw_band(
    canvas: &Canvas<'_>,
    frame: &Frame,
    x: &Span,
    y: &Span,
    curve: &Curve,
    opacity: f64,
) -> Result<(), PlotError> {
    let upper = curve
        .points
        .iter()
        .map(|point| (frame.x(x, point.x), frame.y(y, point.high)));
    let lower = curve
        .points
        .iter()
        .rev()
        .map(|point| (frame.x(x, point.x), frame.y(y, point.low)));
    canvas.polygon(
        &upper.chain(lower).collect::<Vec<_>>(),
        curve.colour,
        opacity,
    )
}

fn draw_line(
    canvas: &Canvas<'_>,
    frame: &Frame,
    x: &Span,
    y: &Span,
    curve: &Curve,
    width: f64,
) -> Result<(), PlotError> {
    match curve.points.as_slice() {
        [] => Ok(()),
        [point] => {
            let place = frame.x(x, point.x);
            let ends = [
                (place, frame.y(y, point.low)),
                (place, frame.y(y, point.high)),
            ];
            canvas.line(&ends, curve.colour, 1.5)?;
            canvas.dot((place, frame.y(y, point.median)), 4.0, curve.colour)
        }
        points => {
            let line: Vec<_> = points
                .iter()
                .map(|point| (frame.x(x, point.x), frame.y(y, point.median)))
                .collect();
            match curve.dash {
                Some(dash) => canvas.dashed_line(&line, curve.colour, 1.6, dash),
                None => canvas.line(&line, curve.colour, width),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::Series;

    fn plot(groups: Vec<Group>) -> LinePlot {
        LinePlot {
            title: "Validation error".to_owned(),
            x: Axis::plain("sequences seen"),
            y: Axis::new("error", "%"),
            groups,
            ..LinePlot::default()
        }
    }

    fn group(label: &str, ends: &[f64]) -> Group {
        let series = |end: &f64| Series {
            points: vec![(0.0, 80.0), (500.0, *end), (1000.0, *end / 2.0)],
        };
        Group {
            label: label.to_owned(),
            series: ends.iter().map(series).collect(),
        }
    }

    #[test]
    fn several_seeds_have_a_band_and_one_has_none() {
        let svg = plot(vec![
            group("mnm-p", &[10.0, 20.0, 30.0]),
            group("lstm", &[60.0]),
        ])
        .svg()
        .unwrap();
        assert_eq!(svg.matches("<polygon").count(), 1);
        assert!(
            svg.contains("mnm-p (3 seeds)") && svg.contains("lstm\n"),
            "{svg}"
        );
        assert!(
            svg.contains("error [%]")
                && svg.contains("sequences seen")
                && svg.contains("median of the seeds")
        );
    }

    #[test]
    fn points_say_their_numbers_and_a_screen_reader_where_curves_end() {
        let svg = plot(vec![group("mnm-p", &[10.0, 20.0, 30.0])])
            .svg()
            .unwrap();
        let said = "mnm-p (3 seeds): 10 (5 to 15) %; sequences seen 1000";
        assert!(svg.contains(&format!("<title>{said}</title>")), "{svg}");
        let label =
            format!("aria-label=\"Validation error. error [%] over sequences seen. {said}.\"");
        assert!(svg.contains(&label), "{svg}");
        assert_eq!(svg.matches("<title>").count(), 3, "one for each point");
    }

    #[test]
    fn the_median_ends_where_the_axes_say() {
        let plot = plot(vec![group("a", &[0.0])]);
        let svg = plot.svg().unwrap();
        let last = svg.rfind("<polyline").map(|start| &svg[start..]).unwrap();
        let points = last
            .split("points=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap();
        let points: Vec<(f64, f64)> = points
            .split_whitespace()
            .map(|point| {
                point
                    .split_once(',')
                    .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
                    .unwrap()
            })
            .collect();
        assert_eq!(points.len(), 3);
        // Each place is rounded to a tenth of a pixel, the unit here.
        assert!(
            (points[1].0 - (points[0].0 + points[2].0) / 2.0).abs() <= 1.0,
            "{points:?}"
        );
        assert_eq!(
            points[0].1 + 10.0 * DATA_HEIGHT,
            points[2].1,
            "80 % is the top of the axis, 0 % its bottom"
        );
    }

    #[test]
    fn a_log_scale_takes_zeros_but_not_zeros_only() {
        let mut plot = plot(vec![group("a", &[0.0])]);
        plot.y_scale = Scale::Log;
        let svg = plot.svg().unwrap();
        assert!(svg.contains("0 lies at the foot"), "{svg}");
        plot.groups = vec![Group {
            label: "a".to_owned(),
            series: vec![Series {
                points: vec![(0.0, 0.0)],
            }],
        }];
        let error = plot.svg().unwrap_err();
        assert!(
            error
                .to_string()
                .contains("\"Validation error\": there is nothing to draw"),
            "{error}"
        );
    }

    #[test]
    fn a_group_without_points_is_not_in_the_legend() {
        let absent = Group {
            label: "absent".to_owned(),
            series: vec![Series::default()],
        };
        let svg = plot(vec![absent, group("present", &[1.0])]).svg().unwrap();
        assert!(!svg.contains("absent") && svg.contains("present"));
        assert!(
            svg.contains("#4F9A00"),
            "the second group keeps its own colour"
        );
    }

    #[test]
    fn references_are_broken_lines_without_a_band() {
        let mut plot = plot(vec![group("mnm-p", &[10.0])]);
        let whole = plot.svg().unwrap();
        plot.references = vec![group("oracle", &[60.0, 70.0])];
        let svg = plot.svg().unwrap();
        assert!(svg.contains("oracle\n") && !svg.contains("<polygon"));
        let lines = |svg: &str| svg.matches("<polyline").count();
        assert!(lines(&svg) > lines(&whole) + 20, "one for each stroke");
    }

    #[test]
    fn many_ordered_lines_have_a_short_legend() {
        let mut plot = plot(
            (0..40)
                .map(|index| group(&format!("rank {index}"), &[f64::from(index)]))
                .collect(),
        );
        plot.palette = Palette::Ordered;
        let svg = plot.svg().unwrap();
        assert_eq!(svg.matches("\nrank ").count(), 5);
        assert!(svg.contains("rank 0") && svg.contains("rank 39"));
    }
}
