//! The comparison as bars: time of a step above, peak memory below, one column a shape.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::measurements::Row;

/// Size of one panel, in pixels.
const PANEL: (u32, u32) = (520, 300);

/// Ours first, then the peers in the order of the table; told apart without colour vision too.
const COLOURS: [RGBColor; 3] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(130, 130, 130),
];

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Writes the picture.
///
/// # Errors
/// If it cannot be drawn or written.
pub fn bars(rows: &[Row], path: &Path) -> Result<()> {
    let mut shapes: Vec<&str> = rows.iter().map(|row| row.shape.as_str()).collect();
    shapes.dedup();
    let size = (PANEL.0 * shapes.len() as u32, 2 * PANEL.1);
    draw(rows, &shapes, path, size).map_err(|error| anyhow!("{}: {error}", path.display()))
}

fn draw(
    rows: &[Row],
    shapes: &[&str],
    path: &Path,
    size: (u32, u32),
) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, size).into_drawing_area();
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
    Ok(())
}

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
        .x_label_area_size(44)
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
        area.draw(&Text::new(
            row.program.clone(),
            (at.0, at.1 + 6),
            label(VPos::Top),
        ))?;
        area.draw(&Text::new(
            row.rule.clone(),
            (at.0, at.1 + 22),
            label(VPos::Top),
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_a_bar_with_its_name_in_every_panel() {
        let row = |shape: &str, program: &str, step_s: f64| Row {
            shape: shape.to_owned(),
            rule: "mnm-p".to_owned(),
            program: program.to_owned(),
            step_s,
            min_s: step_s,
            rss_mib: 100.0 * step_s,
            time_ratio: 1.0,
            memory_ratio: 1.0,
            rounds: vec![step_s],
        };
        let rows = [
            row("S", "mnm", 0.01),
            row("S", "JAX", 0.2),
            row("L", "mnm", 0.3),
            row("L", "JAX", 1.5),
        ];
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("bars.svg");
        bars(&rows, &path).expect("drawn");
        let text = std::fs::read_to_string(&path).expect("written");
        assert_eq!(
            text.matches("JAX").count(),
            4,
            "one a shape, for time and for memory"
        );
        assert!(text.contains("1500"), "heights are written out");
    }
}
