//! `mnm play`: a page to play with a memory, served on the loopback address.

mod bare;
mod request;
mod server;
mod story;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use mnm_trainer::ask::Reader;

use self::story::Stories;
use super::run::weights;
use crate::failure::Usage;
use crate::numbers::whole;
use crate::output::print;

/// Play with a memory in the browser
///
/// Serves a page on 127.0.0.1 and opens it. With a run: type a story line by line, see what was written and which earlier
/// line that overwrote, ask, see what each answer was read from, strike a line out and watch the answers change. Without
/// one: a bare memory of eight units, pairs clicked in, the write rule chosen, noise on the key. Ctrl-C stops it. The page
/// loads nothing from elsewhere, and nobody else can reach it.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  mnm play
  mnm play runs/stories-seed1
  mnm play runs/stories-seed1 --port 8000 --no-open")]
pub struct Arguments {
    /// The run folder of a model that reads stories, as `mnm train` made it
    run: Option<PathBuf>,

    /// The port to serve on; 0 takes a free one
    #[arg(long, default_value_t = 0, value_parser = whole::<u16>(0, u16::MAX.into()), allow_negative_numbers = true)]
    port: u16,

    /// Open no browser
    #[arg(long)]
    no_open: bool,

    /// Take the parameters after the last step instead of those with the lowest validation error
    #[arg(long, requires = "run")]
    last: bool,

    /// Take the mean that train.average keeps: that with the lowest validation error, or with --last the one after the last step
    #[arg(long, requires = "run")]
    average: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let stories = match &arguments.run {
        Some(run) => Some(Stories::new(
            Reader::open(run, weights(arguments.last, arguments.average))?,
            run,
            weights(arguments.last, arguments.average),
        )),
        None => None,
    };
    let server = server::bind(arguments.port).map_err(|error| {
        Usage(format!(
            "cannot serve on 127.0.0.1:{}: {error}; choose another --port, or 0 for a free one",
            arguments.port
        ))
    })?;
    let address = format!("http://{}/", server.host());
    print(&format!("{address}\nCtrl-C stops.\n"))?;
    if !arguments.no_open && open::that_detached(&address).is_err() {
        print("No browser could be opened: open the address yourself.\n")?;
    }
    server.serve(stories.as_ref()).context("the server stopped")
}
