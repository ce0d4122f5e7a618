//! Standard output that may go away: whoever reads it through `head` closes it early.

use std::io::{ErrorKind, Write, stdout};

use anyhow::Result;

/// Writes `text` to standard output. A reader that has gone is no error: it has what it wanted.
pub fn print(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("cannot write to standard output"))
        }
        _ => Ok(()),
    }
}
