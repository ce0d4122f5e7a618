//! Whole training steps on random data, timed: what anyone can set beside a peer.

use std::time::{Duration, Instant};

use mnm_controller::{InputSpec, Model, ModelConfig};
use mnm_tasks::{
    Episode, Errors, Input, InputKind, Interface, Labels, OutputKind, Split, Task, TaskError,
    stream,
};
use ndarray::{Array2, ArrayView2};
use rand::RngExt;
use serde::Serialize;

use crate::config::{Config, ConfigError, DataConfig, TrainConfig};
use crate::error::TrainError;
use crate::room;
use crate::task::{build_model, checked_episode};
use crate::train::{Stepper, thread_pool};

/// The sizes of a step: B sequences of T steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchShape {
    /// Sequences B.
    pub batch: usize,
    /// Steps T.
    pub steps: usize,
    /// Input width X.
    pub input: usize,
    /// Classes K, one asked for at every step.
    pub classes: usize,
}

/// How steps are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchRun {
    /// Steps that are timed, at least.
    pub steps: usize,
    /// Threads; 0 takes all cores.
    pub threads: usize,
    /// Sequences of a block at most, as `train.block`; `None` leaves it to the sizes.
    pub block: Option<usize>,
}

/// What messages call the sizes of a shape.
const OF_SHAPE: room::Names = room::Names {
    controller: "C of the shape (controller)",
    value: "M of the shape (key and value width)",
    hidden: "U of the shape (memory width)",
    sequences: "B of the shape (sequences)",
    steps: "T of the shape (steps)",
    input: "X of the shape (input width)",
    outputs: "K of the shape (classes)",
};

impl BenchShape {
    /// The sizes B,T,X,C,M,U,H,K: sequences, steps, input, controller, key and value width, memory width, heads, classes. Gives
    /// the shape, and `model` with the sizes that are a model's.
    pub fn of(sizes: [usize; 8], model: ModelConfig) -> (Self, ModelConfig) {
        let [
            batch,
            steps,
            input,
            controller,
            value,
            hidden,
            heads,
            classes,
        ] = sizes;
        let shape = Self {
            batch,
            steps,
            input,
            classes,
        };
        let model = ModelConfig {
            controller,
            value,
            hidden,
            heads,
            ..model
        };
        (shape, model)
    }

    /// The config of a training of `model` with this shape.
    pub(crate) fn config(&self, model: &ModelConfig, run: BenchRun) -> Config {
        Config {
            seed: 1,
            threads: run.threads,
            data: DataConfig::DoubleCopy(mnm_tasks::DoubleCopyOptions::default()),
            model: model.clone(),
            train: TrainConfig {
                batch: self.batch,
                block: run.block,
                ..TrainConfig::default()
            },
            rl: None,
        }
    }

    /// The model with these sizes, without the names of the classes.
    pub(crate) fn model(&self, model: &ModelConfig) -> Result<Model<f32>, TrainError> {
        let input = InputSpec::Dense { width: self.input };
        Ok(Model::new(model, input, self.classes)?)
    }

    /// What a step has to compute: every step asks, and nothing is validated.
    pub(crate) fn load(&self, config: &Config) -> room::Load {
        let (steps, input) = (self.steps as f64, self.input as f64);
        room::Load {
            sequences: self.batch,
            steps: self.steps,
            asked: steps,
            // Kept, and copied for each step.
            shown_bytes: 2.0 * 4.0 * steps * input,
            other_bytes: 2.0 * (12.0 * steps + 256.0),
            validated: 0,
            validated_steps: 1,
            threads: room::threads(config),
            world: false,
        }
    }
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct BenchOutcome {
    /// Median seconds of a step.
    pub step_s: f64,
    /// Seconds of the fastest step.
    pub min_s: f64,
    /// Peak memory of the process in MiB; `None` where the system does not tell.
    pub rss_mib: Option<f64>,
    /// Steps that were timed.
    pub steps: usize,
    /// Threads.
    pub threads: usize,
    /// The write rule, or the kind of model that has none.
    pub rule: String,
    /// "fused" or "reference".
    pub kernel: mnm_controller::Kernel,
    /// Loss before the first and before the last step: the model does learn.
    pub losses: [f64; 2],
}

/// Sequences of noise with a random class at every step.
struct Noise {
    shape: BenchShape,
    interface: Interface,
}

impl Noise {
    fn new(shape: BenchShape) -> Self {
        Self {
            shape,
            interface: Interface {
                input: InputKind::Dense { width: shape.input },
                outputs: OutputKind::Classes {
                    names: (0..shape.classes).map(|n| n.to_string()).collect(),
                },
            },
        }
    }
}

impl Task for Noise {
    fn name(&self) -> &str {
        "noise"
    }

