//! The gradient of the whole training loss, task + lambda * meta, to every trained parameter, against central
//! differences in f64: both rules and the LSTM, padding in the batch, dropout masks in place.

use mnm_controller::{BlockCost, Kernel, Masks, Model, ModelConfig, ModelKind, PositionInit};
use mnm_tasks::{
    DoubleCopy, DoubleCopyOptions, Lengths, Split, Stories, StoriesOptions, Task, stream,
};
use mnm_tensor::testkit::inner;
use mnm_tensor::{Parameters, SharedArray};
use mnm_trainer::batch::{Block, collate};
use mnm_trainer::objective::{BlockGradient, Scale, block_gradient};
use mnm_trainer::task::build_model;
use rand::{SeedableRng, rngs::StdRng};

use crate::differences;

struct Setting {
    task: Box<dyn Task>,
    model: Model<f64>,
    parameters: Parameters<SharedArray<f64>>,
    block: Block<f64>,
    masks: Masks<f64>,
    scale: Scale,
}

/// A block costs so much that there is one.
const ONE_BLOCK: BlockCost = BlockCost {
    block: 1e9,
    step: 0.0,
};

fn setting(task: Box<dyn Task>, config: &ModelConfig, seed: u64) -> Setting {
    let model = build_model::<f64>(config, task.interface(), None).unwrap();
    let parameters = differences::wide(&model, &mut StdRng::seed_from_u64(seed));
    let episodes = (0..3)
        .map(|i| task.episode(Split::Train, i).unwrap())
        .collect();
    let mut batch = collate(episodes, |_| 16, ONE_BLOCK);
    assert_eq!(batch.blocks.len(), 1);
    let block = Block::new(batch.blocks.remove(0), model.outputs()).unwrap();
    assert!(block.steps >= 5);
    let masks = model.masks(block.steps, block.batch(), &mut stream(seed, "masks", 0));
    Setting {
        scale: Scale {
            targets: batch.targets,
            steps: batch.steps,
            meta_weight: 0.7,
            truncate: 0,
        },
        task,
        model,
        parameters,
        block,
        masks,
    }
}

impl Setting {
    fn loss(&self, parameters: &Parameters<SharedArray<f64>>) -> f64 {
        let part = block_gradient(
            &self.model,
            parameters,
            &self.block,
            self.task.as_ref(),
            &self.masks,
            self.scale,
        )
        .unwrap();
        part.losses.task + self.scale.meta_weight * part.losses.meta
    }

    /// Every trained parameter along a random direction; the figures must be well away from zero to mean anything.
    fn check(&self, seed: u64) {
        let part = block_gradient(
            &self.model,
            &self.parameters,
            &self.block,
            self.task.as_ref(),
            &self.masks,
            self.scale,
        )
        .unwrap();
        let trained = self.model.parameters().iter().filter(|s| s.trained).count();
        assert_eq!(part.gradient.len(), trained);
        let loss = |parameters: &_| self.loss(parameters);
        differences::hold(&self.model, &self.parameters, &part.gradient, loss, seed);
    }
}

fn small(rule: &str, heads: usize, kernel: Kernel) -> ModelConfig {
    ModelConfig {
        rule: rule.to_owned(),
        controller: 7,
        value: 5,
        hidden: 6,
        heads,
        embedding: 4,
        kernel,
        train_memory: true,
        dropout_hidden: 0.3,
        dropout_input: 0.1,
        dropout_word: 0.2,
        position_init: PositionInit::Both,
        ..ModelConfig::default()
    }
}

fn stories() -> Box<dyn Task> {
    let options = StoriesOptions {
        questions: 2,
        statements: 2,
        ..StoriesOptions::default()
    };
    Box::new(Stories::new(options, 3).unwrap())
}

fn copies() -> Box<dyn Task> {
    let options = DoubleCopyOptions {
        bits: 3,
        lengths: Lengths::new(1, 3),
        copies: 2,
    };
    Box::new(DoubleCopy::new(options, 5).unwrap())
}

#[test]
fn both_rules_on_words_and_classes() {
    for rule in ["mnm-p", "mnm-g"] {
        for kernel in [Kernel::Reference, Kernel::Fused] {
            setting(stories(), &small(rule, 2, kernel), 11).check(1);
        }
    }
}

