//! `mnm ask`: stories told to a small run.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::mnm::{bad, command, folder, good, tiny};

/// Trains a small model on generated stories.
pub fn stories(run: &Path, more: &[&str]) {
    let mut train = command(["train", "stories", "--quiet", "--out"]);
    train.arg(run);
    let sets = [
        "model.controller=8",
        "model.value=6",
        "model.hidden=6",
        "model.embedding=7",
        "train.steps=2",
        "train.valid_episodes=4",
        "train.batch=4",
    ];
    for set in sets.iter().chain(more) {
        train.args(["--set", set]);
    }
    good(&mut train);
}

fn ask(run: &Path, more: &[&str]) -> Command {
    let mut ask = command(["ask"]);
    ask.arg(run).args(more);
    ask
}

/// Runs a command with this standard input.
fn with_input(mut command: Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if let Err(error) = child.stdin.take().unwrap().write_all(input) {
        // It may end before it has read everything.
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    }
    child.wait_with_output().unwrap()
}

#[track_caller]
fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{err}");
    (out, err)
}

/// The objects that `--json` prints.
fn objects(run: &Path, input: &str) -> Vec<Value> {
    let (out, err) = said(&with_input(ask(run, &["--json"]), input.as_bytes()));
    assert_eq!(err, "");
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The words that `--words` lists, and the answers.
fn vocabulary(run: &Path) -> (Vec<String>, Vec<String>) {
    let listed = good(&mut ask(run, &["--words"]));
    let (words, answers) = listed.split_once("answers:").unwrap();
    let (_, words) = words.split_once("words:").unwrap();
    let list = |text: &str| {
        text.split_whitespace()
            .filter(|word| word.parse::<u32>().is_err())
            .map(str::to_owned)
            .collect()
    };
    (list(words), list(answers))
}

#[test]
fn a_piped_story_is_answered_line_by_line() {
    let (_top, run) = folder();
    stories(&run, &[]);
    let (words, answers) = vocabulary(&run);
    let known = words
        .iter()
        .find(|word| !answers.contains(word) && word.len() > 3)
        .unwrap();
    let input = format!(
        "{known} likes quokka pie.\nWhere is quokka?\n1 {known} {known}.\n2 Where is {known}? \t{}\t1\n",
        answers[0]
    );
    let (out, err) = said(&with_input(ask(&run, &[]), input.as_bytes()));
    assert_eq!(err, "", "no prompt and no note");
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].starts_with("(line 1: not known to the model:")
            && lines[0].contains("quokka")
            && !lines[0].contains(known),
        "{out}"
    );
    // The unknown word was named where it first stood.
    assert!(lines[1].starts_with("Where is quokka?  "), "{out}");
    assert!(
        lines[1].contains(" %  (next: ") && lines[2].is_empty(),
        "{out}"
    );
    assert!(lines[3].starts_with(&format!("Where is {known}?  ")));
    let right = lines[3].ends_with("  right");
    assert!(right || lines[3].ends_with(&format!("  WRONG, it is {}", answers[0])));
    assert_eq!(lines[4], format!("{} of 1 right", u8::from(right)));
    assert_eq!(lines.len(), 5, "{out}");
}

#[test]
fn stories_are_apart_however_they_are_begun() {
    for sets in [
        &[][..],
        &["data.hops=2", "data.asking=separate"],
        &["data.encoding=word"],
    ] {
        let (_top, run) = folder();
        stories(&run, sets);
        let (words, answers) = vocabulary(&run);
        let (word, place) = (&words[0], &answers[0]);
        let story = format!("{word} {place}.\nWhere is {word}?\n");
        let numbered = format!("1 {word} {place}\n2 Where is {word}?\n");
        let input =
            format!("\n{story}\n\n{story}---\n{numbered}{numbered}{story}Where is {place}?");
        let objects = objects(&run, &input);
        let places: Vec<_> = objects
            .iter()
            .map(|o| (o["story"].as_u64().unwrap(), o["line"].as_u64().unwrap()))
            .collect();
        let expected = [
            (1, 3),
            (2, 7),
            (3, 10),
            (4, 12),
            (4, 14),
            (4, 15), // unnumbered lines go on with the story at hand
        ];
        assert_eq!(places, expected, "{input}");
        for same in &objects[1..4] {
            assert_eq!(same["probability"], objects[0]["probability"]);
            assert_eq!(same["answer"], objects[0]["answer"]);
        }
        for object in &objects {
            let keys: Vec<&String> = object.as_object().unwrap().keys().collect();
            let expected = [
                "answer",
                "line",
                "probability",
                "question",
                "runner_up",
                "story",
                "unknown",
            ];
            assert_eq!(keys, expected);
            let [first, second] = [object, &object["runner_up"]].map(|candidate| {
                assert!(answers.contains(&candidate["answer"].as_str().unwrap().to_owned()));
                candidate["probability"].as_f64().unwrap()
            });
            assert!(first >= second && second > 0.0 && first + second <= 1.0);
        }
    }
}

