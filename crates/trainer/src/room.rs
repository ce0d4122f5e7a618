//! Whether a training fits into the machine, asked before anything is made or written: an allocation that fails ends a process.
//!
//! What is asked for is the least that a training can do with, so that nothing is refused that would have gone well.

use std::path::Path;

use mnm_controller::{InitScheme, InputSpec, Model, ModelConfig, ModelKind};
use mnm_tensor::ParameterSpec;

use crate::config::Config;
use crate::error::TrainError;

/// Bytes of a number.
const F32: f64 = 4.0;

/// What part of the largest saving is about as much.
const NEAR: f64 = 0.8;

/// Steps for which a block is as narrow as it gets.
const LONG: usize = 1000;

/// What a training takes at the least, in bytes. (In floating point: products of sizes may be of any magnitude.)
#[derive(Clone, Copy, Debug, PartialEq)]
struct Need {
    parameters: f64,
    /// Adam's two moments.
    optimiser: f64,
    /// The gradient and the states of one block, or a checkpoint before it is written, or the draw of the largest matrix.
    work: f64,
}

impl Need {
    fn of(config: &Config, model: &Model<f32>) -> Self {
        let specs = model.parameters();
        let elements = |spec: &ParameterSpec| spec.shape.iter().map(|&n| n as f64).product::<f64>();
        let all: f64 = specs.iter().map(elements).sum();
        let trained: f64 = specs.iter().filter(|s| s.trained).map(elements).sum();
        let batch = config.train.batch;
        // An agent's worlds all carry their states from step to step.
        let block = match config.rl {
            Some(_) => batch,
            None => batch.min(model.block(LONG)),
        };
        let memory = specs.iter().filter(|s| s.name.starts_with("memory."));
        let state = state(model.config(), memory.map(elements).sum());
        let step = 2.0 * state + 4.0 * model.config().controller as f64 + model.outputs() as f64;
        let largest = specs.iter().map(elements).fold(0.0, f64::max);
        let drawn = match config.model.init {
            // A Gaussian matrix, Q, and LAPACK's copy, all in f64.
            InitScheme::Orthogonal => 6.0 * largest,
            InitScheme::Uniform => 0.0,
        };
        let work = (trained + block as f64 * step)
            .max(all + 2.0 * trained)
            .max(drawn);
        Self {
            parameters: F32 * all,
            optimiser: F32 * 2.0 * trained,
            work: F32 * work,
        }
    }

    fn total(&self) -> f64 {
        self.parameters + self.optimiser + self.work
    }
}

/// Numbers of the state of one sequence; `memory` are those of a memory with weights.
fn state(config: &ModelConfig, memory: f64) -> f64 {
    let (slots, width) = (config.slots as f64, config.slot_width as f64);
    let own = match config.kind {
        ModelKind::Mnm => memory,
        ModelKind::Ntm => slots * width,
        ModelKind::Dnc => slots * (width + slots),
        ModelKind::Lstm | ModelKind::LstmSalu => 0.0,
    };
    own + 2.0 * config.controller as f64
}

/// Refuses a training that does not fit into what the machine has left.
///
/// # Errors
/// [`TrainError::Room`], naming the setting that a smaller value of helps most.
pub(crate) fn check(config: &Config, model: &Model<f32>) -> Result<(), TrainError> {
    match Left::here() {
        Some(left) => fits(config, model, &left),
        None => Ok(()),
    }
}

/// Refuses `bytes` for what the setting `key` has this `value` of.
///
/// # Errors
/// [`TrainError::Room`].
pub(crate) fn check_bytes(key: &'static str, value: String, bytes: f64) -> Result<(), TrainError> {
    match Left::here() {
        Some(left) if bytes > left.bytes => Err(TrainError::Room {
            key,
            value,
            need: size(bytes),
            left: left.to_string(),
        }),
        _ => Ok(()),
    }
}

