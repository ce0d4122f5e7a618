//! The pictures of what an agent did.

use mnm_tasks::environment::MazeMap;
use mnm_trainer::look::AgentLook;
use mnm_trainer::rl::{Recording, Scene};
use ndarray::Array2;

use super::total;
use crate::inspect::pictures::{curve, picture};
use crate::inspect::{InspectError, Picture};
use crate::plot::{Axis, ColourMap, HeatMap, LinePlot, MazeMove, MazeStrip, MazeWay};

/// What was done, then what it earned; `untrained` is what the agent as it was drawn is called.
pub(super) fn pictures(
    look: &AgentLook,
    untrained: &'static str,
) -> Result<Vec<Picture>, InspectError> {
    let rows = [
        ("before", untrained, &look.before),
        ("after", "after training", &look.after),
    ];
    let mut all = match &look.after.scene {
        Scene::Maze { map, goal, .. } => vec![maze(map, *goal, &rows)?],
        Scene::Bandit { means } => arms(means, &rows)?,
        Scene::Mdp { .. } => states(&rows)?,
        Scene::Cues { .. } => cues(&rows)?,
    };
    let earned = LinePlot {
        x: Axis::plain("step"),
        y: Axis::plain("reward so far"),
        groups: rows
            .iter()
            .rev()
            .map(|(_, label, play)| curve(label, so_far(play)))
            .collect(),
        ..LinePlot::default()
    };
    all.push(picture(
        "earned",
        "What it earned",
        &format!(
            "The sum of the rewards up to each step, in the same episode {untrained} and after training."
        ),
        earned.svg(),
    )?);
    Ok(all)
}

/// Name, label and recording of a way to play.
type Row<'a> = (&'static str, &'static str, &'a Recording);

fn so_far(play: &Recording) -> impl Iterator<Item = f64> {
    play.rewards.iter().scan(0.0, |sum, &reward| {
        *sum += f64::from(reward);
        Some(*sum)
    })
}

fn maze(map: &MazeMap, goal: usize, rows: &[Row<'_>]) -> Result<Picture, InspectError> {
    let way = |(_, label, play): &Row<'_>| {
        let cells: &[usize] = match &play.scene {
            Scene::Maze { cells, .. } => cells,
            _ => &[],
        };
        let steps = cells.iter().zip(&play.actions).zip(&play.rewards);
        let moves: Vec<MazeMove> = steps
            .map(|((&from, &action), &reward)| MazeMove {
                from,
                to: map.after(from, action),
                found: reward > 0.0,
            })
            .collect();
        let finds = moves.iter().filter(|step| step.found).count();
        let first = moves.iter().position(|step| step.found);
        let found = match (first, finds) {
            (None, _) => "never found".to_owned(),
            (Some(step), 1) => format!("found once, in step {}", step + 1),
            (Some(step), _) => format!("found in step {}, {finds} times in all", step + 1),
        };
        MazeWay {
            label: format!("{label}: {} earned; {found}", total(play)),
            moves,
        }
    };
    let strip = MazeStrip {
        title: String::new(),
        size: map.size(),
        walls: (0..map.cells()).map(|cell| map.is_wall(cell)).collect(),
        goal,
        ways: rows.iter().map(way).collect(),
    };
    picture(
        "strip",
        "The way through the maze",
        "The episode cut into parts. An agent that remembers goes straight to the reward once it has found it, from \
         wherever it is put.",
        strip.svg(),
    )
}

