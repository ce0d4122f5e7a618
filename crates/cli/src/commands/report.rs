//! `mnm report`: runs side by side on one page.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use mnm_report::report::{Heading, Published, Report, RunData, Summary};

use crate::output::print;

/// Put runs side by side on one page
///
/// Writes a self-contained HTML page: the errors of the runs, seeds of one config together with their spread, learning
/// curves, and the configs. Published figures stand beside ours. Figures of the test split are those that
/// `mnm eval RUN --split test --keep` left in a run folder; with them stand the reference players of an agent.
///
/// From the figures of an earlier report (its summary.json) the pictures are drawn again, but for those of the training
/// losses, which only the runs have.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  mnm report runs/stories-seed1 runs/stories-seed2 --out report.html
  mnm report runs/stories-seed1 runs/stories-seed2 --out stories
  mnm report runs/* --out report.html \\
    --section \"copy-=Plain copy\" --section \"double-copy-=Double copy\"
  mnm report stories/summary.json --out pictures
  mnm report runs/* --out report.html --title \"bAbI, 20 tasks\" \\
    --published \"MNM-p=0.55+-0.74:as cited\" \\
    --published \"DNC=12.8+-4.7:as cited\"")]
pub struct Arguments {
    /// Run folders; or the summary.json of an earlier report, whose pictures are drawn again
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// The page to write, FILE.html; or else a folder, for the page, its tables as Markdown, the figures as JSON and the
    /// pictures as SVG files
    #[arg(long, value_name = "FILE|DIR")]
    out: PathBuf,

    /// The page's heading
    #[arg(long, default_value = "Runs")]
    title: String,

    /// A figure to set ours beside: the mean error in percent, with +- and its deviation if known, and a note
    #[arg(long, value_name = "NAME=VALUE[:NOTE]", value_parser = published)]
    published: Vec<Published>,

    /// The same of a figure that was made as ours are, with nothing that they were not given: a line in the curves too
    #[arg(long, value_name = "NAME=VALUE[:NOTE]", value_parser = published)]
    like_for_like: Vec<Published>,

    /// Runs whose folders' names begin with PREFIX stand together under TITLE; the others by task
    #[arg(long, value_name = "PREFIX=TITLE", value_parser = heading)]
    section: Vec<Heading>,

    /// The command that makes the runs again, to be printed on the page
    #[arg(long, value_name = "TEXT", default_value = "")]
    command: String,
}

impl Arguments {
    fn published(&self) -> Vec<Published> {
        let alike = self.like_for_like.iter().cloned().map(|figure| Published {
            like_for_like: true,
            ..figure
        });
        self.published.iter().cloned().chain(alike).collect()
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let out = &arguments.out;
    if let [figures] = arguments.runs.as_slice()
        && figures
            .extension()
            .is_some_and(|extension| extension == "json")
    {
        let only_figures = arguments.published().is_empty()
            && arguments.section.is_empty()
            && out.extension().is_none_or(|extension| extension != "html");
        ensure!(
            only_figures,
            "{} holds figures: they are drawn into a folder, --out DIR, with what was published as it stands there",
            figures.display()
        );
        let files = Summary::read(figures)?.write_pictures(out)?;
        let files = files.iter().map(|file| format!("{}\n", file.display()));
        return print(&files.collect::<String>());
    }
    let report = Report {
        title: arguments.title.clone(),
        command: arguments.command.clone(),
        published: arguments.published(),
        runs: arguments
            .runs
            .iter()
            .map(RunData::read)
            .collect::<Result<_, _>>()?,
        headings: arguments.section.clone(),
    };
    if out.extension().is_some_and(|extension| extension == "html") {
        report.write(out)?;
        print(&format!("{}\n", out.display()))
    } else {
        report.write_folder(out)?;
        print(&format!("{}\n", out.join("report.html").display()))
    }
}

/// `copy-=Plain copy`
fn heading(text: &str) -> Result<Heading, String> {
    match text.split_once('=') {
        Some((prefix, title)) if !prefix.is_empty() && !title.is_empty() => Ok(Heading {
            prefix: prefix.to_owned(),
            title: title.to_owned(),
        }),
        _ => Err("expected PREFIX=TITLE, such as \"copy-=Plain copy\"".to_owned()),
    }
}

/// `DNC=12.8+-4.7:as cited`
fn published(text: &str) -> Result<Published, String> {
    let expected = "expected NAME=VALUE[:NOTE], such as \"DNC=12.8+-4.7:as cited\"";
    let (name, rest) = text.split_once('=').ok_or(expected)?;
    let (value, note) = rest.split_once(':').unwrap_or((rest, ""));
    let number = |text: &str| -> Result<f64, String> {
        let number = text.trim().parse::<f64>().ok();
        number
            .filter(|x| x.is_finite() && *x >= 0.0)
            .ok_or_else(|| format!("{:?} is no error in percent; {expected}", text.trim()))
    };
    let (error, deviation) = match value.split_once("+-").or_else(|| value.split_once('±')) {
        Some((error, deviation)) => (number(error)?, Some(number(deviation)?)),
        None => (number(value)?, None),
    };
    if name.trim().is_empty() {
        return Err(expected.to_owned());
    }
    Ok(Published::new(name.trim(), error, deviation, note.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_figures_are_read() {
        let of = |text| published(text).unwrap();
        assert_eq!(of("LSTM=27"), Published::new("LSTM", 27.0, None, ""));
        let dnc = Published::new("DNC", 12.8, Some(4.7), "as cited: 2016");
        assert_eq!(of("DNC = 12.8 +- 4.7 : as cited: 2016"), dnc);
        assert_eq!(of("DNC=12.8±4.7:as cited: 2016"), dnc);
    }

    #[test]
    fn a_section_has_a_prefix_and_a_title() {
        let copy = heading("copy-=Plain copy, x=1").unwrap();
        assert_eq!(
            (copy.prefix.as_str(), copy.title.as_str()),
            ("copy-", "Plain copy, x=1")
        );
        for wrong in ["copy", "=Copy", "copy="] {
            assert!(
                heading(wrong).unwrap_err().contains("PREFIX=TITLE"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_is_no_figure_is_refused() {
        for text in [
            "DNC", "=3", "DNC=", "DNC=low", "DNC=-1", "DNC=1+-x", "DNC=inf",
        ] {
            assert!(
                published(text).unwrap_err().contains("NAME=VALUE"),
                "{text}"
            );
        }
    }
}