    fn interface(&self) -> &Interface {
        &self.interface
    }

    fn len(&self, _: Split) -> Option<u64> {
        None
    }

    fn steps(&self, _: Split, _: u64) -> usize {
        self.shape.steps
    }

    fn episode(&self, _: Split, index: u64) -> Result<Episode, TaskError> {
        let BenchShape { steps, input, .. } = self.shape;
        let mut generator = stream(0, "noise", index);
        let x =
            Array2::from_shape_simple_fn((steps, input), || 2.0 * generator.random::<f32>() - 1.0);
        let classes = (0..steps).map(|_| generator.random_range(0..self.shape.classes as u32));
        Ok(Episode {
            group: "noise".to_owned(),
            line_starts: Vec::new(),
            labels: Labels::Classes(classes.collect()),
            input: Input::Dense(x),
            target_steps: (0..steps).collect(),
            text: None,
        })
    }

    fn errors(&self, _: &Episode, _: ArrayView2<f32>) -> Errors {
        Errors::default()
    }

    fn render(&self, _: &Episode, _: Option<ArrayView2<f32>>) -> String {
        String::new()
    }
}

/// Times whole training steps (forward, backward, clipping, Adam) of `model` on one batch of noise, after a few for
/// warming up.
///
/// # Errors
/// A size or setting out of range.
pub fn bench(
    model: &ModelConfig,
    shape: BenchShape,
    run: BenchRun,
) -> Result<BenchOutcome, TrainError> {
    let config = shape.config(model, run);
    config.validate()?;
    for (size, name) in [
        (shape.steps, "steps"),
        (shape.input, "input"),
        (shape.classes, "classes"),
    ] {
        if size == 0 {
            return Err(ConfigError::range(name, 0, "at least 1").into());
        }
    }
    // Before any of it is made, the names of the classes too.
    let sized = shape.model(model)?;
    room::check(&config, &sized, &shape.load(&config), &OF_SHAPE)?;
    let task = Noise::new(shape);
    let network = build_model::<f32>(model, task.interface(), None)?;
    let episodes = (0..shape.batch as u64)
        .map(|index| checked_episode(&task, Split::Train, index))
        .collect::<Result<Vec<_>, _>>()?;
    let pool = thread_pool(run.threads)?;
    pool.install(|| {
        let mut stepper = Stepper::new(network, &config)?;
        let mut losses = [f64::NAN; 2];
        for _ in 0..3 {
            let loss = stepper.step(&task, episodes.clone(), &config)?;
            if losses[0].is_nan() {
                losses[0] = loss;
            }
        }
        let mut times: Vec<Duration> = Vec::with_capacity(run.steps);
        for _ in 0..run.steps.max(1) {
            let batch = episodes.clone();
            let begun = Instant::now();
            losses[1] = stepper.step(&task, batch, &config)?;
            times.push(begun.elapsed());
        }
        times.sort();
        Ok(BenchOutcome {
            step_s: median(&times),
            min_s: times[0].as_secs_f64(),
            rss_mib: peak_memory(),
            steps: times.len(),
            threads: rayon::current_num_threads(),
            rule: model.label().to_owned(),
            kernel: model.kernel,
            losses,
        })
    })
}

/// The middle one of sorted times, or the mean of the two in the middle, in seconds.
fn median(sorted: &[Duration]) -> f64 {
    let [low, high] = [(sorted.len() - 1) / 2, sorted.len() / 2];
    (sorted[low] + sorted[high]).as_secs_f64() / 2.0
}

/// The peak resident memory of this process in MiB, where `/proc` tells.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use mnm_controller::Kernel;

    use super::*;

    const ONCE: BenchRun = BenchRun {
        steps: 1,
        threads: 1,
        block: None,
    };

    #[test]
    fn a_shape_that_fits_into_no_machine_is_refused() {
        let shape = BenchShape {
            batch: 1_000_000,
            steps: 1_000_000,
            input: 1_000_000,
            classes: 5,
        };
        let message = bench(&ModelConfig::default(), shape, ONCE)
            .expect_err("an exabyte")
            .to_string();
        assert!(
            message.contains("of the shape") && message.contains("iB"),
            "{message}"
        );
    }

