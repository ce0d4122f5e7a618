//! The pictures of a section of agents.

use super::{PlayerSummary, figures, names, of_player, played};
use crate::plot::{Axis, Bar, BarPlot, Group, LinePlot, Scale, Series, group_by_label};
use crate::report::Figure;
use crate::report::error::ReportError;
use crate::report::groups::Section;
use crate::report::number;
use crate::report::pictures::{Picture, Plotted, drawn};
use crate::report::run::RunData;
use crate::report::summary::SectionSummary;

/// Rewards of single segments are noisy: each curve of a training is drawn as the means of this many stretches.
const STRETCHES: usize = 80;

/// Points of a curve over the episode, unless the episode has rounds of its own.
const POSITIONS: usize = 40;

/// The pictures of a section, in the order of the page.
pub(in crate::report) fn draw(
    section: &Section<'_>,
    summary: &SectionSummary,
) -> Result<Vec<Picture>, ReportError> {
    let learning = |title: &str, y: &str, y_scale: Scale, groups: Vec<Group>| LinePlot {
        title: title.to_owned(),
        x: Axis::plain("episodes played"),
        y: Axis::plain(y),
        y_scale,
        groups,
        ..LinePlot::default()
    };
    let plots = [
        position(section),
        learning(
            "Reward in training",
            "reward of an episode",
            Scale::Linear,
            curves(section, |run| {
                let lines = run.train.iter();
                let points = lines.filter_map(|line| Some((line.sequences? as f64, line.reward?)));
                points.collect::<Series>().averaged(STRETCHES)
            }),
        ),
        learning(
            "Reward on the validation split",
            "reward of an episode",
            Scale::Linear,
            curves(section, |run| {
                let lines = run.valid.iter();
                lines
                    .filter_map(|line| {
                        let reward = line.average_reward.or(line.reward)?;
                        Some((line.sequences? as f64, reward))
                    })
                    .collect()
            }),
        ),
        // A model that writes nothing logs a meta loss of zero: it has no such curve.
        learning(
            "Meta loss: how badly writes took",
            "meta loss",
            Scale::Log,
            curves(section, |run| {
                let lines = run.train.iter();
                let points = lines.filter_map(|line| {
                    let loss = line.meta_loss.filter(|loss| *loss > 0.0)?;
                    Some((line.sequences? as f64, loss))
                });
                points.collect::<Series>().averaged(STRETCHES)
            }),
        ),
    ];
    const CAPTIONS: [&str; 4] = [
        "What a step earns by its place in the episode: whoever remembers earns more towards the end. Broken lines are reference \
         players in the same episodes.",
        "The mean reward of the episodes that ended, while training, in stretches.",
        "The mean reward of fresh episodes, of averaged weights where they are kept.",
        "How far the memory is from giving the value that it was just written, in stretches.",
    ];
    let curves = plots
        .iter()
        .zip(CAPTIONS)
        .map(|(plot, caption)| Plotted::lines(plot, caption));
    drawn(of_summary(summary).into_iter().chain(curves))
}

/// The pictures that the figures alone give, with no run at hand.
pub(in crate::report) fn of_summary(summary: &SectionSummary) -> Vec<Plotted> {
    let bars = bars(summary).map(|plot| {
        Plotted::bars(
            &plot,
            "The mean over the seeds, in the same episodes for all.",
        )
    });
    bars.into_iter().collect()
}

/// A curve for each run, those of a model under one label.
fn curves(section: &Section<'_>, curve: impl Fn(&RunData) -> Series) -> Vec<Group> {
    group_by_label(section.groups.iter().flat_map(|group| {
        let runs = group.runs.iter();
        runs.map(|run| (group.label.clone(), curve(run)))
    }))
}

/// The proof of memory: what a step earns, by its place in the episode.
fn position(section: &Section<'_>) -> LinePlot {
    // Within a round the places differ by what the process is like there, not by what is known of it.
    let runs = section.groups.iter().flat_map(|group| &group.runs);
    let rounds = runs
        .filter_map(|run| run.value("data.rounds")?.as_integer())
        .find_map(|rounds| usize::try_from(rounds).ok());
    let curve = |by_position: &[f64]| {
        let steps = (1..).map(f64::from).zip(by_position.iter().copied());
        steps
            .collect::<Series>()
            .averaged(rounds.unwrap_or(POSITIONS))
    };
    let played: Vec<_> = played(section).into_values().collect();
    let references = names(&played).into_iter().map(|name| {
        let figures = of_player(&played, name);
        Group {
            label: name.to_owned(),
            series: figures
                .iter()
                .map(|figures| curve(&figures.by_position))
                .collect(),
        }
    });
    LinePlot {
        title: "Reward by position in the episode, test split".to_owned(),
        x: Axis::plain("step of the episode"),
        y: Axis::plain("mean reward of a step"),
        groups: curves(section, |run| {
            figures(run)
                .map(|figures| curve(&figures.by_position))
                .unwrap_or_default()
        }),
        references: references.collect(),
        ..LinePlot::default()
    }
}

/// Ours beside the reference players; None if nothing was played. Bandits are told by their regret, which is less noisy
/// than what the arms happened to pay.
fn bars(summary: &SectionSummary) -> Option<BarPlot> {
    let agents = summary.agents.as_ref()?;
    let regrets = agents.players.iter().any(|player| player.regret.is_some());
    let figure = |player: &PlayerSummary| -> Option<Figure> {
        if regrets {
            player.regret.clone()
        } else {
            player.reward.clone()
        }
    };
    let bar = |player: &PlayerSummary, reference: bool| {
        let figure = figure(player)?;
        let seeds = match figure.seeds {
            _ if reference => String::new(),
            1 => ", 1 seed".to_owned(),
            seeds => format!(", {seeds} seeds"),
        };
        let family = if reference {
            "reference players"
        } else {
            &player.label
        };
        Some(Bar {
            label: format!("{}{seeds}", player.label),
            value: figure.mean,
            error: figure.deviation,
            figure: number::amounts(&figure),
            family: family.to_owned(),
            reference,
        })
    };
    let ours = agents.agents.iter().filter_map(|player| bar(player, false));
    let theirs = agents.players.iter().filter_map(|player| bar(player, true));
    let bars: Vec<Bar> = ours.chain(theirs).collect();
    let (title, value) = if regrets {
        (
            "Regret, test split: less is better",
            "expected regret of an episode",
        )
    } else {
        ("Reward, test split", "reward of an episode")
    };
    (!bars.is_empty()).then(|| BarPlot {
        title: title.to_owned(),
        value: Axis::plain(value),
        bars,
        ..BarPlot::default()
    })
}
