//! The gradient of the whole A2C loss (policy, value, entropy, meta) to every trained parameter, against central
//! differences in f64, from the start of an episode and from a carried state.

use mnm_controller::encoder::Input;
use mnm_controller::{InputSpec, Kernel, Masks, Model, ModelConfig, ModelKind};
use mnm_tensor::testkit::random_array;
use mnm_tensor::{Parameters, SharedArray, Tensor};
use mnm_trainer::rl::{LossWeights, Segment, segment_gradient};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::differences;

const WIDTH: usize = 6;
const ACTIONS: usize = 4;
const BATCH: usize = 3;
const STEPS: usize = 5;

const WEIGHTS: LossWeights = LossWeights {
    steps: (STEPS * BATCH) as f64,
    value: 0.5,
    entropy: 0.3,
    meta: 0.7,
};

struct Setting {
    model: Model<f64>,
    parameters: Parameters<SharedArray<f64>>,
    segment: Segment<f64>,
}

fn setting(config: &ModelConfig, carry: bool) -> Setting {
    let model = Model::new(config, InputSpec::Dense { width: WIDTH }, ACTIONS + 1).unwrap();
    let mut generator = StdRng::seed_from_u64(21);
    let parameters = differences::wide(&model, &mut generator);
    let mut observations = || random_array(&[STEPS, BATCH, WIDTH], &mut generator);
    let (before, now) = (observations(), observations());
    let carried = carry.then(|| {
        let constants = parameters.constants();
        let initial = model.initial_state(&constants, BATCH).unwrap();
        let input = Input::Dense(Tensor::shared(before));
        let run = model
            .run(&constants, &input, &initial, &Masks::default())
            .unwrap();
        run.state
            .iter()
            .map(|(name, part)| (name.to_owned(), part.value().clone()))
            .collect()
    });
    let mut numbers = || {
        (0..STEPS * BATCH)
            .map(|_| 2.0 * generator.random::<f64>() - 1.0)
            .collect()
    };
    let (advantages, returns) = (numbers(), numbers());
    Setting {
        model,
        parameters,
        segment: Segment {
            observations: now,
            actions: (0..STEPS * BATCH)
                .map(|n| (n * 7 % ACTIONS) as u32)
                .collect(),
            advantages,
            returns,
            carried,
        },
    }
}

impl Setting {
    /// The loss by its definition in plain numbers, from the outputs of the model.
    fn plain_loss(&self, parameters: &Parameters<SharedArray<f64>>) -> f64 {
        let constants = parameters.constants();
        let state = match &self.segment.carried {
            Some(parts) => mnm_controller::State::new(
                parts.iter().map(|(n, p)| (n, Tensor::shared(p.clone()))),
            ),
            None => self.model.initial_state(&constants, BATCH).unwrap(),
        };
        let input = Input::Dense(Tensor::shared(self.segment.observations.clone()));
        let run = self
            .model
            .run(&constants, &input, &state, &Masks::default())
            .unwrap();
        let rows: Vec<usize> = (0..STEPS * BATCH).collect();
        let outputs = self.model.logits(&constants, &run.outputs, &rows).unwrap();
        let outputs: Vec<f64> = outputs.value().iter().copied().collect();
        let mut loss = 0.0;
        for (row, said) in outputs.chunks(ACTIONS + 1).enumerate() {
            let sum: f64 = said[..ACTIONS].iter().map(|x| x.exp()).sum();
            let policy: Vec<f64> = said[..ACTIONS].iter().map(|x| x.exp() / sum).collect();
            let segment = &self.segment;
            loss -= segment.advantages[row] * policy[segment.actions[row] as usize].ln();
            loss += WEIGHTS.value * 0.5 * (said[ACTIONS] - segment.returns[row]).powi(2);
            loss += WEIGHTS.entropy * policy.iter().map(|p| p * p.ln()).sum::<f64>();
        }
        loss += WEIGHTS.meta * run.meta.value().sum();
        loss / WEIGHTS.steps
    }

    fn check(&self) {
        let (part, losses) =
            segment_gradient(&self.model, &self.parameters, &self.segment, WEIGHTS).unwrap();
        let loss = part.losses.task + WEIGHTS.meta * part.losses.meta;
        assert!((loss - self.plain_loss(&self.parameters)).abs() < 1e-12);
        assert!(losses.entropy > 0.1 && losses.value > 1e-3);
        let loss = |parameters: &_| self.plain_loss(parameters);
        differences::hold(&self.model, &self.parameters, &part.gradient, loss, 5);
    }
}

fn small(kind: ModelKind, rule: &str, kernel: Kernel) -> ModelConfig {
    ModelConfig {
        kind,
        rule: rule.to_owned(),
        controller: 7,
        value: 5,
        hidden: 6,
        heads: 2,
        kernel,
        ..ModelConfig::default()
    }
}

#[test]
fn rules_and_kernels_from_the_start_and_from_a_carried_state() {
    for rule in ["mnm-p", "mnm-g", "titans", "gated-delta"] {
        for kernel in [Kernel::Fused, Kernel::Reference] {
            for carry in [false, true] {
                setting(&small(ModelKind::Mnm, rule, kernel), carry).check();
            }
        }
    }
}

#[test]
fn the_lstm() {
    for carry in [false, true] {
        setting(&small(ModelKind::Lstm, "mnm-p", Kernel::Fused), carry).check();
    }
}

#[test]
fn an_action_that_there_is_not_is_an_error() {
    let mut wrong = setting(&small(ModelKind::Lstm, "mnm-p", Kernel::Fused), false);
    wrong.segment.actions[3] = ACTIONS as u32;
    let error = segment_gradient(&wrong.model, &wrong.parameters, &wrong.segment, WEIGHTS);
    assert!(error.unwrap_err().to_string().contains("action 4 of 4"));
}
