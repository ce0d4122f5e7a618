//! `cargo xtask setup`: the one system package that the workspace needs; with `--browser` and `--mpi` also what some tests need.
//!
//! `mnm-trainer` takes singular values and QR factorisations from LAPACK, through `ndarray-linalg`; `mnm-openblas` links the
//! system's OpenBLAS for it. Its build script stops where a trial link fails; the same trial is made here, before anything is
//! built, and what is missing is installed where that is allowed.

pub mod browser;
mod install;
#[path = "../../../crates/openblas/build/managers.rs"]
pub mod managers;
pub mod mpi;
mod packages;
#[path = "../../../crates/openblas/build/probe.rs"]
mod probe;

use anyhow::{Result, anyhow, bail};
use clap::Args;

use crate::files;

use install::Rights;
use managers::Manager;
use probe::Finding;

/// Options of `cargo xtask setup`.
#[derive(Args, Default)]
pub struct Options {
    /// Only say what is there and what is missing; install nothing
    #[arg(long)]
    pub check: bool,
    /// Chromium and its driver too, in which `cargo xtask ci` tests the page of `mnm play`
    #[arg(long)]
    pub browser: bool,
    /// An MPI too, with which `cargo xtask ci` tests `mpirun mnm train`
    #[arg(long)]
    pub mpi: bool,
}

/// Makes sure that programs of the workspace can be linked, and that there is what was asked for to test with.
///
/// # Errors
/// If something is missing and cannot or may not be installed; the message holds the one line to run.
pub fn run(options: &Options) -> Result<()> {
    library(options)?;
    if options.browser {
        browser::WANTED.provide(options)?;
    }
    if options.mpi {
        mpi::WANTED.provide(options)?;
    }
    Ok(())
}

fn library(options: &Options) -> Result<()> {
    let finding = look()?;
    let Some((_, why)) = finding.missing() else {
        println!("setup: OpenBLAS can be linked");
        return Ok(());
    };
    let compiler_missing = matches!(finding, Finding::NoCompiler { .. });
    match compiler_missing {
        true => println!("setup: no working C compiler: {why}"),
        false => println!("setup: OpenBLAS cannot be linked: {why}"),
    }
    println!("setup: it is needed to link `mnm` (LAPACK routines, through ndarray-linalg)");

    let stop = |reason: &str| anyhow!(managers::stop(&finding, reason));
    let Some(manager) = Manager::find() else {
        return Err(stop("nothing can be installed"));
    };
    let rights = may_install(options, manager).map_err(stop)?;
    install::install(manager, rights, &manager.packages(compiler_missing)).map_err(|error| {
        let by_hand = manager.by_hand(compiler_missing);
        anyhow!("{error:#}\n\nOnce that is solved, run this line, then the same command again:\n\n    {by_hand}\n")
    })?;
    match look()?.missing() {
        None => println!("setup: OpenBLAS can be linked now"),
        Some((_, why)) => {
            bail!("the packages were installed, but the trial still fails: {why}")
        }
    }
    Ok(())
}

/// Whether the user has forbidden to install anything.
pub fn is_forbidden() -> bool {
    std::env::var_os("MNM_NO_INSTALL").is_some_and(|value| !value.is_empty() && value != "0")
}

/// The rights with which this manager installs from here, or why it does not.
fn may_install(options: &Options, manager: &Manager) -> Result<Rights, &'static str> {
    if options.check {
        return Err("--check installs nothing");
    }
    if is_forbidden() {
        return Err("MNM_NO_INSTALL forbids installing it");
    }
    if !install::is_driven(manager) {
        return Err("this package manager is not driven from here");
    }
    Rights::find(manager)
        .ok_or("this user may not install it (neither root nor sudo without a password)")
}

/// A trial in a folder that vanishes.
fn look() -> Result<Finding> {
    let folder = files::Scratch::new()?;
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    let flags: Vec<&str> = flags.split_whitespace().collect();
    let folders = probe::folders(&flags.join("\u{1f}"));
    Ok(probe::look(folder.path(), &folders))
}
