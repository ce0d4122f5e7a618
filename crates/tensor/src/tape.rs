//! The tape: what was computed, in order.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::primitive::Primitive;
use crate::{Float, IntoArray, SharedArray, Tensor, TensorError};

/// A recording of one computation. Cloning it gives another handle on the same recording; it is freed with the last
/// handle or tensor that hangs on it.
///
/// A tape and what hangs on it may cross threads. What several threads record on one tape at once stands there in the order in which they
/// came to it, and so does what a gradient adds up: data parallelism gives every block of samples a tape of its own, and stays
/// bit-identical.
pub struct Tape<F: Float>(Arc<Mutex<Vec<Node<F>>>>);

/// Its length, not its contents: every tensor that hangs on it shows it.
impl<F: Float> fmt::Debug for Tape<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.0.try_lock().map(|nodes| nodes.len());
        f.debug_struct("Tape").field("len", &nodes.ok()).finish()
    }
}

impl<F: Float> Clone for Tape<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F: Float> Default for Tape<F> {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a tensor hangs.
#[derive(Clone, Debug)]
pub(crate) struct Place<F: Float> {
    pub(crate) tape: Tape<F>,
    pub(crate) node: usize,
}

/// An operand as the tape keeps it: without a handle on the tape, which would keep itself alive for ever.
#[derive(Clone, Debug)]
pub(crate) struct Operand<F: Float> {
    pub(crate) value: SharedArray<F>,
    pub(crate) node: Option<usize>,
}

/// One recorded application of a primitive, or a variable (no primitive).
#[derive(Clone, Debug)]
pub(crate) struct Node<F: Float> {
    pub(crate) primitive: Option<Arc<dyn Primitive<F>>>,
    pub(crate) operands: Vec<Operand<F>>,
    pub(crate) output: SharedArray<F>,
}

impl<F: Float> Tape<F> {
    /// An empty tape.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Vec::new())))
    }

    /// A variable on this tape: something that gradients can be taken with respect to. What is owned or shared already is not copied.
    pub fn variable(&self, value: impl IntoArray<F>) -> Tensor<F> {
        self.push(None, Vec::new(), value.into_array())
    }

    /// [`Tape::variable`] of an array as tensors keep it.
    pub fn shared_variable(&self, value: SharedArray<F>) -> Tensor<F> {
        self.variable(value)
    }

    /// The number of variables and applications recorded so far.
    pub fn len(&self) -> usize {
        self.nodes().len()
    }

    /// Whether nothing has been recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both handles are of one recording.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What was recorded. Nothing of a user's runs while it is held, and a panic cannot leave it half changed.
    fn nodes(&self) -> MutexGuard<'_, Vec<Node<F>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(
        &self,
        primitive: Option<Arc<dyn Primitive<F>>>,
        operands: Vec<Operand<F>>,
        output: SharedArray<F>,
    ) -> Tensor<F> {
        let mut nodes = self.nodes();
        let node = nodes.len();
        nodes.push(Node {
            primitive,
            operands,
            output: output.clone(),
        });
        Tensor {
            value: output,
            place: Some(Place {
                tape: self.clone(),
                node,
            }),
        }
    }

    pub(crate) fn node(&self, index: usize) -> Node<F> {
        self.nodes()[index].clone()
    }

    /// For every node of `first..=last`: does it depend on one of `sources`?
    pub(crate) fn dependents(&self, sources: &[usize], first: usize, last: usize) -> Vec<bool> {
        let nodes = self.nodes();
        let mut depends = vec![false; last + 1 - first];
        for index in first..=last {
            let through = |o: &Operand<F>| o.node.is_some_and(|n| n >= first && depends[n - first]);
            depends[index - first] =
                sources.contains(&index) || nodes[index].operands.iter().any(through);
        }
        depends
    }
}

/// Applies `primitive` to `operands`, and records it if one of them hangs on a tape.
///
/// # Errors
/// What the primitive says of the operands' shapes, or [`TensorError::DifferentTapes`].
pub fn apply<F: Float>(
    primitive: impl Primitive<F>,
    operands: &[&Tensor<F>],
) -> Result<Tensor<F>, TensorError> {
    F::record(Arc::new(primitive), operands)
}

/// [`apply`], compiled for a type by [`Engine`](crate::engine::Engine).
pub(crate) fn record<F: Float>(
    primitive: Arc<dyn Primitive<F>>,
    operands: &[&Tensor<F>],
) -> Result<Tensor<F>, TensorError> {
    let mut tape: Option<&Tape<F>> = None;
    for place in operands.iter().filter_map(|t| t.place.as_ref()) {
        match tape {
            Some(known) if !known.same(&place.tape) => {
                return Err(TensorError::DifferentTapes {
                    op: primitive.name(),
                });
            }
            _ => tape = Some(&place.tape),
        }
    }
    let values: Vec<&SharedArray<F>> = operands.iter().map(|t| &t.value).collect();
    let output = primitive.forward(&values)?;
    Ok(match tape {
        None => Tensor::shared(output),
        Some(tape) => {
            let operands = operands.iter().map(|t| Operand {
                value: t.value.clone(),
                node: t.place.as_ref().map(|place| place.node),
            });
            tape.push(Some(primitive), operands.collect(), output)
        }
    })
}
