//! A suite on several machines with one folder: shares that are stopped and gone on with come to what one machine comes to.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A stand-in for `mnm` with the same contract: trains at once, and notes which run. The LSTM with a table waits, the first time, until
/// it is interrupted.
const STAND_IN: &str = r#"#!/bin/sh
case "$1" in
train)
  for word; do [ "$last" = --out ] && out=$word; last=$word; done
  echo "$(basename "$out") $last ${PMI_RANK-alone}" >> "$0.trained"
  mkdir -p "$out"
  echo '{"step":2,"loss":0.5}' > "$out/metrics.jsonl"
  case "$out $last" in *lstm-salu*--resume) ;; *parts/*lstm-salu*)
    trap 'exit 130' INT
    touch "$0.waits"
    while :; do sleep 0.1; done;;
  esac
  echo '{"finished":true,"steps":2,"parameters":10}' > "$out/summary.json";;
eval) echo '{"task":"t","split":"test","error":{"mean":1.5},"questions":9}';;
report) for word; do [ "$last" = --out ] && out=$word; last=$word; done; touch "$out/report.html";;
esac
"#;

struct Suite {
    top: tempfile::TempDir,
}

impl Suite {
    fn new() -> Self {
        let top = tempfile::tempdir().expect("a temporary folder");
        let text = top.path().join("mnm.txt");
        std::fs::write(&text, STAND_IN).expect("writable");
        let mut install = Command::new("install");
        install.args(["-m", "755"]).arg(&text);
        let made = install.arg(top.path().join("mnm")).status();
        assert!(made.expect("install").success());
        Self { top }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    /// The quick suite into the folder `out`.
    fn reproduce(&self, out: &str, further: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(["reproduce", "quick", "--quick", "--seeds", "1"])
            .args(["--program".as_ref(), self.path("mnm").as_os_str()])
            .args(["--out".as_ref(), self.path(out).as_os_str()])
            .args(further)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What the stand-in was asked to train since the last look: run, last argument, and its rank if it takes itself for one of several.
    fn trained(&self) -> Vec<String> {
        let path = self.path("mnm.trained");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, "").expect("writable");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

fn said(output: &Output) -> String {
    let texts = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    texts.concat()
}

#[track_caller]
fn good(mut command: Command) -> String {
    let output = command.output().expect("xtask runs");
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

fn await_file(path: &Path) {
    let begin = Instant::now();
    while !path.exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{path:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn shares_that_are_stopped_and_gone_on_with_come_to_what_one_machine_comes_to() {
    let suite = Suite::new();
    good(suite.reproduce("whole", &[]));
    let whole = std::fs::read_to_string(suite.path("whole/results.json")).expect("tables");
    assert_eq!(suite.trained().len(), 4);

    // The first of two, by what a launcher says; its runs must not take themselves for ranks of one training.
    let mut first = suite.reproduce("parts", &[]);
    first.env("PMI_RANK", "0").env("PMI_SIZE", "2");
    let told = good(first);
    assert!(
        told.contains("share 1/2: 2 runs here, 2 with the others"),
        "{told}"
    );
    assert!(told.contains("no tables yet"), "{told}");
    assert!(!suite.path("parts/results.json").exists());
    let trained = suite.trained();
    assert_eq!(trained.len(), 2);
    assert!(
        trained.iter().all(|line| line.ends_with("alone")),
        "{trained:?}"
    );

    // The second is stopped while its last run trains.
    let second = suite.reproduce("parts", &["--share", "2/2"]).spawn();
    let second = second.expect("xtask runs");
    await_file(&suite.path("mnm.waits"));
    let kill = format!("kill -INT {}", second.id());
    let killed = Command::new("sh").args(["-c", &kill]).status();
    assert!(killed.expect("sh").success());
    let output = second.wait_with_output().expect("it ends");
    let told = said(&output);
    assert!(!output.status.success(), "{told}");
    assert!(
        told.contains("the same command goes on from here"),
        "{told}"
    );
    assert!(!suite.path("parts/results.json").exists());
    assert_eq!(suite.trained().len(), 2);

    // Again: what is finished is not trained anew, what was begun is resumed, and whoever comes last makes the tables.
    good(suite.reproduce("parts", &["--share", "2/2"]));
    assert_eq!(suite.trained(), ["stories-lstm-salu-seed1 --resume alone"]);
    let parts = std::fs::read_to_string(suite.path("parts/results.json")).expect("tables");
    assert_eq!(parts, whole);
    good(suite.reproduce("parts", &["--share", "1/2"]));
    assert!(suite.trained().is_empty());
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let suite = Suite::new();
    std::fs::remove_file(suite.path("mnm")).expect("was made");
    let output = suite.reproduce("out", &[]).output().expect("xtask runs");
    assert!(!output.status.success());
    let told = said(&output);
    assert!(
        told.contains("--program") && told.contains("no such file"),
        "{told}"
    );
    assert!(!suite.path("out").exists());
}
