//! The programs that are measured: `mnm bench` and the peers' scripts, which take the same arguments.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{shell, workspace};

/// Where PyTorch's builds without GPU libraries are.
const CPU_INDEX: &str = "https://download.pytorch.org/whl/cpu";

/// A program that times training steps.
pub struct Program {
    /// For the table.
    pub name: &'static str,
    path: PathBuf,
    first: OsString,
    /// Arguments of its own.
    more: &'static [&'static str],
}

/// The part of a program's answer that is compared.
#[derive(Deserialize, Clone, Copy, Debug)]
pub struct Measured {
    /// Median time of a whole training step, in seconds.
    pub step_s: f64,
    /// The fastest of them, in seconds.
    pub min_s: f64,
    /// The process's peak resident memory, in MiB.
    pub rss_mib: f64,
}

impl Program {
    /// `mnm bench`, built first.
    pub fn ours() -> Result<Self> {
        Ok(Self {
            name: "mnm",
            path: workspace::build_mnm()?,
            first: "bench".into(),
            more: &[],
        })
    }

    /// The PyTorch script, op by op as PyTorch runs by itself.
    pub fn torch(target: &Path) -> Result<Self> {
        Self::peer("PyTorch, eager", "torch_step.py", target)
    }

    /// The same with its cell compiled by `torch.compile`, which needs a C++ compiler.
    pub fn compiled_torch(target: &Path) -> Result<Self> {
        let program = Self::peer("PyTorch, compiled", "torch_step.py", target)?;
        Ok(Self {
            more: &["--compile"],
            ..program
        })
    }

    /// The JAX script.
    pub fn jax(target: &Path) -> Result<Self> {
        Self::peer("JAX", "jax_step.py", target)
    }

    fn peer(name: &'static str, script: &str, target: &Path) -> Result<Self> {
        let path = python(target)?;
        Ok(Self {
            name,
            path,
            first: folder().join(script).into(),
            more: &[],
        })
    }

    /// Whether it asks for more than its packages, and so may not run everywhere.
    pub fn needs_trial(&self) -> bool {
        !self.more.is_empty()
    }

    /// One measurement in a process of its own.
    pub fn measure(&self, rule: &str, shape: &str, steps: u32, threads: usize) -> Result<Measured> {
        let mut command = Command::new(&self.path);
        command
            .arg(&self.first)
            .args(["--rule", rule, "--shape", shape]);
        command.args([
            "--steps",
            &steps.to_string(),
            "--threads",
            &threads.to_string(),
            "--json",
        ]);
        command.args(self.more);
        let text = shell::capture(&mut command)?;
        parse(&text).with_context(|| format!("`{}`", shell::typed(&command)))
    }
}

/// A program's answer, the last line that is a JSON object: libraries may print before it.
pub fn last_object(text: &str) -> Result<&str> {
    let mut lines = text.lines().rev();
    let object = lines.find(|line| line.trim_start().starts_with('{'));
    object.context("printed no line of JSON")
}

fn parse(text: &str) -> Result<Measured> {
    let measured: Measured = serde_json::from_str(last_object(text)?)
        .context("its JSON lacks step_s, min_s or rss_mib")?;
    if !(measured.step_s > 0.0 && measured.rss_mib > 0.0) {
        bail!(
            "reports a step of {} s and a peak of {} MiB",
            measured.step_s,
            measured.rss_mib
        );
    }
    Ok(measured)
}

/// Where the peers' scripts are.
pub fn folder() -> PathBuf {
    workspace::root().join("benches/peers")
}

/// The Python of the peers' virtual environment, which is made, and made anew when the requirements change.
pub fn python(target: &Path) -> Result<PathBuf> {
    let environment = target.join("peers-venv");
    let python = environment.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    let requirements = folder().join("requirements.txt");
    let wanted = std::fs::read_to_string(&requirements)
        .with_context(|| requirements.display().to_string())?;
    let installed = environment.join("installed.txt");
    if python.is_file() && std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(python);
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&environment);
    announced(&mut make).context(
        "`python3` with its `venv` module is needed for the peers (on Debian: python3-venv)",
    )?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--progress-bar", "off"]);
    // PyTorch without its GPU libraries: gigabytes less to fetch, and a leaner process, which is the fair one to compare
    // memory with. Asked for only where it answers, since pip tries an index that does not anew for every package.
    if answers(&python, CPU_INDEX) {
        install.args(["--extra-index-url", CPU_INDEX]);
    }
    install.arg("--requirement").arg(&requirements);
    announced(&mut install).context("the peers' packages could not be installed")?;
    // Written last, so that an installation that was cut short is begun again.
    std::fs::write(&installed, wanted).with_context(|| installed.display().to_string())?;
    Ok(python)
}

/// Can this address be opened?
fn answers(python: &Path, address: &str) -> bool {
    let program = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=10)";
    shell::capture(Command::new(python).args(["-c", program, address])).is_ok()
}

fn announced(command: &mut Command) -> Result<()> {
    println!("running `{}`", shell::typed(command));
    shell::watched(command, |line| println!("    {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_found_behind_other_lines() {
        let measured = parse("WARNING: no GPU\n{\"peer\": \"x\", \"step_s\": 0.2, \"min_s\": 0.1, \"rss_mib\": 900.0}\n").expect("good");
        assert_eq!(
            (measured.step_s, measured.min_s, measured.rss_mib),
            (0.2, 0.1, 900.0)
        );
    }

    #[test]
    fn an_answer_that_says_nothing_is_an_error() {
        for text in [
            "",
            "0.2 s",
            "{\"step_s\": 0.2}",
            "{\"step_s\": 0.0, \"min_s\": 0.0, \"rss_mib\": 1.0}",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
