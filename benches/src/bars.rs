//! The comparison as bars: time of a step above, peak memory below, one column a shape.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde_json::Value;

/// Size of one panel, in pixels.
const PANEL: (u32, u32) = (520, 300);

/// Ours first, then the peers in the order of the table; told apart without colour vision too.
const COLOURS: [RGBColor; 4] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(213, 94, 0),
    RGBColor(130, 130, 130),
];

/// One program's measurement on one shape with one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The shape's letter.
    pub shape: String,
    /// The write rule.
    pub rule: String,
    /// The program.
    pub program: String,
    /// The time of a step, in seconds.
    pub step_s: f64,
    /// The peak of memory, in MiB.
    pub rss_mib: f64,
}

/// The rows of a `summary.json` of `cargo xtask bench --peers`.
///
/// # Errors
/// If the text is not such a file; the message says what is missing.
pub fn rows(text: &str) -> Result<Vec<Row>, String> {
    let summary: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let rows = summary["rows"]
        .as_array()
        .ok_or("it has no list \"rows\"")?;
    let row = |row: &Value| {
        let text = |key: &str| {
            let text = row[key].as_str().map(str::to_owned);
            text.ok_or_else(|| format!("a row has no text {key:?}: {row}"))
        };
        let number = |key: &str| {
            let number = row[key].as_f64();
            number.ok_or_else(|| format!("a row has no number {key:?}: {row}"))
        };
        Ok(Row {
            shape: text("shape")?,
            rule: text("rule")?,
            program: text("program")?,
            step_s: number("step_s")?,
            rss_mib: number("rss_mib")?,
        })
    };
    rows.iter().map(row).collect()
}

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Writes the picture as SVG.
///
/// # Errors
/// If there are no rows, or the picture cannot be drawn or written.
pub fn draw(rows: &[Row], path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    if rows.is_empty() {
        return Err("there are no rows to draw".into());
    }
    let mut shapes: Vec<&str> = rows.iter().map(|row| row.shape.as_str()).collect();
    shapes.dedup();
    let size = (PANEL.0 * shapes.len() as u32, 2 * PANEL.1);
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    root.fill(&WHITE)?;
    for (place, area) in root.split_evenly((2, shapes.len())).iter().enumerate() {
        let shape = shapes[place % shapes.len()];
        let rows: Vec<&Row> = rows.iter().filter(|row| row.shape == shape).collect();
        if place < shapes.len() {
            let bars: Vec<f64> = rows.iter().map(|row| row.step_s * 1e3).collect();
            panel(area, &format!("{shape}: training step, ms"), &rows, &bars)?;
        } else {
            let bars: Vec<f64> = rows.iter().map(|row| row.rss_mib).collect();
            panel(area, &format!("{shape}: peak memory, MiB"), &rows, &bars)?;
        }
    }
    root.present()?;
    drop(root);
    let said = rows.iter().map(|row| {
        let (ms, mib) = (row.step_s * 1e3, row.rss_mib);
        let Row {
            shape,
            rule,
            program,
            ..
        } = row;
        format!(" {shape}, {rule}, {program}: {ms:.1} ms, {mib:.0} MiB.")
    });
    let label = format!(
        "Time and peak memory of a training step.{}",
        said.collect::<String>()
    );
    let head = format!("<svg class=\"bars\" role=\"img\" aria-label=\"{label}\" ");
    let svg = svg.replacen("<svg ", &head, 1);
    std::fs::write(
        path,
        svg.replacen(">\n", &format!(">\n<style>{DARK}</style>\n"), 1),
    )?;
    Ok(())
}

/// Paper and ink change places where a reader prefers dark surroundings; the bars keep their colours.
const DARK: &str = "@media(prefers-color-scheme:dark){.bars [fill=\"#FFFFFF\"]{fill:#14181d}\
.bars [fill=\"#000000\"]{fill:#e4e8ec}.bars [stroke=\"#000000\"]{stroke:#9aa5b1}}";

