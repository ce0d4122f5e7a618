//! What a training takes, estimated from sizes alone.
//!
//! The numbers of what is kept are those of the code (blocks, chunks, states); the factors with them were fitted to the peaks that
//! `/usr/bin/time` gave for some thirty runs, of which the tests here and of the bench hold the estimate to a part. They are within a factor of two,
//! mostly within a third, from 20 MiB to some GiB.

use mnm_controller::{InitScheme, Kernel, Model, ModelConfig, ModelKind};
use mnm_memory::MemoryShape;
use mnm_tensor::ParameterSpec;

use super::Load;
use crate::batch::BLOCK;
use crate::config::Config;

/// Bytes of a number.
const F32: f64 = 4.0;

/// The program itself.
const PROGRAM: f64 = 10.0 * 1024.0 * 1024.0;

/// What a training takes, in bytes. (In floating point: products of sizes may be of any magnitude.)
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Need {
    pub(super) parameters: f64,
    /// Adam's two moments, and averages.
    pub(super) optimiser: f64,
    /// The episodes of a batch.
    pub(super) episodes: f64,
    /// Gradients and what is recorded for them, or the states of a validation, or a checkpoint before it is written, or the draw of the
    /// largest matrix: of these the most.
    pub(super) work: f64,
}

impl Need {
    pub(super) fn of(config: &Config, model: &Model<f32>, load: &Load) -> Self {
        let specs = model.parameters();
        let sum = |wanted: &dyn Fn(&ParameterSpec) -> bool| -> f64 {
            specs.iter().filter(|s| wanted(s)).map(elements).sum()
        };
        let (all, trained) = (sum(&|_| true), sum(&|s| s.trained));
        let of_cell = sum(&|s| {
            let around = s.name.starts_with("encoder.") || s.name.starts_with("output.");
            s.trained && !around
        });
        let averages = if config.train.average.is_some() {
            trained
        } else {
            0.0
        };
        let sizes = Sizes::of(model, sum(&|s| s.name.starts_with("memory.")));
        let gradients = GRADIENTS * trained + sizes.packed() * of_cell;
        let work = [
            gradients + trained_blocks(config, model, load, &sizes, trained),
            validated_blocks(load, &sizes),
            // A checkpoint's image.
            all + 2.0 * trained + averages,
            match config.model.init {
                // A Gaussian matrix, Q, and LAPACK's copy, all in f64.
                InitScheme::Orthogonal => 6.0 * specs.iter().map(elements).fold(0.0, f64::max),
                InitScheme::Uniform => 0.0,
            },
        ];
        Self {
            parameters: F32 * all,
            optimiser: F32 * (2.0 * trained + averages),
            episodes: load.episode_bytes() * load.sequences as f64,
            work: F32 * work.into_iter().fold(0.0, f64::max),
        }
    }

    pub(super) fn total(&self) -> f64 {
        PROGRAM + self.parameters + self.optimiser + self.episodes + self.work
    }
}

/// Gradients of one block, as the kernel makes them and as they are added up.
const GRADIENTS: f64 = 2.0;

fn elements(spec: &ParameterSpec) -> f64 {
    spec.shape.iter().map(|&n| n as f64).product()
}

/// Everything that is alive while a batch is computed, beside the gradient of one block.
fn trained_blocks(
    config: &Config,
    model: &Model<f32>,
    load: &Load,
    sizes: &Sizes,
    trained: f64,
) -> f64 {
    let most = match load.world {
        true => BLOCK,
        false => model.block(load.steps),
    };
    let block = config.train.block_of(most).clamp(1, load.sequences.max(1));
    let blocks = load.sequences.div_ceil(block).max(1);
    let alive = blocks.min(load.threads.max(1));
    let steps = match config.train.truncate {
        0 => load.steps,
        cut => load.steps.min(cut),
    };
    // Sums of neighbours wait for each other, a level of the tree each.
    let waiting = (blocks as f64).log2().floor().max(1.0) - 1.0;
    // An agent's worlds all carry their states from step to step; a checkpoint has them once more, and its image again.
    let carried = match load.world {
        true => 3.0 * load.sequences as f64 * sizes.state,
        false => 0.0,
    };
    alive as f64 * sizes.block(block, steps, load)
        + (alive as f64 - 1.0 + waiting) * trained
        + carried
}