    #[test]
    fn a_size_of_zero_is_named() {
        let shape = BenchShape {
            batch: 2,
            steps: 3,
            input: 4,
            classes: 5,
        };
        for (name, shape) in [
            ("steps", BenchShape { steps: 0, ..shape }),
            ("input", BenchShape { input: 0, ..shape }),
            (
                "classes",
                BenchShape {
                    classes: 0,
                    ..shape
                },
            ),
        ] {
            let error = bench(&ModelConfig::default(), shape, ONCE).expect_err(name);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    /// Other blocks are another order of sums, and so other bits.
    #[test]
    fn blocks_are_as_small_as_asked_for() {
        let model = ModelConfig {
            controller: 9,
            value: 7,
            hidden: 8,
            ..ModelConfig::default()
        };
        let shape = BenchShape {
            batch: 8,
            steps: 6,
            input: 5,
            classes: 5,
        };
        let loss = |block| {
            let run = BenchRun { block, ..ONCE };
            bench(&model, shape, run).expect("a step").losses[1].to_bits()
        };
        assert_eq!(loss(None), loss(Some(8)), "eight are the largest block");
        assert_ne!(loss(None), loss(Some(1)));
    }

    /// Peaks in MiB of `mnm bench --steps 1 --shape B,T,X,C,M,U,H,K` on x86-64 with glibc.
    #[test]
    fn the_estimate_is_near_the_peaks_of_the_bench() {
        let of = |rule: &'static str, layers: usize| (rule, Kernel::Fused, 1, layers);
        let fused = of("mnm-p", 3);
        let two = ("mnm-p", Kernel::Fused, 2, 3);
        let by_definition = |rule: &'static str| (rule, Kernel::Reference, 1, 3);
        for ((rule, kernel, threads, layers), shape, measured) in [
            (fused, [32, 50, 100, 100, 100, 100, 1, 177], 31.0),
            (two, [32, 50, 100, 100, 100, 100, 1, 177], 44.0),
            (fused, [8, 50, 100, 100, 100, 2048, 1, 177], 328.0),
            (fused, [8, 50, 100, 100, 100, 4096, 1, 177], 780.0),
            (fused, [8, 200, 100, 100, 100, 512, 4, 177], 131.0),
            (fused, [8, 1000, 100, 100, 100, 100, 1, 177], 124.0),
            (fused, [8, 1000, 100, 100, 100, 100, 4, 177], 175.0),
            (of("mnm-g", 3), [8, 1000, 100, 100, 100, 100, 4, 177], 179.0),
            (fused, [8, 50, 100, 2048, 100, 100, 1, 177], 786.0),
            (fused, [1, 2, 100, 2048, 100, 100, 1, 177], 758.0),
            (two, [32, 2, 100, 2048, 100, 100, 1, 177], 848.0),
            (fused, [8, 50, 100, 100, 2048, 100, 1, 177], 298.0),
            (fused, [8, 5, 100, 100, 2048, 100, 1, 177], 267.0),
            (fused, [8, 50, 100, 100, 100, 100, 1, 100_000], 668.0),
            (fused, [1, 2, 100, 100, 100, 100, 1, 100_000], 334.0),
            (
                by_definition("mnm-p"),
                [8, 20, 100, 100, 100, 100, 1, 177],
                98.0,
            ),
            (
                by_definition("mnm-p"),
                [8, 20, 100, 100, 100, 512, 1, 177],
                969.0,
            ),
            (
                by_definition("mnm-g"),
                [8, 20, 100, 100, 100, 512, 1, 177],
                966.0,
            ),
            // The factors were not fitted to these.
            (of("titans", 3), [8, 200, 100, 100, 100, 512, 1, 177], 146.0),
            (
                of("gated-delta", 1),
                [32, 100, 100, 100, 512, 100, 1, 177],
                86.0,
            ),
            (of("rls", 1), [8, 50, 100, 100, 200, 100, 1, 177], 348.0),
            (
                of("hebbian", 1),
                [16, 100, 100, 100, 400, 100, 2, 177],
                88.0,
            ),
            (of("dfa", 3), [8, 100, 100, 100, 100, 300, 1, 177], 60.0),
        ] {
            let (shown, model) = BenchShape::of(
                shape,
                ModelConfig {
                    rule: rule.to_owned(),
                    layers,
                    kernel,
                    ..ModelConfig::default()
                },
            );
            let config = shown.config(&model, BenchRun { threads, ..ONCE });
            let sized = shown.model(&model).expect("a model");
            let need = room::estimated(&config, &sized, &shown.load(&config));
            let what = format!("{rule} {kernel:?} {threads} {shape:?}");
            room::near(&what, need, measured);
        }
    }
}
