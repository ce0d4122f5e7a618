//! What the agent minimises, and its gradient.

use mnm_controller::encoder::Input;
use mnm_controller::{Masks, Model};
use mnm_tasks::Errors;
use mnm_tensor::kernels::Kernels;
use mnm_tensor::{Order, Parameters, SharedArray, Tape, Tensor, gradient};
use serde::{Deserialize, Serialize};

use super::policy::carried_state;
use crate::error::TrainError;
use crate::objective::{BlockGradient, Losses};

/// A segment of the episodes of a block, as it was played: T steps of B worlds.
#[derive(Clone, Debug)]
pub struct Segment<F: Kernels> {
    /// What the agent saw, `[T, B, X]`.
    pub observations: SharedArray<F>,
    /// What it did, `[T, B]`.
    pub actions: Vec<u32>,
    /// How much better than expected that was, `[T, B]`; no gradient flows through it.
    pub advantages: Vec<f64>,
    /// What the values should have been, `[T, B]`; no gradient flows through it.
    pub returns: Vec<f64>,
    /// The agent's state before the first step, off any tape; `None` at the start of an episode.
    pub carried: Option<Parameters<SharedArray<F>>>,
}

/// The weights of the parts of the loss.
#[derive(Clone, Copy, Debug)]
pub struct LossWeights {
    /// What every part is divided by: the steps of all worlds of the batch, so that blocks simply add up.
    pub steps: f64,
    /// Weight of the value loss.
    pub value: f64,
    /// Weight of the entropy.
    pub entropy: f64,
    /// Weight lambda of the meta loss.
    pub meta: f64,
}

/// A block's share of the parts of the loss, means over the batch's steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentLosses {
    /// - A_t log pi(a_t).
    pub policy: f64,
    /// (V_t - R_t)^2 / 2.
    pub value: f64,
    /// - sum over a of pi(a) log pi(a), in nats.
    pub entropy: f64,
    /// Meta loss.
    pub meta: f64,
}

impl std::ops::AddAssign for AgentLosses {
    fn add_assign(&mut self, other: Self) {
        self.policy += other.policy;
        self.value += other.value;
        self.entropy += other.entropy;
        self.meta += other.meta;
    }
}

/// The gradient of a segment's share of
///
/// ```text
/// mean over steps of  - A_t log pi(a_t) + w_v (V_t - R_t)^2 / 2 - w_e H(pi) + lambda meta
/// ```
///
/// with respect to every trained parameter, through all steps of the segment. The `task` of the losses is all but the
/// meta loss.
///
/// # Errors
/// A segment that does not fit the model.
pub fn segment_gradient<F: Kernels>(
    model: &Model<F>,
    parameters: &Parameters<SharedArray<F>>,
    segment: &Segment<F>,
    weights: LossWeights,
) -> Result<(BlockGradient<F>, AgentLosses), TrainError> {
    let specs = model.parameters();
    let tape = Tape::new();
    let bound = parameters.map(|name, value| {
        if specs.iter().any(|s| s.trained && s.name == name) {
            tape.shared_variable(value.clone())
        } else {
            Tensor::shared(value.clone())
        }
    });
    let (loss, losses) = segment_loss(model, &bound, segment, weights)?;
    let trained: Vec<&str> = specs
        .iter()
        .filter(|s| s.trained)
        .map(|s| s.name.as_str())
        .collect();
    let wrt: Vec<&Tensor<F>> = trained
        .iter()
        .map(|name| bound.get(name))
        .collect::<Result<_, _>>()?;
    let found = gradient(&loss, &wrt, Order::First)?;
    let gradient = trained
        .iter()
        .zip(found)
        .map(|(name, g)| ((*name).to_owned(), g.value().clone()))
        .collect();
    let task = losses.policy + weights.value * losses.value - weights.entropy * losses.entropy;
    let block = BlockGradient {
        losses: Losses {
            task,
            meta: losses.meta,
        },
        errors: Errors::default(),
        gradient,
    };
    Ok((block, losses))
}

fn segment_loss<F: Kernels>(
    model: &Model<F>,
    bound: &Parameters<Tensor<F>>,
    segment: &Segment<F>,
    weights: LossWeights,
) -> Result<(Tensor<F>, AgentLosses), TrainError> {
    let rows = segment.actions.len();
    let batch = segment.observations.shape().get(1).copied().unwrap_or(0);
    let state = carried_state(model, bound, batch, segment.carried.as_ref())?;
    let input = Input::Dense(Tensor::shared(segment.observations.clone()));
    let run = model.run(bound, &input, &state, &Masks::default())?;
    let all: Vec<usize> = (0..rows).collect();
    let outputs = model.logits(bound, &run.outputs, &all)?;
    let actions = model.outputs() - 1;
    let log_policy = outputs.slice(1, 0, actions)?.log_softmax()?;
    let column =
        |numbers: &[f64]| Tensor::from_vec(&[rows, 1], numbers.iter().map(|&x| F::of(x)).collect());
    let part = |sum: Tensor<F>| sum.sum_all()?.scale(1.0 / weights.steps);
    let policy = part(
        log_policy
            .mul(&chosen(segment, actions)?)?
            .mul(&column(&segment.advantages)?)?
            .neg()?,
    )?;
    let miss = outputs
        .slice(1, actions, 1)?
        .sub(&column(&segment.returns)?)?;
    let value = part(miss.mul(&miss)?.scale(0.5)?)?;
    let entropy = part(log_policy.exp()?.mul(&log_policy)?.neg()?)?;
    let meta = part(run.meta)?;
    let losses = AgentLosses {
        policy: policy.item()?.as_f64(),
        value: value.item()?.as_f64(),
        entropy: entropy.item()?.as_f64(),
        meta: meta.item()?.as_f64(),
    };
    let loss = policy
        .add(&value.scale(weights.value)?)?
        .sub(&entropy.scale(weights.entropy)?)?
        .add(&meta.scale(weights.meta)?)?;
    Ok((loss, losses))
}

/// Ones at the chosen actions, `[T B, A]`.
fn chosen<F: Kernels>(segment: &Segment<F>, actions: usize) -> Result<Tensor<F>, TrainError> {
    let mut table = vec![F::zero(); segment.actions.len() * actions];
    for (row, &action) in table.chunks_exact_mut(actions.max(1)).zip(&segment.actions) {
        let cell = row
            .get_mut(action as usize)
            .ok_or_else(|| TrainError::Batch(format!("action {action} of {actions}")))?;
        *cell = F::one();
    }
    Ok(Tensor::from_vec(&[segment.actions.len(), actions], table)?)
}
