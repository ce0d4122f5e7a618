//! Packages beside OpenBLAS, for what only some want: found, or installed where that is allowed.

use anyhow::{Result, anyhow, bail};

use super::managers::Manager;
use super::{Options, install, may_install};

/// Something that setup provides when it is asked for.
pub struct Wanted {
    /// What it is, as in "there is a browser to test in".
    pub what: &'static str,
    /// What cannot be done without it.
    pub purpose: &'static str,
    /// What to install where no manager is known.
    pub by_hand: &'static str,
    /// The packages, by the manager that brings them.
    pub packages: &'static [(&'static str, &'static [&'static str])],
    /// The first part that is not there.
    pub missing: fn() -> Option<&'static str>,
}

impl Wanted {
    /// Makes sure that all of it is there.
    ///
    /// # Errors
    /// If a part is missing and cannot or may not be installed; the message holds what to do.
    pub fn provide(&self, options: &Options) -> Result<()> {
        let Some(part) = (self.missing)() else {
            println!("setup: there is {}", self.what);
            return Ok(());
        };
        println!("setup: there is no {part}; {} needs it", self.purpose);
        let known = Manager::find().and_then(|manager| Some((manager, self.packages(manager)?)));
        let Some((manager, packages)) = known else {
            bail!("{part} is missing: install {}", self.by_hand);
        };
        let line = format!(
            "{} {} {}",
            manager.program,
            manager.install.join(" "),
            packages.join(" ")
        );
        let rights = may_install(options, manager).map_err(|reason| {
            anyhow!("{part} is missing, and {reason}. Run this line as root:\n\n    {line}\n")
        })?;
        install::install(manager, rights, packages)?;
        match (self.missing)() {
            None => println!("setup: there is {} now", self.what),
            Some(part) => bail!("the packages were installed, but there is still no {part}"),
        }
        Ok(())
    }

    /// The packages that this manager brings.
    pub fn packages(&self, manager: &Manager) -> Option<&'static [&'static str]> {
        let found = self
            .packages
            .iter()
            .find(|(name, _)| *name == manager.program);
        found.map(|(_, packages)| *packages)
    }
}
