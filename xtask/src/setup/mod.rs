//! `cargo xtask setup`: the one system package that the workspace needs.
//!
//! `mnm-trainer` takes singular values and QR factorisations from LAPACK, through `ndarray-linalg`, which links the
//! system's OpenBLAS. Without it the build passes and the link of the last program fails; so we try the link first.

mod install;
mod probe;

use anyhow::{Result, bail};
use clap::Args;

use install::{MANAGERS, Manager, Rights};
use probe::Finding;

/// Options of `cargo xtask setup`.
#[derive(Args, Default)]
pub struct Options {
    /// Only say what is there and what is missing; install nothing
    #[arg(long)]
    pub check: bool,
}

/// Makes sure that programs of the workspace can be linked.
///
/// # Errors
/// If something is missing and cannot or may not be installed; the message holds the one line to run.
pub fn run(options: &Options) -> Result<()> {
    let finding = probe::look();
    match &finding {
        Finding::Ready => {
            println!("setup: OpenBLAS can be linked");
            return Ok(());
        }
        Finding::NoCompiler { why } => println!("setup: no working C compiler: {why}"),
        Finding::NoOpenBlas { why } => println!("setup: OpenBLAS cannot be linked: {why}"),
    }
    println!("setup: it is needed to link `mnm` (LAPACK routines, through ndarray-linalg)");

    let Some(manager) = Manager::find() else {
        let known: Vec<&str> = MANAGERS.iter().map(|manager| manager.program).collect();
        bail!(
            "no known package manager here ({}); install OpenBLAS with its development files and a C compiler, then run \
             the same command again",
            known.join(", ")
        );
    };
    let compiler_missing = matches!(finding, Finding::NoCompiler { .. });
    let rights = Rights::find(manager);
    let by_hand = manager.by_hand(compiler_missing);
    let stop = |reason: &str| {
        anyhow::anyhow!(
            "{} is missing, and {reason}. Run this line, then the same command again:\n\n    {by_hand}\n",
            finding.what()
        )
    };
    if options.check {
        return Err(stop("--check installs nothing"));
    }
    if std::env::var_os("MNM_NO_INSTALL").is_some_and(|value| !value.is_empty() && value != "0") {
        return Err(stop("MNM_NO_INSTALL forbids installing it"));
    }
    if !manager.automatic {
        return Err(stop("this package manager is not driven from here"));
    }
    let Some(rights) = rights else {
        return Err(stop(
            "this user may not install it (neither root nor sudo without a password)",
        ));
    };
    install::install(manager, rights, compiler_missing).map_err(|error| {
        anyhow::anyhow!("{error:#}\n\nOnce that is solved, run this line, then the same command again:\n\n    {by_hand}\n")
    })?;
    match probe::look() {
        Finding::Ready => {
            println!("setup: OpenBLAS can be linked now");
            Ok(())
        }
        Finding::NoCompiler { why } | Finding::NoOpenBlas { why } => {
            bail!("the packages were installed, but the trial still fails: {why}")
        }
    }
}
