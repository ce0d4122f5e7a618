//! What was drawn, and the names of the files that it is kept in.

use std::path::{Path, PathBuf};

use super::error::ReportError;
use super::summary::Summary;
use super::{Report, agents, charts, groups};
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

/// The pictures of a section, under its title.
type Titled = (String, Vec<Picture>);

/// Every picture of a report.
pub(super) fn of_report(report: &Report, summary: &Summary) -> Result<Vec<Titled>, ReportError> {
    let sections = groups::sections(report)?.into_iter().zip(&summary.sections);
    sections
        .map(|(section, summary)| {
            let pictures = charts::draw(&section, summary)?;
            Ok((section.title, pictures))
        })
        .collect()
}

/// Those that the figures alone give.
pub(super) fn of_summary(summary: &Summary) -> Result<Vec<Titled>, ReportError> {
    let sections = summary.sections.iter();
    sections
        .map(|section| {
            let plots = match section.agents {
                Some(_) => agents::charts::of_summary(section),
                None => charts::of_summary(section),
            };
            Ok((section.title.clone(), drawn(plots.into_iter())?))
        })
        .collect()
}

/// Writes pictures into `folder`, each under a name of words: the section's, where there are several, and the picture's own.
pub(super) fn write(sections: &[Titled], folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    std::fs::create_dir_all(folder).map_err(|source| ReportError::Write {
        path: folder.to_owned(),
        source,
    })?;
    let mut names = Vec::new();
    let mut files = Vec::new();
    for (section, pictures) in sections {
        for Picture { title, svg, .. } in pictures {
            let words = if sections.len() > 1 {
                format!("{section} {title}")
            } else {
                title.clone()
            };
            let name = free(&slug(&words), &names);
            let file = folder.join(&name);
            super::write(&file, svg)?;
            names.push(name);
            files.push(file);
        }
    }
    Ok(files)
}

/// A file's name that is none of `names`: headings may differ in what a name leaves out.
fn free(slug: &str, names: &[String]) -> String {
    let mut name = format!("{slug}.svg");
    let mut count = 1;
    while names.contains(&name) {
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
        let mut names = Vec::new();
        for expected in ["a.svg", "a-2.svg", "a-3.svg"] {
            let name = free("a", &names);
            assert_eq!(name, expected);
            names.push(name);
        }
    }
}
