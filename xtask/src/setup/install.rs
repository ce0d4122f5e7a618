//! Package managers as data, and the one installation that we know.

use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// A package manager: what it calls the packages and how it is driven.
pub struct Manager {
    /// The program by which it is recognised.
    pub program: &'static str,
    /// The package with OpenBLAS and what is needed to link it.
    library: &'static [&'static str],
    /// The packages of the C compiler.
    compiler: &'static [&'static str],
    /// The arguments before the packages.
    install: &'static [&'static str],
    /// The arguments that fetch the lists of packages, where that is a step of its own.
    refresh: Option<&'static [&'static str]>,
    /// Must it run as root?
    as_root: bool,
    /// Do we drive it, or only print its line?
    pub automatic: bool,
}

/// The managers in the order in which they are looked for.
pub const MANAGERS: &[Manager] = &[
    Manager {
        program: "apt-get",
        library: &["libopenblas-dev"],
        compiler: &["gcc", "libc6-dev"],
        install: &["install", "-y", "--no-install-recommends"],
        refresh: Some(&["update"]),
        as_root: true,
        automatic: true,
    },
    Manager {
        program: "dnf",
        library: &["openblas-devel"],
        compiler: &["gcc"],
        install: &["install", "-y"],
        refresh: None,
        as_root: true,
        automatic: true,
    },
    Manager {
        program: "brew",
        library: &["openblas"],
        compiler: &["gcc"],
        install: &["install"],
        refresh: None,
        as_root: false,
        automatic: true,
    },
    Manager {
        program: "pacman",
        library: &["openblas", "lapack"],
        compiler: &["gcc"],
        install: &["-S", "--needed"],
        refresh: None,
        as_root: true,
        automatic: false,
    },
    Manager {
        program: "zypper",
        library: &["openblas-devel"],
        compiler: &["gcc"],
        install: &["install"],
        refresh: None,
        as_root: true,
        automatic: false,
    },
    Manager {
        program: "apk",
        library: &["openblas-dev"],
        compiler: &["gcc", "musl-dev"],
        install: &["add"],
        refresh: None,
        as_root: true,
        automatic: false,
    },
];

/// With whose help somebody runs the line that we print.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Oneself,
    Sudo,
    Su,
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
        if !manager.as_root || is_root() {
            return Some(Self::Own);
        }
        // `-n` never asks for a password: it fails where one would be needed.
        let sudo = Command::new("sudo").args(["-n", "true"]).output();
        sudo.is_ok_and(|output| output.status.success())
            .then_some(Self::Sudo)
    }
}

fn is_root() -> bool {
    shell::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

impl Manager {
    /// The first one that this machine has.
    pub fn find() -> Option<&'static Self> {
        MANAGERS
            .iter()
            .find(|manager| shell::exists(manager.program))
    }

    fn packages(&self, compiler_missing: bool) -> Vec<&'static str> {
        let compiler = if compiler_missing { self.compiler } else { &[] };
        self.library.iter().chain(compiler).copied().collect()
    }

    fn command(&self, rights: Rights, arguments: &[&str]) -> Command {
        let mut command = match rights {
            Rights::Own => Command::new(self.program),
            Rights::Sudo => {
                let mut sudo = Command::new("sudo");
                // sudo empties the environment, so what apt must know travels as an argument.
                sudo.args(["-n", "env", "DEBIAN_FRONTEND=noninteractive", self.program]);
                sudo
            }
        };
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    /// The line for somebody who installs it by hand.
    pub fn by_hand(&self, compiler_missing: bool) -> String {
        let by = match (self.as_root && !is_root(), shell::exists("sudo")) {
            (false, _) => By::Oneself,
            (true, true) => By::Sudo,
            (true, false) => By::Su,
        };
        self.line(by, compiler_missing)
    }

    fn line(&self, by: By, compiler_missing: bool) -> String {
        let sudo = if by == By::Sudo { "sudo " } else { "" };
        let packages = self.packages(compiler_missing).join(" ");
        let install = format!(
            "{sudo}{} {} {packages}",
            self.program,
            self.install.join(" ")
        );
        let line = match self.refresh {
            Some(refresh) => format!("{sudo}{} {} && {install}", self.program, refresh.join(" ")),
            None => install,
        };
        if by == By::Su {
            format!("su -c '{line}'")
        } else {
            line
        }
    }

    /// Does the manager know the package already? Only asked of apt, which starts out with empty lists in a fresh image.
    fn knows(&self, package: &str) -> bool {
        shell::capture(Command::new("apt-cache").args(["--quiet=0", "show", package]))
            .is_ok_and(|text| !text.trim().is_empty())
    }
}

/// Installs what is missing, saying every command before it runs.
///
/// # Errors
/// If a command fails; the message holds its last lines.
pub fn install(manager: &Manager, rights: Rights, compiler_missing: bool) -> Result<()> {
    let packages = manager.packages(compiler_missing);
    let arguments: Vec<&str> = manager.install.iter().chain(&packages).copied().collect();
    let announced = |arguments: &[&str]| {
        let mut command = manager.command(rights, arguments);
        println!("setup: running `{}`", shell::typed(&command));
        shell::watched(&mut command, |line| println!("    {line}"))
    };
    let Some(refresh) = manager.refresh else {
        return announced(&arguments).context("the installation failed");
    };
    let known = packages.iter().all(|package| manager.knows(package));
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

    fn manager(program: &str) -> &'static Manager {
        MANAGERS
            .iter()
            .find(|manager| manager.program == program)
            .expect("in the table")
    }

    #[test]
    fn only_what_is_missing_is_installed() {
        assert_eq!(manager("apt-get").packages(false), ["libopenblas-dev"]);
        assert_eq!(
            manager("apt-get").packages(true),
            ["libopenblas-dev", "gcc", "libc6-dev"]
        );
        assert_eq!(manager("dnf").packages(true), ["openblas-devel", "gcc"]);
    }

    #[test]
    fn the_line_to_run_is_one_line_and_fetches_the_lists_first_where_needed() {
        let apt = |by| manager("apt-get").line(by, false);
        let install = "apt-get install -y --no-install-recommends libopenblas-dev";
        assert_eq!(apt(By::Oneself), format!("apt-get update && {install}"));
        assert_eq!(
            apt(By::Sudo),
            format!("sudo apt-get update && sudo {install}")
        );
        assert_eq!(apt(By::Su), format!("su -c 'apt-get update && {install}'"));
        assert_eq!(manager("brew").by_hand(false), "brew install openblas");
        for manager in MANAGERS {
            assert!(!manager.by_hand(true).contains('\n'));
        }
    }

    #[test]
    fn homebrew_needs_no_root() {
        assert_eq!(Rights::find(manager("brew")), Some(Rights::Own));
    }

    #[test]
    fn sudo_never_waits_for_a_password() {
        let command = manager("apt-get").command(Rights::Sudo, &["update"]);
        assert_eq!(
            shell::typed(&command),
            "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update"
        );
    }
}