/// One map for each way to play: the arms from the best to the worst, what each pull paid.
fn arms(means: &[f64], rows: &[Row<'_>]) -> Result<Vec<Picture>, InspectError> {
    let mut order: Vec<usize> = (0..means.len()).collect();
    order.sort_by(|&a, &b| means[b].total_cmp(&means[a]));
    let labels = order
        .iter()
        .map(|&arm| format!("arm {}: {:.2}", arm + 1, means[arm]));
    let labels: Vec<String> = labels.collect();
    rows.iter()
        .map(|(name, label, play)| {
            let mut values = Array2::from_elem((means.len(), play.actions.len()), f64::NAN);
            for (step, (&action, &reward)) in play.actions.iter().zip(&play.rewards).enumerate() {
                if let Some(row) = order.iter().position(|&arm| arm == action as usize) {
                    values[[row, step]] = f64::from(reward);
                }
            }
            let best = play.actions.iter().filter(|&&arm| order.first() == Some(&(arm as usize)));
            picture(
                &format!("arms-{name}"),
                &format!("The arms pulled {label}"),
                &format!(
                    "The arms, with the probability that they pay, from the best to the worst; bright where a pull paid, \
                     dark where it did not. The best one was pulled {} times of {}, and {} was earned.",
                    best.count(),
                    play.actions.len(),
                    total(play)
                ),
                HeatMap {
                    x: Axis::plain("pull"),
                    value: Axis::plain("paid"),
                    values,
                    range: Some((0.0, 1.0)),
                    row_labels: labels.clone(),
                    ..HeatMap::default()
                }
                .svg(),
            )
        })
        .collect()
}

/// One map for each way to play.
fn states(rows: &[Row<'_>]) -> Result<Vec<Picture>, InspectError> {
    rows.iter().filter_map(states_of).collect()
}

/// The state of each step, coloured by how good the action there was; nothing of another environment.
fn states_of((name, label, play): &Row<'_>) -> Option<Result<Picture, InspectError>> {
    let Scene::Mdp {
        means,
        actions,
        horizon,
        states,
    } = &play.scene
    else {
        return None;
    };
    let mut values = Array2::from_elem((means.len() / actions, states.len()), f64::NAN);
    for (step, (&state, &action)) in states.iter().zip(&play.actions).enumerate() {
        values[[state, step]] = means[state * actions + action as usize];
    }
    let reach = |pick: fn(f64, f64) -> f64| means.iter().copied().reduce(pick).unwrap_or(0.0);
    Some(picture(
        &format!("states-{name}"),
        &format!("The states {label}"),
        &format!(
            "The state of each step, coloured by the mean reward of the action that was taken in it: the colours range \
             over all states and actions of this process. Every {horizon} steps a round begins in the first state. {} was \
             earned.",
            total(play)
        ),
        HeatMap {
            x: Axis::plain("step"),
            y: Axis::plain("state"),
            value: Axis::plain("mean reward"),
            values,
            range: Some((reach(f64::min), reach(f64::max))),
            colours: ColourMap::Sequential,
            ..HeatMap::default()
        }
        .svg(),
    ))
}

/// One map for each way to play.
fn cues(rows: &[Row<'_>]) -> Result<Vec<Picture>, InspectError> {
    rows.iter().filter_map(cues_of).collect()
}

/// Each cue's comings, round after round, and whether the action taken was its right one; nothing of another environment.
fn cues_of((name, label, play): &Row<'_>) -> Option<Result<Picture, InspectError>> {
    let Scene::Cues { right, shown } = &play.scene else {
        return None;
    };
    let cues = right.len();
    let mut values = Array2::from_elem((cues, shown.len().div_ceil(cues)), f64::NAN);
    let (mut known, mut again, mut kept) = (vec![false; cues], 0, 0);
    for (step, (&cue, &reward)) in shown.iter().zip(&play.rewards).enumerate() {
        let found = reward > 0.0;
        values[[cue, step / cues]] = f64::from(reward);
        again += usize::from(known[cue]);
        kept += usize::from(known[cue] && found);
        known[cue] |= found;
    }
    Some(picture(
        &format!("cues-{name}"),
        &format!("The cues {label}"),
        &format!(
            "Each cue, round by round: bright where its right action was taken, dark where another was. Of {again} times \
             that a cue came whose right action had been found, it was taken in {kept}; {} was earned.",
            total(play)
        ),
        HeatMap {
            x: Axis::plain("round"),
            y: Axis::plain("cue"),
            value: Axis::plain("reward"),
            values,
            range: Some((0.0, 1.0)),
            ..HeatMap::default()
        }
        .svg(),
    ))
}