/// One panel: a bar a row, its height written above and its name below.
fn panel(
    area: &Panel<'_>,
    title: &str,
    rows: &[&Row],
    heights: &[f64],
) -> Result<(), Box<dyn std::error::Error>> {
    let top = heights.iter().copied().fold(f64::MIN_POSITIVE, f64::max) * 1.15;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(60)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..rows.len() as f64, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .light_line_style(TRANSPARENT)
        .draw()?;
    let mut programs: Vec<&str> = Vec::new();
    for (place, (row, &height)) in rows.iter().zip(heights).enumerate() {
        if !programs.contains(&row.program.as_str()) {
            programs.push(&row.program);
        }
        let colour = programs
            .iter()
            .position(|name| *name == row.program)
            .unwrap_or(0)
            % COLOURS.len();
        let left = place as f64;
        let middle = left + 0.5;
        let label = |anchor: VPos| {
            ("sans-serif", 13)
                .into_font()
                .color(&BLACK)
                .pos(Pos::new(HPos::Center, anchor))
        };
        let written = if height < 10.0 {
            format!("{height:.2}")
        } else {
            format!("{height:.0}")
        };
        chart.draw_series([Rectangle::new(
            [(left + 0.15, 0.0), (left + 0.85, height)],
            COLOURS[colour].filled(),
        )])?;
        chart.draw_series([Text::new(
            written,
            (middle, height + top * 0.01),
            label(VPos::Bottom),
        )])?;
        let (x, y) = chart.backend_coord(&(middle, 0.0));
        // Names stand under the axis, outside the chart's own coordinates.
        let (left_edge, top_edge) = area.get_base_pixel();
        let at = (x - left_edge, y - top_edge);
        // A program's way of running, such as "compiled", on a line of its own.
        let names = row.program.split(", ").chain([row.rule.as_str()]);
        for (line, name) in (0..).zip(names) {
            let below = at.1 + 6 + 16 * line;
            area.draw(&Text::new(name.to_owned(), (at.0, below), label(VPos::Top)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str = r#"{"rows": [
        {"shape": "S", "rule": "mnm-p", "program": "mnm", "step_s": 0.01, "rss_mib": 1.0},
        {"shape": "S", "rule": "mnm-p", "program": "JAX", "step_s": 0.2, "rss_mib": 20.0},
        {"shape": "S", "rule": "mnm-p", "program": "PyTorch, eager", "step_s": 0.1, "rss_mib": 90.0},
        {"shape": "S", "rule": "mnm-p", "program": "PyTorch, compiled", "step_s": 0.1, "rss_mib": 90.0},
        {"shape": "L", "rule": "mnm-p", "program": "mnm", "step_s": 0.3, "rss_mib": 30.0},
        {"shape": "L", "rule": "mnm-p", "program": "JAX", "step_s": 1.5, "rss_mib": 150.0}
    ]}"#;

    #[test]
    fn every_program_has_a_bar_with_its_name_in_every_panel() {
        let rows = rows(SUMMARY).expect("good");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("bars.svg");
        draw(&rows, &path).expect("drawn");
        let text = std::fs::read_to_string(&path).expect("written");
        assert_eq!(
            text.matches("\nJAX\n").count(),
            4,
            "one a shape, for time and for memory"
        );
        for way in ["eager", "compiled"] {
            let label = format!("\n{way}\n");
            assert_eq!(
                text.matches(&label).count(),
                2,
                "eager is not all of PyTorch"
            );
        }
        assert!(text.contains("1500"), "heights are written out");
        assert!(
            text.contains("S, mnm-p, JAX: 200.0 ms, 20 MiB.")
                && text.contains("prefers-color-scheme")
        );
        assert!(draw(&[], &path).is_err());
    }

    #[test]
    fn a_row_that_lacks_something_is_an_error_that_names_it() {
        for key in ["shape", "rule", "program", "step_s", "rss_mib"] {
            let error = rows(&SUMMARY.replace(key, "other")).expect_err(key);
            assert!(error.contains(key), "{error}");
        }
        assert!(rows("{}").is_err() && rows("nonsense").is_err());
    }
}
