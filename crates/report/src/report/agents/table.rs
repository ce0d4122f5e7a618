//! The tables of a section of agents.

use super::{AgentsSummary, PlayerSummary};
use crate::report::Figure;
use crate::report::number::{self, NONE};
use crate::report::summary::{GroupSummary, SectionSummary};
use crate::report::table::{self, Row, Table};

/// How the table of rewards is to be read.
pub(in crate::report) fn note(agents: &AgentsSummary) -> String {
    let ideal = agents.ideal.as_ref().map_or_else(String::new, |name| {
        format!(" The ideal is what the player \"{name}\" earns.")
    });
    let weights = if agents
        .agents
        .iter()
        .any(|player| player.raw_reward.is_some())
    {
        "Figures are those of the last averaged weights, beside them the reward with the weights of the best evaluation"
    } else {
        "Validation rewards are those of a run's best evaluation, the other figures of its weights"
    };
    format!(
        "Rewards of an episode: mean ± standard deviation over seeds (n − 1). {weights}. All but the validation rewards are of fresh \
         episodes of the test split. Only runs that have finished count.{ideal} Rows in italics are reference players in the \
         same episodes."
    )
}

/// What the second table tells.
pub(in crate::report) const TENTHS: &str = "Reward of a step, by tenths of the episode";

/// A column that is there only where somebody has a figure for it.
type Column = (&'static str, fn(&PlayerSummary) -> Option<&Figure>);

const COLUMNS: [Column; 4] = [
    ("regret", |player| player.regret.as_ref()),
    ("found, %", |player| player.found.as_ref()),
    ("first find", |player| player.first_find.as_ref()),
    ("later finds", |player| player.later_finds.as_ref()),
];

/// Our agents, then the reference players.
pub(in crate::report) fn rewards(section: &SectionSummary, agents: &AgentsSummary) -> Table {
    let all = || agents.agents.iter().chain(&agents.players);
    let columns: Vec<Column> = COLUMNS
        .into_iter()
        .filter(|(_, figure)| all().any(|player| figure(player).is_some()))
        .collect();
    let mut head: Vec<String> = ["player", "seeds", "validation", "reward"]
        .map(str::to_owned)
        .into();
    let raw = all().any(|player| player.raw_reward.is_some());
    head.extend(raw.then(|| "highest of the run".to_owned()));
    head.extend(agents.ideal.iter().map(|_| "of ideal, %".to_owned()));
    head.extend(columns.iter().map(|(name, _)| (*name).to_owned()));
    head.extend(["updates", "parameters", "note"].map(str::to_owned));
    let row = |player: &PlayerSummary, group: Option<&GroupSummary>| {
        let seeds = player
            .reward
            .as_ref()
            .map(|figure| figure.seeds.to_string());
        let mut cells = vec![
            player.label.clone(),
            group.map(table::seeds).or(seeds).unwrap_or_default(),
            text(player.valid_reward.as_ref(), number::amounts),
            text(player.reward.as_ref(), number::amounts),
        ];
        if raw {
            cells.push(text(player.raw_reward.as_ref(), number::amounts));
        }
        if agents.ideal.is_some() {
            let share = player.of_ideal.map(|share| format!("{share:.0}"));
            cells.push(share.unwrap_or_else(|| NONE.to_owned()));
        }
        cells.extend(
            columns
                .iter()
                .map(|(_, figure)| text(figure(player), number::amounts)),
        );
        let parameters = group.and_then(|group| group.parameters);
        cells.extend([
            group.map_or_else(|| NONE.to_owned(), |group| number::count(group.steps)),
            parameters.map_or_else(|| NONE.to_owned(), number::count),
            group.map(table::note).unwrap_or_default(),
        ]);
        Row {
            cells,
            published: group.is_none(),
        }
    };
    let ours = agents.agents.iter().zip(&section.groups);
    let rows = ours
        .map(|(player, group)| row(player, Some(group)))
        .chain(agents.players.iter().map(|player| row(player, None)))
        .collect();
    Table {
        head,
        rows,
        notes: true,
    }
}

/// One row for each player, one column for each tenth of the episode; None if nothing was played.
pub(in crate::report) fn tenths(agents: &AgentsSummary) -> Option<Table> {
    let players = || {
        let ours = agents.agents.iter().map(|player| (player, false));
        let theirs = agents.players.iter().map(|player| (player, true));
        ours.chain(theirs)
            .filter(|(player, _)| !player.tenths.is_empty())
    };
    let parts = players().map(|(player, _)| player.tenths.len()).max()?;
    let head = std::iter::once("player".to_owned()).chain((1..=parts).map(|part| part.to_string()));
    let rows = players().map(|(player, published)| Row {
        cells: std::iter::once(player.label.clone())
            .chain(player.tenths.iter().map(|mean| number::percent(*mean)))
            .collect(),
        published,
    });
    Some(Table {
        head: head.collect(),
        rows: rows.collect(),
        notes: false,
    })
}

fn text(figure: Option<&Figure>, write: impl Fn(&Figure) -> String) -> String {
    figure.map_or_else(|| NONE.to_owned(), write)
}
