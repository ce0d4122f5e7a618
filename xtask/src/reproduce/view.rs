//! The one view of many runs: a line each in a terminal, plain lines at intervals elsewhere.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::folder::Progress;

/// How often a run without a terminal says where it is.
const PLAIN_INTERVAL: Duration = Duration::from_secs(30);

/// Where lines go.
pub struct View {
    lines: MultiProgress,
    /// How many runs are ahead of or among those shown.
    total: usize,
}

/// One run's line.
pub struct Line {
    bar: ProgressBar,
    name: String,
    started: Instant,
    /// The step at which this start of the run began; known from its first progress.
    first: Option<u64>,
    said: Instant,
}

impl View {
    /// A view of `total` runs.
    pub fn new(total: usize) -> Self {
        Self {
            lines: MultiProgress::new(),
            total,
        }
    }

    /// Adds a line for a run that starts.
    pub fn start(&self, place: usize, name: &str, resumed: bool) -> Line {
        let bar = self.lines.add(ProgressBar::new(0));
        // The template is a constant: if it were wrong, the default style would do.
        if let Ok(style) =
            ProgressStyle::with_template("  {prefix:.bold} [{bar:24}] {pos}/{len} {msg}")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(name.to_owned());
        let line = Line {
            bar,
            name: name.to_owned(),
            started: Instant::now(),
            first: None,
            said: Instant::now(),
        };
        let verb = if resumed { "resumed" } else { "started" };
        self.say(
            &format!("  {name}: {verb} ({place} of {})", self.total),
            &line.bar,
        );
        line
    }

    /// One plain line that stays, above the moving ones.
    fn say(&self, text: &str, bar: &ProgressBar) {
        if bar.is_hidden() {
            println!("{text}");
        }
    }

    /// Takes a run's line away and leaves how it ended.
    pub fn end(&self, line: Line, text: &str) {
        let took = words(line.started.elapsed());
        let text = format!("  {}: {text} ({took})", line.name);
        if line.bar.is_hidden() {
            println!("{text}");
        } else {
            // The terminal has gone if this fails, and with it who would read the line.
            let _ = self.lines.println(&text);
        }
        line.bar.finish_and_clear();
    }
}

impl Line {
    /// Shows how far the run is.
    pub fn update(&mut self, progress: &Progress) {
        // Steps of an earlier start say nothing about this one's speed.
        let first = *self.first.get_or_insert(progress.step);
        let left = time_left(progress, first, self.started.elapsed());
        let mut message: Vec<String> = progress
            .figures
            .iter()
            .map(|(name, figure)| format!("{name} {}", rounded(*figure)))
            .collect();
        message.extend(left.map(|left| format!("{} left", words(left))));
        let message = message.join("  ");
        // Task by task on a line of its own, so that the figures of several runs stand below each other.
        let (by_task, gap) = match (&progress.by_task, self.bar.is_hidden()) {
            (Some(errors), false) => (errors.as_str(), "\n      "),
            (Some(errors), true) => (errors.as_str(), "  "),
            (None, _) => ("", ""),
        };
        let message = format!("{message}{gap}{by_task}");
        self.bar.set_length(progress.steps.unwrap_or(0));
        self.bar.set_position(progress.step);
        self.bar.set_message(message.clone());
        if self.bar.is_hidden() && self.said.elapsed() >= PLAIN_INTERVAL {
            self.said = Instant::now();
            let of = progress
                .steps
                .map(|steps| format!(" of {steps}"))
                .unwrap_or_default();
            println!("  {}: step {}{of}  {message}", self.name, progress.step);
        }
    }

    /// Says what is done with the run after its training.
    pub fn message(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }
}

fn time_left(progress: &Progress, first: u64, elapsed: Duration) -> Option<Duration> {
    let done = progress.step.checked_sub(first).filter(|done| *done > 0)?;
    let ahead = progress.steps?.checked_sub(progress.step)?;
    Some(elapsed.mul_f64(ahead as f64 / done as f64))
}

fn rounded(figure: f64) -> String {
    if figure != 0.0 && figure.abs() < 0.01 {
        format!("{figure:.1e}")
    } else {
        format!("{figure:.3}")
    }
}

/// A duration as one says it: `42 s`, `3 min 05 s`, `2 h 10 min`.
pub fn words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_counts_only_the_steps_of_this_start() {
        let progress = Progress {
            step: 60,
            steps: Some(100),
            ..Progress::default()
        };
        let left = time_left(&progress, 50, Duration::from_secs(10)).expect("ten steps were made");
        assert_eq!(left.as_secs(), 40);
        assert_eq!(time_left(&progress, 60, Duration::from_secs(10)), None);
    }

    #[test]
    fn durations_are_in_words() {
        assert_eq!(words(Duration::from_secs(42)), "42 s");
        assert_eq!(words(Duration::from_secs(185)), "3 min 05 s");
        assert_eq!(words(Duration::from_secs(7800)), "2 h 10 min");
    }
}
