//! Package managers as data, and the one line with which each of them brings what is missing.

use std::process::Command;

use super::probe::Finding;

/// A package manager: what it calls the packages and how it is driven.
pub struct Manager {
    /// The program by which it is recognised.
    pub program: &'static str,
    /// The package with OpenBLAS and what is needed to link it.
    pub library: &'static [&'static str],
    /// The packages of the C compiler.
    pub compiler: &'static [&'static str],
    /// The arguments before the packages.
    pub install: &'static [&'static str],
    /// The arguments that fetch the lists of packages, where that is a step of its own.
    pub refresh: Option<&'static [&'static str]>,
    /// Must it run as root?
    pub as_root: bool,
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
    },
    Manager {
        program: "dnf",
        library: &["openblas-devel"],
        compiler: &["gcc"],
        install: &["install", "-y"],
        refresh: None,
        as_root: true,
    },
    Manager {
        program: "brew",
        library: &["openblas"],
        compiler: &["gcc"],
        install: &["install"],
        refresh: None,
        as_root: false,
    },
    Manager {
        program: "pacman",
        library: &["openblas", "lapack"],
        compiler: &["gcc"],
        install: &["-S", "--needed"],
        refresh: None,
        as_root: true,
    },
    Manager {
        program: "zypper",
        library: &["openblas-devel"],
        compiler: &["gcc"],
        install: &["install"],
        refresh: None,
        as_root: true,
    },
    Manager {
        program: "apk",
        library: &["openblas-dev"],
        compiler: &["gcc", "musl-dev"],
        install: &["add"],
        refresh: None,
        as_root: true,
    },
];

/// With whose help somebody runs the line that we print.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Oneself,
    Sudo,
    Su,
}

/// Is this user root?
pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.status.success() && output.stdout.trim_ascii() == b"0")
}

/// Is there a program of this name on the search path?
pub fn exists(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}

impl Manager {
    /// The first one that this machine has.
    pub fn find() -> Option<&'static Self> {
        MANAGERS.iter().find(|manager| exists(manager.program))
    }

    /// What has to be installed.
    pub fn packages(&self, compiler_missing: bool) -> Vec<&'static str> {
        let compiler = if compiler_missing { self.compiler } else { &[] };
        self.library.iter().chain(compiler).copied().collect()
    }

    /// The line for somebody who installs it by hand.
    pub fn by_hand(&self, compiler_missing: bool) -> String {
        let by = match (self.as_root && !is_root(), exists("sudo")) {
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
}

/// What to say where something is missing and is not going to be installed: what, why we stop, and the one line to run.
pub fn stop(finding: &Finding, reason: &str) -> String {
    let Some((what, why)) = finding.missing() else {
        return format!("nothing is missing, but {reason}");
    };
    let compiler_missing = matches!(finding, Finding::NoCompiler { .. });
    match Manager::find() {
        Some(manager) => format!(
            "{what} is missing ({why}), and {reason}. Run this line, then the same command again:\n\n    {}\n",
            manager.by_hand(compiler_missing)
        ),
        None => {
            let known: Vec<&str> = MANAGERS.iter().map(|manager| manager.program).collect();
            format!(
                "{what} is missing ({why}), and there is no package manager here that is known ({}). Install OpenBLAS with its \
                 development files and a C compiler, then run the same command again",
                known.join(", ")
            )
        }
    }
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
    fn what_is_missing_is_named_with_the_linkers_words() {
        let finding = Finding::NoOpenBlas {
            why: "cannot find -lopenblas".to_owned(),
        };
        let text = stop(&finding, "nobody may install it");
        assert!(
            text.starts_with("OpenBLAS is missing (cannot find -lopenblas), and "),
            "{text}"
        );
    }

    #[test]
    fn programs_are_found_on_the_search_path() {
        assert!(!exists("no-such-program-here"));
        assert!(exists("sh"));
    }
}
