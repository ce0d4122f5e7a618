//! What was drawn, and the names of the files that it is kept in.

use super::Report;
use super::error::ReportError;
use super::summary::Summary;
use super::{charts, groups};
use crate::plot::{BarPlot, LinePlot, PlotError};

/// One picture of a section.
pub(super) struct Picture {
    pub title: String,
    /// What is to be seen in it.
    pub caption: String,
    pub svg: String,
}

/// A picture that may have come to nothing.
pub(super) struct Plotted {
    title: String,
    caption: &'static str,
    svg: Result<String, PlotError>,
}

impl Plotted {
    pub(super) fn lines(plot: &LinePlot, caption: &'static str) -> Self {
        let title = plot.title.clone();
        Self {
            title,
            caption,
            svg: plot.svg(),
        }
    }

    pub(super) fn bars(plot: &BarPlot, caption: &'static str) -> Self {
        let title = plot.title.clone();
        Self {
            title,
            caption,
            svg: plot.svg(),
        }
    }
}

/// The pictures that there is something to be seen in: a run that has just begun, or was not evaluated, lacks some curves.
pub(super) fn drawn(plots: impl Iterator<Item = Plotted>) -> Result<Vec<Picture>, ReportError> {
    plots
        .filter(|plotted| !matches!(plotted.svg, Err(PlotError::Empty { .. })))
        .map(
            |Plotted {
                 title,
                 caption,
                 svg,
             }| {
                let caption = caption.to_owned();
                Ok(Picture {
                    title,
                    caption,
                    svg: svg?,
                })
            },
        )
        .collect()
}

/// Every picture of a report under a name for its file: the section's, where there are several, and the picture's own.
pub(super) fn files(
    report: &Report,
    summary: &Summary,
) -> Result<Vec<(String, String)>, ReportError> {
    let sections = groups::sections(report)?;
    let mut files = Vec::new();
    for (section, summary) in sections.iter().zip(&summary.sections) {
        for Picture { title, svg, .. } in charts::draw(section, summary)? {
            let words = if sections.len() > 1 {
                format!("{} {title}", section.title)
            } else {
                title
            };
            files.push((free(&slug(&words), &files), svg));
        }
    }
    Ok(files)
}

/// A file's name that none of `files` has: headings may differ in what a name leaves out.
fn free(slug: &str, files: &[(String, String)]) -> String {
    let mut name = format!("{slug}.svg");
    let mut count = 1;
    while files.iter().any(|(taken, _)| *taken == name) {
        count += 1;
        name = format!("{slug}-{count}.svg");
    }
    name
}

/// Letters and digits in lower case, whatever else as single dashes.
fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::{free, slug};

    #[test]
    fn a_name_is_words_with_dashes() {
        assert_eq!(slug("Meta loss: how badly, 5 %"), "meta-loss-how-badly-5");
    }

    #[test]
    fn no_picture_takes_the_place_of_another() {
        let mut files = Vec::new();
        for expected in ["a.svg", "a-2.svg", "a-3.svg"] {
            let name = free("a", &files);
            assert_eq!(name, expected);
            files.push((name, String::new()));
        }
    }
}