fn fits(config: &Config, model: &Model<f32>, left: &Left) -> Result<(), TrainError> {
    let need = Need::of(config, model);
    if need.total() <= left.bytes {
        return Ok(());
    }
    let (key, value) = largest(config, model);
    Err(TrainError::Room {
        key,
        value: value.to_string(),
        need: format!(
            "{} (parameters {}, Adam's moments {}, gradients, states or a checkpoint {})",
            size(need.total()),
            size(need.parameters),
            size(need.optimiser),
            size(need.work)
        ),
        left: left.to_string(),
    })
}

/// The size whose half takes least, with its value; of several that help about as much the largest. (Half of a few layers is none: their
/// width is what is too large.)
fn largest(config: &Config, model: &Model<f32>) -> (&'static str, usize) {
    type Setting = (&'static str, fn(&mut Config) -> &mut usize);
    let settings: [Setting; 6] = [
        ("model.controller", |c| &mut c.model.controller),
        ("model.value", |c| &mut c.model.value),
        ("model.hidden", |c| &mut c.model.hidden),
        ("model.slots", |c| &mut c.model.slots),
        ("model.slot_width", |c| &mut c.model.slot_width),
        ("train.batch", |c| &mut c.train.batch),
    ];
    let encoder = |spec: &&ParameterSpec| spec.name.starts_with("encoder.");
    let specs = model.parameters();
    let tables: f64 = specs.iter().filter(encoder).map(|s| s.len() as f64).sum();
    let first = (
        "model.embedding",
        config.model.embedding,
        6.0 * F32 * tables / 2.0,
    );
    let saved = settings.into_iter().filter_map(|(key, setting)| {
        let mut halved = config.clone();
        let value = *setting(&mut halved);
        *setting(&mut halved) = (value / 2).max(1);
        // Of lines, which any recurrence takes.
        let spec = InputSpec::Lines {
            width: model.input_width(),
        };
        let core = |config: &Config| Model::<f32>::new(&config.model, spec, model.outputs()).ok();
        let [before, after] = [core(config)?, core(&halved)?];
        let saved = Need::of(config, &before).total() - Need::of(&halved, &after).total();
        Some((key, value, saved))
    });
    let all: Vec<_> = std::iter::once(first).chain(saved).collect();
    let most = all.iter().map(|(_, _, saved)| *saved).fold(0.0, f64::max);
    let near = all
        .into_iter()
        .filter(|(_, _, saved)| *saved >= NEAR * most);
    near.map(|(key, value, _)| (key, value))
        .max_by_key(|(_, value)| *value)
        .unwrap_or((first.0, first.1))
}

/// What is left for this process.
#[derive(Clone, Debug, PartialEq)]
struct Left {
    bytes: f64,
    /// What sets the bound.
    bound: &'static str,
}

impl std::fmt::Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", size(self.bytes), self.bound)
    }
}

impl Left {
    /// The least of the machine's memory with its swap, the control group's limit and the limit on addresses; `None` where `/proc` says
    /// nothing.
    fn here() -> Option<Self> {
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        let text = |path: &str| read(Path::new(path)).unwrap_or_default();
        let groups = [
            // As a container sees its own group, of both versions.
            "/sys/fs/cgroup/memory.max",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        ]
        .map(text);
        let own = text("/proc/self/cgroup");
        let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
        let own =
            own.and_then(|group| read(&Path::new("/sys/fs/cgroup").join(group).join("memory.max")));
        let groups = groups.into_iter().chain(own);
        [
            available(&text("/proc/meminfo")),
            addresses(&text("/proc/self/limits"), &text("/proc/self/status")),
        ]
        .into_iter()
        .chain(
            groups.map(|limit| bound(limit.trim().parse().ok()?, "the limit of the control group")),
        )
        .flatten()
        .min_by(|a, b| a.bytes.total_cmp(&b.bytes))
    }
}

fn bound(bytes: f64, bound: &'static str) -> Option<Left> {
    Some(Left { bytes, bound })
}

