//! Ops with several results.
//!
//! A [`Primitive`] has one result. So the op itself yields an empty token, and each result is a small op on that token, which hands out
//! what the forward pass left. On the way back the results come first and leave their cotangents; the token comes last, and takes them
//! all back at once.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ndarray::IxDyn;

use crate::{Float, Primitive, SharedArray, Tensor, TensorError, apply};

/// A kernel with several results and one way back for all of them. It goes through [`apply_joint`].
///
/// It serves first derivatives: a gradient with [`Order::Higher`](crate::Order::Higher) ends in [`TensorError::NoSecondDerivative`].
pub trait Joint<F: Float>: Debug + Send + Sync + 'static {
    /// What the forward pass leaves for the way back.
    type Saved: Debug + Send + 'static;

    /// The name that errors use.
    fn name(&self) -> &'static str;

    /// All results, and what the way back needs if there is to be one: `recorded` says which operands hang on the tape.
    ///
    /// # Errors
    /// [`TensorError::Shape`] or [`TensorError::Op`] if the operands do not fit.
    #[expect(clippy::type_complexity, reason = "an alias would hide the two parts")]
    fn forward(
        &self,
        operands: &[&SharedArray<F>],
        recorded: &[bool],
    ) -> Result<(Vec<SharedArray<F>>, Option<Self::Saved>), TensorError>;

    /// An entry for every operand: its cotangent, row-major, where it is `wanted`. There is a cotangent for each result, `None` where
    /// nothing depends on it.
    ///
    /// # Errors
    /// [`TensorError::Op`] for an operand that has no gradient.
    fn backward(
        &self,
        saved: Self::Saved,
        operands: &[&SharedArray<F>],
        wanted: &[bool],
        cotangents: &[Option<SharedArray<F>>],
    ) -> Result<Vec<Option<Vec<F>>>, TensorError>;
}

/// Runs the op, recorded on the tape of those operands that hang on one. Its gradient can be taken once.
///
/// # Errors
/// [`TensorError::DifferentTapes`], and those of [`Joint::forward`].
pub fn apply_joint<F: Float>(
    joint: impl Joint<F>,
    operands: &[&Tensor<F>],
) -> Result<Vec<Tensor<F>>, TensorError> {
    let passage = Arc::new(Passage {
        recorded: operands.iter().map(|t| t.is_recorded()).collect(),
        joint,
        saved: Mutex::new(None),
        results: Mutex::new(Vec::new()),
        cotangents: Mutex::new(Vec::new()),
    });
    let done = apply(Whole(Arc::clone(&passage)), operands)?;
    let results = lock(&passage.results).len();
    let result = |index| {
        let passage = Arc::clone(&passage);
        apply(Outcome { index, passage }, &[&done])
    };
    (0..results).map(result).collect()
}

/// What passes between the op and its results.
#[derive(Debug)]
struct Passage<F: Float, J: Joint<F>> {
    joint: J,
    recorded: Vec<bool>,
    saved: Mutex<Option<J::Saved>>,
    results: Mutex<Vec<Option<SharedArray<F>>>>,
    cotangents: Mutex<Vec<Option<SharedArray<F>>>>,
}

/// The op.
#[derive(Debug)]
struct Whole<F: Float, J: Joint<F>>(Arc<Passage<F, J>>);

/// One of its results.
#[derive(Debug)]
struct Outcome<F: Float, J: Joint<F>> {
    index: usize,
    passage: Arc<Passage<F, J>>,
}

/// Parts that are handed over whole: a panic elsewhere cannot leave one half changed.
fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

fn token<F: Float>() -> SharedArray<F> {
    SharedArray::zeros(IxDyn(&[0]))
}

impl<F: Float, J: Joint<F>> Primitive<F> for Whole<F, J> {
    fn name(&self) -> &'static str {
        self.0.joint.name()
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Result<SharedArray<F>, TensorError> {
        let passage = &self.0;
        let (results, saved) = passage.joint.forward(operands, &passage.recorded)?;
        *lock(&passage.cotangents) = vec![None; results.len()];
        *lock(&passage.results) = results.into_iter().map(Some).collect();
        *lock(&passage.saved) = saved;
        Ok(token())
    }

    fn vjp(
        &self,
        _: usize,
        _: &[Tensor<F>],
        _: &Tensor<F>,
        _: &Tensor<F>,
    ) -> Result<Tensor<F>, TensorError> {
        Err(TensorError::NoSecondDerivative { op: self.name() })
    }

    fn cotangents(
        &self,
        wanted: &[bool],
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        _: &Tensor<F>,
    ) -> Result<Vec<Option<Tensor<F>>>, TensorError> {
        let passage = &self.0;
        let op = self.name();
        // What the results have left is of this gradient, and of no later one.
        let left: Vec<_> = (lock(&passage.cotangents).iter_mut())
            .map(Option::take)
            .collect();
        // A gradient that is itself recorded asks with operands that hang on the tape.
        if operands.iter().any(Tensor::is_recorded) {
            return Err(TensorError::NoSecondDerivative { op });
        }
        let saved = lock(&passage.saved).take();
        let saved = saved.ok_or_else(|| TensorError::Op {
            op,
            reason: "its gradient was taken before; run it again for another".to_owned(),
        })?;
        let values: Vec<&SharedArray<F>> = operands.iter().map(Tensor::value).collect();
        let found = passage.joint.backward(saved, &values, wanted, &left)?;
        let each = found.into_iter().zip(operands);
        each.map(|(gradient, operand)| {
            gradient
                .map(|gradient| Tensor::from_vec(operand.shape(), gradient))
                .transpose()
        })
        .collect()
    }
}

impl<F: Float, J: Joint<F>> Primitive<F> for Outcome<F, J> {
    fn name(&self) -> &'static str {
        self.passage.joint.name()
    }

    fn forward(&self, _: &[&SharedArray<F>]) -> Result<SharedArray<F>, TensorError> {
        let result = lock(&self.passage.results)[self.index].take();
        result.ok_or_else(|| TensorError::Op {
            op: self.name(),
            reason: format!("result {} was handed out before", self.index),
        })
    }

    fn vjp(
        &self,
        _: usize,
        _: &[Tensor<F>],
        _: &Tensor<F>,
        cotangent: &Tensor<F>,
    ) -> Result<Tensor<F>, TensorError> {
        lock(&self.passage.cotangents)[self.index] = Some(cotangent.value().clone());
        Ok(Tensor::shared(token()))
    }
}
