//! An agent in play: step by step, without a tape.

use mnm_controller::encoder::Input;
use mnm_controller::{Masks, Model, State};
use mnm_tasks::Split;
use mnm_tensor::kernels::Kernels;
use mnm_tensor::{Parameters, SharedArray, Tensor};

use crate::error::TrainError;

/// The agent of a block of B worlds, and its state.
pub(super) struct Policy<'a, F: Kernels> {
    model: &'a Model<F>,
    parameters: Parameters<Tensor<F>>,
    batch: usize,
    state: State<F>,
}

/// What the agent says of its worlds, row-major.
pub(super) struct Said<F> {
    /// A + 1.
    width: usize,
    /// `[B, A + 1]`.
    outputs: Vec<F>,
}

impl<'a, F: Kernels> Policy<'a, F> {
    /// The agent with what it `carried` from the steps before; `None` begins an episode.
    pub(super) fn new(
        model: &'a Model<F>,
        parameters: &Parameters<SharedArray<F>>,
        batch: usize,
        carried: Option<&Parameters<SharedArray<F>>>,
    ) -> Result<Self, TrainError> {
        let parameters = parameters.constants();
        let state = carried_state(model, &parameters, batch, carried)?;
        Ok(Self {
            model,
            parameters,
            batch,
            state,
        })
    }

    /// Takes a step on the observations `[B, X]`.
    pub(super) fn step(&mut self, observations: &[f32]) -> Result<Said<F>, TrainError> {
        let (said, state) = self.ahead(observations)?;
        self.state = state;
        Ok(said)
    }

    /// What the agent would say, without the step taken.
    pub(super) fn peek(&self, observations: &[f32]) -> Result<Said<F>, TrainError> {
        Ok(self.ahead(observations)?.0)
    }

    /// Begins an episode.
    pub(super) fn begin(&mut self) -> Result<(), TrainError> {
        self.state = self.model.initial_state(&self.parameters, self.batch)?;
        Ok(())
    }

    /// The state as arrays, to be carried on, each world's own: a layer that no write touches is one for all until here.
    ///
    /// # Errors
    /// None that a state of the model can cause.
    pub(super) fn carried(&self) -> Result<Parameters<SharedArray<F>>, TrainError> {
        let each = |(name, part): (&str, &Tensor<F>)| {
            let shape = [&[self.batch], &part.shape()[1..]].concat();
            Ok((name.to_owned(), part.broadcast_to(&shape)?.value().clone()))
        };
        self.state.iter().map(each).collect()
    }

    fn ahead(&self, observations: &[f32]) -> Result<(Said<F>, State<F>), TrainError> {
        let width = self.model.input_width();
        let elements = observations.iter().map(|&x| F::of(f64::from(x))).collect();
        let x = Tensor::from_vec(&[1, self.batch, width], elements)?;
        let run = self.model.run(
            &self.parameters,
            &Input::Dense(x),
            &self.state,
            &Masks::default(),
        )?;
        let rows: Vec<usize> = (0..self.batch).collect();
        let outputs = self.model.logits(&self.parameters, &run.outputs, &rows)?;
        let said = Said {
            width: self.model.outputs(),
            outputs: outputs.value().iter().copied().collect(),
        };
        Ok((said, run.state))
    }
}

/// `carried` as a state, or the state at the start of an episode.
pub(super) fn carried_state<F: Kernels>(
    model: &Model<F>,
    parameters: &Parameters<Tensor<F>>,
    batch: usize,
    carried: Option<&Parameters<SharedArray<F>>>,
) -> Result<State<F>, TrainError> {
    Ok(match carried {
        Some(parts) => State::new(
            parts
                .iter()
                .map(|(name, part)| (name, Tensor::shared(part.clone()))),
        ),
        None => model.initial_state(parameters, batch)?,
    })
}

impl<F: Kernels> Said<F> {
    /// The same, if all of it are numbers.
    ///
    /// # Errors
    /// [`TrainError::Overflow`] in the split.
    pub(super) fn checked(self, split: Split) -> Result<Self, TrainError> {
        if self.outputs.iter().all(|x| x.is_finite()) {
            return Ok(self);
        }
        let what = "what the agent says";
        Err(TrainError::Overflow { what, split })
    }

    /// The logits of each world's actions.
    pub(super) fn logits(&self) -> impl Iterator<Item = &[F]> {
        let actions = self.width - 1;
        self.outputs
            .chunks_exact(self.width)
            .map(move |row| &row[..actions])
    }

    /// Each world's value.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        self.outputs
            .chunks_exact(self.width)
            .filter_map(|row| row.last())
            .map(|value| value.as_f64())
    }
}
