//! The page that shows an episode.

use maud::{Markup, PreEscaped, html};
use mnm_trainer::Run;

use super::{Look, Picture, answers};
use crate::page::document;

/// Everything in one file.
pub(super) fn page(
    run: &Run,
    title: &str,
    command: &str,
    look: &Look,
    story: &[Picture],
    pictures: &[Picture],
) -> String {
    let model = run.config.model.label();
    let errors = run.task.errors(&look.episode, look.logits.view());
    let answers = answers::classes(look, &run.task.interface().outputs);
    let lined = answers.iter().any(|answer| answer.line.is_some());
    document(
        title,
        &html! {
            p.small {
                (look.episode.group) ": " (look.lines.len()) " lines, " (look.episode.steps()) " steps, "
                (look.episode.targets()) " questions, " (errors.wrong) " of " (errors.total) " answers wrong. "
                (parameters(run.config.seed, run.checkpoint.step())) " Lines and steps count from 1."
            }
            (again(command))
            (shown(story))
            @if !answers.is_empty() {
                h2 { "The answers" }
                div.wide { table {
                    thead { tr {
                        @if lined { th.number scope="col" { "line" } }
                        th.number scope="col" { "step" } th.text scope="col" { "right" } th.text scope="col" { "answered" }
                        th.number scope="col" { "probability" }
                    } }
                    tbody { @for answer in &answers {
                        tr.wrong[!answer.correct] {
                            @if lined { td.number { @if let Some(line) = answer.line { (line) } } }
                            td.number { (answer.step) } td.text { (answer.right) } td.text { (answer.given) }
                            td.number { (format!("{:.3}", answer.probability)) }
                        }
                    } }
                } }
            }
            @if look.memory.is_none() {
                p { "The model (" (model) ") has no memory network: there are no writes to draw." }
            }
            (shown(pictures))
            h2 { "The episode as the task prints it" }
            pre { (run.task.render(&look.episode, Some(look.logits.view()))) }
        },
    )
}

/// Which parameters the page is about.
pub(super) fn parameters(seed: u64, step: Option<u64>) -> String {
    match step {
        Some(step) => format!("Seed {seed}, parameters of step {step}."),
        None => format!("Seed {seed}."),
    }
}

/// The command that makes the page again; nothing without one.
pub(super) fn again(command: &str) -> Markup {
    html! {
        @if !command.is_empty() { pre { code { (command) } } }
    }
}

/// Pictures with their headings and captions.
pub(super) fn shown(pictures: &[Picture]) -> Markup {
    html! {
        @for picture in pictures {
            h2 { (picture.title) }
            figure { figcaption.small { (picture.caption) } (PreEscaped(&picture.svg)) }
        }
    }
}
