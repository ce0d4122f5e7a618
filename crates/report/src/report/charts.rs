//! The pictures of a report.

use super::agents;
use super::error::ReportError;
use super::figure::Figure;
use super::groups::Section;
use super::metrics::TrainLine;
use super::pictures::{Picture, Plotted, drawn};
use super::run::RunData;
use super::summary::{GroupSummary, RunFigures, SectionSummary};
use crate::plot::{Axis, Bar, BarPlot, Group, LinePlot, Scale, Series, group_by_label};

/// Training figures are noisy: each curve is drawn as the means of this many stretches.
const STRETCHES: usize = 120;

/// The pictures of a section, in the order of the page.
pub(super) fn draw(
    section: &Section<'_>,
    summary: &SectionSummary,
) -> Result<Vec<Picture>, ReportError> {
    if section
        .groups
        .iter()
        .flat_map(|group| &group.runs)
        .any(|run| run.is_agent())
    {
        return agents::charts::draw(section, summary);
    }
    let loss = LinePlot {
        title: "Training loss of the task".to_owned(),
        x: Axis::plain(SEEN),
        y: Axis::plain("task loss"),
        y_scale: Scale::Log,
        groups: training(section, |line| line.task_loss),
        ..LinePlot::default()
    };
    let loss = Plotted::lines(
        &loss,
        "The cross-entropy of the answers while training, in stretches.",
    );
    let training = [loss, meta_loss(section, SEEN)];
    drawn(of_summary(summary).into_iter().chain(training))
}

/// How badly writes took, against what `x` says is seen.
pub(super) fn meta_loss(section: &Section<'_>, x: &str) -> Plotted {
    let plot = LinePlot {
        title: "Meta loss: how badly writes took".to_owned(),
        x: Axis::plain(x),
        y: Axis::plain("meta loss"),
        y_scale: Scale::Log,
        // A model that writes nothing logs a meta loss of zero: it has no such curve.
        groups: training(section, |line| line.meta_loss.filter(|loss| *loss > 0.0)),
        ..LinePlot::default()
    };
    Plotted::lines(
        &plot,
        "How far the memory is from giving the value that it was just written, in stretches.",
    )
}

/// A figure of the training lines, in stretches.
pub(super) fn training(section: &Section<'_>, value: fn(&TrainLine) -> Option<f64>) -> Vec<Group> {
    learning(section, |run| {
        let point = |line: &TrainLine| Some((line.sequences? as f64, value(line)?));
        let all: Series = run.train.iter().filter_map(point).collect();
        all.averaged(STRETCHES)
    })
}

/// A curve of every run over its training, those of a model under one label.
pub(super) fn learning(section: &Section<'_>, curve: impl Fn(&RunData) -> Series) -> Vec<Group> {
    // One that diverged has an end, and nothing that it came to.
    let came_to = |run: &RunData| run.is_agent() || run.error().is_some();
    group_by_label(section.groups.iter().flat_map(|group| {
        let runs = group.runs.iter();
        let curves = runs.map(|run| (run.ended().is_some() && came_to(run), curve(run)));
        held(curves.collect()).map(|series| (group.label.clone(), series))
    }))
}

/// What learning is drawn against.
const SEEN: &str = "sequences seen";

/// The pictures that the figures alone give, with no run at hand.
pub(super) fn of_summary(summary: &SectionSummary) -> Vec<Plotted> {
    let over_seeds = match summary.published.as_slice() {
        [] => "The mean over the seeds.",
        _ => {
            "The mean over the seeds. Published figures are as cited; the table's notes say what differs."
        }
    };
    let bars = comparison(summary).map(|plot| Plotted::bars(&plot, over_seeds));
    let data = on_other_data(summary).map(|plot| {
        Plotted::bars(
            &plot,
            "The same runs on data that they were not trained on.",
        )
    });
    let errors = Plotted::lines(
        &errors(summary),
        "The lower, the better; the axis is logarithmic, so that a tenth is as far from one as one from ten. Of runs that keep \
         averaged weights, it is their error.",
    );
    bars.into_iter().chain(data).chain([errors]).collect()
}

fn errors(summary: &SectionSummary) -> LinePlot {
    let groups = group_by_label(summary.groups.iter().flat_map(|group| {
        let curve = |run: &RunFigures| {
            let points = run.curve.iter().map(|(seen, error)| (*seen as f64, *error));
            (run.finished && run.valid.is_some(), points.collect())
        };
        held(group.runs.iter().map(curve).collect()).map(|series| (group.label.clone(), series))
    }));
    LinePlot {
        title: "Validation error".to_owned(),
        x: Axis::plain(SEEN),
        y: Axis::new("mean error", "%"),
        y_scale: Scale::Log,
        references: published_lines(summary, &groups),
        groups,
        ..LinePlot::default()
    }
}