/// Blocks of a validation, of which nothing is recorded.
fn validated_blocks(load: &Load, sizes: &Sizes) -> f64 {
    let block = load.validated.min(BLOCK);
    let blocks = load.validated.div_ceil(BLOCK);
    let [s, t] = [block, load.validated_steps].map(|n| n as f64);
    let asked = load.asked * load.validated_steps as f64 / load.steps.max(1) as f64;
    let own = s * (t * (sizes.shown() + 3.0 * sizes.output) + LOGITS * asked * sizes.outputs);
    let states = match sizes.kept {
        // The last state; and of the chunks after the first what the present one begins with.
        Kept::Fused {
            chunks: [first, _], ..
        } => {
            let anchors = if load.validated_steps > first {
                1.0
            } else {
                0.0
            };
            s * (1.0 + anchors) * sizes.state + SHARED * sizes.memory
        }
        Kept::Tape { .. } => s * 3.0 * sizes.state,
    };
    blocks.min(load.threads.max(1)) as f64 * (own + states)
}

/// Logits, their gradients, and the answers, of each row that is asked.
const LOGITS: f64 = 2.5;

/// The memory's first weights as the fused kernel keeps them for a block: as they are, and packed for each side.
const SHARED: f64 = 5.0;

/// The sizes of a model, as numbers of one sequence.
struct Sizes {
    input: f64,
    /// What the output layer sees.
    output: f64,
    outputs: f64,
    /// Words of a step, times the width of an embedding.
    words: f64,
    /// The weights of a memory that has some.
    memory: f64,
    /// The state after a step.
    state: f64,
    kept: Kept,
}

/// What is kept of a sequence for the way back.
enum Kept {
    /// Of every step so many numbers, and of every chunk of steps what it begins with, where writes fade.
    Fused {
        step: f64,
        /// What a chunk begins with, and whether that waits for the way back.
        anchor: f64,
        anchored: bool,
        /// Steps of the first chunk, and of each later one.
        chunks: [usize; 2],
    },
    /// Of every step so many numbers, and so many for each step before it.
    Tape { step: f64, before: f64 },
}

impl Sizes {
    fn of(model: &Model<f32>, memory: f64) -> Self {
        let config = model.config();
        let (controller, value) = (config.controller as f64, config.value as f64);
        let (slots, width) = (config.slots as f64, config.slot_width as f64);
        let reads = config.read_heads as f64;
        let own = match config.kind {
            ModelKind::Mnm => memory + beside(config),
            ModelKind::Ntm => slots * (width + 1.0 + reads),
            ModelKind::Dnc => slots * (width + slots + 3.0 + reads),
            ModelKind::Lstm | ModelKind::LstmSalu => 0.0,
        };
        let read = match config.kind {
            ModelKind::Mnm | ModelKind::LstmSalu => value,
            ModelKind::Ntm | ModelKind::Dnc => reads * width,
            ModelKind::Lstm => 0.0,
        };
        let encoder = |name: &str, axis: usize| {
            let specs = model.parameters();
            let spec = specs.into_iter().find(|spec| spec.name == name);
            spec.map_or(0.0, |spec| spec.shape[axis] as f64)
        };
        let position = "encoder.position.weight";
        Self {
            input: model.input_width() as f64,
            output: controller + read,
            outputs: model.outputs() as f64,
            words: encoder(position, 0) * encoder(position, 1),
            memory,
            state: own + 2.0 * controller + read,
            kept: kept(config, own, model.input_width() as f64),
        }
    }

