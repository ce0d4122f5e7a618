//! From a config to a report.

use std::path::Path;

use serde_json::Value;

use crate::mnm::{command, folder, good, same_bytes, silent, tiny, tiny_of};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// `command` with a path after it.
fn on(name: &str, run: &Path, more: &[&str]) -> std::process::Command {
    let mut command = command([name]);
    command.arg(run).args(more);
    command
}

#[test]
fn a_run_is_trained_evaluated_applied_inspected_and_reported() {
    let (top, run) = folder();
    let said = good(&mut tiny(&run, &[]));
    assert!(
        said.contains("12 steps, 480 sequences") && said.contains("best validation error"),
        "{said}"
    );
    for file in [
        "config.toml",
        "metrics.jsonl",
        "checkpoint.safetensors",
        "best.safetensors",
        "summary.json",
    ] {
        assert!(run.join(file).is_file(), "{file}");
    }
    let summary = json(&std::fs::read_to_string(run.join("summary.json")).unwrap());
    assert_eq!(summary["finished"], true);

    let table = good(&mut on("eval", &run, &[]));
    assert!(
        table.contains("double-copy, valid split") && table.contains("mean"),
        "{table}"
    );
    let outcome = json(&good(&mut on(
        "eval",
        &run,
        &["--split", "test", "--json", "--episodes", "5"],
    )));
    assert_eq!(outcome["task"], "double-copy");
    assert_eq!(outcome["split"], "test");
    assert_eq!(outcome["questions"], 5 * 2 * 4 * 3);
    let mean = outcome["error"]["mean"].as_f64().unwrap();
    assert!((0.0..=100.0).contains(&mean));
    assert_eq!(outcome["error"]["per_task"]["double-copy"], mean);
    let failed = outcome["error"]["failed_tasks"].as_u64().unwrap();
    assert_eq!(failed, u64::from(mean > 5.0));

    let best = summary["valid"]["error"].as_f64().unwrap();
    let valid = json(&good(&mut on("eval", &run, &["--json", "--threads", "1"])));
    assert_eq!(
        valid["error"]["mean"], best,
        "eval takes the best parameters"
    );

    applied(top.path(), &run);

    let said = good(&mut on(
        "inspect",
        &run,
        &["--split", "test", "--episode", "3"],
    ));
    let page = run.join("inspect-test-3.html");
    assert!(said.starts_with(&page.display().to_string()), "{said}");
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("<svg") && html.contains("What was written when"));
    assert!(
        !html.contains("src=") && !html.contains("href="),
        "the page stands alone"
    );
    assert!(run.join("inspect-test-3/similarity.svg").is_file());

    let report = top.path().join("report.html");
    good(on("report", &run, &["--title", "A & B", "--out"]).arg(&report));
    let html = std::fs::read_to_string(&report).unwrap();
    assert!(html.contains("A &amp; B") && html.contains("<svg"));
    let folder = top.path().join("report");
    let said = good(on("report", &run, &["--out"]).arg(&folder));
    assert!(said.trim_end().ends_with("report.html"), "{said}");
    for file in [
        "report.html",
        "report.md",
        "summary.json",
        "pictures/validation-error.svg",
    ] {
        assert!(folder.join(file).is_file(), "{file}");
    }
}

/// What was published has no checkpoint, and lies in a clone of the project, which stays as it is.
#[test]
fn the_page_of_a_published_run_goes_to_the_temporary_folder() {
    let (top, run) = folder();
    good(&mut tiny(&run, &["--quiet", "--set", "train.steps=1"]));
    std::fs::remove_file(run.join("checkpoint.safetensors")).unwrap();
    let (here, temporary) = (top.path().join("here"), top.path().join("temporary"));
    for folder in [&here, &temporary] {
        std::fs::create_dir(folder).unwrap();
    }
    let before = run.read_dir().unwrap().count();
    let mut inspect = on("inspect", &run, &[]);
    for name in ["TMPDIR", "TMP", "TEMP"] {
        inspect.env(name, &temporary);
    }
    let said = good(inspect.current_dir(&here));
    let page = temporary.join("mnm-inspect/run/inspect-valid-0.html");
    assert!(said.starts_with(&page.display().to_string()), "{said}");
    assert!(page.is_file() && page.with_extension("").is_dir());
    assert_eq!(here.read_dir().unwrap().count(), 0);
    assert_eq!(run.read_dir().unwrap().count(), before);
    // Where it goes is a matter of whoever asks.
    let asked = here.join("page.html");
    good(on("inspect", &run, &["--out"]).arg(&asked));
    assert!(asked.is_file());
}

/// Saves `x` [4, 2, 5], for a model on three bits and two flags.
fn save_input(path: &Path) {
    let data: Vec<u8> = (0..4 * 2 * 5)
        .flat_map(|i| (i as f32 / 40.0).to_le_bytes())
        .collect();
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![4, 2, 5], &data);
    safetensors::serialize_to_file([("x", view.unwrap())], None, path).unwrap();
}

