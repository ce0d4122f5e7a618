//! The page that shows an episode.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use mnm_tasks::Split;
use mnm_trainer::Run;

use super::{Look, Picture, answers};

const STYLE: &str = "\
body { font: 15px/1.5 Helvetica, Arial, sans-serif; color: #1f2933; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .2rem; }
p { margin: .3rem 0 .8rem; max-width: 46rem; } .facts { color: #5b6670; }
svg { max-width: 100%; height: auto; } pre { background: #f5f7f9; padding: .8rem; overflow-x: auto; font-size: 13px; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .15rem 1rem .15rem 0; }
tr.wrong td { color: #b2182b; font-weight: bold; }";

/// Everything in one file.
pub(super) fn page(
    run: &Run,
    split: Split,
    index: u64,
    look: &Look,
    pictures: &[Picture],
) -> String {
    let model = run.config.model.label();
    let errors = run.task.errors(&look.episode, look.logits.view());
    let title = format!("{model} on {}, {split} episode {index}", run.task.name());
    let answers = answers::classes(look, &run.task.interface().outputs);
    document(
        &title,
        &html! {
            p.facts {
                (look.episode.group) ": " (look.episode.steps()) " steps, " (look.episode.targets()) " targets, "
                (errors.wrong) " of " (errors.total) " answers wrong. Steps count from 1."
            }
            @if look.memory.is_none() {
                p { "The model (" (model) ") has no memory network: there are no writes to draw." }
            }
            (shown(pictures))
            @if !answers.is_empty() {
                h2 { "The answers" }
                table {
                    tr { th { "step" } th { "right" } th { "answered" } th { "probability" } }
                    @for answer in &answers {
                        tr.wrong[!answer.correct] {
                            td { (answer.step) } td { (answer.right) } td { (answer.given) }
                            td { (format!("{:.3}", answer.probability)) }
                        }
                    }
                }
            }
            h2 { "The episode as the task prints it" }
            p { "Steps count from 0 here." }
            pre { (run.task.render(&look.episode, Some(look.logits.view()))) }
        },
    )
}

/// Pictures with their headings and captions.
pub(super) fn shown(pictures: &[Picture]) -> Markup {
    html! {
        @for picture in pictures {
            h2 { (picture.title) }
            p { (picture.caption) }
            (PreEscaped(&picture.svg))
        }
    }
}

/// A whole page.
pub(super) fn document(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (body)
            }
        }
    }
    .into_string()
}
