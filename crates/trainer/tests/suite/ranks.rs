//! A training on several ranks comes to the bytes of one process, whatever happens on the way. The ranks are threads here.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mnm_trainer::observe::{Observer, ObserverError};
use mnm_trainer::team::{Alone, Team, Threads};
use mnm_trainer::{Config, Ended, Summary, TrainError, TrainOptions, train_observed};

const COMMON: [&str; 10] = [
    "model.controller=9",
    "model.value=5",
    "model.hidden=6",
    "train.steps=9",
    "train.log_every=2",
    "train.valid_every=4",
    "train.valid_episodes=70",
    "train.checkpoint_every=3",
    "train.average.decay=0.9",
    "threads=1",
];

/// Stories of several lengths, with dropout: nine blocks, of unequal size.
fn stories() -> Config {
    let own = [
        "model.embedding=7",
        "model.dropout_hidden=0.3",
        "model.recurrence=always",
        "data.questions=2",
        "train.batch=70",
    ];
    config("stories", &own)
}

/// Five blocks of worlds; segments end in the middle of episodes, and checkpoints in both.
fn maze() -> Config {
    let own = ["data.steps=10", "rl.segment=4", "train.batch=70"];
    config("maze9", &own)
}

fn config(name: &str, own: &[&str]) -> Config {
    let sets: Vec<String> = COMMON.iter().chain(own).map(|s| (*s).to_owned()).collect();
    Config::load(name, &sets).unwrap()
}

/// What a rank is given: whether it goes on, and what looks at it.
#[derive(Clone, Default)]
struct Sitting {
    resume: bool,
    stop: Arc<AtomicBool>,
    /// The step at which the disk is full, for rank 0.
    full_at: Option<u64>,
    /// The step at which the others lose rank 1.
    dies_at: Option<u64>,
}

/// An observer that cannot write any more.
struct Disk(Option<u64>);

impl Observer for Disk {
    fn scalars(&mut self, step: u64, _: &[(&str, f64)]) -> Result<(), ObserverError> {
        match self.0 {
            Some(full) if step >= full => Err("no space left on device".into()),
            _ => Ok(()),
        }
    }
}

/// A rank that goes away in the middle of a step.
#[derive(Debug)]
struct Mortal {
    team: Threads,
    messages: AtomicU64,
    last: u64,
}

impl Mortal {
    fn alive(&self) -> Result<(), TrainError> {
        let sent = self.messages.fetch_add(1, Ordering::Relaxed);
        match sent < self.last {
            true => Ok(()),
            false => Err(TrainError::Message("killed".to_owned())),
        }
    }
}

impl Team for Mortal {
    fn rank(&self) -> usize {
        self.team.rank()
    }

    fn size(&self) -> usize {
        self.team.size()
    }

    fn send(&self, to: usize, message: &[u8]) -> Result<(), TrainError> {
        self.alive()?;
        self.team.send(to, message)
    }

    fn receive(&self, from: usize) -> Result<Vec<u8>, TrainError> {
        self.team.receive(from)
    }
}

/// A rank that counts the bytes that it sends to one other, and, on rank 0, to all.
#[derive(Debug)]
struct Counted {
    team: Threads,
    sent: Arc<[AtomicU64; 2]>,
}

impl Team for Counted {
    fn rank(&self) -> usize {
        self.team.rank()
    }

    fn size(&self) -> usize {
        self.team.size()
    }

    fn send(&self, to: usize, message: &[u8]) -> Result<(), TrainError> {
        self.sent[0].fetch_add(message.len() as u64, Ordering::Relaxed);
        self.team.send(to, message)
    }

    fn receive(&self, from: usize) -> Result<Vec<u8>, TrainError> {
        self.team.receive(from)
    }

    fn broadcast(&self, message: Vec<u8>) -> Result<Vec<u8>, TrainError> {
        let others = self.size() as u64 - 1;
        if self.rank() == 0 {
            self.sent[1].fetch_add(others * message.len() as u64, Ordering::Relaxed);
        }
        self.team.broadcast(message)
    }
}

/// What each of `size` ranks sends in a training: to one other, and to all.
fn sent(config: &Config, size: usize) -> Vec<[u64; 2]> {
    let top = tempfile::tempdir().unwrap();
    let one = |team: Threads| {
        let sent = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let options = TrainOptions {
            quiet: true,
            team: Arc::new(Counted {
                team,
                sent: Arc::clone(&sent),
            }),
            ..TrainOptions::default()
        };
        train_observed(config, &top.path().join("run"), &options, &mut ()).unwrap();
        [0, 1].map(|kind| sent[kind].load(Ordering::Relaxed))
    };
    std::thread::scope(|scope| {
        let team = Threads::team(size).into_iter();
        let threads: Vec<_> = team.map(|rank| scope.spawn(|| one(rank))).collect();
        let ends = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        ends.map(|end| end.expect("no panic")).collect()
    })
}

