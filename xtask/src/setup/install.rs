//! The installation that we know how to drive.

use std::process::Command;

use anyhow::{Context, Result};

use super::managers::{self, Manager};
use crate::shell;

/// The managers that install without asking; of the others only the line is printed.
const DRIVEN: &[&str] = &["apt-get", "dnf", "brew"];

/// Do we drive this manager, or only print its line?
pub fn is_driven(manager: &Manager) -> bool {
    DRIVEN.contains(&manager.program)
}

/// How this user comes to the rights that the manager asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rights {
    /// Nothing stands in the way: root, or a manager that works for any user.
    Own,
    /// `sudo` lets this user through without a password.
    Sudo,
}

impl Rights {
    /// `None`: this user may not install packages.
    pub fn find(manager: &Manager) -> Option<Self> {
        if !manager.as_root || managers::is_root() {
            return Some(Self::Own);
        }
        // `-n` never asks for a password: it fails where one would be needed.
        let sudo = Command::new("sudo").args(["-n", "true"]).output();
        sudo.is_ok_and(|output| output.status.success())
            .then_some(Self::Sudo)
    }
}

fn command(manager: &Manager, rights: Rights, arguments: &[&str]) -> Command {
    let mut command = match rights {
        Rights::Own => Command::new(manager.program),
        Rights::Sudo => {
            let mut sudo = Command::new("sudo");
            // sudo empties the environment, so what apt must know travels as an argument.
            sudo.args([
                "-n",
                "env",
                "DEBIAN_FRONTEND=noninteractive",
                manager.program,
            ]);
            sudo
        }
    };
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Does the manager know the package already? Only asked of apt, which starts out with empty lists in a fresh image.
fn knows(package: &str) -> bool {
    shell::capture(Command::new("apt-cache").args(["--quiet=0", "show", package]))
        .is_ok_and(|text| !text.trim().is_empty())
}

/// Installs packages, saying every command before it runs.
///
/// # Errors
/// If a command fails; the message holds its last lines.
pub fn install(manager: &Manager, rights: Rights, packages: &[&str]) -> Result<()> {
    let arguments: Vec<&str> = manager.install.iter().chain(packages).copied().collect();
    let announced = |arguments: &[&str]| {
        let mut command = command(manager, rights, arguments);
        println!("setup: running `{}`", shell::typed(&command));
        shell::watched(&mut command, |line| println!("    {line}"))
    };
    let Some(refresh) = manager.refresh else {
        return announced(&arguments).context("the installation failed");
    };
    let known = packages.iter().all(|package| knows(package));
    // Lists that are there may be too old to fetch from: then, and only then, they are fetched anew.
    if known && announced(&arguments).is_ok() {
        return Ok(());
    }
    announced(refresh).context("the lists of packages could not be fetched")?;
    announced(&arguments).context("the installation failed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::managers::MANAGERS;

    fn manager(program: &str) -> &'static Manager {
        MANAGERS
            .iter()
            .find(|manager| manager.program == program)
            .expect("in the table")
    }

    #[test]
    fn homebrew_needs_no_root() {
        assert_eq!(Rights::find(manager("brew")), Some(Rights::Own));
    }

    #[test]
    fn sudo_never_waits_for_a_password() {
        let command = command(manager("apt-get"), Rights::Sudo, &["update"]);
        assert_eq!(
            shell::typed(&command),
            "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update"
        );
    }

    #[test]
    fn every_manager_that_we_drive_is_in_the_table() {
        let known: Vec<&str> = MANAGERS.iter().map(|manager| manager.program).collect();
        assert!(DRIVEN.iter().all(|name| known.contains(name)));
        assert!(!is_driven(manager("pacman")));
    }
}
