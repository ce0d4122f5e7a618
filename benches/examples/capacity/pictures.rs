//! The figures as pictures.

use mnm_report::plot::{Axis, Group, LinePlot, Scale, Series};
use serde_json::Value;

use crate::Failure;

/// What the pictures show of the memories: eight can be told apart.
const SHOWN: [&str; 8] = [
    "hebbian",
    "delta",
    "delta, nearest places",
    "least squares",
    "least squares, tanh features",
    "least squares, nearest places",
    "mnm-g, 2 layers",
    "deep, 2 layers, 4 steps",
];

/// The width that the pictures show.
pub fn shown_width(figures: &Value) -> u64 {
    if figures["quick"] == true { 32 } else { 64 }
}

/// Names and SVG.
pub fn draw(figures: &Value) -> Result<Vec<(String, String)>, Failure> {
    let width = shown_width(figures);
    let mut pictures = Vec::new();
    for keys in ["random", "correlated"] {
        let curves = |figure: &str| -> Vec<Group> {
            let of = |name: &&str| group(figures, name, name, keys, width, figure);
            SHOWN.iter().map(of).collect()
        };
        let mut plot = LinePlot {
            title: format!("Recall of {keys} keys, {width} wide"),
            x: Axis::plain("stored pairs for each entry of a key"),
            y: Axis::plain("relative recall error"),
            y_scale: Scale::Linear,
            groups: curves("error"),
            references: vec![
                group(figures, "delta", "optimum (LAPACK)", keys, width, "optimum"),
                group(
                    figures,
                    "delta, tanh features",
                    "optimum, tanh features",
                    keys,
                    width,
                    "optimum",
                ),
            ],
            ..LinePlot::default()
        };
        pictures.push((format!("capacity-{keys}.svg"), clipped(plot.clone()).svg()?));
        if keys == "random" {
            plot.title = format!("Recall by noisy keys, {width} wide, a tenth of noise");
            plot.groups = curves("noisy");
            plot.references.clear();
            pictures.push((
                "capacity-noisy.svg".to_owned(),
                clipped(plot.clone()).svg()?,
            ));
            plot.title = format!("What one more write does to the pairs before it, {width} wide");
            plot.y = Axis::plain("change of their reads");
            plot.y_scale = Scale::Log;
            plot.groups = curves("disturbance");
            pictures.push(("capacity-disturbance.svg".to_owned(), plot.svg()?));
        }
    }
    pictures.push(("capacity-drift.svg".to_owned(), drift(figures)?));
    Ok(pictures)
}

/// Errors far above reading nothing would flatten the rest.
fn clipped(mut plot: LinePlot) -> LinePlot {
    for series in plot.groups.iter_mut().flat_map(|group| &mut group.series) {
        series.points.iter_mut().for_each(|(_, y)| *y = y.min(2.0));
    }
    plot
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn series(points: &Value, x: &str, y: &str) -> Series {
    let points = list(points).iter();
    points
        .filter_map(|point| Some((point[x].as_f64()?, point[y].as_f64()?)))
        .collect()
}

fn group(figures: &Value, name: &str, label: &str, keys: &str, width: u64, figure: &str) -> Group {
    let of = |run: &&Value| run["memory"] == name && run["keys"] == keys && run["width"] == width;
    let runs = list(&figures["storing"]).iter().filter(of);
    Group {
        label: label.to_owned(),
        series: runs
            .map(|run| series(&run["points"], "load", figure))
            .collect(),
    }
}

fn drift(figures: &Value) -> Result<String, Failure> {
    let mut groups: Vec<Group> = Vec::new();
    for run in list(&figures["drift"]) {
        let label = run["memory"].as_str().unwrap_or_default();
        let series = series(&run["points"], "log2_age", "error");
        match groups.iter_mut().find(|group| group.label == label) {
            Some(group) => group.series.push(series),
            None => groups.push(Group {
                label: label.to_owned(),
                series: vec![series],
            }),
        }
    }
    let plot = LinePlot {
        title: "How the newest value of a key fades: 32 keys, 64 wide, that change their values"
            .to_owned(),
        x: Axis::plain("writes since its own, log2"),
        y: Axis::plain("relative recall error"),
        groups,
        ..LinePlot::default()
    };
    Ok(clipped(plot).svg()?)
}
