//! Standard output that may go away: whoever reads it through `head` closes it early.

use std::io::{ErrorKind, Write, stderr, stdout};

use anyhow::Result;

/// Nobody reads standard output any more. That is no failure, whoever it was has what they wanted; but there is no use in
/// going on.
#[derive(Debug)]
pub struct ReaderGone;

impl std::fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nobody reads the output")
    }
}

impl std::error::Error for ReaderGone {}

/// Writes `text` to standard output.
///
/// # Errors
/// [`ReaderGone`], or why it cannot be written.
pub fn print(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        Err(error) => Err(anyhow::Error::new(error).context("cannot write to standard output")),
        Ok(()) => Ok(()),
    }
}

/// Writes a warning to standard error. Nobody may be left to read it.
pub fn warn(text: &str) {
    let _ = writeln!(stderr(), "warning: {text}");
}