/// Published figures that ours are like for like, as level lines over the span of our curves.
fn published_lines(summary: &SectionSummary, groups: &[Group]) -> Vec<Group> {
    let points = || {
        groups
            .iter()
            .flat_map(|g| &g.series)
            .flat_map(|s| &s.points)
    };
    let ends = points().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (x, _)| {
        (low.min(*x), high.max(*x))
    });
    let alike = summary
        .published
        .iter()
        .filter(|figure| figure.like_for_like);
    alike
        .map(|figure| Group {
            label: format!("{}, published", figure.name),
            series: vec![
                [ends.0, ends.1]
                    .map(|x| (x, figure.error))
                    .into_iter()
                    .collect(),
            ],
        })
        .collect()
}

/// Bars beyond this many cannot be taken in at a look: there is the table.
const MOST_BARS: usize = 16;

/// Errors on other data than the config's, beside those on its own; None if there are none, or too many to see.
fn on_other_data(section: &SectionSummary) -> Option<BarPlot> {
    let reading = section.reading();
    let mut names: Vec<&String> = section
        .groups
        .iter()
        .flat_map(|g| g.further.keys())
        .collect();
    names.sort();
    names.dedup();
    let bar = |group: &GroupSummary, data: &str, figure: &Figure| Bar {
        label: format!("{}, {}", group.label, data.replace('-', " ")),
        value: figure.mean,
        error: figure.deviation,
        figure: super::number::figure(figure),
        family: group.label.clone(),
        reference: false,
    };
    let own = section
        .groups
        .iter()
        .filter_map(|group| Some(bar(group, "as trained", reading.of(group)?)));
    let further = names.iter().flat_map(|name| {
        let groups = section.groups.iter();
        groups.filter_map(|group| Some(bar(group, name, group.further.get(*name)?)))
    });
    let bars: Vec<Bar> = own.chain(further).collect();
    (!names.is_empty() && bars.len() <= MOST_BARS).then(|| BarPlot {
        title: "Test error, as trained and on other data".to_owned(),
        value: Axis::new("mean error", "%"),
        bars,
        ..BarPlot::default()
    })
}

/// The curves of a model's seeds, each with whether it came to its end. One that did so before the others, as it had solved its
/// task, counts with its last value until they end (not one that diverged): without it, what is left of the seeds would be
/// those that learn worse.
fn held(curves: Vec<(bool, Series)>) -> impl Iterator<Item = Series> {
    let end = curves
        .iter()
        .filter_map(|(_, series)| series.end())
        .fold(f64::NEG_INFINITY, f64::max);
    curves.into_iter().map(move |(ended, series)| {
        if ended {
            series.held_until(end)
        } else {
            series
        }
    })
}

/// Our errors beside the published ones; None if nothing stands beside anything.
fn comparison(section: &SectionSummary) -> Option<BarPlot> {
    let reading = section.reading();
    let ours = section.groups.iter().filter_map(|group| {
        let figure = reading.of(group)?;
        let count = if figure.seeds == 1 {
            "1 seed".to_owned()
        } else {
            format!("{} seeds", figure.seeds)
        };
        Some(Bar {
            label: format!("{}, {count}", group.label),
            value: figure.mean,
            error: figure.deviation,
            figure: super::number::figure(figure),
            family: group.label.clone(),
            reference: false,
        })
    });
    let published = section.published.iter().map(|figure| Bar {
        label: format!("{}, published", figure.name),
        value: figure.error,
        error: figure.deviation,
        figure: figure.text(),
        family: "published".to_owned(),
        reference: true,
    });
    let bars: Vec<_> = ours.chain(published).collect();
    let plot = BarPlot {
        title: reading.title().to_owned(),
        value: Axis::new("mean error", "%"),
        bars,
        ..BarPlot::default()
    };
    (plot.bars.len() > 1).then_some(plot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_that_stopped_before_the_others_counts_with_its_last_value() {
        let curve = |end: f64, last: f64| Series::from_iter([(0.0, 9.0), (end, last)]);
        let curves = vec![
            (true, curve(10.0, 0.0)),
            (true, curve(40.0, 1.0)),
            (false, curve(20.0, 2.0)),
        ];
        let held: Vec<Series> = held(curves).collect();
        assert_eq!(held[0].points, [(0.0, 9.0), (10.0, 0.0), (40.0, 0.0)]);
        assert_eq!(held[1].points, [(0.0, 9.0), (40.0, 1.0)]);
        assert_eq!(
            held[2].points,
            [(0.0, 9.0), (20.0, 2.0)],
            "one that may go on is not held"
        );
    }
}
