//! A write rule and a task of one's own, trained by a loop of one's own from the public parts of these crates.
//!
//! `cargo run --release -p mnm-trainer --example train_your_own`
//!
//! A task whose options stand in a config gets all of `mnm train` beside it: see docs/guide-new-task.md. This is the way where
//! nothing of that is wanted, or the loop itself is what is being studied.

use mnm_controller::{InputSpec, Masks, MnmCell, Model, ModelConfig, Recurrence};
use mnm_memory::{MemoryShape, Program, WriteRule};
use mnm_tasks::{
    Episode, Input, InputKind, Interface, Labels, OutputKind, Split, Task, TaskError, stream,
};
use mnm_tensor::Float;
use mnm_trainer::adam::{Adam, global_norm};
use mnm_trainer::batch::{Block, collate};
use mnm_trainer::objective::{Scale, block_gradient};
use mnm_trainer::task::{checked_episode, draw_parameters};
use mnm_trainer::{TrainConfig, evaluate};
use ndarray::{Array2, ArrayView2};
use rand::RngExt;
use rand::seq::SliceRandom;

/// The delta rule with a step that fits the key, `E^L = (a^L - v) / (H (1e-3 + |a|^2))`: normalised least mean squares.
#[derive(Debug)]
struct NormalisedRule;

impl<F: Float> WriteRule<F> for NormalisedRule {
    fn name(&self) -> &str {
        "normalised"
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        let mut p = Program::new(shape, heads);
        let a = p.activations();
        let last = shape.layers() - 1;
        let miss = p.difference(1.0 / heads as f64, a[last + 1], p.values());
        let square = p.dot(a[last], a[last]);
        let size = p.affine(1.0, 1e-3, square);
        let error = p.quotient(miss, size);
        p.update(last, error, a[last]);
        Some(p)
    }
}

const LETTERS: usize = 6;
const DIGITS: usize = 6;
const PAIRS: usize = 4;

/// Four letters with a digit each, one pair a step; then one of the letters alone, whose digit is asked for. Inputs are one-hot:
/// letter, digit.
#[derive(Debug)]
struct Pairs {
    interface: Interface,
}

impl Pairs {
    fn new() -> Self {
        let names = (0..DIGITS).map(|digit| digit.to_string()).collect();
        let interface = Interface {
            input: InputKind::Dense {
                width: LETTERS + DIGITS,
            },
            outputs: OutputKind::Classes { names },
        };
        Self { interface }
    }
}

impl Task for Pairs {
    fn name(&self) -> &str {
        "pairs"
    }

    fn interface(&self) -> &Interface {
        &self.interface
    }

    fn len(&self, _: Split) -> Option<u64> {
        None // generated without end
    }

    fn steps(&self, _: Split, _: u64) -> usize {
        PAIRS + 1
    }

    fn episode(&self, split: Split, index: u64) -> Result<Episode, TaskError> {
        let mut generator = stream(1, &format!("pairs/{split}"), index);
        let mut letters: Vec<usize> = (0..LETTERS).collect();
        letters.shuffle(&mut generator);
        let digits: Vec<usize> = (0..PAIRS)
            .map(|_| generator.random_range(0..DIGITS))
            .collect();
        let asked = generator.random_range(0..PAIRS);
        let mut input = Array2::zeros((PAIRS + 1, LETTERS + DIGITS));
        for (step, digit) in digits.iter().enumerate() {
            input[[step, letters[step]]] = 1.0;
            input[[step, LETTERS + digit]] = 1.0;
        }
        input[[PAIRS, letters[asked]]] = 1.0;
        Ok(Episode {
            group: "pairs".to_owned(),
            input: Input::Dense(input),
            line_starts: Vec::new(),
            target_steps: vec![PAIRS],
            labels: Labels::Classes(vec![digits[asked] as u32]),
            text: None,
        })
    }

    fn render(&self, episode: &Episode, _: Option<ArrayView2<f32>>) -> String {
        format!("{:?} -> {:?}", episode.input, episode.labels)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let task = Pairs::new();
    let shape = MemoryShape::new(16, 16, 2)?; // M, U, L
    // Without recurrence in the controller: what is to be known later has to go through the memory.
    let cell = MnmCell::<f32>::new(LETTERS + DIGITS, 32, 1, shape, Box::new(NormalisedRule))
        .without_recurrence();
    let config = ModelConfig {
        memory_gain: 1.5,
        interaction_gain: 3.0,
        recurrence: Recurrence::Never,
        ..ModelConfig::default()
    };
    let input = InputSpec::Dense {
        width: LETTERS + DIGITS,
    };
    let model = Model::with_cell(&config, input, DIGITS, Box::new(cell))?;
    let mut parameters = draw_parameters::<f32>(&model.parameters(), config.init, 1)?;

    let settings = TrainConfig {
        learning_rate: 1e-2,
        meta_weight: 0.1,
        batch: 32,
        ..TrainConfig::default()
    };
    let trained: Vec<String> = model
        .parameters()
        .into_iter()
        .filter(|spec| spec.trained)
        .map(|spec| spec.name)
        .collect();
    let mut adam = Adam::new(&parameters, trained.iter().map(String::as_str));
    for step in 0..1500 {
        let numbers = step * settings.batch as u64..(step + 1) * settings.batch as u64;
        let episodes = numbers
            .map(|number| checked_episode(&task, Split::Train, number))
            .collect::<Result<_, _>>()?;
        // Sequences are computed in blocks, whose shares of loss and gradient add up to the batch's.
        let batch = collate(episodes, |steps| model.block(steps), model.block_cost());
        let scale = Scale {
            targets: batch.targets,
            steps: batch.steps,
            meta_weight: settings.meta_weight,
            truncate: 0,
        };
        let mut sum = None;
        for episodes in batch.blocks {
            let block = Block::new(episodes, model.outputs())?;
            let share =
                block_gradient(&model, &parameters, &block, &task, &Masks::default(), scale)?;
            sum = Some(match sum.take() {
                Some(sum) => share.plus(sum),
                None => share,
            });
        }
        let Some(sum) = sum else { continue };
        let norm = global_norm(&sum.gradient);
        let factor = (settings.clip / norm).min(1.0);
        adam.step(
            &mut parameters,
            &sum.gradient,
            factor,
            &settings,
            settings.learning_rate,
            step + 1,
        );
        if (step + 1) % 250 == 0 {
            let found = evaluate(&task, &model, &parameters, Split::Valid, 256)?;
            println!(
                "step {:4}: loss {:.3}, meta loss {:.4}, {:5.1} % wrong in 256 episodes never trained on",
                step + 1,
                sum.losses.task,
                sum.losses.meta,
                found.error.mean
            );
        }
    }
    Ok(())
}
