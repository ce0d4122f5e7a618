//! What a person at the terminal sees of a training: a bar with speed and time left, or plain lines without a terminal.

use std::ffi::OsStr;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Without a terminal, a line at most this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A view of a training of `steps` steps.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    steps: u64,
    /// Whether the training may stop before its last step.
    may_stop_early: bool,
    first: u64,
    begun: Instant,
    last_line: Instant,
}

impl Progress {
    /// A view that begins at step `first`; `quiet` shows nothing.
    pub fn new(steps: u64, may_stop_early: bool, first: u64, quiet: bool) -> Self {
        let terminal = stderr().is_terminal() && draws(std::env::var_os("TERM").as_deref());
        let bar = (terminal && !quiet).then(|| {
            let bar =
                ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr_with_hz(5));
            // A wide message is cut where the terminal ends, instead of going on below.
            let template = "{bar:12} {pos}/{len}  {wide_msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_position(first);
            bar
        });
        let now = Instant::now();
        Self {
            bar,
            lines: !terminal && !quiet,
            steps,
            may_stop_early,
            first,
            begun: now,
            last_line: now,
        }
    }

    /// Step `step` is done, and `message` says how it went.
    pub fn step(&mut self, step: u64, message: impl FnOnce() -> String) {
        if let Some(bar) = &self.bar {
            bar.set_position(step);
            bar.set_message(format!("{}  {}", self.speed(step), message()));
        } else if self.lines && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            plain(&format!(
                "step {step}/{}  {}  {}",
                self.steps,
                self.speed(step),
                message()
            ));
        }
    }

    /// Something to be read even when the bar has moved on.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None if self.lines => plain(line),
            None => {}
        }
    }

    /// Steps per second so far.
    pub fn steps_per_second(&self, step: u64) -> f64 {
        step.saturating_sub(self.first) as f64 / self.begun.elapsed().as_secs_f64().max(1e-9)
    }

    fn speed(&self, step: u64) -> String {
        let speed = self.steps_per_second(step);
        let left = self.steps.saturating_sub(step) as f64 / speed.max(1e-9);
        let bound = if self.may_stop_early { "at most " } else { "" };
        format!("{speed:.2}/s  {bound}{} left", clock(left))
    }
}

/// `14:57`, or `3:14:57` where there are hours.
fn clock(seconds: f64) -> String {
    let all = seconds as u64;
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Whether a terminal of this name can draw a bar: one without a name, or a dumb one, only prints lines. (Windows names none.)
fn draws(name: Option<&OsStr>) -> bool {
    match name {
        Some(name) => !name.is_empty() && name != "dumb",
        None => cfg!(windows),
    }
}

/// A line for whoever reads along. Nobody may be left to read it: a training goes on without.
fn plain(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_cannot_draw_gets_lines() {
        for (name, expected) in [
            ("xterm-256color", true),
            ("screen", true),
            ("dumb", false),
            ("", false),
        ] {
            assert_eq!(draws(Some(OsStr::new(name))), expected, "{name}");
        }
        assert_eq!(draws(None), cfg!(windows));
    }

    #[test]
    fn hours_are_hours() {
        assert_eq!(clock(59.9), "0:59");
        assert_eq!(clock(3599.0), "59:59");
        assert_eq!(clock(45296.0), "12:34:56");
    }

    #[test]
    fn a_line_of_a_long_training_fits_a_terminal_of_80_columns() {
        let mut progress = Progress::new(130_000, true, 0, true);
        progress.begun -= Duration::from_secs(100_000);
        let line = format!(
            "step 45000/130000  {}  loss 12.4217  error 50.54 %",
            progress.speed(45_000)
        );
        assert!(line.len() < 80 && line.contains("at most "), "{line}");
    }
}