/// Memory and swap that are free or can be made so, of `/proc/meminfo`.
fn available(meminfo: &str) -> Option<Left> {
    let swap = kib(meminfo, "SwapFree:").unwrap_or(0.0);
    bound(
        kib(meminfo, "MemAvailable:")? + swap,
        "memory and swap left on this machine",
    )
}

/// Addresses left below the limit of `ulimit -v`, of `/proc/self/limits` and `/proc/self/status`.
fn addresses(limits: &str, status: &str) -> Option<Left> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: f64 = line.split_whitespace().next()?.parse().ok()?;
    let used = kib(status, "VmSize:").unwrap_or(0.0);
    bound(
        (limit - used).max(0.0),
        "left of the limit on addresses, `ulimit -v`",
    )
}

/// A line of KiB, in bytes.
fn kib(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(1024.0 * kib)
}

/// Bytes for people.
fn size(bytes: f64) -> String {
    match bytes / f64::from(1 << 20) {
        mib if mib < 1024.0 => format!("{mib:.0} MiB"),
        mib => format!("{:.1} GiB", mib / 1024.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sets: &[&str], gib: f64) -> Option<String> {
        let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
        let config = Config::load("double-copy", &sets).expect("a config");
        let model = Model::new(&config.model, InputSpec::Dense { width: 10 }, 8).expect("a model");
        let left = bound(gib * 1024.0 * 1024.0 * 1024.0, "a test").expect("some");
        let error = fits(&config, &model, &left).err()?;
        assert!(matches!(error, TrainError::Room { .. }), "{error}");
        Some(error.to_string())
    }

    #[test]
    fn a_size_that_does_not_fit_is_named_with_the_figures() {
        for (kind, key, gib) in [
            ("mnm", "model.controller=16384", 4.0),
            ("mnm", "model.hidden=16384", 4.0),
            ("mnm", "model.value=16384", 4.0),
            ("lstm", "model.controller=16384", 4.0),
            ("ntm", "model.slots=16384", 0.01),
            ("dnc", "model.slots=16384", 4.0),
            ("ntm", "model.slot_width=16384", 0.05),
        ] {
            let kind = format!("model.kind={kind}");
            let message = refused(&[&kind, key], gib).expect(key);
            let (name, value) = key.split_once('=').expect("a setting");
            assert!(
                message.starts_with(&format!("{name} = {value}: ")),
                "{message}"
            );
            assert!(
                message.contains("iB") && message.contains("a test"),
                "{message}"
            );
        }
    }

    #[test]
    fn what_fits_is_not_refused() {
        for name in ["mnm", "lstm", "ntm", "dnc", "lstm-salu"] {
            assert_eq!(refused(&[&format!("model.kind={name}")], 0.1), None);
        }
    }

    /// By hand: an LSTM of 4C (X + C + 2) numbers, and an output layer of K (C + 1).
    #[test]
    fn the_need_is_six_times_the_parameters_where_they_outweigh_a_block() {
        let sets = ["model.kind=lstm", "model.controller=1000"].map(str::to_owned);
        let config = Config::load("double-copy", &sets).expect("a config");
        let model = Model::new(&config.model, InputSpec::Dense { width: 10 }, 8).expect("a model");
        let numbers = 4.0 * 1000.0 * 1012.0 + 8.0 * 1001.0;
        assert_eq!(Need::of(&config, &model).total(), 6.0 * F32 * numbers);
    }

    #[test]
    fn the_system_is_asked_in_its_own_words() {
        let meminfo = "MemTotal:  16000 kB\nMemAvailable:    8000 kB\nSwapFree:   200 kB\n";
        assert_eq!(
            available(meminfo).map(|left| left.bytes),
            Some(8200.0 * 1024.0)
        );
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax address space         3072000      unlimited   bytes\n";
        let left = addresses(limits, "VmPeak: 9 kB\nVmSize:\t 1000 kB\n");
        assert_eq!(left.map(|left| left.bytes), Some(2000.0 * 1024.0));
        let limits = "Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(addresses(limits, "VmSize: 1 kB"), None);
        assert_eq!(available(""), None);
    }
}
