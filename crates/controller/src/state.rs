//! What a cell carries from one step to the next.

use std::collections::BTreeMap;

use mnm_tensor::{Float, Tensor};

use crate::ControllerError;

/// The named parts of a recurrent state, each with the batch as its first axis (1 where all sequences still share it).
#[derive(Clone, Debug, Default)]
pub struct State<F: Float>(BTreeMap<String, Tensor<F>>);

impl<F: Float> State<F> {
    /// A state of these parts.
    pub fn new<N: Into<String>>(parts: impl IntoIterator<Item = (N, Tensor<F>)>) -> Self {
        // One by one: `BTreeMap::from_iter` sorts, and its sort is compiled again for each number of parts.
        let mut state = BTreeMap::new();
        for (name, part) in parts {
            state.insert(name.into(), part);
        }
        Self(state)
    }

    /// The part called `name`.
    ///
    /// # Errors
    /// [`ControllerError::MissingState`] if there is none.
    pub fn get(&self, name: &str) -> Result<&Tensor<F>, ControllerError> {
        self.0
            .get(name)
            .ok_or_else(|| ControllerError::MissingState {
                name: name.to_owned(),
            })
    }

    /// The same state with another part called `name`.
    pub fn with(mut self, name: &str, part: Tensor<F>) -> Self {
        self.0.insert(name.to_owned(), part);
        self
    }

    /// Names and parts, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor<F>)> {
        self.0.iter().map(|(name, part)| (name.as_str(), part))
    }

    /// The same values off the tape: where truncated backpropagation through time cuts.
    pub fn detach(&self) -> Self {
        Self::new(self.iter().map(|(name, part)| (name, part.detach())))
    }

    /// The state with the rows of sequences that are not to `keep` theirs (`[B]`) replaced by those of `initial`: a reset at the
    /// start of an episode. A part that has grown since (a look-up table) keeps its extent:
    /// the rows are filled up with zeros.
    ///
    /// Rows are taken from one or the other, never mixed, so that a state of NaNs is gone after a reset.
    ///
    /// # Errors
    /// A part that `initial` lacks, or a shape that does not fit.
    pub fn reset_where(&self, keep: &[bool], initial: &Self) -> Result<Self, ControllerError> {
        let batch = keep.len();
        // Row numbers in the old state with the initial one below it.
        let row =
            |(sequence, keep): (usize, &bool)| if *keep { sequence } else { batch + sequence };
        let rows: Vec<usize> = keep.iter().enumerate().map(row).collect();
        let mut parts = BTreeMap::new();
        for (name, part) in self.iter() {
            let old = for_each(part, name, batch)?;
            let fresh = for_each(&grown(initial.get(name)?, part.shape())?, name, batch)?;
            let both = Tensor::concat(&[&old, &fresh], 0)?;
            parts.insert(name.to_owned(), both.gather(&rows)?);
        }
        Ok(Self(parts))
    }
}

/// `part` with a row for each of `batch` sequences; it has that many, or one that they share.
fn for_each<F: Float>(
    part: &Tensor<F>,
    name: &str,
    batch: usize,
) -> Result<Tensor<F>, ControllerError> {
    match part.shape() {
        [rows, rest @ ..] if *rows == batch || *rows == 1 => {
            Ok(part.broadcast_to(&[&[batch], rest].concat())?)
        }
        shape => Err(ControllerError::Input {
            found: format!("a reset of {batch} sequences, a state with `{name}` {shape:?}"),
            expected: "a row of the state for each sequence".to_owned(),
        }),
    }
}

/// `part` with zeros behind it on every axis that is shorter than in `shape`.
fn grown<F: Float>(part: &Tensor<F>, shape: &[usize]) -> Result<Tensor<F>, ControllerError> {
    let mut part = part.clone();
    for (axis, &extent) in shape.iter().enumerate().skip(1) {
        if part.shape().get(axis).is_some_and(|&e| e < extent) {
            part = part.pad(axis, 0, extent)?;
        }
    }
    Ok(part)
}
