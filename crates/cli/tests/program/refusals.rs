//! Everything that can be wrong: one clear message, exit code 1 or 2, nothing half-written.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::mnm::{bad, command, folder, good, tiny};

/// What stands in a folder, by name.
pub fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[track_caller]
pub fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

#[test]
fn a_wrong_config_names_the_key_the_value_and_what_is_allowed() {
    let (top, run) = folder();
    for (set, parts) in [
        ("train.stepps=3", &["stepps", "train"][..]),
        ("modle.kind=lstm", &["modle"]),
        ("train.batch=0", &["train.batch", "0", "1 to"]),
        ("train.batch=many", &["train.batch", "many"]),
        (
            "train.learning_rate=-1",
            &["train.learning_rate", "-1", "above 0"],
        ),
        ("model.heads=0", &["model.heads", "0", "from 1"]),
        ("model.rule=hebb", &["model.rule", "hebb", "mnm-p"]),
        (
            "model.rule=mmn-g",
            &["model.rule", "did you mean \"mnm-g\"?"],
        ),
        ("model.kind=gru", &["model.kind", "gru", "lstm"]),
        ("model.dropout_hidden=1.5", &["model.dropout_hidden", "1.5"]),
        ("data.bits=0", &["data.bits", "0", "1 to 1024"]),
        ("data.task=chess", &["`data.task`", "chess", "double-copy"]),
        (
            "data.task=storys",
            &["`data.task`", "did you mean `stories`?"],
        ),
        ("seed", &["--set seed", "key=value"]),
        ("threads=9999", &["threads", "9999"]),
        (
            "seed=18446744073709551615",
            &["seed", "18446744073709551615", "9223372036854775807"],
        ),
        (
            "train.beta2=0.9999999999",
            &["train.beta2", "0.9999999999", "0.999999999"],
        ),
    ] {
        let message = bad(2, &mut tiny(&run, &["--set", set]));
        says(&message, parts);
    }
    assert!(entries(top.path()).is_empty(), "nothing was begun");
}

#[test]
fn a_config_that_is_not_there_or_not_toml() {
    let (top, run) = folder();
    let mut train = command(["train", "dobule-copy", "--out"]);
    says(&bad(2, train.arg(&run)), &["dobule-copy", "double-copy"]);
    let absent = top.path().join("absent.toml");
    says(
        &bad(2, command(["train"]).arg(&absent)),
        &["absent.toml", "no such file", "mnm config"],
    );
    // A name with an ending that it has not; one of the files that are there.
    let mut train = command(["train", "storys.toml"]);
    let message = bad(2, train.current_dir(top.path()));
    says(&message, &["storys.toml", "did you mean `stories`?"]);
    let parameters = top.path().join("best.safetensors");
    std::fs::write(&parameters, [0xff, 0xfe, 0x00]).unwrap();
    says(
        &bad(2, command(["train"]).arg(&parameters)),
        &["best.safetensors holds parameters", "--set train.from="],
    );
    std::fs::remove_file(parameters).unwrap();
    let broken = top.path().join("broken.toml");
    std::fs::write(&broken, "seed = 1\n[data\n").unwrap();
    says(
        &bad(2, command(["config"]).arg(&broken)),
        &["broken.toml", "line 2"],
    );
    says(
        &bad(2, command(["train"]).arg(top.path().join("borken.toml"))),
        &["borken.toml", "did you mean", "broken.toml`?"],
    );
    assert_eq!(entries(top.path()), ["broken.toml"]);
}

