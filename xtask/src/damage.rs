//! `cargo xtask damage`: a small training that is killed at random moments, and one whose files have a flipped bit. It has to end with the
//! bytes of a training that nothing happened to, or be refused by the name of the file. Of the files that hold the time, which are never the
//! same bytes, damage has to be told or to be gone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::{files, setup, shell, workspace};

/// The files that an undisturbed training leaves, the same ones each time.
const FILES: [&str; 6] = [
    "config.toml",
    "checkpoint.safetensors",
    "best.safetensors",
    "metrics.jsonl",
    "average.safetensors",
    "best-average.safetensors",
];

/// What TensorBoard shows, with the time of each figure.
const EVENTS: &str = "events.out.tfevents.0000000000.mnm";

/// How a training ended, with the time that it took.
const SUMMARY: &str = "summary.json";

/// Settings of a training of about a second that writes as often as it can.
const SETTINGS: [&str; 15] = [
    "data.bits=3",
    "data.lengths.train={ min = 1, max = 3 }",
    "data.lengths.valid={ min = 1, max = 3 }",
    "data.lengths.test={ min = 4, max = 4 }",
    "model.controller=7",
    "model.value=5",
    "model.hidden=6",
    "train.steps=300",
    "train.batch=40",
    "train.log_every=2",
    "train.valid_every=3",
    "train.valid_episodes=20",
    "train.checkpoint_every=3",
    "train.learning_rate=0.01",
    "train.average.decay=0.9",
];

/// Options of `cargo xtask damage`.
#[derive(Args)]
pub struct Options {
    /// How often trainings are killed
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub kills: usize,

    /// How many bits are flipped, each in a run of its own
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub flips: usize,

