//! The nightly compiler, which fuzzing, Miri and the sanitizers need, and nothing else.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{shell, workspace};

/// Has a cargo command use the nightly compiler. The variables of the cargo that runs us would have it use the same one.
pub fn of(command: &mut Command) {
    command
        .current_dir(workspace::root())
        .env("RUSTUP_TOOLCHAIN", "nightly")
        .env_remove("CARGO")
        .env_remove("RUSTC");
}

/// Refuses to go on where the nightly compiler is missing, or one of these components of it (`miri`, `rust-src`).
///
/// # Errors
/// The line to run.
pub fn require(components: &[&str]) -> Result<()> {
    let list = ["component", "list", "--toolchain", "nightly", "--installed"];
    let installed = shell::capture(Command::new("rustup").args(list));
    let Ok(installed) = installed else {
        let more: Vec<String> = components.iter().map(|c| format!(" -c {c}")).collect();
        bail!(
            "a nightly compiler is missing. Install one with `rustup toolchain install nightly{}`",
            more.concat()
        );
    };
    let there = |component: &&&str| {
        let mut lines = installed.lines();
        lines.any(|line| line.starts_with(**component))
    };
    let missing: Vec<&str> = components
        .iter()
        .filter(|component| !there(component))
        .copied()
        .collect();
    if !missing.is_empty() {
        bail!(
            "the nightly compiler lacks {what}. Install with `rustup component add {what} --toolchain nightly`",
            what = missing.join(" ")
        );
    }
    Ok(())
}
