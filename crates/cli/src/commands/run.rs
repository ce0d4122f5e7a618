//! What the commands that take a trained run have in common.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use mnm_tasks::{ParseSplitError, Split};
use mnm_trainer::{Trained, Weights};

use crate::failure::at_data;

/// A trained run and which of its parameters.
#[derive(Args)]
pub struct RunArguments {
    /// The run folder, as `mnm train` made it
    pub run: PathBuf,

    /// The folder of the data, if not the one that the run was trained on
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Another setting of the data, such as data.lengths.test.max=40; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// Take the parameters after the last step instead of those with the lowest validation error
    #[arg(long)]
    pub last: bool,

    /// Take the averaged parameters (train.average): those with the lowest validation error, with --last those after the last
    /// step
    #[arg(long)]
    pub average: bool,
}

impl RunArguments {
    /// The run, with its task or environment and its model.
    pub fn open(&self) -> Result<Trained> {
        Trained::open(&self.run, self.weights(), &self.settings()).map_err(at_data)
    }

    /// Which parameters are asked for.
    pub fn weights(&self) -> Weights {
        weights(self.last, self.average)
    }

    /// The settings of the data, `--data` among them.
    pub fn settings(&self) -> Vec<String> {
        let folder = self.data.as_ref().map(|dir| {
            // Quoted, lest a folder called 7 be taken for a number.
            let quoted = toml::Value::String(dir.to_string_lossy().into_owned());
            format!("data.dir={quoted}")
        });
        folder.into_iter().chain(self.set.clone()).collect()
    }
}

/// Which parameters `--last` and `--average` ask for.
pub fn weights(last: bool, average: bool) -> Weights {
    match (last, average) {
        (false, false) => Weights::Best,
        (true, false) => Weights::Last,
        (false, true) => Weights::BestAverage,
        (true, true) => Weights::Average,
    }
}

/// A split as the command line names it.
pub fn split(word: &str) -> Result<Split, ParseSplitError> {
    word.parse()
}