    /// The seed of the moments and bits
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// Kills trainings and flips bits.
///
/// # Errors
/// If a training ends with other bytes, or is refused without the name of the file.
pub fn run(options: &Options) -> Result<()> {
    setup::run(&setup::Options::default())?;
    let scratch = files::Scratch::new()?;
    let mut bench = Bench {
        mnm: build()?,
        whole: scratch.path().join("whole"),
        span: Duration::ZERO,
        random: Random(options.seed),
    };
    let start = Instant::now();
    shell::capture(&mut bench.training(&bench.whole))?;
    bench.span = start.elapsed();
    println!("a training takes {:.2} s", bench.span.as_secs_f64());
    let (mut kills, mut runs, mut wrong) = (0, 0, Vec::new());
    while kills < options.kills {
        let folder = scratch.path().join(format!("killed-{runs}"));
        kills += bench.killed(&folder, options.kills - kills)?;
        runs += 1;
        match bench.finished(&folder)?.0 {
            Ended::Same => std::fs::remove_dir_all(&folder)?,
            other => wrong.push(format!("{}: {}", folder.display(), other.words())),
        }
    }
    println!(
        "{kills} kills in {runs} runs: {} ended with other bytes",
        wrong.len()
    );

    let half = scratch.path().join("half");
    if options.flips > 0 {
        bench.begun(&half)?;
    }
    let (mut same, mut refused, mut told) = (0, 0, 0);
    let files: Vec<&str> = FILES.into_iter().chain([EVENTS, SUMMARY]).collect();
    for flip in 0..options.flips {
        let folder = scratch.path().join(format!("flipped-{flip}"));
        let file = files[bench.random.below(files.len())];
        // A training that goes on has no summary.
        copy(if file == SUMMARY { &bench.whole } else { &half }, &folder)?;
        let path = folder.join(file);
        let bit = bench.flip(&path)?;
        let flipped = std::fs::read(&path)?;
        let (ended, said) = bench.finished(&folder)?;
        let is_told = said.contains(file);
        match ended {
            Ended::Refused if is_told => refused += 1,
            Ended::Same if file == EVENTS && is_told => told += 1,
            Ended::Same => match bench.trace(file, &folder, &flipped[..=bit / 8])? {
                false => same += 1,
                true => wrong.push(format!("bit {bit} of {file}: neither told nor gone")),
            },
            other => wrong.push(format!("bit {bit} of {file}: {}: {said}", other.words())),
        }
        std::fs::remove_dir_all(&folder)?;
    }
    println!(
        "{} flipped bits: {refused} refused by the name of the file, {told} told, {same} without a trace",
        options.flips
    );
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// The program as the tests have it.
fn build() -> Result<PathBuf> {
    let mut command = shell::cargo();
    command.args(["build", "--package", "mnm-cli"]);
    println!("running `{}`", shell::typed(&command));
    shell::pass_through(&mut command)?;
    let name = format!("mnm{}", std::env::consts::EXE_SUFFIX);
    Ok(workspace::target_dir()?.join("debug").join(name))
}

/// How a training ended that something had happened to.
enum Ended {
    Same,
    /// With these files different, gone, or too many.
    Different(Vec<String>),
    Refused,
}

impl Ended {
    fn words(&self) -> String {
        match self {
            Self::Same => "nothing is different".to_owned(),
            Self::Different(files) => format!("other bytes in {}", files.join(", ")),
            Self::Refused => "refused".to_owned(),
        }
    }
}

struct Bench {
    mnm: PathBuf,
    /// The folder of the training that nothing happened to.
    whole: PathBuf,
    /// How long that took.
    span: Duration,
    random: Random,
}

impl Bench {
    fn training(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.mnm);
        command.args(["train", "double-copy", "--resume", "--out"]);
        command.arg(folder);
        for set in SETTINGS {
            command.args(["--set", set]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Begins a training and kills it after some time; whether it was still running.
    fn kill_after(&self, folder: &Path, time: Duration) -> Result<bool> {
        let mut command = self.training(folder);
        let mut child = command.stderr(Stdio::null()).spawn()?;
        thread::sleep(time);
        let running = child.try_wait()?.is_none();
        // One that has ended meanwhile cannot be killed.
        let _ = child.kill();
        child.wait()?;
        Ok(running)
    }

    /// Kills a training once to three times, `most` times at most; how often.
    fn killed(&mut self, folder: &Path, most: usize) -> Result<usize> {
        let times = (1 + self.random.below(3)).min(most);
        let mut kills = 0;
        for _ in 0..times {
            let time = self.span.mul_f64(0.8 * self.random.share());
            kills += usize::from(self.kill_after(folder, time)?);
        }
        Ok(kills)
    }

    /// A training that was killed about half way.
    fn begun(&self, folder: &Path) -> Result<()> {
        for tenths in [5, 6, 7, 4, 8] {
            self.kill_after(folder, self.span * tenths / 10)?;
            if FILES.iter().all(|name| folder.join(name).exists())
                && !folder.join("summary.json").exists()
            {
                return Ok(());
            }
            if folder.exists() {
                std::fs::remove_dir_all(folder)?;
            }
        }
        bail!("no training could be killed half way")
    }

    /// Lets a training go on to its end; how it ended, and what it said of files.
    fn finished(&self, folder: &Path) -> Result<(Ended, String)> {
        let output = self.training(folder).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let about = |line: &&str| line.starts_with("note: ") || line.starts_with("error: ");
        let said: Vec<&str> = said.lines().filter(about).collect();
        let said = said.join("\n");
        if !output.status.success() {
            ensure!(output.status.code() == Some(1), "{}: {said}", output.status);
            return Ok((Ended::Refused, said));
        }
        let read = |folder: &Path, name: &str| std::fs::read(folder.join(name)).ok();
        let differs = |name: &&str| read(&self.whole, name) != read(folder, name);
        let mut different: Vec<String> = FILES
            .iter()
            .filter(|name| differs(name))
            .map(|name| (*name).to_owned())
            .collect();
        for entry in std::fs::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with(".mnm-") {
                different.push(name);
            }
        }
        let ended = match different.is_empty() {
            true => Ended::Same,
            false => Ended::Different(different),
        };
        Ok((ended, said))
    }

    /// Whether a file that holds the time still has the damage of which it began with `damaged`, after a training that went on to its end.
    fn trace(&self, file: &str, folder: &Path, damaged: &[u8]) -> Result<bool> {
        let read = |folder: &Path| std::fs::read(folder.join(file));
        Ok(match file {
            EVENTS => read(folder)?.starts_with(damaged),
            SUMMARY => untimed(&read(folder)?) != untimed(&read(&self.whole)?),
            _ => false,
        })
    }

    /// Flips a bit of a file; which.
    fn flip(&mut self, path: &Path) -> Result<usize> {
        let mut bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        let bit = self.random.below(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(path, bytes)?;
        Ok(bit)
    }
}

/// A summary without what it says of time.
fn untimed(summary: &[u8]) -> String {
    let text = String::from_utf8_lossy(summary);
    let lines = text.lines().filter(|line| !line.contains("second"));
    lines.collect::<Vec<&str>>().join("\n")
}

/// Copies the files of a folder.
fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = self.0;
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the generator's reference implementation with seed 0.
    #[test]
    fn the_generator_is_splitmix64() {
        let mut random = Random(0);
        assert_eq!(random.next(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(random.next(), 0x6e78_9e6a_a1b9_65f4);
        assert!((0..100).all(|_| random.below(5) < 5 && random.share() < 1.0));
    }
}
