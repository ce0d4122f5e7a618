//! Where the workspace lies and which crates it publishes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell;

/// The root of the workspace: the folder above this crate's.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The commit of the workspace, and whether files that belong to it are not as they are there: `0123abc` or `0123abc, changed`; `unknown`
/// outside a repository.
pub fn commit() -> String {
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        shell::capture(command.arg("-C").arg(root()).args(arguments)).ok()
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.trim().is_empty() => commit.trim().to_owned(),
        Some(_) => format!("{}, changed", commit.trim()),
        None => "unknown".to_owned(),
    }
}

/// What `cargo metadata` says about the workspace, without its dependencies.
fn metadata() -> Result<Value> {
    let mut command = shell::cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    let text = shell::capture(&mut command)?;
    serde_json::from_str(&text).context("`cargo metadata` printed something that is not JSON")
}

/// The folder that cargo builds into.
///
/// # Errors
/// If `cargo metadata` fails or does not name it.
pub fn target_dir() -> Result<PathBuf> {
    match metadata()?["target_directory"].as_str() {
        Some(path) => Ok(PathBuf::from(path)),
        None => bail!("`cargo metadata` names no target_directory"),
    }
}

/// A crate that is meant for a registry.
pub struct Published {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The crates that are meant for a registry.
///
/// # Errors
/// If `cargo metadata` fails or lists no packages.
pub fn published() -> Result<Vec<Published>> {
    let metadata = metadata()?;
    let packages = metadata["packages"]
        .as_array()
        .context("`cargo metadata` lists no packages")?;
    // `publish = false` appears as an empty list of registries, an absent key as null.
    let may_be_published = |package: &&Value| {
        package["publish"]
            .as_array()
            .is_none_or(|registries| !registries.is_empty())
    };
    let text = |package: &Value, key: &str| package[key].as_str().map(str::to_owned);
    let published = |package: &Value| {
        Some(Published {
            name: text(package, "name")?,
            version: text(package, "version")?,
        })
    };
    Ok(packages
        .iter()
        .filter(may_be_published)
        .filter_map(published)
        .collect())
}

/// Builds the `mnm` program in release mode and returns its path.
///
/// # Errors
/// If the build fails.
pub fn build_mnm() -> Result<PathBuf> {
    let mut command = shell::cargo();
    command.args(["build", "--release", "--package", "mnm-cli"]);
    println!("running `{}`", shell::typed(&command));
    shell::pass_through(&mut command)?;
    Ok(target_dir()?
        .join("release")
        .join(format!("mnm{}", std::env::consts::EXE_SUFFIX)))
}