#[test]
fn both_rules_on_vectors_and_bits() {
    for rule in ["mnm-p", "mnm-g"] {
        for kernel in [Kernel::Reference, Kernel::Fused] {
            setting(copies(), &small(rule, 1, kernel), 12).check(2);
        }
    }
}

#[test]
fn the_lstm() {
    let config = ModelConfig {
        kind: ModelKind::Lstm,
        ..small("mnm-p", 1, Kernel::Reference)
    };
    setting(stories(), &config, 13).check(3);
}

/// Cutting backpropagation changes the gradient but no loss: the state is carried over the cut.
#[test]
fn truncation_carries_the_state() {
    let mut whole = setting(copies(), &small("mnm-p", 1, Kernel::Reference), 14);
    let gradient = |s: &Setting| {
        block_gradient(
            &s.model,
            &s.parameters,
            &s.block,
            s.task.as_ref(),
            &s.masks,
            s.scale,
        )
        .unwrap()
    };
    let full = gradient(&whole);
    whole.scale.truncate = 3;
    let cut = gradient(&whole);
    assert!((full.losses.task - cut.losses.task).abs() < 1e-12);
    assert!((full.losses.meta - cut.losses.meta).abs() < 1e-12);
    assert_eq!(full.errors, cut.errors);
    let name = "controller.weight_hh";
    let (a, b) = (
        full.gradient.get(name).unwrap(),
        cut.gradient.get(name).unwrap(),
    );
    let difference = (a - b).mapv(|x| x * x).sum().sqrt();
    assert!(
        difference > 1e-3 * inner(a, a).sqrt(),
        "the cut changed nothing"
    );
}

/// Padding and the sum over blocks add nothing: sequences of unlike lengths, together, apart and as training cuts them.
#[test]
fn where_a_batch_is_cut_changes_no_gradient() {
    for (rule, kernel) in [
        ("mnm-p", Kernel::Fused),
        ("mnm-g", Kernel::Fused),
        ("mnm-p", Kernel::Reference),
    ] {
        let config = ModelConfig {
            dropout_hidden: 0.0, // masks are drawn block by block
            dropout_input: 0.0,
            dropout_word: 0.0,
            ..small(rule, 1, kernel)
        };
        let Setting {
            task,
            model,
            parameters,
            ..
        } = setting(copies(), &config, 15);
        let gradient = |cost: BlockCost| {
            let episodes = (0..9).map(|i| task.episode(Split::Train, i).unwrap());
            let batch = collate(episodes.collect(), |steps| model.block(steps).max(9), cost);
            let scale = Scale {
                targets: batch.targets,
                steps: batch.steps,
                meta_weight: 0.7,
                truncate: 0,
            };
            let blocks = batch.blocks.len();
            let parts = batch.blocks.into_iter().map(|episodes| {
                let block = Block::new(episodes, model.outputs()).unwrap();
                let masks = model.masks(block.steps, block.batch(), &mut stream(1, "masks", 0));
                block_gradient(&model, &parameters, &block, task.as_ref(), &masks, scale).unwrap()
            });
            (blocks, parts.reduce(BlockGradient::plus).unwrap())
        };
        let free = BlockCost {
            block: 0.0,
            step: 0.0,
        };
        let (one, whole) = gradient(ONE_BLOCK);
        assert_eq!(one, 1);
        for cost in [free, model.block_cost()] {
            let (blocks, parts) = gradient(cost);
            assert!(cost != free || blocks > 1, "{blocks} blocks");
            assert!((whole.losses.task - parts.losses.task).abs() < 1e-12);
            assert!((whole.losses.meta - parts.losses.meta).abs() < 1e-12);
            assert_eq!(whole.errors, parts.errors);
            for (name, g) in whole.gradient.iter() {
                let part = parts.gradient.get(name).unwrap();
                let difference = (g - part).mapv(|x| x * x).sum().sqrt();
                let size = inner(g, g).sqrt();
                assert!(size > 1e-5, "the gradient of {name} is {size:e}");
                assert!(
                    difference < 1e-12 * size,
                    "{name}: {difference:e} of {size:e}"
                );
            }
        }
    }
}
