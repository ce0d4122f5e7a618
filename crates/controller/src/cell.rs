//! What every recurrent model is to its trainer: `(parameters, input, state) -> (output, state)`.

use std::collections::BTreeMap;

use mnm_tensor::{Float, ParameterSpec, Parameters, Tensor};

use crate::{ControllerError, State};

/// Named looks inside, for pictures and checks; nothing is computed from them.
pub type Trace<F> = BTreeMap<&'static str, Tensor<F>>;

/// What a cell makes of one step.
#[derive(Clone, Debug)]
pub struct Step<F: Float> {
    /// What the output layer sees, `[B, O]`.
    pub output: Tensor<F>,
    /// The state after the step.
    pub state: State<F>,
    /// The meta loss of each sequence, `[B]`; zero for a model without one.
    pub meta: Tensor<F>,
    /// A look inside: for MNM `rate` `[B]`, `write_key`, `write_value`, `read_key` `[B, H, M]`, `error_before` `[B]`.
    pub trace: Trace<F>,
}

/// What a cell makes of a sequence.
#[derive(Clone, Debug)]
pub struct Unrolled<F: Float> {
    /// What the output layer sees, `[T, B, O]`.
    pub outputs: Tensor<F>,
    /// The state after the last step.
    pub state: State<F>,
    /// The meta loss of each step and sequence, `[T, B]`.
    pub meta: Tensor<F>,
    /// A look inside, each with the steps as a first axis: at least `rate` `[T, B]` for MNM.
    pub trace: Trace<F>,
}

/// What multiplies the state before it enters a step.
#[derive(Clone, Debug, Default)]
pub struct StateMasks<F: Float> {
    /// On the hidden state, `[T, B, C]`: dropout on what the LSTM hands to its own next step, and zeros where it hands nothing.
    pub hidden: Option<Tensor<F>>,
    /// On the cell state, `[T, B]`.
    pub cell: Option<Tensor<F>>,
}

impl<F: Float> StateMasks<F> {
    /// Whether they are masks for T `steps` of B sequences and C hidden units.
    ///
    /// # Errors
    /// [`ControllerError::Input`] naming the mask that does not fit.
    pub(crate) fn check(
        &self,
        steps: usize,
        batch: usize,
        hidden: usize,
    ) -> Result<(), ControllerError> {
        let fits = |name: &str, mask: Option<&Tensor<F>>, expected: &[usize]| match mask {
            Some(mask) if mask.shape() != expected => Err(ControllerError::Input {
                found: format!("a {name} mask of shape {:?}", mask.shape()),
                expected: format!("one of shape {expected:?}"),
            }),
            _ => Ok(()),
        };
        fits("hidden", self.hidden.as_ref(), &[steps, batch, hidden])?;
        fits("cell", self.cell.as_ref(), &[steps, batch])
    }
}

/// The extents `[T, B, X]` of `inputs`, if there is a step and a sequence.
///
/// # Errors
/// [`ControllerError::Input`] for any other shape.
pub(crate) fn sequences<F: Float>(inputs: &Tensor<F>) -> Result<[usize; 3], ControllerError> {
    match *inputs.shape() {
        [steps, batch, width] if steps > 0 && batch > 0 => Ok([steps, batch, width]),
        ref shape => Err(ControllerError::Input {
            found: format!("shape {shape:?}"),
            expected: "[T, B, X] with at least one step and one sequence".to_owned(),
        }),
    }
}

/// What a block of sequences costs beside what each of them does, in units of one step of one sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockCost {
    /// Once a block.
    pub block: f64,
    /// At every step.
    pub step: f64,
}

impl BlockCost {
    /// Where every step is some ops on the tape, each of which costs something beside its numbers. With controllers of 100
    /// units all of a step's cost as much as 20 sequences of the LSTM and of LSTM+SALU, 10 of the NTM and 4 of the DNC (two
    /// sizes of a batch compared); this is about the mean, and a block's own cost that of the fused kernel.
    pub const ON_TAPE: BlockCost = BlockCost {
        block: 20.0,
        step: 12.0,
    };
}

/// How many sequences are computed together where every step is some ops on the tape.
pub(crate) const BLOCK_ON_TAPE: usize = 16;

/// A recurrent model between an encoder and an output layer.
///
/// A cell of your own goes into a model with [`Model::with_cell`](crate::Model::with_cell). Some names mean something there:
///
/// - With dropout of the hidden state, a mask is multiplied into the part `hidden` `[B, C]` of the state; with a recurrence that ends
///   with a line, one into `hidden` and one into `cell` `[B, C]`. The state has to have them.
/// - The config's gains go to the first values of the parameters `interaction.weight` and `memory.*`, and (for the columns from the input's
///   width on) `controller.weight_ih`; under `recurrence = "never"`, `controller.weight_hh` starts at zero
///   and `controller.bias_hh` with a forget gate that is shut.
pub trait Cell<F: Float>: Send + Sync {
    /// The parameters that the cell needs.
    fn parameters(&self) -> Vec<ParameterSpec>;