/// Of a checkpoint whose numbers are finite, and whose answers are not.
#[test]
fn outputs_that_are_not_finite_are_written_and_told() {
    let (top, run) = folder();
    good(&mut tiny(&run, &["--quiet", "--set", "train.steps=1"]));
    let bytes = std::fs::read(run.join("best.safetensors")).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let config = header.metadata().as_ref().unwrap()["config"].clone();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    // Of two answers with opposite weights one is beyond all bounds, whatever the controller says.
    let wide: Vec<u8> = file.tensor("output.weight").unwrap().shape()[1..]
        .iter()
        .flat_map(|width| [f32::MAX, f32::MIN, 0.0].map(|x| x.to_le_bytes().repeat(*width)))
        .flatten()
        .collect();
    let large = f32::MAX.to_le_bytes().repeat(3);
    let tensors = file.iter().map(|(name, view)| {
        let data = match name {
            "output.weight" => &wide[..],
            "output.bias" => &large,
            _ => view.data(),
        };
        let view = safetensors::tensor::TensorView::new(view.dtype(), view.shape().to_vec(), data);
        (name, view.unwrap())
    });
    let [checkpoint, input, output] =
        ["huge", "in", "out"].map(|name| top.path().join(format!("{name}.safetensors")));
    let metadata = [("config".to_owned(), config)].into_iter().collect();
    safetensors::serialize_to_file(tensors, Some(metadata), &checkpoint).unwrap();
    save_input(&input);
    let mut apply = on("apply", &checkpoint, &["--input"]);
    let said = apply.arg(&input).arg("--output").arg(&output).output();
    let said = said.unwrap();
    let message = String::from_utf8(said.stderr).unwrap();
    assert!(said.status.success() && output.is_file(), "{message}");
    for part in ["out.safetensors", "`logits`", "not finite", "overflow"] {
        assert!(message.contains(part), "no {part:?}: {message}");
    }
    assert!(!message.contains("`rates`"), "those are finite: {message}");
}

/// `mnm apply` on the run and on its checkpoint file, with both kernels.
fn applied(top: &Path, run: &Path) {
    let (input, output) = (top.join("in.safetensors"), top.join("out.safetensors"));
    save_input(&input);
    let mut logits = Vec::new();
    for (checkpoint, kernel) in [
        (run.to_owned(), "fused"),
        (run.join("best.safetensors"), "reference"),
    ] {
        let mut command = on("apply", &checkpoint, &["--kernel", kernel, "--input"]);
        let said = good(command.arg(&input).arg("--output").arg(&output));
        assert!(
            said.contains("logits [4, 2, 3]") && said.contains("memory.1 [2, 5, 6]"),
            "{said}"
        );
        let bytes = std::fs::read(&output).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.tensor("reads").unwrap().shape(), [4, 2, 5]);
        assert_eq!(file.tensor("rates").unwrap().shape(), [4, 2]);
        assert_eq!(file.tensor("meta").unwrap().shape(), [4]);
        logits.push(
            file.tensor("logits")
                .unwrap()
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
                .collect::<Vec<_>>(),
        );
    }
    let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
    assert!(logits[0].iter().zip(&logits[1]).all(close), "{logits:?}");
}

#[test]
fn models_without_a_memory_network_go_the_same_way() {
    let slots = ["--set", "model.slots=6", "--set", "model.slot_width=4"];
    for (kind, sizes) in [
        ("lstm", &[][..]),
        ("lstm-salu", &["--set", "model.value=5"]),
        ("ntm", &slots),
        ("dnc", &slots),
    ] {
        let (top, run) = folder();
        let mut train = tiny_of(kind, &run, &["--quiet", "--set", "train.steps=3"]);
        train.args(sizes);
        good(&mut train);
        good(&mut on("eval", &run, &["--last"]));
        let page = run.join("page.html");
        good(on("inspect", &run, &["--out"]).arg(&page));
        let html = std::fs::read_to_string(&page).unwrap();
        assert!(html.contains("has no memory network") && html.contains("The hidden state"));

        let (input, output) = (top.path().join("in"), top.path().join("out"));
        save_input(&input);
        let mut apply = on("apply", &run, &["--input"]);
        let said = good(apply.arg(&input).arg("--output").arg(&output));
        assert_eq!(said, "logits [4, 2, 3]\n");
    }
}

#[test]
fn stories_in_words_are_trained_and_inspected() {
    let (_top, run) = folder();
    let mut train = command(["train", "stories", "--quiet", "--out"]);
    train.arg(&run);
    for set in [
        "model.controller=8",
        "model.value=6",
        "model.hidden=6",
        "model.embedding=7",
        "train.steps=4",
        "train.valid_every=2",
        "train.valid_episodes=4",
        "train.batch=4",
    ] {
        train.args(["--set", set]);
    }
    silent(&mut train);
    good(&mut on("inspect", &run, &[]));
    let html = std::fs::read_to_string(run.join("inspect-valid-0.html")).unwrap();
    assert!(html.contains("The answers") && html.contains("where is"));
}

#[test]
fn one_and_two_threads_give_the_same_bytes() {
    let (_top, run) = folder();
    let other = run.with_file_name("other");
    good(&mut tiny(&run, &["--quiet", "--set", "threads=1"]));
    good(&mut tiny(&other, &["--quiet", "--set", "threads=2"]));
    same_bytes(&run, &other);
}

#[test]
fn another_seed_gives_other_bytes() {
    let (_top, run) = folder();
    let other = run.with_file_name("other");
    good(&mut tiny(&run, &["--quiet"]));
    good(&mut tiny(&other, &["--quiet", "--set", "seed=2"]));
    let metrics = [&run, &other].map(|run| std::fs::read(run.join("metrics.jsonl")).unwrap());
    assert_ne!(metrics[0], metrics[1]);
}
