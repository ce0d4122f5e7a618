//! The pictures of a report.

use super::agents;
use super::error::ReportError;
use super::figure::Figure;
use super::groups::{RunGroup, Section};
use super::metrics::{TrainLine, ValidLine};
use super::pictures::{Picture, Plotted, drawn};
use super::run::RunData;
use super::summary::{GroupSummary, SectionSummary};
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
    let horizontal = Horizontal::of(section);
    let valid_error = |run: &RunData| {
        let point = |line: &ValidLine| Some((horizontal.of_valid(line), line.figure()?));
        run.valid.iter().filter_map(point).collect()
    };
    let train = |value: fn(&TrainLine) -> Option<f64>| {
        move |run: &RunData| {
            let point = |line: &TrainLine| Some((horizontal.of_train(line), value(line)?));
            run.train
                .iter()
                .filter_map(point)
                .collect::<Series>()
                .averaged(STRETCHES)
        }
    };
    let curves =
        |title: &str, y: Axis, y_scale: Scale, curve: &dyn Fn(&RunData) -> Series| LinePlot {
            title: title.to_owned(),
            x: horizontal.axis(),
            y,
            y_scale,
            groups: group_by_label(section.groups.iter().flat_map(|group| {
                held(group, curve)
                    .into_iter()
                    .map(|series| (group.label.clone(), series))
            })),
            ..LinePlot::default()
        };
    let mut errors = curves(
        "Validation error",
        Axis::new("mean error", "%"),
        Scale::Log,
        &valid_error,
    );
    errors.references = published_lines(summary, &errors.groups);
    let loss = curves(
        "Training loss of the task",
        Axis::plain("task loss"),
        Scale::Log,
        &train(|line| line.task_loss),
    );
    // A model that writes nothing logs a meta loss of zero: it has no such curve.
    let meta = curves(
        "Meta loss: how badly writes took",
        Axis::plain("meta loss"),
        Scale::Log,
        &train(|line| line.meta_loss.filter(|loss| *loss > 0.0)),
    );
    let bars = comparison(summary);
    let data = on_other_data(summary);
    let over_seeds = match summary.published.as_slice() {
        [] => "The mean over the seeds.",
        _ => {
            "The mean over the seeds. Published figures are as cited; the table's notes say what differs."
        }
    };
    let bars = bars.iter().map(|plot| Plotted::bars(plot, over_seeds));
    let data = data
        .iter()
        .map(|plot| Plotted::bars(plot, "The same runs on data that they were not trained on."));
    let curves = [
        Plotted::lines(
            &errors,
            "The lower, the better; the axis is logarithmic, so that a tenth is as far from one as one from ten. Of runs that keep \
             averaged weights, it is their error.",
        ),
        Plotted::lines(
            &loss,
            "The cross-entropy of the answers while training, in stretches.",
        ),
        Plotted::lines(
            &meta,
            "How far the memory is from giving the value that it was just written, in stretches.",
        ),
    ];
    drawn(bars.chain(data).chain(curves))
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
        label: format!("{}, {data}", group.label),
        value: figure.mean,
        error: figure.deviation,
        figure: super::number::figure(figure),
        family: group.label.clone(),
    };
    let own = section
        .groups
        .iter()
        .filter_map(|group| Some(bar(group, "own", reading.of(group)?)));
    let further = names.iter().flat_map(|name| {
        let groups = section.groups.iter();
        groups.filter_map(|group| Some(bar(group, name, group.further.get(*name)?)))
    });
    let bars: Vec<Bar> = own.chain(further).collect();
    (!names.is_empty() && bars.len() <= MOST_BARS).then(|| BarPlot {
        title: "Test error, own and other data".to_owned(),
        value: Axis::new("mean error", "%"),
        bars,
        ..BarPlot::default()
    })
}

/// The curves of a model's seeds. One that came to its end before the others, as it had solved its task, counts with its last
/// value until they end (not one that diverged): without it, what is left of the seeds would be those that learn worse.
fn held(group: &RunGroup<'_>, curve: &dyn Fn(&RunData) -> Series) -> Vec<Series> {
    let curves: Vec<(bool, Series)> = group
        .runs
        .iter()
        .map(|run| (run.ended().is_some() && run.error().is_some(), curve(run)))
        .collect();
    let end = curves
        .iter()
        .filter_map(|(_, series)| series.end())
        .fold(f64::NEG_INFINITY, f64::max);
    curves
        .into_iter()
        .map(|(ended, series)| {
            if ended {
                series.held_until(end)
            } else {
                series
            }
        })
        .collect()
}

/// Our errors beside the published ones; None if nothing stands beside anything.
fn comparison(section: &SectionSummary) -> Option<BarPlot> {
    let reading = section.reading();
    let published = section.published.iter();
    let beside = !section.published.is_empty();
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
            // Without others, a model has its own colour.
            family: if beside {
                "measured here"
            } else {
                &group.label
            }
            .to_owned(),
        })
    });
    let published = published.map(|figure| Bar {
        label: figure.name.clone(),
        value: figure.error,
        error: figure.deviation,
        figure: figure.text(),
        family: "published".to_owned(),
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

/// What learning is drawn against: sequences if every line counts them, else steps.
#[derive(Clone, Copy)]
enum Horizontal {
    Sequences,
    Steps,
}

impl Horizontal {
    fn of(section: &Section<'_>) -> Self {
        let mut runs = section.groups.iter().flat_map(|group| &group.runs);
        let counted = runs.all(|run| {
            run.train.iter().all(|line| line.sequences.is_some())
                && run.valid.iter().all(|line| line.sequences.is_some())
        });
        if counted {
            Self::Sequences
        } else {
            Self::Steps
        }
    }

    fn axis(self) -> Axis {
        Axis::plain(match self {
            Self::Sequences => "sequences seen",
            Self::Steps => "optimiser steps",
        })
    }

    fn of_train(self, line: &TrainLine) -> f64 {
        self.place(line.sequences, line.step)
    }

    fn of_valid(self, line: &ValidLine) -> f64 {
        self.place(line.sequences, line.step)
    }

    fn place(self, sequences: Option<u64>, step: u64) -> f64 {
        match self {
            Self::Sequences => sequences.unwrap_or(step) as f64,
            Self::Steps => step as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{FixtureRun, LSTM};
    use super::*;

    #[test]
    fn a_seed_that_stopped_before_the_others_counts_with_its_last_value() {
        let folder = tempfile::tempdir().unwrap();
        let runs = [(1, true), (2, true), (3, false)].map(|(seed, ended)| {
            let run = FixtureRun {
                name: &format!("seed{seed}"),
                task: "copy",
                model: LSTM,
                seed,
                error: 1.0,
                ended,
                tested: false,
            };
            RunData::read(run.write(folder.path())).unwrap()
        });
        let group = RunGroup {
            label: "lstm".to_owned(),
            runs: runs.iter().collect(),
        };
        let ends = [10.0, 40.0, 20.0];
        let curve = |run: &RunData| {
            let at = runs
                .iter()
                .position(|other| std::ptr::eq(run, other))
                .unwrap();
            Series::from_iter([(0.0, 9.0), (ends[at], at as f64)])
        };
        let held = held(&group, &curve);
        assert_eq!(held[0].points, [(0.0, 9.0), (10.0, 0.0), (40.0, 0.0)]);
        assert_eq!(held[1].points, [(0.0, 9.0), (40.0, 1.0)]);
        assert_eq!(
            held[2].points,
            [(0.0, 9.0), (20.0, 2.0)],
            "one that may go on is not held"
        );
    }
}
