//! The program under `mpirun`: any number of ranks comes to the bytes of one process, whatever happens on the way.

#[path = "../program/mnm.rs"]
#[allow(dead_code)]
mod mnm;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use mnm::{TINY, folder, good, same_bytes, same_outcome};

/// Questions with answers: five blocks a batch.
fn answers() -> Vec<&'static str> {
    let constant = ["--set", "train.decay=constant"];
    let settings = TINY.iter().flat_map(|set| ["--set", set]);
    let all = ["double-copy"].into_iter().chain(settings);
    all.chain(constant).collect()
}

/// An agent in three blocks of worlds; segments, and so checkpoints, end in the middle of episodes.
fn agent() -> Vec<&'static str> {
    const SETTINGS: [&str; 11] = [
        "model.controller=7",
        "model.value=5",
        "model.hidden=6",
        "data.steps=20",
        "rl.segment=7",
        "rl.entropy_to=1",
        "train.batch=48",
        "train.steps=12",
        "train.valid_every=3",
        "train.valid_episodes=40",
        "train.checkpoint_every=3",
    ];
    let settings = SETTINGS.into_iter().flat_map(|set| ["--set", set]);
    ["maze9"].into_iter().chain(settings).collect()
}

/// More steps than are ever taken: such a run is stopped in the middle.
const ENDLESS: [&str; 2] = ["--set", "train.steps=1e8"];

/// `mnm train` with these arguments, into `out`, on one thread.
fn alone(arguments: &[&str], out: &Path) -> Command {
    let mut command = mnm::command(["train", "--quiet", "--set", "threads=1", "--out"]);
    command.arg(out).args(arguments);
    command
}

/// The same on so many ranks.
fn ranks(count: usize, arguments: &[&str], out: &Path) -> Command {
    let alone = alone(arguments, out);
    let mut command = Command::new("mpirun");
    command.args(["-n", &count.to_string(), "--bind-to", "none"]);
    if open_mpi() {
        command
            .arg("--oversubscribe")
            // Cores are shared, with each other and with other tests.
            .args(["--mca", "mpi_yield_when_idle", "1"])
            // No host but this one: neither a way to others nor one around the kernel, which containers forbid.
            .args(["--mca", "plm", "isolated"])
            .args(["--mca", "btl_vader_single_copy_mechanism", "none"]);
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        if is_root {
            command.env("OMPI_ALLOW_RUN_AS_ROOT", "1");
            command.env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        }
    }
    command.arg(alone.get_program()).args(alone.get_args());
    command
}

/// Whether `mpirun` is Open MPI's; the other one that is tested is MPICH's.
fn open_mpi() -> bool {
    let version = Command::new("mpirun").arg("--version").output().unwrap();
    !String::from_utf8_lossy(&version.stdout).contains("HYDRA")
}

/// Starts a long training on ranks, and waits until it has a checkpoint of a step that was taken.
fn begun(arguments: &[&str], out: &Path) -> Child {
    let endless: Vec<&str> = arguments.iter().chain(&ENDLESS).copied().collect();
    let mut command = ranks(3, &endless, out);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    await_file(&mut child, &out.join("best.safetensors"));
    child
}

/// `mpirun` may end before the ranks that it killed are gone, and rank 0 holds the folder until then.
fn await_ranks(out: &Path) {
    let out = out.to_str().unwrap();
    let holds = |entry: std::fs::DirEntry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|&byte| byte == 0)
            .any(|word| word == out.as_bytes())
    };
    let begin = Instant::now();
    while std::fs::read_dir("/proc").unwrap().flatten().any(holds) {
        assert!(begin.elapsed() < Duration::from_secs(60), "a rank is left");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn await_file(child: &mut Child, file: &Path) {
    let begin = Instant::now();
    while !file.exists() {
        assert!(begin.elapsed() < Duration::from_secs(120), "no checkpoint");
        assert_eq!(child.try_wait().unwrap(), None, "ended early");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Goes on for a few steps with what [`begun`] left, by one process, and holds it to a training that nobody disturbed.
#[track_caller]
fn goes_on_as_if_nothing_had_been(arguments: &[&str], out: &Path) {
    await_ranks(out);
    let metrics = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    // The last line may be a half one.
    let step = metrics.lines().rev().find_map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).ok()?;
        record["step"].as_u64()
    });
    let steps = format!("train.steps={}", step.unwrap() + 5);
    let some: Vec<&str> = arguments
        .iter()
        .chain(&["--set", &steps])
        .copied()
        .collect();
    let whole = out.with_file_name("whole");
    good(alone(&some, out).arg("--resume"));
    good(&mut alone(&some, &whole));
    same_outcome(&whole, out);
}

fn signal(name: &str, process: u32) {
    let line = format!("kill -{name} {process}");
    assert!(
        Command::new("sh")
            .args(["-c", &line])
            .status()
            .unwrap()
            .success()
    );
}