/// A bAbI folder with one good training file, and `more`.
fn babi(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let story = "1 Mary moved to the bathroom.\n2 Where is Mary? \tbathroom\t1\n";
    std::fs::write(folder.path().join("qa1_train.txt"), story).unwrap();
    std::fs::write(folder.path().join("qa1_valid.txt"), story).unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// Trains on task 1 of the folder, with the smallest model.
fn on_babi(data: &Path, run: &Path) -> std::process::Command {
    let mut train = command(["train", "babi", "--quiet"]);
    train.arg("--out").arg(run);
    train
        .arg("--set")
        .arg(format!("data.dir={}", data.display()));
    for set in [
        "data.tasks=[1]",
        "model.controller=4",
        "model.value=3",
        "model.hidden=3",
        "model.embedding=4",
        "train.steps=2",
        "train.valid_every=1",
        "train.batch=2",
    ] {
        train.args(["--set", set]);
    }
    train
}

#[test]
fn a_missing_data_folder() {
    let (top, run) = folder();
    let absent = top.path().join("absent");
    let message = bad(1, &mut on_babi(&absent, &run));
    says(&message, &["absent", "data.dir"]);
    let empty = TempDir::new().unwrap();
    let message = bad(1, &mut on_babi(empty.path(), &run));
    says(&message, &["no bAbI files", "data.subset"]);
    assert!(entries(top.path()).is_empty(), "nothing was begun");
    // A run whose data have gone since is told by a flag where they are.
    let data = babi(&[]);
    good(&mut on_babi(data.path(), &run));
    let gone = data.path().display().to_string();
    drop(data);
    for name in ["eval", "inspect"] {
        let message = bad(1, command([name]).arg(&run));
        says(&message, &[&gone, "--data DIR", "tasks_1-20_v1-2.tar.gz"]);
    }
}

/// The folder holds one task of the twenty.
#[test]
fn tasks_show_what_there_is_of_babi_and_the_others_whatever_there_is_of_it() {
    let data = babi(&[("qa2_test.txt", b"1 Mary left.\n2 Where is Mary? \tout\t1\n")]);
    let shown = good(command(["tasks", "babi", "--data"]).arg(data.path()));
    assert!(shown.contains("where is mary"), "{shown}");
    let empty = TempDir::new().unwrap();
    let message = bad(1, command(["tasks", "babi", "--data"]).arg(empty.path()));
    says(&message, &["task babi", "no bAbI files"]);
    let message = bad(1, &mut command(["tasks", "babi", "--data", "absent"]));
    says(&message, &["task babi", "absent", "--data DIR"]);
    let output = command(["tasks", "--data", "absent"]).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(shown.contains("double-copy: "), "{shown}");
    assert!(!shown.contains("\nbabi "), "{shown}");
}

#[test]
fn a_malformed_babi_line_is_named_by_file_and_line() {
    let (top, run) = folder();
    for (bytes, parts) in [
        (
            &b"1 Mary moved.\nJohn went.\n"[..],
            &["qa1_train.txt:2"][..],
        ),
        (
            b"1 Mary moved.\n2 Where is Mary?\tpark\n4 John went.\n",
            &["qa1_train.txt:3"],
        ),
        (
            b"1 Mary moved.\n2 Where is Mary? park 1\n",
            &["qa1_train.txt:2"],
        ),
        (
            b"1 Mary moved.\n2 Where is \xff\xfe?\tpark\t1\n",
            &["qa1_train.txt:2"],
        ),
        (b"", &["qa1_train.txt", "empty"]),
    ] {
        let data = babi(&[("qa1_train.txt", bytes)]);
        says(&bad(1, &mut on_babi(data.path(), &run)), parts);
    }
    assert!(entries(top.path()).is_empty(), "nothing was begun");
}

#[test]
fn an_empty_split_and_an_episode_that_is_not_there() {
    let (_top, run) = folder();
    let data = babi(&[]);
    good(&mut on_babi(data.path(), &run));
    let before = entries(&run);
    let message = bad(1, command(["eval", "--split", "test"]).arg(&run));
    says(&message, &["test split is empty"]);
    let message = bad(1, command(["inspect", "--split", "test"]).arg(&run));
    says(&message, &["test split is empty"]);
    let message = bad(1, command(["inspect", "--episode", "5"]).arg(&run));
    says(&message, &["no episode 5", "holds 1"]);
    let message = bad(1, command(["eval", "--data", "absent"]).arg(&run));
    says(&message, &["absent"]);
    bad(2, command(["eval", "--split", "dev"]).arg(&run));
    assert_eq!(entries(&run), before);
}

#[test]
fn an_output_folder_that_cannot_be_made_or_written() {
    let top = TempDir::new().unwrap();
    let file = top.path().join("file");
    std::fs::write(&file, "").unwrap();
    // Below a file no folder can be made, not even by root, who may write to a read-only one.
    let message = bad(1, &mut tiny(&file.join("run"), &[]));
    says(&message, &["file/run"]);
    assert_eq!(entries(top.path()), ["file"]);
}

#[test]
#[cfg(unix)]
fn a_read_only_output_folder() {
    use std::os::unix::fs::PermissionsExt;
    let (top, run) = folder();
    std::fs::create_dir(&run).unwrap();
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(run.join("probe"), "").is_ok() {
        // Root writes everywhere; take a folder that even root cannot write to, if the system has one.
        std::fs::remove_file(run.join("probe")).unwrap();
        let kernel = Path::new("/proc/self");
        if kernel.is_dir() {
            says(
                &bad(1, &mut tiny(&kernel.join("run"), &[])),
                &["/proc/self/run"],
            );
        }
        return;
    }
    let message = bad(1, &mut tiny(&run, &[]));
    says(&message, &["run", "ermission denied"]);
    assert!(entries(&run).is_empty());
    drop(top);
}

/// A trained run with its checkpoint changed by `change`; only the checkpoint is left to open.
fn spoilt(change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> (TempDir, PathBuf) {
    let (top, run) = folder();
    good(&mut tiny(&run, &["--quiet", "--set", "train.steps=1"]));
    let checkpoint = run.join("checkpoint.safetensors");
    let bytes = change(std::fs::read(&checkpoint).unwrap());
    std::fs::write(&checkpoint, bytes).unwrap();
    (top, run)
}

/// Every way to use the model of the run's last checkpoint; with an input, which is looked at first.
#[track_caller]
fn refused_checkpoint(run: &Path, parts: &[&str]) {
    let input = run.join("in.safetensors");
    let zeros = [0_u8; 20];
    let x = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1, 1, 5], &zeros);
    safetensors::serialize_to_file([("x", x.unwrap())], None, &input).unwrap();
    let mut apply = command(["apply", "--last", "--input"]);
    apply
        .arg(&input)
        .arg("--output")
        .arg(run.join("out"))
        .arg(run);
    let mut eval = command(["eval", "--last"]);
    eval.arg(run);
    let mut inspect = command(["inspect", "--last"]);
    inspect.arg(run);
    let mut resume = tiny(run, &["--resume", "--set", "train.steps=1"]);
    let mut commands = vec![&mut apply, &mut eval, &mut inspect, &mut resume];
    for command in commands.drain(..) {
        says(&bad(1, command), parts);
    }
}

