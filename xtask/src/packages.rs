//! Are the crates ready for a registry? Their archives are made, and compiled from nothing but what is in them.
//!
//! `cargo package` can compile them itself, through a registry that it lays over crates.io for the time being. But it keeps
//! what it once unpacked from there by name and version, and between two releases the version stays the same: the second
//! check would compile the siblings of the first. So the archives are unpacked here, side by side, as a workspace.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::ci::announced;
use crate::shell;
use crate::workspace::{self, Published};

/// Makes every archive and, if `compile`, compiles what is in them.
///
/// # Errors
/// If an archive cannot be made, or does not compile.
pub fn check(compile: bool) -> Result<()> {
    let crates = workspace::published()?;
    let mut command = shell::cargo();
    // A work tree with changes may be checked as well: nothing is published from here.
    command.args(["package", "--no-verify", "--allow-dirty"]);
    for package in &crates {
        command.args(["--package", &package.name]);
    }
    announced(&mut command)?;
    if !compile {
        return Ok(());
    }
    let target = workspace::target_dir()?;
    let folder = target.join("packages");
    unpack(&crates, &target.join("package"), &folder)?;
    let mut command = shell::cargo();
    // Into the folder of everything else: what the crates depend on has been checked there already by the lints.
    command
        .current_dir(&folder)
        .args(["check", "--workspace", "--target-dir"])
        .arg(&target);
    announced(&mut command)
}

/// Unpacks the archives into a folder that is emptied first, and makes it a workspace.
fn unpack(crates: &[Published], archives: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for package in crates {
        let archive = archives.join(format!("{}.crate", directory(package)));
        // Archives carry a date long past; with it, cargo would take changed files for unchanged ones.
        let mut tar = Command::new("tar");
        tar.args(["--extract", "--gzip", "--touch", "--file"])
            .arg(&archive)
            .arg("--directory")
            .arg(folder);
        shell::capture(&mut tar)?;
    }
    let root = workspace::root().join("Cargo.toml");
    let ours = std::fs::read_to_string(&root).with_context(|| root.display().to_string())?;
    let ours: toml::Table = toml::from_str(&ours).with_context(|| root.display().to_string())?;
    let manifest = folder.join("Cargo.toml");
    std::fs::write(&manifest, root_manifest(crates, &ours))
        .with_context(|| manifest.display().to_string())?;
    // The versions of all other crates are those that the tests ran with.
    let lock = workspace::root().join("Cargo.lock");
    std::fs::copy(&lock, folder.join("Cargo.lock")).with_context(|| lock.display().to_string())?;
    Ok(())
}

/// The folder in a crate's archive.
fn directory(package: &Published) -> String {
    format!("{}-{}", package.name, package.version)
}

/// A workspace of the unpacked crates, in which they stand in for those of crates.io. It has the profiles of ours, so that the same
/// crate of crates.io is the same build.
fn root_manifest(crates: &[Published], ours: &toml::Table) -> String {
    let members: Vec<String> = crates
        .iter()
        .map(|package| format!("{:?}", directory(package)))
        .collect();
    let patches: Vec<String> = crates
        .iter()
        .map(|package| format!("{} = {{ path = {:?} }}\n", package.name, directory(package)))
        .collect();
    let mut profiles = ours.clone();
    profiles.retain(|key, _| key == "profile");
    format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[patch.crates-io]\n{}\n{profiles}",
        members.join(", "),
        patches.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacked_crates_stand_in_for_the_published_ones() {
        let package = |name: &str| Published {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
        };
        let ours = "[workspace]\nmembers = []\n[profile.dev]\nopt-level = 1\n[profile.dev.package.\"*\"]\ndebug = false";
        let ours: toml::Table = toml::from_str(ours).expect("good TOML");
        let manifest = root_manifest(&[package("a"), package("b")], &ours);
        let manifest: toml::Table = toml::from_str(&manifest).expect("good TOML");
        assert_eq!(manifest["profile"], ours["profile"]);
        let path = manifest["patch"]["crates-io"]["b"]["path"].as_str();
        assert_eq!(path, Some("b-0.1.0"));
        assert_eq!(
            manifest["workspace"]["members"].as_array().map(Vec::len),
            Some(2)
        );
    }

    #[test]
    fn every_crate_of_the_workspace_but_benches_and_xtask_is_published() {
        let names: Vec<String> = workspace::published()
            .expect("cargo metadata")
            .into_iter()
            .map(|package| package.name)
            .collect();
        assert!(
            names.contains(&"mnm-tensor".to_owned()) && names.contains(&"mnm-cli".to_owned()),
            "{names:?}"
        );
        assert!(
            !names.contains(&"xtask".to_owned()) && !names.contains(&"mnm-benches".to_owned()),
            "{names:?}"
        );
    }
}
