//! The tape: what was computed, in order.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use ndarray::{ArrayBase, Data, Dimension};

use crate::primitive::Primitive;
use crate::{Array, Float, Tensor, TensorError};

/// A recording of one computation. Cloning it gives another handle on the same recording; it is freed with the last
/// handle or tensor that hangs on it.
///
/// A tape belongs to one thread, and so does whatever hangs on it. Data parallelism gives every block of samples a tape of its own.
pub struct Tape<F: Float>(Rc<RefCell<Vec<Node<F>>>>);

/// Its length, not its contents: every tensor that hangs on it shows it.
impl<F: Float> fmt::Debug for Tape<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.0.try_borrow().map(|nodes| nodes.len());
        f.debug_struct("Tape").field("len", &nodes.ok()).finish()
    }
}

impl<F: Float> Clone for Tape<F> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
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
    pub(crate) value: Array<F>,
    pub(crate) node: Option<usize>,
}

/// One recorded application of a primitive, or a variable (no primitive).
#[derive(Clone, Debug)]
pub(crate) struct Node<F: Float> {
    pub(crate) primitive: Option<Rc<dyn Primitive<F>>>,
    pub(crate) operands: Vec<Operand<F>>,
    pub(crate) output: Array<F>,
}

impl<F: Float> Tape<F> {
    /// An empty tape.
    pub fn new() -> Self {
        Self(Rc::new(RefCell::new(Vec::new())))
    }

    /// A variable on this tape: something that gradients can be taken with respect to.
    pub fn variable<S, D>(&self, value: ArrayBase<S, D>) -> Tensor<F>
    where
        S: Data<Elem = F>,
        D: Dimension,
    {
        self.shared_variable(value.into_owned().into_dyn().into_shared())
    }

    /// A variable from a shared array, without a copy.
    pub fn shared_variable(&self, value: Array<F>) -> Tensor<F> {
        self.push(None, Vec::new(), value)
    }

    /// The number of variables and applications recorded so far.
    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Whether nothing has been recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both handles are of one recording.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn push(
        &self,
        primitive: Option<Rc<dyn Primitive<F>>>,
        operands: Vec<Operand<F>>,
        output: Array<F>,
    ) -> Tensor<F> {
        let mut nodes = self.0.borrow_mut();
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
        self.0.borrow()[index].clone()
    }

    /// For every node of `first..=last`: does it depend on one of `sources`?
    pub(crate) fn dependents(&self, sources: &[usize], first: usize, last: usize) -> Vec<bool> {
        let nodes = self.0.borrow();
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
    F::record(Rc::new(primitive), operands)
}

/// [`apply`], compiled for a type by [`Engine`](crate::engine::Engine).
pub(crate) fn record<F: Float>(
    primitive: Rc<dyn Primitive<F>>,
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
    let values: Vec<&Array<F>> = operands.iter().map(|t| &t.value).collect();
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