/// Every way to read the run's last checkpoint; each must refuse it and write nothing.
#[track_caller]
fn refused_everywhere(run: &Path, parts: &[&str]) {
    let before = entries(run);
    let output = run.join("out.safetensors");
    let mut apply = command(["apply", "--last", "--input", "in", "--output"]);
    apply.arg(&output).arg(run);
    let mut eval = command(["eval", "--last"]);
    eval.arg(run);
    let mut inspect = command(["inspect", "--last"]);
    inspect.arg(run);
    let mut resume = tiny(run, &["--resume", "--set", "train.steps=1"]);
    for command in [&mut apply, &mut eval, &mut inspect, &mut resume] {
        says(&bad(1, command), parts);
    }
    assert_eq!(entries(run), before);
}

#[test]
fn a_truncated_checkpoint() {
    let (_top, run) = spoilt(|bytes| bytes[..bytes.len() / 2].to_vec());
    let file = "checkpoint.safetensors";
    refused_everywhere(&run, &[file, "not a whole safetensors file", "cut short"]);
}

#[test]
fn a_foreign_checkpoint() {
    let (_top, run) = spoilt(|_| {
        let data = [0_u8; 8];
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2], &data);
        safetensors::serialize([("conv.weight", view.unwrap())], None).unwrap()
    });
    let file = "checkpoint.safetensors";
    refused_everywhere(&run, &[file, "not an mnm checkpoint", "`config`"]);
    let (_top, run) = spoilt(|_| b"PK\x03\x04 what torch.save writes".to_vec());
    refused_everywhere(&run, &[file, "not a whole safetensors file"]);
}

/// The file again as another program would save it, with this config and these names of the tensors.
fn resaved(bytes: &[u8], config: Option<&str>, named: impl Fn(&str) -> String) -> Vec<u8> {
    let (_, header) = safetensors::SafeTensors::read_metadata(bytes).unwrap();
    let own = &header.metadata().as_ref().unwrap()["config"];
    let metadata = [("config".to_owned(), config.unwrap_or(own).to_owned())];
    let tensors = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let tensors = tensors.iter().map(|(name, view)| (named(name), view));
    safetensors::serialize(tensors, Some(metadata.into_iter().collect())).unwrap()
}

