//! The page.
//!
//! `maud` escapes every text by construction; only our own pictures are let through as they are.

use maud::{Markup, PreEscaped, html};
use toml::Value;

use super::error::ReportError;
use super::groups::{RunGroup, sections};
use super::pictures::Picture;
use super::run::RunData;
use super::summary::{SectionSummary, Summary};
use super::table::{self, Table};
use super::{Report, agents, charts, number};
use crate::page::document;

pub(super) fn page(report: &Report, summary: &Summary) -> Result<String, ReportError> {
    let sections = sections(report)?;
    let several = sections.len() > 1;
    let mut body = Vec::new();
    for (section, summary) in sections.iter().zip(&summary.sections) {
        let heading = Some(section.title.as_str()).filter(|title| several && !title.is_empty());
        body.push(part(heading, summary, &charts::draw(section, summary)?));
    }
    let body = html! {
        @if !report.command.is_empty() {
            p { "To make it again:" }
            pre.command { code { (report.command) } }
        }
        @for part in &body { (part) }
        h2 { "Runs" }
        p.small { "Every run with its whole config; the config alone makes it again." }
        @for section in &sections {
            @for group in &section.groups {
                @for run in &group.runs { (details(group, run)) }
            }
        }
    };
    Ok(document(&report.title, &body))
}

fn part(heading: Option<&str>, summary: &SectionSummary, pictures: &[Picture]) -> Markup {
    html! {
        section {
            @if let Some(task) = heading { h2 { (task) } }
            @if let Some(agents) = &summary.agents {
                (table_of(&agents::table::rewards(summary, agents)))
                p.small { (agents::table::note(agents)) }
            } @else {
                (table_of(&table::figures(summary)))
                p.small {
                    "Errors in percent: mean ± standard deviation over seeds (n − 1). The figure of a run is that of its last averaged "
                    "weights, where it keeps them; the lowest validation of a run is the best of many readings, and flatters. Only runs "
                    "that have finished count. In the curves, one that stopped before the other seeds counts with its last value. "
                    @if !summary.published.is_empty() { "Rows in italics are published figures." }
                }
            }
            @if pictures.is_empty() { p { "Nothing has been logged yet." } }
            @for picture in pictures {
                figure { (PreEscaped(&picture.svg)) figcaption.small { (picture.caption) } }
            }
            @if let Some(table) = summary.agents.as_ref().and_then(agents::table::tenths) {
                h3 { (agents::table::TENTHS) }
                (table_of(&table))
            }
            @if let Some(table) = table::further(summary) {
                h3 { (table::FURTHER) }
                (table_of(&table))
            }
            @if let Some(table) = table::per_task(summary) {
                h3 { "Error of each task, %" }
                (table_of(&table))
            }
        }
    }
}

fn table_of(table: &Table) -> Markup {
    let last = table.head.len().saturating_sub(1);
    let kind = |column: usize| {
        if column == 0 || (table.notes && column == last) {
            "text"
        } else {
            "number"
        }
    };
    html! {
        div.wide {
            table {
                thead { tr { @for (column, name) in table.head.iter().enumerate() {
                    th scope="col" class=(kind(column)) { (name) }
                } } }
                tbody { @for row in &table.rows {
                    tr class=[row.published.then_some("published")] {
                        @for (column, cell) in row.cells.iter().enumerate() { td class=(kind(column)) { (cell) } }
                    }
                } }
            }
        }
    }
}

fn details(group: &RunGroup<'_>, run: &RunData) -> Markup {
    let seed = run
        .value("seed")
        .map_or_else(|| number::NONE.to_owned(), Value::to_string);
    let steps = number::count(run.last_step());
    let state = if run.ended().is_some() {
        "finished"
    } else {
        "not finished"
    };
    html! {
        details {
            summary {
                b { (run.name) } " – " (group.label) ", seed " (seed) ", " (steps) " steps, " (state)
                @if let Some(error) = run.error() { ", error " (number::percent(error)) " %" }
                @if let Some(played) = agents::evaluated(run) { ", reward " (number::amount(played.agent.reward.mean)) }
            }
            pre { code { (run.config_text) } }
        }
    }
}