#[test]
fn json_carries_unknown_words_of_the_story_and_right_answers() {
    let (_top, run) = folder();
    stories(&run, &[]);
    let (words, answers) = vocabulary(&run);
    let word = &words[0];
    let input = format!(
        "The quokka {word}.\nWhere is the wombat?\t{}\t1\n\n{word}.\nWhere is {word}?\tnowhere\n",
        answers[0]
    );
    let objects = objects(&run, &input);
    let unknown: Vec<&str> = objects[0]["unknown"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .filter(|word| !["the", "where", "is"].contains(word))
        .collect();
    assert_eq!(unknown, ["quokka", "wombat"]);
    assert_eq!(objects[0]["right"], answers[0].as_str());
    let correct = objects[0]["answer"] == answers[0].as_str();
    assert_eq!(objects[0]["correct"], correct);
    assert_eq!(objects[1]["right"], "nowhere");
    assert_eq!(objects[1]["correct"], false);
    assert!(!objects[1]["unknown"].to_string().contains("quokka"));
}

#[test]
fn lines_that_say_nothing_are_left_out_with_a_note() {
    let (_top, run) = folder();
    stories(&run, &[]);
    let (out, err) = said(&with_input(ask(&run, &[]), b"...\nWhere is it?\n?\n"));
    assert_eq!(
        err,
        "note: line 1: no word in it; left out\nnote: line 3: no word in it; left out\n"
    );
    assert_eq!(out.matches("Where is it?").count(), 1, "{out}");
    let (out, err) = said(&with_input(ask(&run, &[]), b""));
    assert!(out.is_empty() && err.contains("no question was asked"));
    let output = with_input(ask(&run, &[]), b"Where is it?\nMary \xff left.\n");
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.starts_with("error: standard input, line 2: not UTF-8"),
        "{message}"
    );
}

#[test]
fn a_byte_order_mark_a_long_line_and_questions_of_other_scripts() {
    let (_top, run) = folder();
    stories(&run, &[]);
    let (words, answers) = vocabulary(&run);
    let word = &words[0];
    let plain = format!("1 {word}.\n2 Where is {word}?\t{}\n", answers[0]);
    let asked = objects(&run, &plain);
    assert_eq!(objects(&run, &format!("\u{feff}{plain}")), asked);
    for mark in ["？", "?!", "?\"", "؟"] {
        let other = objects(&run, &format!("{word}.\nWhere is {word}{mark}\n"));
        assert_eq!(other.len(), 1, "{mark}");
        assert_eq!(other[0]["probability"], asked[0]["probability"], "{mark}");
    }
    let capital = format!(
        "1 {word}.\n2 Where is {word}?\t {} ,\n",
        answers[0].to_uppercase()
    );
    assert_eq!(objects(&run, &capital)[0]["correct"], asked[0]["correct"]);

    // The longest line is read, and one byte more is not, however many there are.
    let line = |bytes: usize| format!("{}\nWhere is {word}?\n", "a".repeat(bytes)).into_bytes();
    said(&with_input(ask(&run, &[]), &line(65_536)));
    for bytes in [65_537, 300_000] {
        let output = with_input(ask(&run, &[]), &line(bytes));
        assert_eq!(output.status.code(), Some(1));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            message.starts_with("error: standard input, line 1: it has more than 65536 bytes"),
            "{message}"
        );
    }
}