#[test]
fn a_checkpoint_whose_config_or_names_cannot_be_used() {
    let file = "checkpoint.safetensors";
    let wrong = "[data]\ntask = \"double-copy\"\n[model]\nheads = 0\n";
    for (config, part) in [(wrong, "heads"), ("seed = ", "config")] {
        let (_top, run) = spoilt(|bytes| resaved(&bytes, Some(config), str::to_owned));
        refused_checkpoint(&run, &[file, part]);
    }
    let (_top, run) = spoilt(|bytes| {
        resaved(&bytes, None, |name| {
            name.replace("rate.bias", "rate.offset")
        })
    });
    refused_checkpoint(&run, &[file, "rate.bias", "rate.offset"]);
}

#[test]
fn a_checkpoint_with_a_flipped_bit() {
    let (_top, run) = spoilt(|mut bytes| {
        let last = bytes.len() - 3;
        bytes[last] ^= 1;
        bytes
    });
    refused_everywhere(&run, &["checkpoint.safetensors", "checksum"]);
}

/// A config that asks for what is not there is at fault; one that asks for a damaged file is not.
#[test]
fn a_damaged_file_to_start_from_is_no_fault_of_the_config() {
    let (top, run) = spoilt(|mut bytes| {
        let last = bytes.len() - 3;
        bytes[last] ^= 1;
        bytes
    });
    let out = top.path().join("out");
    let from = |path: &Path| {
        let mut train = tiny(&out, &["--set"]);
        train.arg(format!("train.from={}", path.display()));
        train
    };
    let damaged = run.join("checkpoint.safetensors");
    let parts = ["train.from", "checkpoint.safetensors", "checksum"];
    says(&bad(1, &mut from(&damaged)), &parts);
    std::fs::remove_file(run.join("best.safetensors")).unwrap();
    says(&bad(1, &mut from(&run)), &parts);
    for (path, part) in [
        ("nowhere", "No such file"),
        ("nowhere.safetensors", "nowhere.safetensors"),
    ] {
        let message = bad(2, &mut from(&top.path().join(path)));
        says(&message, &["train.from", path, part]);
    }
    assert!(!out.exists());
}

#[test]
fn a_folder_without_a_run() {
    let top = TempDir::new().unwrap();
    for name in ["eval", "inspect"] {
        let message = bad(1, command([name]).arg(top.path()));
        says(&message, &["holds no run", "checkpoint.safetensors"]);
        let message = bad(1, command([name]).arg(top.path().join("nope")));
        says(&message, &["nope", "holds no run", "no such folder"]);
    }
    for run in [top.path(), &top.path().join("nope")] {
        let report = top.path().join("report.html");
        let message = bad(1, command(["report", "--out"]).arg(report).arg(run));
        says(&message, &["holds no run", "config.toml and metrics.jsonl"]);
        assert!(!message.contains("os error"), "{message}");
    }
    let mut eval = command(["eval", "runs/nope"]);
    let message = bad(1, eval.current_dir(top.path()));
    says(&message, &["`mnm train stories --out runs/nope` makes one"]);
    let mut report = command(["report", "nope.json", "--out", "folder"]);
    let message = bad(1, report.current_dir(top.path()));
    says(
        &message,
        &["nope.json", "no such file", "summary.json of a report"],
    );
    assert!(entries(top.path()).is_empty());
    let absent = top.path().join("absent.safetensors");
    let mut apply = command(["apply", "--input", "in", "--output", "out"]);
    says(
        &bad(1, apply.arg(&absent)),
        &["absent.safetensors", "cannot read"],
    );
}

#[test]
fn averages_that_no_run_kept() {
    let (_top, run) = folder();
    good(&mut tiny(&run, &["--quiet", "--set", "train.steps=1"]));
    for name in ["eval", "inspect", "ask"] {
        let message = bad(1, command([name, "--average"]).arg(&run));
        says(&message, &["no averaged parameters", "train.average"]);
    }
}

