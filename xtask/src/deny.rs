//! The crates that we depend on, held to `deny.toml` by cargo-deny: their licences, where they come from, and what is known against
//! them.

use anyhow::Result;

use crate::ci::announced;
use crate::setup::{self, managers};
use crate::shell;

/// Checks licences, bans and sources, and advisories where their database can be reached. cargo-deny is installed if it is missing and
/// that is allowed. What was left out is said at once and given back.
///
/// # Errors
/// If cargo-deny finds something.
pub fn run() -> Result<Option<String>> {
    if let Err(why) = install() {
        return Ok(left_out("licences, sources and advisories", &why));
    }
    announced(shell::cargo().args(["deny", "check", "bans", "licenses", "sources"]))?;
    // The database is fetched by itself, so that a network that is missing is not taken for an advisory.
    if let Err(error) = shell::capture(shell::cargo().args(["deny", "fetch", "db"])) {
        let why = format!("their database cannot be fetched ({error:#})");
        return Ok(left_out("advisories", &why));
    }
    announced(shell::cargo().args(["deny", "check", "--disable-fetch", "advisories"]))?;
    Ok(None)
}

/// Makes sure that there is a cargo-deny, or says why there is none.
fn install() -> Result<(), String> {
    if managers::exists("cargo-deny") {
        return Ok(());
    }
    let by_hand = "install it with `cargo install cargo-deny --locked`";
    if setup::is_forbidden() {
        return Err(format!(
            "there is no cargo-deny, and MNM_NO_INSTALL is set; {by_hand}"
        ));
    }
    println!("installing cargo-deny, which takes some minutes once");
    announced(shell::cargo().args(["install", "cargo-deny", "--locked"]))
        .map_err(|error| format!("cargo-deny cannot be installed ({error:#}); {by_hand}"))
}

fn left_out(what: &str, why: &str) -> Option<String> {
    println!("LEFT OUT: {what}: {why}");
    Some(what.to_owned())
}
