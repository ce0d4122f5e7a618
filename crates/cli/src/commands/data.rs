//! `mnm data`: where data sets come from, and whether a download is what it should be.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use mnm_tasks::babi::{BabiFile, Inventory, Provenance};
use mnm_tasks::{BabiOptions, Split};

use crate::output::print;

/// Say where a data set comes from, and check a download of it
///
/// Only the bAbI questions need one; every other task generates its data.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  mnm data babi
  mnm data babi tasks_1-20_v1-2.tar.gz")]
pub struct Arguments {
    #[command(subcommand)]
    set: Set,
}

#[derive(Subcommand)]
enum Set {
    Babi(BabiArguments),
}

/// The twenty bAbI tasks
///
/// Without a PATH, says how to get the published archive. With one, counts what each file holds and compares it with
/// the published one by its SHA-256 sum. The sums on record are those of the training and validation files of
/// en-valid-10k, but that of qa3_train.txt; another file is reported as not the known one.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  mnm data babi
  mnm data babi tasks_1-20_v1-2.tar.gz
  mnm data babi data/babi/en-valid-10k --strict")]
struct BabiArguments {
    /// The folder that holds the files, or one above it, or the published archive
    path: Option<PathBuf>,

    /// The folder inside PATH to check, such as en-valid-10k or en [default: the best there is]
    #[arg(long, value_name = "NAME", requires = "path")]
    subset: Option<String>,

    /// Fail unless every task is there and no file is another than the known one
    #[arg(long, requires = "path")]
    strict: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let Set::Babi(babi) = &arguments.set;
    match &babi.path {
        Some(path) => check(path, babi),
        None => print(HOW_TO_GET_BABI),
    }
}

const HOW_TO_GET_BABI: &str = "\
The bAbI tasks, version 1.2, are published by Facebook AI Research under
CC BY 3.0 (Weston et al., 2015, Towards AI-Complete Question Answering, arXiv
1502.05698). This program does not download them for you.

1. Get the archive tasks_1-20_v1-2.tar.gz, from the project's page or from its
   first author's:
     https://research.facebook.com/downloads/babi/
     http://www.thespermwhale.com/jaseweston/babi/tasks_1-20_v1-2.tar.gz
2. Check it, packed or unpacked; the files used are those of its folder
   en-valid-10k:
     mnm data babi tasks_1-20_v1-2.tar.gz
3. Train on it, packed or unpacked:
     mnm train babi --set data.dir=tasks_1-20_v1-2.tar.gz
";

fn check(path: &Path, arguments: &BabiArguments) -> Result<()> {
    let inventory = Inventory::take(&BabiOptions {
        subset: arguments.subset.clone(),
        ..BabiOptions::new(path)
    })?;
    let printed = print(&table(&inventory));
    if arguments.strict && !inventory.is_official() {
        bail!(
            "{}: not all files are there and the known ones (--strict)",
            inventory.place
        );
    }
    printed
}

/// A line for each file, and what there is to say about all of them.
fn table(inventory: &Inventory) -> String {
    let mut lines = vec![
        inventory.place.clone(),
        "  task  split  stories  statements  questions  file".to_owned(),
    ];
    lines.extend(inventory.files.iter().map(row));
    for split in Split::ALL {
        let of_split = || inventory.files.iter().filter(|file| file.split == split);
        if of_split().next().is_some() {
            let questions: usize = of_split().map(|file| file.questions).sum();
            let files = of_split().count();
            lines.push(format!("{split}: {files} files, {questions} questions"));
        }
    }
    lines.push(format!(
        "{} words, {} answers",
        inventory.words, inventory.answers
    ));
    let missing: Vec<String> = inventory
        .missing
        .iter()
        .map(|(split, task)| format!("qa{task}_{split}.txt"))
        .collect();
    if !missing.is_empty() {
        lines.push(format!("missing: {}", missing.join(", ")));
    }
    let of = |wanted: fn(Provenance) -> bool| {
        let files = inventory.files.iter();
        files.filter(|file| wanted(file.provenance)).count()
    };
    let all = inventory.files.len();
    lines.push(format!(
        "{} of {all} files are the published ones, {} others are not, {} have no sum on record",
        of(|p| p == Provenance::Official),
        of(|p| matches!(p, Provenance::Substitute(_) | Provenance::Different)),
        of(|p| p == Provenance::NotOnRecord),
    ));
    lines.join("\n") + "\n"
}

fn row(file: &BabiFile) -> String {
    let what = match file.provenance {
        Provenance::Official => "published".to_owned(),
        Provenance::Substitute(what) => format!("NOT the published file: {what}"),
        Provenance::Different => {
            format!("not the known file (sha256 {})", file.sha256)
        }
        Provenance::NotOnRecord => format!("no sum on record (sha256 {})", file.sha256),
    };
    format!(
        "  {:>4}  {:>5}  {:>7}  {:>10}  {:>9}  {what}",
        file.task, file.split, file.stories, file.statements, file.questions
    )
}
