//! The browser in which the page of `mnm play` is tested: found, or installed where that is allowed.

use anyhow::{Result, anyhow, bail};

use super::managers::{self, Manager};
use super::{Options, install, may_install};

/// The programs that the test starts.
const PROGRAMS: [&str; 2] = ["chromium", "chromedriver"];

/// What package managers call them.
const PACKAGES: &[(&str, [&str; 2])] = &[
    ("apt-get", ["chromium", "chromium-driver"]),
    ("dnf", ["chromium", "chromedriver"]),
];

/// The first of the programs that is not there.
pub fn missing() -> Option<&'static str> {
    PROGRAMS
        .into_iter()
        .find(|program| !managers::exists(program))
}

/// Makes sure that the programs are there.
///
/// # Errors
/// If one is missing and cannot or may not be installed; the message holds what to do.
pub fn provide(options: &Options) -> Result<()> {
    let Some(program) = missing() else {
        println!("setup: there is a browser to test in");
        return Ok(());
    };
    println!("setup: there is no {program}; the test of the page of `mnm play` needs it");
    let known = Manager::find().and_then(|manager| {
        let packages = PACKAGES
            .iter()
            .find(|(program, _)| *program == manager.program)?;
        Some((manager, packages.1))
    });
    let Some((manager, packages)) = known else {
        bail!(
            "{program} is missing: install Chromium and its driver, so that both are on the search path"
        );
    };
    let by_hand = format!(
        "{} {} {}",
        manager.program,
        manager.install.join(" "),
        packages.join(" ")
    );
    let rights = may_install(options, manager).map_err(|reason| {
        anyhow!("{program} is missing, and {reason}. Run this line as root:\n\n    {by_hand}\n")
    })?;
    install::install(manager, rights, &packages)?;
    match missing() {
        None => println!("setup: there is a browser to test in now"),
        Some(program) => bail!("the packages were installed, but there is still no {program}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manager_with_packages_of_a_browser_is_one_that_we_drive() {
        for (program, _) in PACKAGES {
            let manager = managers::MANAGERS.iter().find(|m| m.program == *program);
            assert!(manager.is_some_and(install::is_driven), "{program}");
        }
    }
}