/// A training file without a validation file, and validation stories with an answer that training never showed.
#[test]
fn what_was_cut_and_what_is_not_in_the_loss_is_told() {
    let (top, run) = folder();
    let data = top.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let story =
        |place: &str| format!("1 Mary moved to the {place}.\n2 Where is Mary? \t{place}\t1\n");
    let train = [story("hall"), story("park"), story("attic")].concat();
    std::fs::write(data.join("qa1_train.txt"), train).unwrap();
    let mut train = command(["train", "babi", "--out"]);
    train.arg(&run).arg("--set");
    train.arg(format!("data.dir={}", data.display()));
    for set in [
        "data.tasks=[1]",
        "data.recall=0.0",
        "data.rename=[]",
        "model.controller=4",
        "model.value=3",
        "model.hidden=3",
        "model.embedding=4",
        "train.steps=1",
        "train.valid_every=1",
        "train.batch=2",
    ] {
        train.args(["--set", set]);
    }
    let (_, err) = said(&train.output().unwrap());
    assert!(
        err.contains("note: ") && err.contains("no validation file of task 1:"),
        "{err}"
    );
    // The last of the three was cut: its answer is not among those of the other two.
    assert!(
        err.contains("1 answer never seen in training  (best)"),
        "{err}"
    );
    let json = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(run.join(name)).unwrap()).unwrap()
    };
    assert_eq!(json("metrics.jsonl")["unknown_answers"], 1);
    assert_eq!(json("summary.json")["valid"]["unknown_answers"], 1);
    let mut eval = command(["eval", "--split", "valid"]);
    let (out, err) = said(&eval.arg(&run).output().unwrap());
    assert!(err.contains("no validation file of task 1:"), "{err}");
    assert!(
        out.contains("The answers to 1 of them were never seen in training"),
        "{out}"
    );
    let mut eval = command(["eval", "--split", "valid", "--json"]);
    let (out, _) = said(&eval.arg(&run).output().unwrap());
    let outcome: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(outcome["unknown_answers"], 1);
    assert_eq!(outcome["questions"], 1);
}

#[test]
fn neither_the_data_nor_a_run_of_another_kind() {
    let (top, run) = folder();
    let data = top.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let story = "1 Mary moved to the bathroom.\n2 Where is Mary? \tbathroom\t1\n";
    for split in ["train", "valid"] {
        std::fs::write(data.join(format!("qa1_{split}.txt")), story).unwrap();
    }
    let mut train = command(["train", "babi", "--quiet", "--out"]);
    train.arg(&run).arg("--set");
    train.arg(format!("data.dir={}", data.display()));
    for set in [
        "data.tasks=[1]",
        "data.recall=0.0", // where words are recalled, each of them is an answer
        "model.controller=4",
        "model.value=3",
        "model.hidden=3",
        "model.embedding=4",
        "train.steps=1",
        "train.batch=2",
    ] {
        train.args(["--set", set]);
    }
    good(&mut train);
    std::fs::remove_dir_all(&data).unwrap();
    let (out, _) = said(&with_input(ask(&run, &["--last"]), story.as_bytes()));
    assert_eq!(
        out, "Where is Mary?  bathroom  100.0 %  right\n1 of 1 right\n",
        "the only answer that there is"
    );

    let message = bad(1, &mut ask(top.path(), &[]));
    assert!(message.contains("holds no run"), "{message}");
    let other = top.path().join("copy");
    good(&mut tiny(&other, &["--quiet", "--set", "train.steps=1"]));
    let message = bad(1, &mut ask(&other, &[]));
    assert!(
        message.contains("\"double-copy\"") && message.contains("no words"),
        "{message}"
    );
    bad(2, &mut command(["ask"]));
    let help = good(&mut command(["ask", "--help"]));
    assert!(help.contains("Examples:\n  mnm ask "), "{help}");
}

/// The story has no end, and nobody reads the answers.
#[test]
#[cfg(unix)]
fn asking_ends_when_nobody_listens() {
    let (_top, run) = folder();
    stories(&run, &[]);
    let mut child = ask(&run, &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    while input.write_all(b"where is ada?\n").is_ok() {}
    assert!(child.wait().unwrap().success());
}
