//! Links OpenBLAS, after a trial: where it is missing the build stops here, with the one line to run, and not minutes later in
//! the linker.
//!
//! `cargo xtask setup` is made of the same two modules.

mod managers;
mod probe;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build");
    let variable = |name: &str| {
        println!("cargo::rerun-if-env-changed={name}");
        std::env::var_os(name)
    };
    // docs.rs links nothing and has no OpenBLAS.
    if variable("DOCS_RS").is_some() {
        return ExitCode::SUCCESS;
    }
    println!("cargo::rustc-link-lib=openblas");
    // For another machine, or without a compiler driver like `cc`, a trial here says nothing.
    let same_machine = std::env::var_os("HOST") == std::env::var_os("TARGET");
    let msvc = std::env::var_os("CARGO_CFG_TARGET_ENV").is_some_and(|name| name == "msvc");
    if !same_machine || msvc {
        return ExitCode::SUCCESS;
    }
    for name in ["LIBRARY_PATH", "PKG_CONFIG_PATH"] {
        variable(name);
    }
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let folder = std::env::var_os("OUT_DIR").unwrap_or_default();
    let folders = probe::folders(&flags);
    for folder in &folders {
        println!("cargo::rustc-link-search=native={folder}");
    }
    let finding = probe::look(Path::new(&folder), &folders);
    if finding.missing().is_none() {
        return ExitCode::SUCCESS;
    }
    for line in managers::stop(&finding, "no program could be linked").lines() {
        println!("cargo::error={line}");
    }
    ExitCode::FAILURE
}