/// What a step beyond the third makes each of `size` ranks send.
fn sent_a_step(config: &Config, size: usize) -> Vec<[u64; 2]> {
    let steps = |steps| {
        let mut config = config.clone();
        config.train.average = None;
        config.train.steps = steps;
        (config.train.log_every, config.train.valid_every) = (100, 100);
        config.train.checkpoint_every = 100;
        sent(&config, size)
    };
    let pairs = steps(3).into_iter().zip(steps(7));
    pairs
        .map(|(few, more)| [0, 1].map(|kind| (more[kind] - few[kind]) / 4))
        .collect()
}

type Outcome = Result<Summary, TrainError>;

/// How a training ends on each of `size` ranks.
fn on_ranks(config: &Config, out: &Path, size: usize, sitting: &Sitting) -> Vec<Outcome> {
    let one = |team: Threads| {
        let full = sitting.full_at.filter(|_| team.rank() == 0);
        let team: Arc<dyn Team> = match sitting.dies_at {
            Some(last) if team.rank() == 1 => Arc::new(Mortal {
                team,
                messages: 0.into(),
                last,
            }),
            _ => Arc::new(team),
        };
        let options = TrainOptions {
            resume: sitting.resume,
            stop: Arc::clone(&sitting.stop),
            quiet: true,
            team,
        };
        train_observed(config, out, &options, &mut Disk(full))
    };
    std::thread::scope(|scope| {
        let team = Threads::team(size).into_iter();
        let threads: Vec<_> = team.map(|rank| scope.spawn(|| one(rank))).collect();
        let ends = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        ends.map(|end| end.expect("no panic")).collect()
    })
}

/// The same of a training that must go well.
fn good(config: &Config, out: &Path, size: usize, resume: bool) -> Vec<Summary> {
    let sitting = Sitting {
        resume,
        ..Sitting::default()
    };
    let ends = on_ranks(config, out, size, &sitting).into_iter();
    ends.map(|end| end.unwrap()).collect()
}

fn alone(config: &Config, out: &Path) -> Summary {
    let options = TrainOptions {
        quiet: true,
        team: Arc::new(Alone),
        ..TrainOptions::default()
    };
    train_observed(config, out, &options, &mut ()).unwrap()
}

#[track_caller]
fn assert_same(one: &Path, other: &Path, what: &str) {
    let names = |dir: &Path| {
        let entries = std::fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(one), names(other), "{what}");
    for name in names(one) {
        // How long it took.
        if name == "summary.json" {
            continue;
        }
        let [a, b] = [one, other].map(|dir| std::fs::read(dir.join(&name)).unwrap());
        assert!(a == b, "{what}: {} differs", name.to_string_lossy());
    }
}

#[test]
fn any_number_of_ranks_comes_to_the_bytes_of_one_process() {
    for config in [stories(), maze()] {
        let top = tempfile::tempdir().unwrap();
        let whole = top.path().join("whole");
        let summary = alone(&config, &whole);
        for size in [1, 2, 3, 5, 12] {
            let out = top.path().join(size.to_string());
            for rank in good(&config, &out, size, false) {
                assert_eq!((rank.steps, &rank.valid), (summary.steps, &summary.valid));
                assert_eq!(rank.sequences, summary.sequences);
            }
            assert_same(&whole, &out, &format!("{size} ranks"));
        }
    }
}

/// The figures of `docs/scaling.md`: a gradient from each rank but the first, where the tree is even, and one to each.
#[test]
fn a_step_sends_a_gradient_for_each_meeting_of_ranks_and_one_to_all() {
    let mut config = stories();
    config.train.batch = 64;
    let out = tempfile::tempdir().unwrap();
    let gradient = 4 * alone(&config, &out.path().join("run")).parameters as u64;
    // Names, shapes, losses; counts and flags.
    let about = |found: u64, gradients: u64| {
        let least = gradients * gradient;
        assert!(
            (least..least + 1500 * (gradients + 1)).contains(&found),
            "{found}, {least}"
        );
    };
    let each = sent_a_step(&config, 4);
    // Of eight blocks two each: 1 goes to 0 and 3 to 2, then 2 to 0.
    for (found, gradients) in each.iter().zip([0, 1, 1, 1]) {
        about(found[0], gradients);
    }
    about(each[0][1], 3);
    assert!(each[1..].iter().all(|found| found[1] == 0));
}

#[test]
fn smaller_blocks_keep_more_ranks_busy() {
    for config in [stories(), maze()] {
        let busy = |config: &Config| {
            let each = sent_a_step(config, 24);
            each.iter().filter(|sent| sent[0] > 1500).count()
        };
        let mut small = config.clone();
        small.train.block = Some(2);
        let (few, all) = (busy(&config), busy(&small));
        // Rank 0 adds, and sends none.
        assert!(few < 12 && all == 23, "{few}, {all}");

        let top = tempfile::tempdir().unwrap();
        let [one, three] = ["one", "three"].map(|name| top.path().join(name));
        good(&small, &one, 1, false);
        good(&small, &three, 3, false);
        assert_same(&one, &three, "blocks of two");
    }
}