/// The process that is this rank of what `mpirun` started.
fn process_of(rank: usize, mpirun: u32) -> u32 {
    let wanted = ["OMPI_COMM_WORLD_RANK", "PMI_RANK"].map(|name| format!("{name}={rank}"));
    let read = |process: u32, name: &str| {
        let file = PathBuf::from(format!("/proc/{process}/{name}"));
        std::fs::read(file).unwrap_or_default()
    };
    let parent = |process: u32| {
        let status = String::from_utf8_lossy(&read(process, "status")).into_owned();
        let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        line.and_then(|line| line.trim().parse::<u32>().ok())
    };
    // Open MPI starts its ranks itself, MPICH through a proxy.
    let descends =
        |process: u32| std::iter::successors(parent(process), |&p| parent(p)).any(|p| p == mpirun);
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_rank = |&process: &u32| {
        let environment = read(process, "environ");
        let mut words = environment.split(|&byte| byte == 0);
        words.any(|word| wanted.iter().any(|wanted| word == wanted.as_bytes()))
    };
    let mut found = numbers.filter(|process| is_rank(process) && descends(*process));
    found.next().expect("mpirun starts ranks")
}

/// What is printed of a job that ends with `mnm`'s own message, or with none. MPICH's `mpirun` speaks on its standard output.
fn ended(child: Child) -> (Output, String) {
    let output = child.wait_with_output().unwrap();
    let said = [&output.stderr, &output.stdout].map(|text| String::from_utf8_lossy(text));
    let said = said.concat();
    for word in ["panicked", "RUST_", "MPI_ABORT"] {
        assert!(!said.contains(word), "{said}");
    }
    (output, said)
}

#[test]
fn ranks_come_to_the_bytes_of_one_process() {
    for arguments in [answers(), agent()] {
        let (_top, whole) = folder();
        good(&mut alone(&arguments, &whole));
        for count in [2, 3] {
            let out = whole.with_file_name(count.to_string());
            good(&mut ranks(count, &arguments, &out));
            same_bytes(&whole, &out);
        }
    }
}

#[test]
fn a_killed_rank_ends_the_job_and_one_process_goes_on_to_the_same_bytes() {
    for (rank, arguments) in [(1, answers()), (0, agent())] {
        let (_top, out) = folder();
        let child = begun(&arguments, &out);
        signal("KILL", process_of(rank, child.id()));
        let (output, said) = ended(child);
        assert!(!output.status.success());
        // Of the launcher, which alone can know.
        assert_eq!(said.matches("signal 9").count(), 1, "{said}");
        assert_eq!(said.matches("error: ").count(), 0, "{said}");
        assert!(!out.join("summary.json").exists());
        goes_on_as_if_nothing_had_been(&arguments, &out);
    }
}

#[test]
fn a_rank_that_is_told_to_stop_stops_all_after_the_same_step() {
    for arguments in [answers(), agent()] {
        let (_top, out) = folder();
        let child = begun(&arguments, &out);
        signal("TERM", process_of(2, child.id()));
        let (output, said) = ended(child);
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert_eq!(said.matches("error: ").count(), 0, "{said}");
        let summary = std::fs::read_to_string(out.join("summary.json")).unwrap();
        assert!(summary.contains("\"ended\": \"interrupted\""), "{summary}");
        goes_on_as_if_nothing_had_been(&arguments, &out);
    }
}

/// Open MPI's `mpirun` gives its ranks a second after Ctrl-C, and one more before it kills them: they may be done by then, or not.
/// MPICH's hands it on and waits for them; what it ends with is now 0 and now not.
#[test]
fn a_job_that_is_interrupted_can_be_gone_on_with() {
    let (_top, out) = folder();
    let child = begun(&answers(), &out);
    signal("INT", child.id());
    let (output, said) = ended(child);
    if open_mpi() {
        assert!(!output.status.success());
    } else {
        await_ranks(&out);
        let summary = std::fs::read_to_string(out.join("summary.json")).unwrap();
        assert!(summary.contains("\"ended\": \"interrupted\""), "{summary}");
    }
    assert_eq!(said.matches("error: ").count(), 0, "{said}");
    goes_on_as_if_nothing_had_been(&answers(), &out);
}

/// Like a full disk, for which a test would need one.
#[test]
fn a_checkpoint_that_cannot_be_written_ends_the_job_with_one_message() {
    let (_top, out) = folder();
    let child = begun(&answers(), &out);
    let aside = out.with_file_name("aside");
    std::fs::rename(&out, &aside).unwrap();
    let (output, said) = ended(child);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
    assert!(
        said.contains("cannot") && said.contains(&*out.to_string_lossy()),
        "{said}"
    );
    std::fs::rename(&aside, &out).unwrap();
    goes_on_as_if_nothing_had_been(&answers(), &out);
}

#[test]
fn what_is_refused_is_said_once() {
    let (_top, out) = folder();
    good(&mut ranks(2, &answers(), &out));
    let unknown = ["double-copy", "--set", "model.nonsense=1"];
    for (arguments, expected) in [(&answers()[..], "--resume"), (&unknown, "nonsense")] {
        let child = ranks(3, arguments, &out).stderr(Stdio::piped()).spawn();
        let (output, said) = ended(child.unwrap());
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.matches("error: ").count(), 1, "{said}");
        assert!(said.contains(expected), "{said}");
    }
}
