//! Stopped and gone on with: the same bytes as never stopped.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::mnm::{bad, folder, good, same_bytes, same_outcome, tiny};

/// A run long enough to be stopped in the middle.
const LONG: &[&str] = &["--quiet", "--set", "train.steps=600"];

#[test]
fn n_steps_and_n_more_are_two_n() {
    let (_top, whole) = folder();
    let parts = whole.with_file_name("parts");
    good(&mut tiny(&whole, &["--quiet"]));
    // After 7 steps neither a validation nor a line nor a checkpoint is due; after 2 there was no validation at all.
    for steps in ["train.steps=2", "train.steps=7"] {
        good(&mut tiny(&parts, &["--quiet", "--resume", "--set", steps]));
        assert!(parts.join("best.safetensors").is_file());
    }
    good(&mut tiny(&parts, &["--quiet", "--resume"]));
    same_outcome(&whole, &parts);
}

#[test]
fn a_finished_run_resumed_stays_as_it_is() {
    let (_top, run) = folder();
    good(&mut tiny(&run, &["--quiet", "--resume"]));
    let before = std::fs::read(run.join("checkpoint.safetensors")).unwrap();
    good(&mut tiny(&run, &["--quiet", "--resume"]));
    assert_eq!(
        std::fs::read(run.join("checkpoint.safetensors")).unwrap(),
        before
    );
}

#[test]
fn a_folder_with_a_run_is_not_overwritten() {
    let (_top, run) = folder();
    good(&mut tiny(&run, &["--quiet"]));
    let before = std::fs::read(run.join("checkpoint.safetensors")).unwrap();
    let message = bad(2, &mut tiny(&run, &["--quiet"]));
    assert!(message.contains("--resume"), "{message}");
    let other = ["--quiet", "--resume", "--set", "model.heads=2"];
    let message = bad(2, &mut tiny(&run, &other));
    assert!(message.contains("model.heads: 1 -> 2"), "{message}");
    assert_eq!(
        std::fs::read(run.join("checkpoint.safetensors")).unwrap(),
        before
    );
}

/// Starts a training and waits until it has a checkpoint of a step that was taken.
fn begun(command: &mut Command, run: &Path) -> Child {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while !run.join("best.safetensors").exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "no checkpoint");
        assert_eq!(child.try_wait().unwrap(), None, "ended early");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn a_training_that_nobody_watches_any_more_goes_on() {
    let (_top, watched) = folder();
    let unwatched = watched.with_file_name("unwatched");
    let mut child = tiny(&unwatched, &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert!(child.wait().unwrap().success());
    good(&mut tiny(&watched, &[]));
    same_bytes(&watched, &unwatched);
}

#[test]
#[cfg(unix)]
fn a_folder_is_trained_in_once_at_a_time() {
    let (_top, run) = folder();
    let mut child = begun(&mut tiny(&run, LONG), &run);
    let message = bad(2, tiny(&run, LONG).arg("--resume"));
    assert!(message.contains("another training"), "{message}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let (_top, whole) = folder();
    let killed = whole.with_file_name("killed");
    let mut child = begun(&mut tiny(&killed, LONG), &killed);
    child.kill().unwrap();
    assert!(
        !child.wait().unwrap().success(),
        "it was killed in the middle"
    );
    good(tiny(&killed, LONG).arg("--resume"));
    good(&mut tiny(&whole, LONG));
    same_bytes(&whole, &killed);
}

#[test]
fn a_flipped_bit_in_the_events_is_told() {
    let (_top, run) = folder();
    good(&mut tiny(&run, &["--quiet"]));
    let name = "events.out.tfevents.0000000000.mnm";
    let whole = std::fs::read(run.join(name)).unwrap();
    let resume = || {
        let output = tiny(&run, &["--resume"]).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{message}");
        message
    };
    assert!(!resume().contains(name));
    let half = whole.len() / 2;
    let mut bytes = whole.clone();
    bytes[half] ^= 1;
    std::fs::write(run.join(name), &bytes).unwrap();
    let message = resume();
    assert!(
        message.contains("note: ")
            && message.contains(name)
            && message.contains("damaged from byte"),
        "{message}"
    );
    let left = std::fs::read(run.join(name)).unwrap().len();
    assert!(half < left && left < whole.len(), "one record is lost");
    // The end of a killed run is no damage.
    std::fs::write(run.join(name), &whole[..whole.len() - 3]).unwrap();
    assert!(!resume().contains(name));
}

/// It had finished before, with fewer steps.
#[test]
fn a_run_killed_after_it_was_resumed_is_not_finished() {
    let (_top, run) = folder();
    good(&mut tiny(&run, &["--quiet"]));
    let metrics = || std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let before = metrics();
    let mut child = begun(tiny(&run, LONG).arg("--resume"), &run);
    let begin = Instant::now();
    while metrics().len() <= before.len() {
        assert!(begin.elapsed() < Duration::from_secs(60), "no step");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success(), "killed in the middle");
    assert!(!run.join("summary.json").exists());
    good(tiny(&run, LONG).arg("--resume"));
    let summary = std::fs::read_to_string(run.join("summary.json")).unwrap();
    assert!(summary.contains("\"finished\": true"), "{summary}");
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_says_so_and_goes_on_to_the_same_bytes() {
    let (_top, whole) = folder();
    let stopped = whole.with_file_name("stopped");
    let mut child = begun(&mut tiny(&stopped, LONG), &stopped);
    // The shell's own `kill`: a bare system has no program of that name.
    let kill = Command::new("sh")
        .args(["-c", &format!("kill -INT {}", child.id())])
        .status();
    assert!(kill.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let summary = std::fs::read_to_string(stopped.join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["finished"], false);
    assert_eq!(summary["ended"], "interrupted");
    good(tiny(&stopped, LONG).arg("--resume"));
    good(&mut tiny(&whole, LONG));
    same_bytes(&whole, &stopped);
}
