//! The one view of many runs: a line each that moves in a terminal, plain lines at intervals elsewhere.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::folder::Progress;

/// How often a run without a terminal says where it is.
const PLAIN_INTERVAL: Duration = Duration::from_secs(30);

/// Width of a bar, in characters.
const BAR: usize = 24;

/// Where lines go.
pub struct View {
    /// How many runs are ahead of or among those shown.
    total: usize,
    /// The moving lines; `None` without a terminal that understands them.
    block: Option<Mutex<Block>>,
}

/// Lines at the foot of a terminal, drawn over themselves, in the order in which they came.
#[derive(Default)]
struct Block {
    texts: BTreeMap<usize, String>,
    next: usize,
    /// How many rows the terminal shows of it.
    drawn: usize,
}

/// One run's line.
pub struct Line<'a> {
    view: &'a View,
    /// Its place in the block.
    key: usize,
    name: String,
    started: Instant,
    /// The step at which this start of the run began; known from its first progress.
    first: Option<u64>,
    said: Instant,
}

impl Block {
    /// What makes a terminal show `above`, a line that stays (or nothing), and the block below it.
    fn draw(&mut self, above: Option<&str>) -> String {
        let mut text = String::new();
        if self.drawn > 0 {
            text += &format!("\x1b[{}A\r", self.drawn);
        }
        if let Some(above) = above {
            text += &format!("{above}\x1b[K\n");
        }
        // A line that is longer than the terminal is wide is cut, not wrapped: it has to stay one row.
        text += "\x1b[?7l";
        self.drawn = 0;
        for row in self.texts.values().flat_map(|text| text.lines()) {
            text += &format!("{row}\x1b[K\n");
            self.drawn += 1;
        }
        text + "\x1b[?7h\x1b[J"
    }
}

impl View {
    /// A view of `total` runs.
    pub fn new(total: usize) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
        let moves = cfg!(unix) && !dumb && std::io::stdout().is_terminal();
        Self {
            total,
            block: moves.then(Mutex::default),
        }
    }

    /// Adds a line for a run that starts.
    pub fn start(&self, place: usize, name: &str, resumed: bool) -> Line<'_> {
        let key = self.change(|block| {
            block.next += 1;
            block.texts.insert(block.next, format!("  {name}"));
            (block.next, None)
        });
        let verb = if resumed { "resumed" } else { "started" };
        if key.is_none() {
            println!("  {name}: {verb} ({place} of {})", self.total);
        }
        Line {
            view: self,
            key: key.unwrap_or_default(),
            name: name.to_owned(),
            started: Instant::now(),
            first: None,
            said: Instant::now(),
        }
    }

    /// Changes the block and draws it; `None` if there is none. The second of the pair is a line that stays above it.
    fn change<T>(&self, change: impl FnOnce(&mut Block) -> (T, Option<String>)) -> Option<T> {
        let mut block = self.block.as_ref()?.lock().ok()?;
        let (result, above) = change(&mut block);
        let text = block.draw(above.as_deref());
        let mut terminal = std::io::stdout().lock();
        // If this fails the terminal has gone, and with it who would read the line.
        let _ = terminal.write_all(text.as_bytes());
        let _ = terminal.flush();
        Some(result)
    }
}

impl Line<'_> {
    /// Puts `text` in the line's place; `false` without a terminal.
    fn show(&self, text: String) -> bool {
        let shown = self.view.change(|block| {
            block.texts.insert(self.key, text);
            ((), None)
        });
        shown.is_some()
    }

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
        let by_task = progress.by_task.as_deref().unwrap_or_default();
        let (name, step) = (&self.name, progress.step);
        let steps = progress.steps.unwrap_or(0);
        // Task by task on a line of its own, so that the figures of several runs stand below each other.
        let gap = if by_task.is_empty() { "" } else { "\n      " };
        let moving = format!(
            "  \x1b[1m{name}\x1b[0m [{}] {step}/{steps} {message}{gap}{by_task}",
            bar(step, steps)
        );
        if !self.show(moving) && self.said.elapsed() >= PLAIN_INTERVAL {
            self.said = Instant::now();
            let of = progress.steps.map(|steps| format!(" of {steps}"));
            let of = of.unwrap_or_default();
            println!(
                "{}",
                format!("  {name}: step {step}{of}  {message}  {by_task}").trim_end()
            );
        }
    }

    /// Says what is done with the run after its training.
    pub fn message(&self, text: &str) {
        self.show(format!("  \x1b[1m{}\x1b[0m {text}", self.name));
    }

    /// Takes the line away and leaves how the run ended.
    pub fn end(self, text: &str) {
        let took = words(self.started.elapsed());
        let text = format!("  {}: {text} ({took})", self.name);
        let shown = self.view.change(|block| {
            block.texts.remove(&self.key);
            ((), Some(text.clone()))
        });
        if shown.is_none() {
            println!("{text}");
        }
    }
}

/// `======>     `, as much of it as is done.
fn bar(step: u64, steps: u64) -> String {
    let done = (step as f64 / steps.max(1) as f64).min(1.0) * BAR as f64;
    let done = done as usize;
    let tip = if done < BAR { ">" } else { "" };
    format!("{:BAR$}", "=".repeat(done) + tip)
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

    #[test]
    fn a_bar_grows_to_its_whole_width() {
        assert_eq!(bar(0, 0), format!("{:24}", ">"));
        assert_eq!(bar(50, 100), format!("{:24}", "============>"));
        assert_eq!(bar(100, 100), "=".repeat(24));
        assert_eq!(bar(101, 100), "=".repeat(24));
    }

    #[test]
    fn a_block_is_drawn_over_itself_below_the_lines_that_stay() {
        let mut block = Block::default();
        block.texts.insert(1, "a\n  tasks".to_owned());
        block.texts.insert(2, "b".to_owned());
        let first = block.draw(None);
        assert!(first.starts_with("\x1b[?7la\x1b[K\n  tasks"), "{first:?}");
        block.texts.remove(&1);
        let second = block.draw(Some("a: done"));
        assert!(
            second.starts_with("\x1b[3A\ra: done\x1b[K\n"),
            "three rows were drawn: {second:?}"
        );
        // What stays is no part of the block.
        assert!(block.draw(None).starts_with("\x1b[1A\r"));
    }
}
