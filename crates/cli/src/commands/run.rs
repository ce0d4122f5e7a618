//! What the commands that take a trained run have in common.

use std::path::PathBuf;

use clap::Args;
use mnm_tasks::{ParseSplitError, Split};
use mnm_trainer::{Run, TrainError, Weights};

/// A trained run and which of its parameters.
#[derive(Args)]
pub struct RunArguments {
    /// The run folder, as `mnm train` made it
    pub run: PathBuf,

    /// The folder of the data, if not the one that the run was trained on
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Take the parameters after the last step instead of those with the lowest validation error
    #[arg(long)]
    pub last: bool,
}

impl RunArguments {
    /// The run, with its task and its model.
    pub fn open(&self) -> Result<Run, TrainError> {
        Run::open(&self.run, weights(self.last), self.data.as_deref())
    }
}

/// Which parameters `--last` asks for.
pub fn weights(last: bool) -> Weights {
    if last { Weights::Last } else { Weights::Best }
}

/// A split as the command line names it.
pub fn split(word: &str) -> Result<Split, ParseSplitError> {
    word.parse()
}
