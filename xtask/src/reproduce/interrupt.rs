//! Stops in order: Ctrl-C is counted, and handed on to the children that run.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

/// How often a running child and its metrics are looked at.
const LOOK: Duration = Duration::from_millis(300);

/// How many times somebody has asked us to stop (Ctrl-C, or a termination signal).
static STOPS: AtomicUsize = AtomicUsize::new(0);

/// From here on Ctrl-C is counted instead of ending the process.
///
/// # Errors
/// If a handler is set already.
pub fn count_interrupts() -> Result<()> {
    ctrlc::set_handler(|| {
        STOPS.fetch_add(1, Ordering::Relaxed);
    })
    .context("Ctrl-C cannot be handled")
}

/// Has somebody asked us to stop?
pub fn stopped() -> bool {
    STOPS.load(Ordering::Relaxed) > 0
}

/// Waits for a child, looking at it now and then, and hands every wish to stop on to it.
pub fn watch(child: &mut Child, mut look: impl FnMut()) -> std::io::Result<ExitStatus> {
    let mut handed_on = 0;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let stops = STOPS.load(Ordering::Relaxed);
        if stops > handed_on {
            interrupt(child);
            handed_on = stops;
        }
        look();
        std::thread::sleep(LOOK);
    }
}

/// Gives the child a process group of its own: Ctrl-C in the terminal then reaches only us, and we hand it on once. A
/// child that got it twice would take it for impatience and leave without a checkpoint.
pub fn apart(command: &mut Command) {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    #[cfg(not(unix))]
    let _ = command;
}

fn interrupt(child: &mut Child) {
    if cfg!(unix) {
        // The shell's own `kill`: a bare system has no program of that name. A child that has just ended cannot be
        // signalled, and need not be. TERM, not INT: whoever is started in the background may ignore INT, and his children
        // with him; to `mnm train` both are a wish to stop.
        let line = format!("kill -TERM {}", child.id());
        let _ = Command::new("sh")
            .args(["-c", &line])
            .stderr(Stdio::null())
            .status();
    } else {
        let _ = child.kill();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_is_interrupted_ends() {
        let mut child = Command::new("sleep")
            .arg("60")
            .spawn()
            .expect("there is a sleep");
        interrupt(&mut child);
        let status = child.wait().expect("it was started");
        assert!(!status.success(), "{status}");
    }
}