    /// The width O of what the output layer sees.
    fn output_width(&self) -> usize;

    /// The width C of the hidden state.
    fn hidden_width(&self) -> usize;

    /// How many sequences of so many steps are at most computed, and taken back, together. A function of the sizes alone: sums
    /// over blocks are to have the same bits on every machine.
    fn block(&self, steps: usize) -> usize {
        let _ = steps;
        BLOCK_ON_TAPE
    }

    /// What a block costs beside its sequences. A constant, for the same reason.
    fn block_cost(&self) -> BlockCost {
        BlockCost::ON_TAPE
    }

    /// The state before the first step.
    ///
    /// # Errors
    /// A parameter that is missing.
    fn initial_state(
        &self,
        parameters: &Parameters<Tensor<F>>,
        batch: usize,
    ) -> Result<State<F>, ControllerError>;

    /// One step for `input` `[B, X]`: the definition of the model.
    ///
    /// # Errors
    /// A shape that does not fit, or a parameter or part of the state that is missing.
    fn step(
        &self,
        parameters: &Parameters<Tensor<F>>,
        input: &Tensor<F>,
        state: &State<F>,
    ) -> Result<Step<F>, ControllerError>;

    /// All steps of `inputs` `[T, B, X]`, T and B at least 1, the state multiplied by `masks` before it enters each step.
    ///
    /// # Errors
    /// Those of [`Cell::step`].
    fn unroll(
        &self,
        parameters: &Parameters<Tensor<F>>,
        inputs: &Tensor<F>,
        state: &State<F>,
        masks: &StateMasks<F>,
    ) -> Result<Unrolled<F>, ControllerError> {
        unroll_by_steps(self, parameters, inputs, state, masks)
    }
}

/// [`Cell::unroll`] as its definition: step after step.
///
/// # Errors
/// Those of [`Cell::step`], and [`ControllerError::Input`] if there are no steps or sequences, or a mask is not one for each.
pub fn unroll_by_steps<F: Float, C: Cell<F> + ?Sized>(
    cell: &C,
    parameters: &Parameters<Tensor<F>>,
    inputs: &Tensor<F>,
    state: &State<F>,
    masks: &StateMasks<F>,
) -> Result<Unrolled<F>, ControllerError> {
    let step = |input: &_, state: &_| cell.step(parameters, input, state);
    unroll_with(cell.hidden_width(), &step, inputs, state, masks)
}

/// One step of a cell, its parameters given: input and state to what it returns.
type StepFn<'a, F> = &'a dyn Fn(&Tensor<F>, &State<F>) -> Result<Step<F>, ControllerError>;

/// [`unroll_by_steps`], compiled once for all cells.
fn unroll_with<F: Float>(
    hidden_width: usize,
    step: StepFn<'_, F>,
    inputs: &Tensor<F>,
    state: &State<F>,
    masks: &StateMasks<F>,
) -> Result<Unrolled<F>, ControllerError> {
    let [steps, batch, _] = sequences(inputs)?;
    masks.check(steps, batch, hidden_width)?;
    let mut state = state.clone();
    let (mut outputs, mut metas) = (Vec::with_capacity(steps), Vec::with_capacity(steps));
    let mut traces: BTreeMap<&'static str, Vec<Tensor<F>>> = BTreeMap::new();
    for t in 0..steps {
        if let Some(mask) = &masks.hidden {
            let hidden = state.get("hidden")?.mul(&mask.select(0, t)?)?;
            state = state.with("hidden", hidden);
        }
        if let Some(mask) = &masks.cell {
            let mask = mask.select(0, t)?.reshape(&[batch, 1])?;
            let cell_state = state.get("cell")?.mul(&mask)?;
            state = state.with("cell", cell_state);
        }
        let step = step(&inputs.select(0, t)?, &state)?;
        outputs.push(step.output);
        metas.push(step.meta);
        state = step.state;
        for (name, value) in step.trace {
            traces.entry(name).or_default().push(value);
        }
    }
    let stacked = traces
        .into_iter()
        .map(|(name, values)| Ok((name, Tensor::stack(&values)?)))
        .collect::<Result<_, ControllerError>>()?;
    Ok(Unrolled {
        outputs: Tensor::stack(&outputs)?,
        state,
        meta: Tensor::stack(&metas)?,
        trace: stacked,
    })
}