#[test]
fn an_input_that_the_model_does_not_take() {
    let (top, run) = folder();
    good(&mut tiny(&run, &["--quiet", "--set", "train.steps=1"]));
    let (input, output) = (top.path().join("in"), top.path().join("out"));
    let with = |name: &str, shape: Vec<usize>| {
        let data = vec![0_u8; 4 * shape.iter().product::<usize>()];
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, &data);
        safetensors::serialize_to_file([(name, view.unwrap())], None, &input).unwrap();
        let mut apply = command(["apply"]);
        apply
            .arg(&run)
            .arg("--input")
            .arg(&input)
            .arg("--output")
            .arg(&output);
        let message = bad(1, &mut apply);
        assert!(!output.exists());
        message
    };
    says(&with("y", vec![1, 1, 5]), &["no tensor `x`", "y"]);
    says(&with("x", vec![1, 5]), &["[1, 5]", "[steps, batch, 5]"]);
    let nan = f32::NAN.to_le_bytes().repeat(5);
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1, 1, 5], &nan);
    let other = top.path().join("nan.safetensors");
    safetensors::serialize_to_file([("x", view.unwrap())], None, &other).unwrap();
    let mut apply = command(["apply", "--output"]);
    apply.arg(&output).arg("--input").arg(&other).arg(&run);
    says(&bad(1, &mut apply), &["nan.safetensors", "NaN", "finite"]);
    assert!(!output.exists());
    says(
        &with("x", vec![1, 1, 4]),
        &["[1, 1, 4]", "[steps, batch, 5]"],
    );
}

#[test]
fn sizes_beyond_all_bounds() {
    let (_top, run) = folder();
    good(&mut tiny(&run, &["--quiet", "--set", "train.steps=1"]));
    let huge = u64::MAX.to_string();
    let mut eval = command(["eval", "--episodes", &huge]);
    says(&bad(2, eval.arg(&run)), &["--episodes", "1000000"]);
    let mut eval = command(["eval", "--threads", "60000"]);
    says(&bad(2, eval.arg(&run)), &["threads", "1024"]);
    let shape = format!("1,4,{huge},4,4,4,1,3");
    says(
        &bad(2, &mut command(["bench", "--shape", &shape])),
        &["--shape", "eight whole numbers"],
    );
    says(
        &bad(2, &mut command(["bench", "--steps", &huge])),
        &["--steps"],
    );
}

/// As a config reads and explains them.
#[test]
fn numbers_on_the_command_line() {
    let (_top, run) = folder();
    good(&mut tiny(&run, &["--quiet", "--set", "train.steps=1"]));
    let run = run.to_str().unwrap();
    let eval = |episodes| {
        good(&mut command([
            "eval",
            run,
            "--episodes",
            episodes,
            "--threads",
            "1e0",
        ]))
    };
    assert_eq!(eval("1e1"), eval("10"));
    assert_ne!(eval("1e1"), eval("1"));
    let tasks = |episode| good(&mut command(["tasks", "stories", "--episode", episode]));
    assert_eq!(tasks("1e1"), tasks("10"));
    let small = ["bench", "--shape", "1e0,2,3,4,4,4,1,3", "--steps", "2e0"];
    good(&mut command(small));
    let count = "expected a whole number of at least 0";
    for (arguments, flag, expected) in [
        (&["eval", run, "--threads", "-2"][..], "--threads", count),
        (&["eval", run, "--threads", "1.5"], "--threads", count),
        (
            &["eval", run, "--episodes", "-1e2"],
            "--episodes",
            "expected a whole number from 1 to 1000000",
        ),
        (&["inspect", run, "--episode", "x"], "--episode", count),
        (&["tasks", "stories", "--episode", "-1"], "--episode", count),
        (&["bench", "--layers", "-3"], "--layers", count),
        (&["bench", "--steps", "0"], "--steps", "from 1 to 1000000"),
        (
            &["bench", "--shape", "-1,2"],
            "--shape",
            "eight whole numbers",
        ),
        (&["play", "--port", "7e4"], "--port", "from 0 to 65535"),
    ] {
        let message = bad(2, &mut command(arguments.iter().copied()));
        says(&message, &[flag, expected]);
    }
}

#[test]
fn a_command_line_that_makes_no_sense() {
    for arguments in [
        &["fly"][..],
        &["train"],
        &["train", "stories", "--fast"],
        &["eval"],
        &["apply", "x"],
        &["config", "--set", "seed=1"],
    ] {
        bad(2, &mut command(arguments.iter().copied()));
    }
}

#[test]
#[cfg(not(feature = "mpi"))]
fn ranks_of_a_program_without_mpi_are_refused_once() {
    let (_top, run) = folder();
    let launched = |rank: &str| {
        let mut command = tiny(&run, &["--quiet"]);
        command.env("OMPI_COMM_WORLD_SIZE", "2");
        command.env("OMPI_COMM_WORLD_RANK", rank);
        command
    };
    says(
        &bad(2, &mut launched("0")),
        &["2 processes", "without MPI", "--features mpi"],
    );
    crate::mnm::silent(&mut launched("1"));
    assert!(!run.exists());
}
