//! `mnm completions`: for the shell.

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::output::print;

/// Print completions for a shell
///
/// Prints a script with which the shell completes commands, options and names.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  mnm completions bash > ~/.local/share/bash-completion/completions/mnm
  mnm completions zsh > ~/.zfunc/_mnm
  mnm completions fish > ~/.config/fish/completions/mnm.fish")]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let mut script = Vec::new();
    let mut command = crate::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "mnm", &mut script);
    print(&String::from_utf8_lossy(&script))
}
