//! The browser in which the page of `mnm play` is tested: found, or installed where that is allowed.

use super::managers;
use super::packages::Wanted;

/// The programs that the test starts.
const PROGRAMS: [&str; 2] = ["chromium", "chromedriver"];

/// What package managers call them.
const PACKAGES: &[(&str, &[&str])] = &[
    ("apt-get", &["chromium", "chromium-driver"]),
    ("dnf", &["chromium", "chromedriver"]),
];

/// The first of the programs that is not there.
pub fn missing() -> Option<&'static str> {
    PROGRAMS
        .into_iter()
        .find(|program| !managers::exists(program))
}

/// The browser as something that setup provides.
pub const WANTED: Wanted = Wanted {
    what: "a browser to test in",
    purpose: "the test of the page of `mnm play`",
    by_hand: "Chromium and its driver, so that both are on the search path",
    packages: PACKAGES,
    missing,
};

#[cfg(test)]
mod tests {
    use super::super::install;
    use super::*;

    #[test]
    fn every_manager_with_packages_of_a_browser_is_one_that_we_drive() {
        for (program, _) in PACKAGES {
            let manager = managers::MANAGERS.iter().find(|m| m.program == *program);
            assert!(manager.is_some_and(install::is_driven), "{program}");
        }
    }
}