    /// Copies of a cell's trained parameters that its kernel keeps, packed and as it works on them.
    fn packed(&self) -> f64 {
        match self.kept {
            Kept::Fused { .. } => 5.0,
            Kept::Tape { .. } => 2.5,
        }
    }

    /// What the encoder makes of a step.
    fn shown(&self) -> f64 {
        self.input + 3.0 * self.words
    }

    /// What is alive of a block of so many sequences on the way back.
    fn block(&self, sequences: usize, steps: usize, load: &Load) -> f64 {
        let (s, t) = (sequences as f64, steps as f64);
        let asked = LOGITS * load.asked * self.outputs;
        match self.kept {
            Kept::Fused {
                step,
                anchor,
                anchored,
                chunks: [first, later],
            } => {
                let later = steps.saturating_sub(first).div_ceil(later.max(1));
                // Weights of each sequence's own at the start have cotangents too.
                let anchors = match (load.world, later, anchored) {
                    (false, 0, _) => 0.0,
                    (_, _, false) => 2.0,
                    (true, later, true) => later as f64 + 2.0,
                    (false, later, true) => later as f64 + 1.0,
                };
                let own = t * (step + self.shown()) + asked + anchors * anchor + self.state;
                s * own + SHARED * self.memory
            }
            Kept::Tape { step, before } => {
                s * (t * (step + self.shown() + before * t / 2.0) + asked + 2.0 * self.state)
            }
        }
    }
}

/// What a rule keeps beside the weights: momentum, an inverse.
fn beside(config: &ModelConfig) -> f64 {
    let slots = config.slots().unwrap_or_default().into_iter();
    slots
        .map(|slot| slot.shape.iter().map(|&n| n as f64).product::<f64>())
        .sum()
}

fn kept(config: &ModelConfig, state: f64, input: f64) -> Kept {
    let (c, m, h) = (
        config.controller as f64,
        config.value as f64,
        config.heads as f64,
    );
    let (n, w, r) = (
        config.slots as f64,
        config.slot_width as f64,
        config.read_heads as f64,
    );
    // An LSTM's ops, and what the tape itself takes.
    let lstm = 25.0 * c + 2.0 * input + 2000.0;
    let tape = |own: f64, before: f64| Kept::Tape {
        step: lstm + own,
        before,
    };
    match config.kind {
        ModelKind::Lstm => tape(0.0, 0.0),
        // The table is written anew at every step, longer by H entries.
        ModelKind::LstmSalu => tape(11.0 * m, 3.1 * h * m),
        ModelKind::Ntm => tape(
            5.4 * n * w + 20.0 * n * (r + 1.0) + 9.0 * w * (r + 3.0),
            0.0,
        ),
        ModelKind::Dnc => {
            let slots = n * (1.1 * n + 5.4 * w + 56.0 + 18.0 * r);
            tape(slots + 9.0 * w * (r + 3.0), 0.0)
        }
        ModelKind::Mnm => {
            let shape = MemoryShape::new(config.value, config.hidden, config.layers);
            let form = config.fused_form();
            match (form, config.kernel, shape) {
                (Some(form), Kernel::Fused, Ok(shape)) => {
                    let chunks = form.chunk_steps(config.heads);
                    // As `mnm_controller::fused::block_size` counts them, and what works on them.
                    let own = 5.0 * c + m * (1.0 + 3.0 * h) + 3.0 * (c + m);
                    let layers = 6.0 * h * shape.targets() as f64;
                    Kept::Fused {
                        step: 1.3 * (own + layers) + 2.0 * input,
                        anchor: state,
                        anchored: form.fades(),
                        chunks: [chunks.shared, chunks.own],
                    }
                }
                _ => tape(4.5 * state + 10.0 * m * (1.0 + 3.0 * h), 0.0),
            }
        }
    }
}
