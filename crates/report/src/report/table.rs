//! The tables of a report, before they become HTML or Markdown.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::number::{self, NONE};
use super::summary::{GroupSummary, Reading, SectionSummary};

/// Rows of text under a heading row. The first column is text; in the others numbers stand to the right.
pub(super) struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Row>,
    /// Whether the last column is text, too.
    pub notes: bool,
}

/// One row.
pub(super) struct Row {
    pub cells: Vec<String>,
    /// A figure of somebody else: published, or of a reference player.
    pub published: bool,
}

/// Our figures, then the published ones.
pub(super) fn figures(section: &SectionSummary) -> Table {
    // The validation's lowest is always there, if only to say that nothing was evaluated yet.
    let measured = |reading: &Reading| {
        let mut groups = section.groups.iter();
        *reading == Reading::Valid || groups.any(|group| reading.of(group).is_some())
    };
    let readings: Vec<Reading> = Reading::ALL.into_iter().filter(measured).collect();
    let mut head = vec!["model", "seeds"];
    head.extend(readings.iter().map(|reading| reading.head()));
    head.extend(["steps", "parameters", "note"]);
    let ours = section.groups.iter().map(|group| {
        let mut cells = vec![group.label.clone(), seeds(group)];
        let figures = readings.iter().map(|reading| reading.of(group));
        cells.extend(figures.map(|figure| figure.map_or_else(|| NONE.to_owned(), number::figure)));
        let parameters = group
            .parameters
            .map_or_else(|| NONE.to_owned(), number::count);
        cells.extend([number::count(group.steps), parameters, note(group)]);
        Row {
            cells,
            published: false,
        }
    });
    let published = section.published.iter().map(|figure| {
        let mut cells = vec![String::new(); head.len()];
        let own = section.reading();
        let place = readings.iter().position(|reading| *reading == own);
        let place = 2 + place.unwrap_or_default();
        let last = head.len() - 1;
        for (column, text) in [
            (0, figure.name.clone()),
            (place, figure.text()),
            (last, figure.note.clone()),
        ] {
            if let Some(cell) = cells.get_mut(column) {
                *cell = text;
            }
        }
        Row {
            cells,
            published: true,
        }
    });
    let rows = ours.chain(published).collect();
    Table {
        head: head.iter().map(|name| (*name).to_owned()).collect(),
        rows,
        notes: true,
    }
}

/// Heading of [`further`].
pub(super) const FURTHER: &str = "Test error on other data, %";

/// One row for each task, one column for each model; None unless there are several tasks.
pub(super) fn per_task(section: &SectionSummary) -> Option<Table> {
    crossed(section, "task", |group| &group.per_task).filter(|table| table.rows.len() > 1)
}

/// One row for each further evaluation, one column for each model; None if there is none.
pub(super) fn further(section: &SectionSummary) -> Option<Table> {
    crossed(section, "data", |group| &group.further)
}

/// The names that the models' figures have as rows under `head`, the models that have any as columns.
fn crossed(
    section: &SectionSummary,
    head: &str,
    figures: fn(&GroupSummary) -> &BTreeMap<String, super::Figure>,
) -> Option<Table> {
    let groups = section.groups.iter();
    let measured: Vec<_> = groups.filter(|group| !figures(group).is_empty()).collect();
    let mut names: Vec<&String> = measured
        .iter()
        .flat_map(|group| figures(group).keys())
        .collect();
    names.sort_by(|one, other| numbers_in_order(one, other));
    names.dedup();
    if names.is_empty() {
        return None;
    }
    let labels = measured.iter().map(|group| group.label.clone());
    let row = |name: &&String| {
        let figure = |group: &&GroupSummary| {
            let figure = figures(group).get(*name);
            figure.map_or_else(|| NONE.to_owned(), number::figure)
        };
        let cells = std::iter::once((*name).clone()).chain(measured.iter().map(figure));
        Row {
            cells: cells.collect(),
            published: false,
        }
    };
    Some(Table {
        head: std::iter::once(head.to_owned()).chain(labels).collect(),
        rows: names.iter().map(row).collect(),
        notes: false,
    })
}

pub(super) fn seeds(group: &GroupSummary) -> String {
    let counted = group.finished - group.diverged;
    if counted == group.runs.len() {
        counted.to_string()
    } else {
        format!("{counted} of {}", group.runs.len())
    }
}

pub(super) fn note(group: &GroupSummary) -> String {
    let running = group.runs.len() - group.finished;
    let parts = [
        (running, "not finished"),
        (group.diverged, "without a finite error"),
    ];
    let parts = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"));
    parts.collect::<Vec<_>>().join(", ")
}

/// "2" before "10", "task 2" before "task 10".
fn numbers_in_order(one: &str, other: &str) -> Ordering {
    let key = |text: &str| {
        let start = text
            .find(|character: char| character.is_ascii_digit())
            .unwrap_or(text.len());
        let (name, rest) = text.split_at(start);
        let end = rest
            .find(|character: char| !character.is_ascii_digit())
            .unwrap_or(rest.len());
        (
            name.to_owned(),
            rest[..end].parse::<u64>().ok(),
            text.to_owned(),
        )
    };
    key(one).cmp(&key(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_numbers_count_as_numbers() {
        let mut names = ["qa10", "qa2", "10", "2", "qa2-two-facts", "all"];
        names.sort_by(|one, other| numbers_in_order(one, other));
        assert_eq!(names, ["2", "10", "all", "qa2", "qa2-two-facts", "qa10"]);
    }
}
