//! `mnm config`: a whole config, every default visible.

use anyhow::Result;
use clap::Args;
use mnm_trainer::Config;
use mnm_trainer::config::reference;

use super::tasks::listed;
use crate::output::print;

/// Print a config, or list those that come with the program
///
/// Prints the whole config as TOML, with every default visible, each key under a comment that says what it means: save it,
/// change it, train it. Without a name, lists the configs that come with the program.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  mnm config
  mnm config babi > mine.toml
  mnm config stories --set model.rule=mnm-g --set train.steps=500")]
pub struct Arguments {
    /// A name from the list, or the path of a TOML file
    name: Option<String>,

    /// Set a key of the config, such as train.steps=1000
    #[arg(long, value_name = "KEY=VALUE", requires = "name")]
    set: Vec<String>,

    /// Print every key of every config as a page of Markdown
    #[arg(long, conflicts_with = "name")]
    reference: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.name {
        _ if arguments.reference => print(&reference()),
        Some(name) => print(&Config::load(name, &arguments.set)?.to_commented_toml()),
        None => print(&listed()),
    }
}