#[test]
fn a_run_goes_on_under_another_number_of_ranks() {
    for config in [stories(), maze()] {
        let top = tempfile::tempdir().unwrap();
        let sittings = |name: &str, sizes: [usize; 3]| {
            let out = top.path().join(name);
            for (steps, size) in [3, 5, 9].into_iter().zip(sizes) {
                let mut part = config.clone();
                part.train.steps = steps;
                good(&part, &out, size, true);
            }
            out
        };
        let expected = sittings("alone", [1; 3]);
        let found = sittings("ranks", [3, 1, 2]);
        assert_same(&expected, &found, "three sittings");
    }
}

#[test]
fn a_full_disk_ends_all_ranks_with_the_message_of_one() {
    for config in [stories(), maze()] {
        let top = tempfile::tempdir().unwrap();
        let (whole, full) = (top.path().join("whole"), top.path().join("full"));
        alone(&config, &whole);
        let sitting = Sitting {
            full_at: Some(6),
            ..Sitting::default()
        };
        let ends = on_ranks(&config, &full, 3, &sitting);
        for (rank, end) in ends.into_iter().enumerate() {
            match (rank, end.unwrap_err()) {
                (0, TrainError::Observer(error)) => assert!(error.to_string().contains("no space")),
                (1.., TrainError::Elsewhere { rank: 0, message }) => {
                    assert!(message.contains("no space"), "{message}");
                }
                (rank, other) => panic!("rank {rank}: {other}"),
            }
        }
        good(&config, &full, 2, true);
        assert_same(&whole, &full, "after the disk was full");
    }
}

#[test]
fn a_dead_rank_ends_the_others_and_one_process_goes_on() {
    for config in [stories(), maze()] {
        let top = tempfile::tempdir().unwrap();
        let whole = top.path().join("whole");
        alone(&config, &whole);
        for last in [30, 37, 44] {
            let killed = top.path().join(last.to_string());
            let sitting = Sitting {
                dies_at: Some(last),
                ..Sitting::default()
            };
            let ends = on_ranks(&config, &killed, 3, &sitting);
            assert!(
                ends.iter().all(Result::is_err),
                "died after {last} messages"
            );
            assert!(
                ends[0]
                    .as_ref()
                    .unwrap_err()
                    .to_string()
                    .contains("is gone")
            );
            let checkpoint = killed.join("checkpoint.safetensors");
            assert!(checkpoint.exists() && !killed.join("summary.json").exists());
            good(&config, &killed, 1, true);
            assert_same(&whole, &killed, &format!("died after {last} messages"));
        }
    }
}

#[test]
fn an_interrupted_training_stops_on_all_ranks_after_one_step() {
    let top = tempfile::tempdir().unwrap();
    let out = top.path().join("run");
    let sitting = Sitting::default();
    sitting.stop.store(true, Ordering::Relaxed);
    for end in on_ranks(&stories(), &out, 3, &sitting) {
        let summary = end.unwrap();
        assert_eq!((summary.steps, summary.ended), (0, Ended::Interrupted));
    }
    let whole = top.path().join("whole");
    alone(&stories(), &whole);
    good(&stories(), &out, 2, true);
    assert_same(&whole, &out, "stopped and gone on with");
}

#[test]
fn ranks_with_other_settings_or_data_are_refused_before_anything_is_written() {
    let top = tempfile::tempdir().unwrap();
    let other = Config {
        seed: 2,
        ..stories()
    };
    let ends: Vec<Outcome> = std::thread::scope(|scope| {
        let team = Threads::team(3).into_iter();
        let threads: Vec<_> = team
            .map(|rank| {
                let config = if rank.rank() == 1 {
                    other.clone()
                } else {
                    stories()
                };
                let options = TrainOptions {
                    quiet: true,
                    team: Arc::new(rank),
                    ..TrainOptions::default()
                };
                let out = top.path().join("run");
                scope.spawn(move || train_observed(&config, &out, &options, &mut ()))
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    for end in ends {
        let error = end.unwrap_err();
        assert!(
            matches!(error, TrainError::Apart { rank: 1, .. }),
            "{error}"
        );
    }
    assert!(!top.path().join("run").exists());
}

#[test]
fn a_folder_with_a_run_is_refused_once() {
    let top = tempfile::tempdir().unwrap();
    let out = top.path().join("run");
    good(&stories(), &out, 2, false);
    let ends = on_ranks(&stories(), &out, 3, &Sitting::default());
    let [Err(TrainError::Occupied(_)), others @ ..] = &ends[..] else {
        panic!("{ends:?}")
    };
    let elsewhere = |end: &Outcome| matches!(end, Err(TrainError::Elsewhere { rank: 0, .. }));
    assert!(others.iter().all(elsewhere));
}
