//! Whether a training fits into the machine, asked before anything is made or written: an allocation that fails ends a process.
//!
//! [`need`] estimates what it takes, [`left`] says what there is.

mod left;
mod load;
mod need;

use mnm_controller::{InputSpec, Model};

use crate::config::Config;
use crate::error::TrainError;

use left::Left;
pub(crate) use load::{Load, threads};
use need::Need;

/// What part of the largest saving is about as much. Where something grows with the square of one size, half of another that it hangs on
/// saves two thirds of what half of that one does.
const NEAR: f64 = 0.6;

/// What the sizes are called that are not a config's alone.
pub(crate) struct Names {
    pub(crate) controller: &'static str,
    pub(crate) value: &'static str,
    pub(crate) hidden: &'static str,
    pub(crate) sequences: &'static str,
    pub(crate) steps: &'static str,
    pub(crate) input: &'static str,
    pub(crate) outputs: &'static str,
}

/// The names of a training's.
pub(crate) const OF_DATA: Names = Names {
    controller: "model.controller",
    value: "model.value",
    hidden: "model.hidden",
    sequences: "train.batch",
    steps: "episode length (`data`)",
    input: "input width (`data`)",
    outputs: "number of answers (`data`)",
};

/// Refuses a training that does not fit into what the machine has left.
///
/// # Errors
/// [`TrainError::Room`], naming the setting that a smaller value of helps most.
pub(crate) fn check(
    config: &Config,
    model: &Model<f32>,
    load: &Load,
    names: &Names,
) -> Result<(), TrainError> {
    match Left::here() {
        Some(left) => fits(config, model, load, names, &left),
        None => Ok(()),
    }
}

fn fits(
    config: &Config,
    model: &Model<f32>,
    load: &Load,
    names: &Names,
    left: &Left,
) -> Result<(), TrainError> {
    let need = Need::of(config, model, load);
    if need.total() <= left.bytes {
        return Ok(());
    }
    let (key, value) = largest(config, model, load, names);
    Err(TrainError::Room {
        key,
        value: value.to_string(),
        need: format!(
            "{} (parameters {}, Adam's moments {}, episodes {}, what a step works on {})",
            size(need.total()),
            size(need.parameters),
            size(need.optimiser),
            size(need.episodes),
            size(need.work)
        ),
        left: left.to_string(),
    })
}

/// All that the need hangs on.
#[derive(Clone)]
struct Case {
    config: Config,
    input: InputSpec,
    outputs: usize,
    load: Load,
}

impl Case {
    fn of(config: &Config, model: &Model<f32>, load: &Load) -> Self {
        let specs = model.parameters();
        let rows = |name: &str| {
            let spec = specs.iter().find(|spec| spec.name == name)?;
            spec.shape.first().copied()
        };
        let words = (
            rows("encoder.embedding.weight"),
            rows("encoder.position.weight"),
        );
        let input = match words {
            (Some(vocabulary), Some(positions)) => InputSpec::Tokens {
                vocabulary,
                positions,
            },
            // Of lines, which any recurrence takes.
            _ => InputSpec::Lines {
                width: model.input_width(),
            },
        };
        Self {
            config: config.clone(),
            input,
            outputs: model.outputs(),
            load: *load,
        }
    }

    /// `None` for a model that cannot be.
    fn total(&self) -> Option<f64> {
        let model = Model::new(&self.config.model, self.input, self.outputs).ok()?;
        Some(Need::of(&self.config, &model, &self.load).total())
    }
}

fn half(size: &mut usize) -> usize {
    let whole = *size;
    *size = (whole / 2).max(1);
    whole
}

/// The size whose half takes least, with its value; of several that help about as much the largest. (Half of a few layers is none: their
/// width is what is too large.)
fn largest(
    config: &Config,
    model: &Model<f32>,
    load: &Load,
    names: &Names,
) -> (&'static str, usize) {
    /// Halves a size, and says what it was.
    type Setting = fn(&mut Case) -> usize;
    let settings: [(&'static str, Setting); 12] = [
        (names.controller, |c| half(&mut c.config.model.controller)),
        (names.value, |c| half(&mut c.config.model.value)),
        (names.hidden, |c| half(&mut c.config.model.hidden)),
        ("model.slots", |c| half(&mut c.config.model.slots)),
        ("model.slot_width", |c| half(&mut c.config.model.slot_width)),
        ("model.embedding", |c| half(&mut c.config.model.embedding)),
        (names.sequences, |c| {
            half(&mut c.load.sequences);
            half(&mut c.config.train.batch)
        }),
        (names.steps, |c| c.load.halve_steps()),
        (names.input, |c| match &mut c.input {
            InputSpec::Dense { width } | InputSpec::Lines { width } => {
                c.load.shown_bytes /= 2.0;
                half(width)
            }
            InputSpec::Tokens { vocabulary, .. } => half(vocabulary),
        }),
        (names.outputs, |c| half(&mut c.outputs)),
        ("train.valid_episodes", |c| half(&mut c.load.validated)),
        ("threads", |c| half(&mut c.load.threads)),
    ];
    let whole = Case::of(config, model, load);
    let before = whole.total().unwrap_or(0.0);
    let saved = settings.into_iter().filter_map(|(key, halve)| {
        let mut less = whole.clone();
        let value = halve(&mut less);
        Some((key, value, before - less.total()?))
    });
    let all: Vec<_> = saved.collect();
    let most = all.iter().map(|(_, _, saved)| *saved).fold(0.0, f64::max);
    let near = all
        .into_iter()
        .filter(|(_, _, saved)| *saved >= NEAR * most);
    near.map(|(key, value, _)| (key, value))
        .max_by_key(|(_, value)| *value)
        .unwrap_or((names.sequences, config.train.batch))
}

/// Bytes for people.
fn size(bytes: f64) -> String {
    match bytes / f64::from(1 << 20) {
        mib if mib < 1024.0 => format!("{mib:.0} MiB"),
        mib => format!("{:.1} GiB", mib / 1024.0),
    }
}

/// The estimate, in MiB.
#[cfg(test)]
pub(crate) fn estimated(config: &Config, model: &Model<f32>, load: &Load) -> f64 {
    Need::of(config, model, load).total() / 1024.0 / 1024.0
}

/// Within a factor of two of the peak, and seldom much below it.
#[cfg(test)]
#[track_caller]
pub(crate) fn near(what: &str, estimate: f64, measured: f64) {
    println!("{what}: estimated {estimate:.0} MiB, measured {measured} MiB");
    assert!(
        (0.65 * measured..2.0 * measured).contains(&estimate),
        "{what}: estimated {estimate:.0} MiB, measured {measured} MiB"
    );
}

#[cfg(test)]
mod tests;
