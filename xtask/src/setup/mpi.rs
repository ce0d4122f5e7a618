//! What the feature `mpi` of `mnm-cli` needs: an MPI with its compiler wrapper and launcher, and libclang, with which its headers
//! are read.

use std::path::Path;
use std::process::Command;

use super::managers;
use super::packages::Wanted;
use crate::shell;

/// The packages, by the manager that brings them.
const PACKAGES: &[(&str, &[&str])] = &[
    (
        "apt-get",
        &["libopenmpi-dev", "openmpi-bin", "libclang-dev"],
    ),
    ("dnf", &["openmpi-devel", "clang-devel"]),
    ("brew", &["open-mpi", "llvm"]),
];

/// What is missing; `None` where the feature can be built and tried.
pub fn missing() -> Option<&'static str> {
    ["mpicc", "mpirun"]
        .into_iter()
        .find(|program| !managers::exists(program))
        .or_else(|| (!has_libclang()).then_some("libclang"))
}

/// Whether the dynamic linker knows a libclang, or somebody says where it is. (libclang-cpp is another library.)
fn has_libclang() -> bool {
    if std::env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    if cfg!(target_os = "macos") {
        return Path::new("/opt/homebrew/opt/llvm").exists() || managers::exists("llvm-config");
    }
    let program = if Path::new("/sbin/ldconfig").exists() {
        "/sbin/ldconfig"
    } else {
        "ldconfig"
    };
    shell::capture(Command::new(program).arg("-p"))
        .is_ok_and(|known| known.lines().any(is_libclang))
}

/// Whether a line of `ldconfig -p` is of libclang: `libclang.so`, `libclang-14.so.14`.
fn is_libclang(line: &str) -> bool {
    let rest = line.trim_start().strip_prefix("libclang");
    rest.is_some_and(|rest| {
        let version = rest.strip_prefix('-').unwrap_or(rest);
        version.starts_with(".so") || version.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// An MPI as something that setup provides.
pub const WANTED: Wanted = Wanted {
    what: "an MPI to test with",
    purpose: "the feature `mpi` of mnm-cli",
    by_hand: "Open MPI or MPICH, and libclang",
    packages: PACKAGES,
    missing,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libclang_is_told_from_its_neighbours() {
        for line in [
            "\tlibclang.so (libc6,x86-64) => /usr/lib/libclang.so",
            "\tlibclang-14.so.14.0.6 (libc6,x86-64) => /usr/lib/libclang-14.so.14.0.6",
            "\tlibclang.so.13 (libc6,x86-64) => /usr/lib/libclang.so.13",
        ] {
            assert!(is_libclang(line), "{line}");
        }
        for line in [
            "\tlibclang-cpp.so.14 (libc6)",
            "\tlibLLVM-14.so",
            "1402 libs found",
        ] {
            assert!(!is_libclang(line), "{line}");
        }
    }

    #[test]
    fn every_manager_that_we_drive_has_packages() {
        for (name, _) in PACKAGES {
            let known = managers::MANAGERS.iter().find(|m| m.program == *name);
            assert!(
                known.is_some_and(|manager| WANTED.packages(manager).is_some()),
                "{name}"
            );
        }
    }
}
