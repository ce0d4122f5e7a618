//! The pictures of a section of agents.

use super::{PlayerSummary, figures, names, of_player, played};
use crate::plot::{Axis, Bar, BarPlot, Group, LinePlot, Series, group_by_label};
use crate::report::Figure;
use crate::report::charts;
use crate::report::error::ReportError;
use crate::report::groups::Section;
use crate::report::metrics::ValidLine;
use crate::report::number;
use crate::report::pictures::{Picture, Plotted, drawn};
use crate::report::run::RunData;
use crate::report::summary::SectionSummary;

/// What learning is drawn against.
const PLAYED: &str = "episodes played";

/// Points of a curve over the episode, unless the episode has rounds of its own.
const POSITIONS: usize = 40;

/// The pictures of a section, in the order of the page.
pub(in crate::report) fn draw(
    section: &Section<'_>,
    summary: &SectionSummary,
) -> Result<Vec<Picture>, ReportError> {
    let learning = |title: &str, groups: Vec<Group>| LinePlot {
        title: title.to_owned(),
        x: Axis::plain(PLAYED),
        y: Axis::plain("reward of an episode"),
        groups,
        ..LinePlot::default()
    };
    let validation = charts::learning(section, |run| {
        let point = |line: &ValidLine| {
            let reward = line.average_reward.or(line.reward)?;
            Some((line.sequences? as f64, reward))
        };
        run.valid.iter().filter_map(point).collect()
    });
    let curves = [
        Plotted::lines(
            &position(section),
            "What a step earns by its place in the episode: whoever remembers earns more towards the end. Broken lines are reference \
             players in the same episodes.",
        ),
        Plotted::lines(
            &learning(
                "Reward in training",
                charts::training(section, |line| line.reward),
            ),
            "The mean reward of the episodes that ended, while training, in stretches.",
        ),
        Plotted::lines(
            &learning("Reward on the validation split", validation),
            "The mean reward of fresh episodes, of averaged weights where they are kept.",
        ),
        charts::meta_loss(section, PLAYED),
    ];
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
