//! The program as a user meets it: every command, every refusal, and runs that are stopped and resumed.

mod agents;
mod ask;
#[cfg(feature = "browser-test")]
mod browser;
mod colours;
mod data;
mod help;
mod ignored;
mod journey;
#[cfg(target_os = "linux")]
mod limits;
mod mnm;
#[cfg(unix)]
mod no_files;
#[cfg(unix)]
mod pages;
mod play;
mod refusals;
mod resume;
